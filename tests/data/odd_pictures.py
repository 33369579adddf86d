"""Picture files as users really have them: sound but unusual, broken, or anything between."""

import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ORIENTATION = 0x0112  # the EXIF tag
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def write_odd_pictures(folder: Path, seed: int = 0, count: int = 200) -> dict[Path, str]:
    """Write `count` files; first one of each kind, then random ones of all kinds.

    Returns:
        For each file "good" (must be read), "broken" (must be refused) or "either" (may be read
        or refused; what matters is that nothing worse happens). Folders and links are among them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    kinds = [(verdict, make) for verdict, makers in KINDS.items() for make in makers]
    verdicts = {}
    for number in range(count):
        if number < len(kinds):
            verdict, make = kinds[number]
        else:
            verdict = rng.choice(list(KINDS))
            make = rng.choice(KINDS[verdict])
        name = f"{number:03d}_{make.__name__}"
        verdicts[make(folder, name, rng)] = verdict
    return verdicts


def scene(rng: random.Random, channels: int = 3) -> np.ndarray:
    """uint8 pixels (H, W) or (H, W, C): a gradient with noise, 8 to 40 pixels a side."""
    height, width = rng.randint(8, 40), rng.randint(8, 40)
    noise = np.random.default_rng(rng.getrandbits(32)).integers(0, 64, (height, width, channels))
    slope = np.linspace(0, 190, width)[None, :, None]
    return (noise + slope).astype(np.uint8).squeeze()


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels a camera stores for an upright picture, by the table of the EXIF standard."""
    columns_first = np.swapaxes(upright, 0, 1)
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: columns_first,
        6: columns_first[::-1],  # row 0 is the right side, column 0 the top
        7: columns_first[::-1, ::-1],
        8: columns_first[:, ::-1],  # row 0 is the left side, column 0 the bottom
    }[orientation]


def encoded(pixels: np.ndarray, format: str, mode: str | None = None, **options: object) -> bytes:
    """The bytes of a picture file."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    buffer = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(buffer, format, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    """An EXIF block that holds one note."""
    notes = Image.Exif()
    notes[ORIENTATION] = orientation
    return notes


def png(width: int, height: int, pixels: bytes, *, bits: int = 8, kind: int = 2) -> bytes:
    """A PNG by hand; kind 0 is grey, 2 colour, 4 grey with alpha, 6 colour with alpha."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return PNG_MAGIC + data


# What makes a file: (folder, name without extension, random numbers) → its path.
Maker = Callable[[Path, str, random.Random], Path]


def saved(name: str, make: Callable[[random.Random], bytes], extension: str) -> Maker:
    """A maker called `name` that writes what `make` gives."""

    def write(folder: Path, stem: str, rng: random.Random) -> Path:
        path = folder / f"{stem}{extension}"
        path.write_bytes(make(rng))
        return path

    write.__name__ = name
    return write


def plain(name: str, format: str, extension: str, channels: int = 3, **options) -> Maker:
    """A maker of a sound picture in one format."""
    return saved(name, lambda rng: encoded(scene(rng, channels), format, **options), extension)


def shaped(name: str, height: int, width: int) -> Maker:
    """A maker of pictures of one shape."""
    return saved(
        name, lambda rng: encoded(np.full((height, width, 3), 200, np.uint8), "PNG"), ".png"
    )


def animation(format: str, rng: random.Random) -> bytes:
    frames = [Image.fromarray(scene(random.Random(7)) // (n + 1)) for n in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def palette_png(rng: random.Random, transparency: int | bytes | None) -> bytes:
    options = {} if transparency is None else {"transparency": transparency}
    picture = Image.fromarray(scene(rng)).quantize(16)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def deep(rng: random.Random) -> np.ndarray:
    """16-bit grey pixels."""
    return scene(rng, 1).astype(np.uint16) * 257


def deep_colour_png(rng: random.Random) -> bytes:
    pixels = scene(rng).astype(">u2") * 257
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(width, height, rows, bits=16)


def deep_tiff(rng: random.Random, byteorder: str) -> bytes:
    """16-bit grey TIFF by hand, in either byte order ("<" or ">")."""
    pixels = deep(rng)
    height, width = pixels.shape
    tags = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8)]
    tags += [(277, 1), (278, height), (279, pixels.nbytes)]
    body = pixels.astype(f"{byteorder}u2").tobytes()
    entries = b"".join(struct.pack(f"{byteorder}HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack(f"{byteorder}H", len(tags)) + entries + b"\0" * 4
    start = (b"II" if byteorder == "<" else b"MM") + struct.pack(
        f"{byteorder}HI", 42, 8 + len(body)
    )
    return start + body + directory


def turned(rng: random.Random) -> bytes:
    orientation = rng.randint(1, 8)
    return encoded(stored(scene(rng), orientation), "JPEG", exif=exif(orientation))


def damaged_notes(rng: random.Random) -> bytes:
    """A sound JPEG whose EXIF block has bytes changed."""
    notes = exif(rng.randint(1, 8))
    notes[0x010E], notes[0x8298] = "a description", "a name"
    data = bytearray(notes.tobytes())
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(6, len(data))] = rng.randrange(256)
    return encoded(scene(rng), "JPEG", exif=bytes(data))


def any_format(rng: random.Random) -> bytes:
    formats = ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "TGA", "ICO"]
    return encoded(scene(rng), rng.choice(formats))


def cut_in_half(rng: random.Random, format: str) -> bytes:
    data = encoded(scene(rng), format)
    return data[: rng.randrange(2, len(data) // 2)]


def cut_anywhere(rng: random.Random) -> bytes:
    data = any_format(rng)
    return data[: rng.randrange(len(data))]


def bits_flipped(rng: random.Random) -> bytes:
    data = bytearray(any_format(rng))
    for _ in range(rng.choice([1, 3, 30])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def bad_checksum(rng: random.Random) -> bytes:
    data = bytearray(encoded(scene(rng), "PNG"))
    data[-16] ^= 1
    return bytes(data)


def noise(rng: random.Random) -> bytes:
    return rng.choice([b"", PNG_MAGIC, b"\xff\xd8\xff\xe0", b"II*\0"]) + rng.randbytes(300)


def link_to_nothing(folder: Path, name: str, rng: random.Random) -> Path:
    (folder / f"{name}.png").symlink_to(folder / "nowhere.png")
    return folder / f"{name}.png"


def link_to_itself(folder: Path, name: str, rng: random.Random) -> Path:
    (folder / f"{name}.png").symlink_to(folder / f"{name}.png")
    return folder / f"{name}.png"


def named_pipe(folder: Path, name: str, rng: random.Random) -> Path:
    os.mkfifo(folder / f"{name}.png")
    return folder / f"{name}.png"


def folder_named_as_picture(folder: Path, name: str, rng: random.Random) -> Path:
    (folder / f"{name}.png").mkdir()
    return folder / f"{name}.png"


def folder_that_holds_itself(folder: Path, name: str, rng: random.Random) -> Path:
    (folder / f"{name}.png").symlink_to(folder, target_is_directory=True)
    return folder / f"{name}.png"


KINDS: dict[str, list[Maker]] = {
    "good": [
        plain("colour", "PNG", ".png"),
        plain("grey", "PNG", ".png", 1),
        plain("bilevel", "PNG", ".png", mode="1"),
        plain("alpha", "PNG", ".png", 4),
        plain("grey_alpha", "PNG", ".png", 2),
        plain("cmyk", "JPEG", ".jpg", mode="CMYK"),
        plain("grey_jpeg", "JPEG", ".jpeg", 1),
        plain("progressive", "JPEG", ".JPG", progressive=True),
        plain("wrong_extension", "PNG", ".jpg"),
        plain("no_spaces? sure: 100 % ü 图", "PNG", ".png"),
        plain("one_frame", "GIF", ".gif"),
        plain("webp", "WEBP", ".webp"),
        plain("webp_alpha", "WEBP", ".webp", 4, lossless=True),
        plain("bitmap", "BMP", ".bmp"),
        plain("portable", "PPM", ".ppm"),
        plain("targa", "TGA", ".tga"),
        plain("tiff", "TIFF", ".tiff"),
        plain("tiff_lzw", "TIFF", ".tif", compression="tiff_lzw"),
        plain("tiff_deflate", "TIFF", ".TIF", compression="tiff_adobe_deflate"),
        plain("tiff_jpeg", "TIFF", ".tif", compression="jpeg"),
        plain("tiff_cmyk", "TIFF", ".tif", mode="CMYK"),
        plain("tiff_bilevel", "TIFF", ".tif", mode="1", compression="group4"),
        saved("tiff_pages", lambda rng: animation("TIFF", rng), ".tif"),
        saved("tiff_16_little", lambda rng: deep_tiff(rng, "<"), ".tif"),
        saved("tiff_16_big", lambda rng: deep_tiff(rng, ">"), ".tif"),
        saved("png_16", lambda rng: encoded(deep(rng), "PNG"), ".png"),
        saved("png_16_colour", deep_colour_png, ".png"),
        saved("palette", lambda rng: palette_png(rng, None), ".png"),
        saved("palette_one_clear", lambda rng: palette_png(rng, 3), ".png"),
        saved("palette_alphas", lambda rng: palette_png(rng, bytes(range(0, 256, 16))), ".png"),
        saved("animated_gif", lambda rng: animation("GIF", rng), ".gif"),
        saved("animated_png", lambda rng: animation("PNG", rng), ".apng"),
        saved("animated_webp", lambda rng: animation("WEBP", rng), ".webp"),
        saved("turned", turned, ".jpg"),
        saved("damaged_notes", damaged_notes, ".jpg"),
        shaped("one_pixel", 1, 1),
        shaped("one_row", 1, 1000),
        shaped("one_column", 1000, 1),
    ],
    "broken": [
        saved("empty", lambda rng: b"", ".png"),
        saved("words", lambda rng: "these are words 这是文字\n".encode() * 9, ".png"),
        saved("cut_png", lambda rng: cut_in_half(rng, "PNG"), ".png"),
        saved("cut_jpeg", lambda rng: cut_in_half(rng, "JPEG"), ".jpg"),
        saved("no_area", lambda rng: png(0, 0, b""), ".png"),
        saved("huge", lambda rng: png(60_000, 60_000, b"\0" * 99), ".png"),
        saved("large_but_hollow", lambda rng: png(5_000, 5_000, b"\0" * 99, kind=0), ".png"),
        saved("floats", lambda rng: encoded(scene(rng, 1) / np.float32(255), "TIFF"), ".tif"),
        saved(
            "wide_numbers",
            lambda rng: encoded(scene(rng, 1).astype(np.int32) << 20, "TIFF"),
            ".tif",
        ),
        link_to_nothing,
        link_to_itself,
        named_pipe,
    ],
    "either": [
        saved("cut_anywhere", cut_anywhere, ".png"),
        saved("bits_flipped", bits_flipped, ".png"),
        saved("bits_flipped_too", bits_flipped, ".jpg"),
        saved("bad_checksum", bad_checksum, ".png"),
        saved("noise", noise, ".png"),
        folder_named_as_picture,
        folder_that_holds_itself,
    ],
}

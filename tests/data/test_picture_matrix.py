"""Every layout of TIFF, PNG, JPEG and WebP gives the pixels it was made from, or is named.

Each file is made from an array by a library (tifffile, imagecodecs, Pillow) or by hand.
"""

import io
import itertools

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.data import by_hand
from tests.data.odd_pictures import encoded, exif
from tests.data.odd_pictures import stored as stored_by_camera
from vqlib.data.pictures import open_picture, quiet_pillow, read_picture

H, W = 21, 35
# The first channels of a TIFF, and how many they are.
COLOURS = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4}
EXTRAS = ((), ("unspecified",), ("assocalpha",), ("unassalpha",), ("unspecified",) * 2)


def samples(channels: int, bits: int) -> np.ndarray:
    """(H, W, channels): slopes over the whole range in different directions."""
    y, x = np.mgrid[0:H, 0:W].astype(float)
    slopes = (x / (W - 1), y / (H - 1), (x + y) / (W + H - 2), 1 - x / W / 2, 1 - y / H / 2, x * 0)
    values = np.stack(slopes[:channels], axis=-1) * (2**bits - 1)
    return values.round().astype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)


def over_white(colour: np.ndarray, alpha: np.ndarray, *, premultiplied: bool = False) -> np.ndarray:
    """Values in [0, 1] with an alpha channel, on white."""
    return (colour if premultiplied else colour * alpha) + 1 - alpha


def in_colour(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as three channels of [0, 255]."""
    return np.broadcast_to(values * 255, (*values.shape[:2], 3))


def error(data: bytes, expected: np.ndarray, path, channels: int = 3) -> float:
    """The largest difference of a pixel that is read from what it should be."""
    path.write_bytes(data)
    image = read_picture(path, channels=channels).add(1).mul(127.5).round()
    image = image.permute(1, 2, 0).numpy()
    assert image.shape == (*expected.shape[:2], channels)
    return float(np.abs(image - expected).max())


# TIFF


def shown(stored: np.ndarray, colour: str, extra: tuple[str, ...], bits: int) -> np.ndarray:
    """What a TIFF of these samples shows, by its standard."""
    values, count = stored / (2**bits - 1), COLOURS[colour]
    first, more = values[..., :count], values[..., count : count + 1]
    if colour == "miniswhite":
        first = 1 - first
    elif colour == "separated":
        first = (1 - first[..., :3]) * (1 - first[..., 3:])
    if extra[:1] in (("assocalpha",), ("unassalpha",)):
        first = over_white(first, more, premultiplied=extra == ("assocalpha",))
    return in_colour(first)


def by_tifffile(stored, colour, extra, bits, planes, byteorder, tiles, compression) -> bytes:
    options = {"photometric": colour, "byteorder": byteorder, "compression": compression}
    options |= {"tile": (16, 32)} if tiles else {"rowsperstrip": 8}
    if bits not in (8, 16, 32):
        options["bitspersample"] = bits
    if stored.shape[2] > 1:
        options |= {"planarconfig": planes, "extrasamples": extra}
        stored = np.moveaxis(stored, -1, 0) if planes == "separate" else stored
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stored.squeeze(), metadata=None, **options)
    return buffer.getvalue()


# What must be read: (photometric, bits, planes, extra samples). The rest may be named instead.
MUST = {("minisblack", bits, "contig", ()) for bits in (1, 2, 4, 8, 12, 16)}
MUST |= {("miniswhite", bits, "contig", ()) for bits in (1, 2, 4, 8, 16)}
MUST |= {("minisblack", 8, "contig", extra) for extra in EXTRAS[:4]}
MUST |= set(itertools.product(["rgb"], (8, 16), ("contig", "separate"), EXTRAS[:4]))
MUST |= set(itertools.product(["separated"], (8, 16), ("contig", "separate"), [()]))
# Pillow knows these in one byte order only, and leaves out this one uncompressed.
NOT_BIG_ENDIAN = {("minisblack", 12, "contig", ()), ("miniswhite", 16, "contig", ())}
NOT_UNCOMPRESSED = {("rgb", 8, "separate", ("unspecified",))}


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 10, 12, 16, 32])
@pytest.mark.parametrize("colour", COLOURS)
def test_every_tiff_gives_its_pixels_or_is_named(colour, bits, tmp_path):
    found = {"read": 0, "named": 0}
    for extra, planes in itertools.product(EXTRAS, ("contig", "separate")):
        stored = samples(COLOURS[colour] + len(extra), bits)
        if "assocalpha" in extra:  # no colour may be brighter than its opacity
            stored = np.minimum(stored, stored[..., -1:])
        expected, layout = shown(stored, colour, extra, bits), (colour, bits, planes, extra)
        if stored.shape[2] == 1 and planes == "separate":
            continue
        packings = (None, "zlib", "lzw", "packbits") if bits in (8, 16) else (None,)
        for order, tiles, packing in itertools.product("<>", (False, True), packings):
            data = by_tifffile(stored, colour, extra, bits, planes, order, tiles, packing)
            must = layout in MUST and not (
                (order == ">" and layout in NOT_BIG_ENDIAN)
                or (packing is None and layout in NOT_UNCOMPRESSED)
            )
            try:
                off = error(data, expected, tmp_path / "a.tif")
            except ValueError as refused:
                assert not must and "a.tif: a TIFF of " in str(refused), (layout, order, packing)
                found["named"] += 1
            else:
                # Grey is rounded; 16 bits of colour lose the lower 8, twice if they are blended.
                most = 0.51 if colour.startswith("minis") and not extra else 3.01
                assert off <= (1.01 if bits == 8 else most), (layout, order, tiles, packing, off)
                found["read"] += 1
    assert (found["read"] > 0) == any(layout[:2] == (colour, bits) for layout in MUST)


def by_pillow(picture: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_tiff_that_pillow_writes(mode, compression, tmp_path):
    if mode == "I;16":
        picture = Image.fromarray(samples(1, 16)[..., 0])
        expected = in_colour(samples(1, 16) / 65535)
    else:
        picture = Image.fromarray(samples(4 if "A" in mode else 3, 8)).convert(mode)
        values = np.asarray(picture.convert("RGBA")) / 255
        expected = in_colour(over_white(values[..., :3], values[..., 3:]))
    data = by_pillow(picture, "TIFF", compression=compression)
    assert error(data, expected, tmp_path / "a.tif") <= 0.51


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_rare_tiffs_by_hand(byteorder, packing, tmp_path):
    path, how = tmp_path / "a.tif", {"byteorder": byteorder, "packing": packing}
    for bits in (1, 2, 4, 8):
        colours = np.random.default_rng(0).integers(0, 256, (2**bits, 3))
        number = samples(1, bits)
        for scale in (257, 256, 1):  # the last one is that of old writers
            table = {320: (colours * scale).T.ravel().tolist()}
            data = by_hand.tiff(number, bits, 3, tags=table, **how)
            assert error(data, colours[number[..., 0]], path) == 0
    ycbcr = np.asarray(Image.fromarray(samples(3, 8)).convert("YCbCr"))
    for separate in (False, True):
        data = by_hand.tiff(ycbcr, 8, 6, separate=separate, tags={530: [1, 1]}, **how)
        assert error(data, samples(3, 8), path) <= 3.01
    few = ycbcr[:20, :34]
    data = by_hand.tiff(few, 8, 6, tags={530: [2, 2]}, data=quarter_chroma(few), **how)
    assert error(data, samples(3, 8)[:20, :34], path) <= 16


def quarter_chroma(ycbcr: np.ndarray) -> bytes:
    """The blocks of a YCbCr TIFF in which four pixels share their Cb and Cr."""
    rows, columns, _ = ycbcr.shape
    blocks = ycbcr.reshape(rows // 2, 2, columns // 2, 2, 3).swapaxes(1, 2).reshape(-1, 4, 3)
    chroma = blocks[..., 1:].mean(axis=1).round().astype(np.uint8)
    return np.concatenate([blocks[..., 0], chroma], axis=1).tobytes()


def test_bits_in_reverse_order(tmp_path):
    for bits, channels, colour in ((1, 1, 1), (2, 1, 1), (4, 1, 1), (8, 1, 1), (8, 3, 2)):
        stored = samples(channels, bits)
        data = np.frombuffer(by_hand.packed(stored.reshape(H, -1), bits), np.uint8)
        turned = np.packbits(np.unpackbits(data).reshape(-1, 8)[:, ::-1]).tobytes()
        file = by_hand.tiff(stored, bits, colour, tags={266: [2]}, data=turned)
        assert error(file, in_colour(stored / (2**bits - 1)), tmp_path / "a.tif") <= 0.51


def test_cielab_of_8_bits_is_converted(tmp_path):
    rgb = 60 + samples(3, 8) // 2
    linear = ((rgb / 255 + 0.055) / 1.055) ** 2.4
    # sRGB's primaries under the light D50 (Bradford), and its white.
    to_xyz = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7142]]
    fx, fy, fz = np.moveaxis(np.cbrt(linear @ np.array(to_xyz).T / [0.9642, 1, 0.8249]), -1, 0)
    lab = np.stack([(116 * fy - 16) * 2.55, 500 * (fx - fy), 200 * (fy - fz)], axis=-1)
    data = by_hand.tiff(lab.round().astype(np.int16), 8, 8)
    assert error(data, rgb, tmp_path / "a.tif") <= 6  # a and b are whole numbers
    assert error(data, rgb @ [[0.299], [0.587], [0.114]], tmp_path / "a.tif", 1) <= 3


FOUR = samples(4, 8)
FIVE = samples(5, 8)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (by_hand.tiff(samples(3, 16), 16, 8), "CIELAB colour, 3 channels of 16-bit integers"),
        (by_hand.tiff(samples(3, 8), 8, 8, separate=True), "CIELAB .*, channel after channel"),
        (by_hand.tiff(samples(3, 8), 8, 9), "ICC LAB colour"),
        (by_hand.tiff(samples(1, 32), 32, 1), "grey, 32-bit integers"),
        (by_hand.tiff(samples(1, 32), 32, 1, byteorder=">"), "32-bit integers, big-endian"),
        (by_hand.tiff(samples(1, 8), 8, 1, tags={339: [2]}), "signed 8-bit integers"),
        (by_hand.tiff(samples(1, 16), 16, 1, tags={339: [2]}), "signed 16-bit integers"),
        (by_hand.tiff(samples(3, 8), 8, 1), "grey, 3 channels"),
        (by_hand.tiff(FIVE, 8, 1, extra=[0] * 4), "5 channels of 8-bit integers"),
        (by_hand.tiff(FOUR, 8, 5, tags={332: [2]}), "inks that are not CMYK"),
        (by_hand.tiff(samples(3, 4), 4, 2), "RGB colour, 3 channels of 4-bit integers"),
        (by_hand.tiff(samples(3, 8), 8, 2, tags={258: [5, 6, 5]}), "5/6-bit integers"),
        (by_hand.tiff(samples(1, 8), 8, 32803), "the raw data of a sensor"),
        (by_hand.tiff(samples(1, 8), 8, 77), "a colour of number 77"),
        (by_hand.tiff(samples(1, 8), 8, 1, tags={259: [34712]}), "compression number 34712"),
    ],
)
def test_a_tiff_that_is_not_read_is_named(data, words, tmp_path):
    (tmp_path / "a.tif").write_bytes(data)
    for channels in (1, 3):
        with pytest.raises(ValueError, match=f"a.tif: a TIFF of .*{words}.*: save as PNG, in grey"):
            read_picture(tmp_path / "a.tif", channels=channels)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("channels", [1, 3])
def test_floating_point_is_named(kind, channels, tmp_path):
    values = (samples(channels, 8).squeeze() / 255).astype(kind)
    colour = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=colour)
    with pytest.raises(ValueError, match="floating.point.* 8 or 16 bits"):
        read_picture(tmp_path / "a.tif", channels=3)


def test_what_tifffile_makes_of_an_array_by_itself(tmp_path):
    for stored, bits in ((samples(3, 8), 8), (samples(3, 16), 16)):
        tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(stored, -1, 0), photometric="rgb")
        data = (tmp_path / "a.tif").read_bytes()
        assert error(data, in_colour(stored / (2**bits - 1)), tmp_path / "a.tif") <= 1.01
    for big, message in ((False, None), (True, "a big-endian BigTIFF")):
        order = ">" if big else "<"
        tifffile.imwrite(tmp_path / "a.tif", samples(3, 8), bigtiff=True, byteorder=order)
        data = (tmp_path / "a.tif").read_bytes()
        if message is None:
            assert error(data, samples(3, 8), tmp_path / "a.tif") == 0
        else:
            with pytest.raises(ValueError, match=message):
                error(data, samples(3, 8), tmp_path / "a.tif")


# PNG

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("kind", "bits"), [(k, b) for k, depths in DEPTHS.items() for b in depths])
def test_every_png_gives_its_pixels(kind, bits, interlaced, tmp_path):
    stored, options = samples(CHANNELS[kind], bits), {"interlaced": interlaced}
    values = stored / (2**bits - 1)
    if kind == 3:
        colours = np.random.default_rng(0).integers(0, 256, (2**bits, 3))
        options["palette"] = colours.astype(np.uint8).tobytes()
        values = colours[stored[..., 0]] / 255
    elif kind in (4, 6):
        values = over_white(values[..., :-1], values[..., -1:])
    data = by_hand.png(stored, bits, kind, **options)
    most = 0.51 if bits < 16 or kind == 0 else 1.01 if kind == 2 else 2.1
    assert error(data, in_colour(values), tmp_path / "a.png") <= most
    if bits in (8, 16) and kind != 3 and not interlaced:  # by libpng
        data = imagecodecs.png_encode(stored.squeeze())
        assert error(data, in_colour(values), tmp_path / "a.png") <= most


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_transparent_grey(bits, interlaced, tmp_path):
    stored = samples(1, bits)
    clear = stored[H // 2, W // 2]
    data = by_hand.png(stored, bits, 0, clear=clear.astype(">u2").tobytes(), interlaced=interlaced)
    values = np.where(stored == clear, 1, stored / (2**bits - 1))
    assert error(data, in_colour(values), tmp_path / "a.png") <= 0.51


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_transparent_colours_of_a_palette(bits, tmp_path):
    stored = samples(1, bits)
    colours = np.random.default_rng(0).integers(0, 256, (2**bits, 3))
    alpha = np.array([0, 100, 255, 40] + [255] * 252)[: 2**bits]
    options = {"palette": colours.astype(np.uint8).tobytes()}
    data = by_hand.png(stored, bits, 3, clear=alpha[:4].astype(np.uint8).tobytes(), **options)
    number = stored[..., 0]
    values = over_white(colours[number] / 255, alpha[number][..., None] / 255)
    assert error(data, in_colour(values), tmp_path / "a.png") <= 0.51


def test_one_transparent_colour(tmp_path):
    stored = samples(3, 8)
    clear = stored[4, 5]
    data = by_hand.png(stored, 8, 2, clear=clear.astype(">u2").tobytes())
    values = np.where((stored == clear).all(-1, keepdims=True), 255, stored)
    assert error(data, values, tmp_path / "a.png") == 0
    deep = by_hand.png(samples(3, 16), 16, 2, clear=b"\0" * 6)
    with pytest.raises(ValueError, match="one colour of 16 bits is transparent"):
        error(deep, values, tmp_path / "a.png")


# JPEG and WebP

RGB = samples(3, 8)
CMYK = np.concatenate([255 - RGB, np.full((H, W, 1), 40, np.uint8)], axis=-1)
INKS_SHOW = RGB * (215 / 255)


def jpeg(pixels: np.ndarray, **options) -> bytes:
    return imagecodecs.jpeg8_encode(np.ascontiguousarray(pixels), level=98, **options)


JPEGS = {
    **{f"{it}": (jpeg(RGB, subsampling=it), RGB) for it in ("444", "422", "420", "440", "411")},
    "rgb": (jpeg(RGB, colorspace="rgb", outcolorspace="rgb"), RGB),
    "grey": (jpeg(RGB[..., 0]), np.repeat(RGB[..., :1], 3, -1)),
    "lossless": (imagecodecs.jpeg8_encode(RGB, lossless=True), RGB),
    # Adobe stores inks the other way round, and so does everyone since.
    "cmyk": (jpeg(255 - CMYK, colorspace="cmyk", outcolorspace="cmyk"), INKS_SHOW),
    "ycck": (jpeg(255 - CMYK, colorspace="cmyk", outcolorspace="ycck"), INKS_SHOW),
    **{
        f"pillow {mode} {options}": (by_pillow(picture, "JPEG", quality=98, **options), expected)
        for mode, picture, expected in (
            ("RGB", Image.fromarray(RGB), RGB),
            ("CMYK", Image.frombytes("CMYK", (W, H), CMYK.tobytes()), INKS_SHOW),
            ("L", Image.fromarray(RGB[..., 0]), np.repeat(RGB[..., :1], 3, -1)),
        )
        for options in ({"progressive": True}, {"subsampling": "4:2:0"}, {"optimize": True})
    },
}


@pytest.mark.parametrize("name", JPEGS)
def test_every_jpeg_gives_its_pixels(name, tmp_path):
    data, expected = JPEGS[name]
    assert error(data, expected, tmp_path / "a.jpg") <= 12
    with quiet_pillow():  # as training reads it
        small = open_picture(tmp_path / "a.jpg", channels=3, at_least=8)
        whole = open_picture(tmp_path / "a.jpg", channels=3)
    if name == "lossless":  # has no smaller sizes
        assert small.size == (W, H)
    else:
        assert small.size == ((W + 1) // 2, (H + 1) // 2)
    again = np.asarray(whole.resize(small.size, Image.Resampling.BOX)).astype(int)
    assert np.abs(again - np.asarray(small)).mean() < 8


def test_a_jpeg_of_12_bits_is_named(tmp_path):
    deep = imagecodecs.jpeg8_encode(samples(3, 12), bitspersample=12)
    with pytest.raises(ValueError, match="a JPEG of 12 bits, which is not read: save with 8"):
        error(deep, RGB, tmp_path / "a.jpg")


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("channels", [3, 4])
def test_every_webp_gives_its_pixels(channels, lossless, tmp_path):
    stored, most = samples(channels, 8), 1 if lossless else 12
    expected = (
        over_white(stored[..., :3] / 255, stored[..., 3:] / 255) * 255 if channels == 4 else stored
    )
    for data in (
        imagecodecs.webp_encode(stored, level=95, lossless=lossless),
        by_pillow(Image.fromarray(stored), "WEBP", lossless=lossless, quality=95, exact=True),
    ):
        assert error(data, expected, tmp_path / "a.webp") <= most


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_lands_upright(format, orientation, tmp_path):
    options = {"lossless": True} if format == "WEBP" else {"quality": 98}
    data = encoded(stored_by_camera(RGB, orientation), format, exif=exif(orientation), **options)
    assert error(data, RGB, tmp_path / "a.jpg") <= (16 if format in ("JPEG", "AVIF") else 0)

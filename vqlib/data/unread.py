"""Picture files that are not read: what they are, and what makes pictures of them that are."""

from collections.abc import Mapping
from typing import BinaryIO

from vqlib.data.tiff import BIG_ENDIAN_BIGTIFF, tiff_layout

HEIC = "convert to JPEG, e.g. by: magick mogrify -format jpg *.heic"
JPEG_XL = "convert to PNG, e.g. by: djxl a.jxl a.png"
CAMERA_RAW = "develop to JPEG or TIFF, e.g. by: darktable-cli a.nef a.jpg"
DRAWING = "render as PNG, e.g. by: inkscape a.svg --export-filename a.png"
LAYERS = "export as PNG from the program that wrote it"
NO_WHITE = "there is no fixed white; save with 8 or 16 bits"
OTHER = "convert to PNG"
# What to do about files with these endings.
ADVICE = {
    **dict.fromkeys((".heic", ".heif", ".hif", ".heics"), HEIC),
    ".jxl": JPEG_XL,
    **dict.fromkeys((".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf"), CAMERA_RAW),
    **dict.fromkeys((".dng", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw", ".3fr"), CAMERA_RAW),
    **dict.fromkeys((".iiq", ".x3f", ".erf", ".kdc", ".dcr", ".mrw", ".rwl"), CAMERA_RAW),
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ps", ".ai", ".pdf", ".wmf", ".emf"), DRAWING),
    **dict.fromkeys((".psb", ".xcf", ".kra", ".afphoto", ".clip"), LAYERS),
    **dict.fromkeys((".exr", ".hdr"), NO_WHITE),
    **dict.fromkeys((".jxr", ".wdp", ".hdp", ".bpg", ".flif", ".dcm", ".xpm", ".xbm"), OTHER),
}
# How files of other formats begin: (place, bytes, what it is, what to do).
BEGINNINGS = (
    (4, b"ftyphei", "HEIC", HEIC),
    (4, b"ftypmif1", "HEIC", HEIC),
    (0, b"\xff\x0a", "JPEG XL", JPEG_XL),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL", JPEG_XL),
    (0, BIG_ENDIAN_BIGTIFF, "a big-endian BigTIFF", OTHER),
    (0, b"%PDF", "a PDF", DRAWING),
    (0, b"%!PS", "PostScript", DRAWING),
    (0, b"<svg", "an SVG", DRAWING),
    (0, b"\x76\x2f\x31\x01", "OpenEXR", NO_WHITE),
)
# Markers of JPEG after which the bits of a sample stand, without those that mean something else.
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def unread_lines(unread: Mapping[str, int]) -> list[str]:
    """In words, one line for each ending: "12 files .heic are not read: convert to JPEG …".

    Args:
        unread: how many files there are with each ending of `ADVICE`.
    """
    return [
        f"{count} file{'s' * (count > 1)} {ending} {'are' if count > 1 else 'is'} not read: "
        f"{ADVICE[ending]}"
        for ending, count in unread.items()
    ]


def what_it_is(file: BinaryIO) -> str | None:
    """What a file that is not read holds, and what to do; None if that is not known."""
    layout = tiff_layout(file)
    if layout is not None:
        return f"{layout}, which is not read: save as PNG, in grey or RGB with 8 or 16 bits"
    file.seek(0)
    head = file.read(1 << 16)
    for place, begin, name, advice in BEGINNINGS:
        if head[place:].startswith(begin):
            return f"{name}, which is not read: {advice}"
    bits = jpeg_bits(head)
    if bits not in (None, 8):
        return f"a JPEG of {bits} bits, which is not read: save with 8 bits, or as PNG"
    return None


def jpeg_bits(head: bytes) -> int | None:
    """The bits of a JPEG's samples; None if this is not the beginning of a JPEG."""
    place = 2
    while head[:2] == b"\xff\xd8" and place + 4 < len(head) and head[place] == 0xFF:
        if head[place + 1] in FRAMES:
            return head[place + 4]
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return None

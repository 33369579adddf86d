"""TIFF and PNG files written byte by byte: any layout, also those that no library writes."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
# Where each pass of an interlaced PNG begins, and its steps: row, column, rows, columns.
ADAM7 = (
    *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)),
    (1, 0, 2, 1),
)


def packed(samples: np.ndarray, bits: int, byteorder: str = ">") -> bytes:
    """Rows of samples (H, N), `bits` each, in whole bytes per row; signed ones and floats too."""
    if bits % 8 == 0:
        kind = samples.dtype.kind
        return samples.astype(f"{byteorder}{kind}{bits // 8}").tobytes()
    shifts = np.arange(bits - 1, -1, -1)
    ones = (samples.astype(np.int64)[..., None] >> shifts & 1).reshape(len(samples), -1)
    return np.packbits(ones.astype(np.uint8), axis=1).tobytes()


def png(
    samples: np.ndarray,
    bits: int,
    kind: int,
    *,
    palette: bytes = b"",
    clear: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    """A PNG.

    Args:
        samples: (H, W, channels).
        bits: 1, 2, 4, 8 or 16.
        kind: 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha.
        palette: the chunk PLTE.
        clear: the chunk tRNS, what is transparent.
        interlaced: written in seven passes.
    """
    H, W, _ = samples.shape
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [samples[row::rows, column::columns] for row, column, rows, columns in passes]
    lines = b"".join(
        b"\0" + packed(line.reshape(1, -1), bits) for part in parts if part.size for line in part
    )
    head = struct.pack(">IIBBBBB", W, H, bits, kind, 0, 0, interlaced)
    body = _chunk(b"IHDR", head)
    body += _chunk(b"PLTE", palette) if palette else b""
    body += _chunk(b"tRNS", clear) if clear else b""
    return PNG_MAGIC + body + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff(
    samples: np.ndarray,
    bits: int,
    photometric: int,
    *,
    byteorder: str = "<",
    separate: bool = False,
    extra: Sequence[int] = (),
    packing: bool = False,
    tags: dict[int, Sequence[int]] | None = None,
    data: bytes | None = None,
) -> bytes:
    """A TIFF of one strip, or of one per plane.

    Args:
        samples: (H, W, channels).
        bits: of each sample.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 CIELAB.
        byteorder: "<" or ">".
        separate: the channels one after another (planar configuration 2).
        extra: for each channel beyond the colour's 0 (no meaning), 1 (premultiplied alpha), 2.
        packing: compressed (Deflate).
        tags: more of them, or other values; shorts.
        data: instead of the samples packed as they are.
    """
    H, W, C = samples.shape
    planes = np.split(samples, C, axis=2) if separate else [samples]
    strips = [packed(plane.reshape(H, -1), bits, byteorder) for plane in planes]
    strips = strips if data is None else [data]
    strips = [zlib.compress(strip) for strip in strips] if packing else strips
    entries = {256: [W], 257: [H], 258: [bits] * C, 259: [8 if packing else 1]}
    entries |= {262: [photometric], 277: [C], 278: [H], 284: [2 if separate else 1]}
    entries |= {338: list(extra)} if extra else {}
    entries |= tags or {}
    starts = np.cumsum([8] + [len(strip) for strip in strips])
    entries |= {273: starts[:-1].tolist(), 279: [len(strip) for strip in strips]}
    head = {"<": b"II", ">": b"MM"}[byteorder] + struct.pack(f"{byteorder}HI", 42, starts[-1])
    return head + b"".join(strips) + _directory(entries, int(starts[-1]), byteorder)


def _directory(entries: dict[int, Sequence[int]], start: int, byteorder: str) -> bytes:
    """The tags, sorted; values that do not fit into four bytes follow them."""
    rows, behind = b"", b""
    place = start + 2 + 12 * len(entries) + 4
    for tag, values in sorted(entries.items()):
        kind, letter = (4, "I") if tag in (273, 279) else (3, "H")
        value = struct.pack(f"{byteorder}{len(values)}{letter}", *values)
        if len(value) > 4:
            value, behind = struct.pack(f"{byteorder}I", place + len(behind)), behind + value
        rows += struct.pack(f"{byteorder}HHI", tag, kind, len(values)) + value.ljust(4, b"\0")
    return struct.pack(f"{byteorder}H", len(entries)) + rows + b"\0" * 4 + behind

"""What is in a TIFF: some of its many layouts Pillow misreads, others it refuses without a word."""

from dataclasses import dataclass
from typing import BinaryIO

from PIL import TiffImagePlugin
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

BIG_ENDIAN_BIGTIFF = b"MM\0+"  # Pillow takes it for another TIFF
INK_SET = 332  # a tag that Pillow has no name for
# What the first channels are, by the tag PhotometricInterpretation.
WHITE_IS_ZERO, GREY, YCBCR, CIELAB = 0, 1, 6, 8
COLOURS = {
    WHITE_IS_ZERO: "grey with 0 as white",
    GREY: "grey",
    2: "RGB colour",
    3: "palette colour",
    4: "a transparency mask",
    5: "CMYK colour",
    YCBCR: "YCbCr colour",
    CIELAB: "CIELAB colour",
    9: "ICC LAB colour",
    10: "ITU LAB colour",
    32803: "the raw data of a sensor",
    32844: "the logarithm of luminance",
    32845: "the logarithm of luminance, and colour",
    34892: "the linear raw data of a sensor",
}
# What the numbers are, by the tag SampleFormat.
INTEGERS, SIGNED, FLOATS = 1, 2, 3
NUMBERS = {
    INTEGERS: "{}-bit integers",
    SIGNED: "signed {}-bit integers",
    FLOATS: "{}-bit floating point",
    5: "{}-bit complex integers",
    6: "{}-bit complex floating point",
}
UNCOMPRESSED = 1


@dataclass(frozen=True)
class TiffLayout:
    """How the first picture of a TIFF is stored, as its tags say. As a text: in words."""

    big_endian: bool
    """Which byte of a number is first."""
    colour: int
    """The tag PhotometricInterpretation."""
    bits: tuple[int, ...]
    """Of each channel."""
    numbers: int
    """The tag SampleFormat."""
    alpha: bool
    """Whether there is a channel of opacity."""
    separate: bool
    """Whether the channels are stored one after another, not pixel by pixel."""
    compression: int
    """The tag Compression."""
    other_inks: bool
    """Whether the inks are others than cyan, magenta, yellow and black."""

    @property
    def misread(self) -> bool:
        """Whether Pillow would open it, but take the numbers for others."""
        signed = self.numbers == SIGNED and self.bits[0] < 32
        wide = self.numbers == INTEGERS and self.bits[0] == 32
        grey_and_alpha = self.separate and self.alpha and self.colour in (WHITE_IS_ZERO, GREY)
        lab = self.separate and self.colour == CIELAB
        return signed or wide or grey_and_alpha or lab or self.other_inks

    @property
    def levels(self) -> tuple[int, int]:
        """Black and white of grey with more than 8 bits, which Pillow leaves as it is."""
        white = 2 ** self.bits[0] - 1 if self.bits[0] < 16 else 65535
        return (white, 0) if self.colour == WHITE_IS_ZERO else (0, white)

    def __str__(self) -> str:
        bits = "/".join(map(str, sorted(set(self.bits))))
        numbers = NUMBERS.get(self.numbers, "{}-bit numbers").format(bits)
        count = f"{len(self.bits)} channels of " if len(self.bits) > 1 else ""
        planes = ", channel after channel" if self.separate and count else ""
        name = TiffImagePlugin.COMPRESSION_INFO.get(self.compression, f"number {self.compression}")
        packed = "" if self.compression == UNCOMPRESSED else f", compression {name}"
        order = ", big-endian" if self.big_endian else ""
        colour = COLOURS.get(self.colour, f"a colour of number {self.colour}")
        colour = "inks that are not CMYK" if self.other_inks else colour
        return f"a TIFF of {colour}, {count}{numbers}{planes}{order}{packed}"


def tiff_layout(file: BinaryIO) -> TiffLayout | None:
    """The layout of a TIFF; None if the file is none or its tags cannot be read."""
    try:
        file.seek(0)
        head = file.read(8)
        if head[:4] not in TiffImagePlugin.PREFIXES or head[:4] == BIG_ENDIAN_BIGTIFF:
            return None
        if head[2] == 43:  # BigTIFF
            head += file.read(8)
        tags = ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
        return _layout(tags, big_endian=head[:2] == b"MM")
    except Exception:  # on damaged tags Pillow lets out nearly every kind of error
        return None
    finally:
        file.seek(0)


def _layout(tags: ImageFileDirectory_v2, *, big_endian: bool) -> TiffLayout:
    bits = tuple(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    samples = int(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, len(bits)))
    return TiffLayout(
        big_endian=big_endian,
        colour=int(tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 0)),
        bits=bits * samples if len(bits) == 1 else bits[:samples],
        numbers=int(tags.get(TiffImagePlugin.SAMPLEFORMAT, (INTEGERS,))[0]),
        alpha=any(kind in (1, 2) for kind in tags.get(TiffImagePlugin.EXTRASAMPLES, ())),
        separate=tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) == 2,
        compression=int(tags.get(TiffImagePlugin.COMPRESSION, UNCOMPRESSED)),
        other_inks=tags.get(INK_SET, 1) != 1,
    )


def mend(picture: TiffImageFile, layout: TiffLayout) -> None:
    """Have a TIFF decoded as it is meant. Call it before the pixels are decoded."""
    tags = picture.tag_v2
    if layout.compression == UNCOMPRESSED and (layout.separate or layout.colour == YCBCR):
        # Pillow itself takes planes of 16 bits for 8 bits, and knows nothing of fewer Cb and Cr
        # than Y. What is compressed it leaves to libtiff, which knows both. So this is another
        # number for "not compressed", which only Pillow sees: libtiff looks into the file.
        tags[TiffImagePlugin.COMPRESSION] = 32771
        picture._setup()
    colours = tags.get(TiffImagePlugin.COLORMAP, ())
    if colours and max(colours) < 256:  # old writers gave them 8 bits; the standard says 16
        tags[TiffImagePlugin.COLORMAP] = tuple(257 * value for value in colours)
        picture._setup()

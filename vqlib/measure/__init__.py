"""The numbers."""

from vqlib.measure.reconstruction import psnr

__all__ = ["psnr"]

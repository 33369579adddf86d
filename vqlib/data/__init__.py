"""Images in: float32 (N, C, H, W) in [-1, 1]."""

from vqlib.data.digits import LabelledImages, digits

__all__ = ["LabelledImages", "digits"]

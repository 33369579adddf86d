"""What the lessons need: pretrained weights, the checks of the exercises, and `mine`."""

from vqlib.course.stubs import mine

__all__ = ["mine"]

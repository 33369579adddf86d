"""What people see. Pictures carry symbols and numbers; the words stand in the text around them."""

from vqlib.show.plots import show_curves, show_images, show_tokens

__all__ = ["show_curves", "show_images", "show_tokens"]

"""What people see. Pictures carry symbols and numbers; the words stand in the text around them."""

from vqlib.show.flight_recorder import show_flight_recorder
from vqlib.show.lessons import nearest_code_widget, three_losses_widget, training_widget
from vqlib.show.plots import show_curves, show_images, show_tokens
from vqlib.show.tables import show_table
from vqlib.show.widgets import frames_widget, grid_widget

__all__ = [
    "frames_widget",
    "grid_widget",
    "nearest_code_widget",
    "show_curves",
    "show_flight_recorder",
    "show_images",
    "show_table",
    "show_tokens",
    "three_losses_widget",
    "training_widget",
]

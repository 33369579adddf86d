"""What people see. Pictures carry symbols and numbers; the words stand in the text around them.

To import this is to let all plots of a notebook look alike (`vqlib.show.style`).
"""

from vqlib.show.before_after import before_after_widget
from vqlib.show.curve_names import label_ends
from vqlib.show.flight_recorder import show_flight_recorder
from vqlib.show.lessons import nearest_code_widget, three_losses_widget, training_widget
from vqlib.show.plots import show_curves, show_images, show_tokens
from vqlib.show.style import use as _use_style
from vqlib.show.tables import show_table
from vqlib.show.widgets import frames_widget, grid_widget

__all__ = [
    "before_after_widget",
    "frames_widget",
    "grid_widget",
    "label_ends",
    "nearest_code_widget",
    "show_curves",
    "show_flight_recorder",
    "show_images",
    "show_table",
    "show_tokens",
    "three_losses_widget",
    "training_widget",
]

_use_style()

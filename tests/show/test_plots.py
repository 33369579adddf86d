"""Figures of the lessons: right pixels, no words."""

import matplotlib
import pytest
import torch

matplotlib.use("Agg")

from vqlib.show import show_curves, show_images, show_tokens


def test_images_are_drawn_unsmoothed_with_their_values():
    images = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    figure = show_images([images, images[:2]], ["$x$"])
    shown = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(shown) == 5
    assert [picture.get_array()[0, 0] for picture in shown[:3]] == pytest.approx([0, 0.5, 1])
    assert {picture.get_interpolation() for picture in shown} == {"nearest"}


def test_tokens_are_written_in_their_cells():
    figure = show_tokens(torch.tensor([[[3, 14], [15, 9]]]))
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "14", "15", "9"]


def test_figures_carry_only_the_labels_they_are_given():
    figure = show_curves({"$K$": ([0, 1], [2.0, 1.0])}, x="$t$", y="$L$", log_y=True)
    axis = figure.axes[0]
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_title()) == ("$t$", "$L$", "")
    assert axis.get_yscale() == "log"


def test_figures_are_closed_so_that_notebooks_draw_them_once():
    import matplotlib.pyplot as plt

    show_curves({"a": ([0], [0.0])}, x="$t$", y="$a$")
    assert plt.get_fignums() == []

"""Curves carry their names at their ends, apart from one another, and differ by dashes too."""

import matplotlib
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from vqlib.show.curve_names import label_ends, pushed_apart


@pytest.fixture
def axis():
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    yield axis
    plt.close(figure)


def boxes(axis) -> dict:
    """The box of each label in pixels."""
    axis.figure.draw_without_rendering()
    return {text.get_text(): text.get_window_extent() for text in axis.texts}


def overlaps(axis) -> list[tuple[str, str]]:
    found = boxes(axis)
    return [(a, b) for a in found for b in found if a < b and found[a].overlaps(found[b])]


def test_a_name_stands_right_of_its_last_point_in_its_colour(axis):
    (line,) = axis.plot([0, 1, 2], [0, 1, 5], label="A")
    label_ends(axis)
    (text,) = axis.texts
    x, y = axis.transData.transform((2, 5))
    box = boxes(axis)["A"]
    assert 0 < box.x0 - x < 15 and box.y0 < y < box.y1
    assert text.get_color() == line.get_color()
    assert axis.get_legend() is None


def test_names_of_curves_that_end_together_do_not_overlap(axis):
    for name in "ABCD":
        axis.plot([0, 1], [0, 1.001], label=name)
    label_ends(axis)
    assert overlaps(axis) == []


def test_overlapping_names_are_found(axis):
    for name in "AB":
        axis.plot([0, 1], [0, 1], label=name)
    label_ends(axis, gap=0.0)
    assert overlaps(axis) == [("A", "B")]


def test_names_keep_the_order_of_the_curves(axis):
    for name, end in zip("ABC", (1.0, 1.02, 1.01), strict=True):
        axis.plot([0, 1], [0, end], label=name)
    label_ends(axis)
    found = boxes(axis)
    assert found["A"].y0 < found["C"].y0 < found["B"].y0


def test_names_stay_inside_the_picture(axis):
    axis.plot([0, 1], [0, 1], label="a rather long name")
    label_ends(axis)
    assert boxes(axis)["a rather long name"].x1 <= axis.figure.bbox.x1


def test_curves_differ_by_more_than_colour(axis):
    for name in "ABC":
        axis.plot([0, 1], label=name)
    label_ends(axis)
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in axis.lines}) == 3


def test_dashes_and_marks_that_were_chosen_stay(axis):
    axis.plot([0, 1], "--", label="A")
    axis.plot([0, 1], marker="s", label="B")
    axis.plot([0, 1], label="C")
    label_ends(axis)
    assert [line.get_linestyle() for line in axis.lines] == ["--", "-", "-"]


def test_a_curve_that_leaves_the_plot_is_named_at_its_edge(axis):
    axis.plot([0, 1], [0, 100], label="A")
    axis.set(ylim=(0, 10))
    label_ends(axis)
    assert axis.bbox.y0 <= boxes(axis)["A"].y0 + 20 <= axis.bbox.y1 + 20


def test_a_guide_takes_no_dashes_from_the_curves(axis):
    axis.axhline(1, label="H")
    axis.plot([0, 1], label="A")
    label_ends(axis)
    assert [line.get_linestyle() for line in axis.lines] == ["-", "-"]


def test_a_horizontal_line_and_points_that_are_none(axis):
    axis.axhline(1, label="H")
    axis.plot([0, 1, 2], [0, 0.5, float("nan")], label="N")
    axis.plot([0, 1], [0, 1])  # without a label
    label_ends(axis)
    assert [text.get_text() for text in axis.texts] == ["N", "H"]


@pytest.mark.parametrize(
    ("wanted", "heights"),
    [
        ([0.0, 100.0], [0, 100]),
        ([0.0, 0.0], [-5, 5]),
        ([0.0, 1.0, 2.0, 50.0], [-9, 1, 11, 50]),
        ([0.0, 9.0, 9.0], [-4, 6, 16]),
    ],
)
def test_labels_move_no_further_than_they_must(wanted, heights):
    assert pushed_apart(wanted, 10.0) == pytest.approx(heights)

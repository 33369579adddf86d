"""The flight recorder draws what the history holds, from the step at which it begins."""

import pytest

from vqlib.show.flight_recorder import PANELS, save_flight_recorder, show_flight_recorder

BEFORE = [{"step": t, "reconstruction": 1 / t, "usage": 0.5} for t in range(1, 5)]
CRITIC = ("critic", "lambda", "grad_rec", "grad_gan", "real", "fake", "accuracy")
AFTER = [
    {"step": t, "reconstruction": 1 / t, "usage": 0.5, **dict.fromkeys(CRITIC, 0.1 * t)}
    for t in range(5, 9)
]


def test_every_value_is_drawn_at_its_step():
    figure = show_flight_recorder(BEFORE + AFTER)
    curves = {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for axis in figure.axes
        for line in axis.get_lines()
    }
    names = {symbol: name for _, panel, _ in PANELS for symbol, name in panel.items()}
    assert curves.keys() == names.keys()
    for symbol, name in names.items():
        entries = [entry for entry in BEFORE + AFTER if name in entry]
        assert curves[symbol] == ([e["step"] for e in entries], [e[name] for e in entries])
        assert curves[symbol][0][0] == (5 if name in CRITIC else 1)


def test_a_run_without_a_critic_and_one_of_a_single_line(tmp_path):
    save_flight_recorder(BEFORE, tmp_path / "a.svg")
    save_flight_recorder(AFTER[:1], tmp_path / "b.png")
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_history_is_named():
    with pytest.raises(ValueError, match="the history is empty"):
        show_flight_recorder([])

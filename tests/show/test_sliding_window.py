"""The widgets of the sliding window: what is read for a token, and which tokens run at once."""

from xml.etree import ElementTree

from vqlib.show.sliding_window import (
    ORANGE,
    READ,
    UNSEEN,
    _step,
    sliding_window_widget,
    wave,
    wavefront_widget,
)

SVG = "{http://www.w3.org/2000/svg}"


def fills(frame: bytes) -> dict[str, int]:
    """How many cells have each colour."""
    colours = [p.get("fill") for p in ElementTree.fromstring(frame).iter(f"{SVG}path")]
    return {colour: colours.count(colour) for colour in (READ, UNSEEN, ORANGE)}


def test_what_is_read_is_the_prefix_of_the_window():
    # In 6 × 9 with a window of 4 × 4, (3, 5) has its window at (1, 3): 2 · 4 + 2 tokens are read.
    assert fills(_step((3, 5), (6, 9), (4, 4))) == {READ: 10, UNSEEN: 3 * 9 + 5 - 10, ORANGE: 1}


def test_frames_say_where_the_window_stands():
    widget = sliding_window_widget((5, 6), (4, 4))
    pictures = [child.value for child in widget.children[-1].children]
    assert len(pictures) == 30
    assert 'alt="(i, j) = (0, 0), (top, left) = (0, 0), (0, 0)"' in pictures[0]
    assert 'alt="(i, j) = (2, 3), (top, left) = (0, 1), (2, 2)"' in pictures[15]
    assert 'alt="(i, j) = (4, 5), (top, left) = (1, 2), (3, 3)"' in pictures[29]


def test_a_wave_has_every_position_once_and_after_all_that_it_reads():
    h, w, n = 4, 7, 3
    when = {cell: t for t in range((h - 1) * n + w) for cell in wave(t, (h, w), n)}
    assert len(when) == h * w
    assert sum(len(wave(t, (h, w), n)) for t in range((h - 1) * n + w)) == h * w
    for (i, j), t in when.items():
        left = min(max(0, j - n // 2), w - n)
        above = [(a, b) for a in range(i) for b in range(left, left + n)]
        assert all(when[cell] < t for cell in above + [(i, b) for b in range(j)])


def test_frames_of_the_wavefront_name_their_positions():
    widget = wavefront_widget((2, 5), 3)
    pictures = [child.value for child in widget.children[-1].children]
    assert len(pictures) == 3 + 5
    assert 'alt="t = 3: (0, 3), (1, 0)"' in pictures[3]

"""Tables whose headings are keys."""

import pytest
import torch

from vqlib.show import show_table

TABLE = show_table(
    ("method", "K", "psnr"),
    [("two", 2, torch.tensor(17.256)), ("a<b", 512, None)],
    ("", ",", ".2f"),
)


def test_as_text_it_is_aligned():
    assert repr(TABLE).splitlines() == [
        "method    K   psnr",
        "two       2  17.26",
        "a<b     512      –",
    ]


def test_as_html_it_says_which_of_its_texts_are_keys():
    html = TABLE._repr_html_()
    assert '<th scope="col" data-word="psnr">psnr</th>' in html
    assert '<th scope="row" data-word="two">two</th><td>2</td><td>17.26</td>' in html
    assert '<th scope="row" data-word="a&lt;b">a&lt;b</th><td>512</td><td>–</td>' in html


def test_a_column_without_a_heading_is_no_key():
    assert '<th scope="col"></th>' in show_table(("", "x"), [("a", 1)])._repr_html_()


def test_a_table_may_be_empty():
    assert repr(show_table(("x", "y"), [])) == "x  y"


@pytest.mark.parametrize(
    ("rows", "formats", "named"),
    [([(1, 2), (1,)], (), "row 1 has 1 entries"), ([(1, 2)], (".1f",), "formats has 1 entries")],
)
def test_a_wrong_length_is_named(rows, formats, named):
    with pytest.raises(ValueError, match=named):
        show_table(("x", "y"), rows, formats)

"""Widgets in a page without a kernel: they show themselves, move, play and have names."""

import json
import re
from collections.abc import Iterator

import pytest
import torch
from ipywidgets import IntText, VBox, Widget
from ipywidgets.embed import dependency_state, embed_data
from playwright.sync_api import Page, expect

from build import ROOT
from vqlib.show.widgets import frames_widget, grid_widget

SCRIPT = ROOT / "book/_static/widgets.js"
SHADES = torch.linspace(-1, 1, 5).view(5, 1, 1, 1).expand(5, 1, 8, 8)
MIME = "application/vnd.jupyter.widget-{}+json"
CALL = re.compile(r"\b\w+_widget\(")


def page_of(widget: Widget, language: str = "en") -> str:
    """The HTML of a page with one widget, as the book has it."""
    data = embed_data([widget], state=dependency_state([widget], drop_defaults=False))
    view, state = json.dumps(data["view_specs"][0]), json.dumps(data["manager_state"])
    return (
        f'<html lang="{language}"><body><script type="{MIME.format("view")}">{view}</script>'
        f'<script type="{MIME.format("state")}">{state}</script>'
        f"<script>{SCRIPT.read_text('utf-8')}</script></body></html>"
    )


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """An empty page."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def show(page):
    """Function that puts a widget on the page."""

    def show_widget(widget: Widget, language: str = "en") -> Page:
        page.set_content(page_of(widget, language))
        return page

    return show_widget


def shades_widget(**options) -> Widget:
    return frames_widget(list(SHADES), label="t", values=["0", "1", "2", "4", "8"], **options)


def buttons_widget(**options) -> Widget:
    return frames_widget(list(SHADES[1:4]), label="s", values=["A", "B", "C"], **options)


def test_a_key_on_the_slider_changes_the_picture(show):
    page = show(shades_widget())
    slider, picture = page.get_by_role("slider", name="t"), page.get_by_role("img")
    expect(picture).to_have_attribute("alt", "Picture: t = 0")
    black = picture.screenshot()
    slider.press("End")
    expect(picture).to_have_attribute("alt", "Picture: t = 8")
    expect(slider).to_have_attribute("aria-valuetext", "8")
    assert picture.screenshot() != black
    slider.press("Home")
    expect(picture).to_have_attribute("alt", "Picture: t = 0")
    assert picture.screenshot() == black


def test_a_finger_on_the_slider_changes_the_picture(show):
    page = show(shades_widget())
    box = page.get_by_role("slider").bounding_box()
    page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + box["height"] / 2)
    expect(page.get_by_role("img")).to_have_attribute("alt", "Picture: t = 8")


def test_a_widget_is_a_card_that_says_what_to_do(show):
    page = show(shades_widget(title=("Find the grey", "找到灰色")))
    expect(page.get_by_role("group", name="Find the grey", exact=True)).to_be_visible()
    expect(page.locator(".widget-title")).to_have_text("Find the grey")
    page = show(shades_widget(title=("Find the grey", "找到灰色")), language="zh-CN")
    expect(page.get_by_role("group", name="找到灰色", exact=True)).to_be_visible()
    page = show(shades_widget())
    expect(page.get_by_role("group", name="Play, or drag the slider")).to_be_visible()


def test_a_widget_begins_where_it_was_told(show):
    page = show(shades_widget(start=3))
    expect(page.get_by_role("img")).to_have_attribute("alt", "Picture: t = 4")
    expect(page.get_by_role("slider")).to_have_value("3")


def test_few_states_have_buttons_for_mouse_and_keys(show):
    page = show(buttons_widget(start=1))
    picture = page.get_by_role("img")
    group = page.get_by_role("radiogroup", name="s")
    expect(group.get_by_role("radio")).to_have_count(3)
    expect(picture).to_have_attribute("alt", "Picture: s = B")
    expect(page.get_by_role("slider")).to_have_count(0)
    group.get_by_role("radio", name="C").click()
    expect(picture).to_have_attribute("alt", "Picture: s = C")
    page.keyboard.press("ArrowLeft")
    expect(picture).to_have_attribute("alt", "Picture: s = B")
    expect(group.get_by_role("radio", name="B")).to_be_checked()


def test_buttons_of_two_widgets_do_not_meddle(show):
    page = show(VBox([buttons_widget(start=0), buttons_widget(start=2)]))
    pictures, radios = page.get_by_role("img"), page.get_by_role("radio")
    radios.nth(1).click()
    expect(pictures.nth(0)).to_have_attribute("alt", "Picture: s = B")
    expect(pictures.nth(1)).to_have_attribute("alt", "Picture: s = C")
    expect(radios.nth(5)).to_be_checked()


def test_the_places_of_a_slider_have_names_below_it(show):
    page = show(shades_widget())
    expect(page.locator(".widget-ticks span")).to_have_text(["0", "1", "2", "4", "8"])
    page.locator(".widget-ticks span").nth(2).click()
    expect(page.get_by_role("img")).to_have_attribute("alt", "Picture: t = 2")


def test_of_many_places_the_ends_and_the_middle_are_named(show):
    values = [str(10**k) for k in range(9)]
    page = show(frames_widget([SHADES[0]] * 9, label="t", values=values))
    expect(page.locator(".widget-ticks span")).to_have_text([values[0], values[4], values[8]])
    show(frames_widget([SHADES[0]] * 9, label="t", values=[12 * value for value in values]))
    expect(page.locator(".widget-ticks")).to_be_empty()


def test_two_sliders_reach_the_corners_of_their_grid(show):
    alts = [[f"{i}{j}" for j in range(5)] for i in range(5)]
    values = ([str(i) for i in range(5)],) * 2
    options = {"labels": ("x", "y"), "values": values, "alts": alts}
    page = show(grid_widget([list(SHADES)] * 5, **options))
    expect(page.get_by_role("img")).to_have_attribute("alt", "Picture: 22")
    for y, row in (("Home", 0), ("End", 4)):
        for x, column in (("End", 4), ("Home", 0)):
            page.get_by_role("slider", name="x").press(x)
            page.get_by_role("slider", name="y").press(y)
            expect(page.get_by_role("img")).to_have_attribute(
                "alt", f"Picture: {alts[row][column]}"
            )


def stop_the_clock(page):
    """From here on time passes only in `run_for`: a slow machine must not play on by itself."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)


def test_play_goes_to_the_end_and_then_begins_again(page, show):
    stop_the_clock(page)
    show(shades_widget(interval=400))
    picture = page.get_by_role("img")
    for _ in range(2):
        page.get_by_role("button", name="Play").click()
        page.clock.run_for(1100)
        expect(picture).to_have_attribute("alt", "Picture: t = 2")
        page.clock.run_for(1000)
        expect(picture).to_have_attribute("alt", "Picture: t = 8")
        expect(page.get_by_role("slider")).to_have_value("4")
    page.get_by_role("button", name="Back to the start").click()
    expect(picture).to_have_attribute("alt", "Picture: t = 0")


def test_a_pause_lasts(page, show):
    stop_the_clock(page)
    show(shades_widget(interval=400))
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(500)
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(5000)
    expect(page.get_by_role("img")).to_have_attribute("alt", "Picture: t = 1")


def test_parts_are_named_in_the_language_of_the_page(show):
    page = show(shades_widget(), language="zh-CN")
    expect(page.get_by_role("img")).to_have_attribute("alt", "图：t = 0")
    page.get_by_role("button", name="播放").click()
    expect(page.get_by_role("button", name="暂停")).to_be_visible()
    expect(page.get_by_role("button", name="回到开头")).to_be_visible()


def test_a_widget_that_the_script_does_not_know_is_an_error(page):
    with page.expect_event("pageerror") as caught:
        page.set_content(page_of(IntText()))
    assert "cannot show a IntTextModel" in str(caught.value)


# --- In the book ----------------------------------------------------------------------------------


def pages_with_widgets() -> dict[str, int]:
    """Page of the site → number of widgets that its chapter makes."""
    counts = {
        path.stem: len(CALL.findall(path.read_text("utf-8")))
        for path in sorted((ROOT / "book/chapters").glob("*.md"))
    }
    return {
        f"{folder}notebooks/{language}/{chapter}.html": number
        for folder, language in (("", "en"), ("zh/", "zh"))
        for chapter, number in counts.items()
        if number
    }


def test_every_widget_of_the_book_moves(open_page):
    for path, number in pages_with_widgets().items():
        visit = open_page(path, width=390)
        widgets = visit.page.locator(".course-widget")
        visit.page.locator(".widget-title").first.wait_for()
        expect(widgets, path).to_have_count(number)
        for widget in widgets.all():
            assert widget.get_attribute("aria-label"), f"{path}: a card without a title"
            picture = widget.locator(".widget-stack, .before-after").last
            for slider in widget.get_by_role("slider").all():
                row = slider.locator("xpath=ancestor::div[2]").bounding_box()
                assert slider.bounding_box()["width"] > row["width"] / 2, path
                before = picture.screenshot()
                slider.press("ArrowRight")
                assert picture.screenshot() != before, f"{path}: a slider moved nothing"
            for group in widget.locator("[role=radiogroup], fieldset").all():
                before = picture.screenshot()
                group.get_by_role("radio", checked=False).first.click()
                assert picture.screenshot() != before, f"{path}: a button changed nothing"
        assert visit.errors + visit.failed + visit.foreign == [], path

"""The border between two pictures moves by mouse, key and finger, and the magnifier goes along."""

import json
from collections.abc import Iterator

import pytest
import torch
from ipywidgets.embed import dependency_state, embed_data
from playwright.sync_api import Page, expect

from build import ROOT
from vqlib.show.before_after import before_after_widget

SCRIPT = ROOT / "book/_static/widgets.js"
MIME = "application/vnd.jupyter.widget-{}+json"
BLACK, WHITE = -torch.ones(1, 3, 48, 64), torch.ones(1, 3, 48, 64)
GREY = torch.zeros(1, 3, 48, 64)
TITLE = ("Drag the border", "拖动分界")
NAMES = {"en": "Border between the two pictures", "zh": "两张图的分界"}


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """An empty page, wide enough for the widget."""
    page = browser.new_page(viewport={"width": 700, "height": 900}, has_touch=True)
    yield page
    page.close()


@pytest.fixture
def show(page):
    """Function that shows black before white, and grey as a second choice."""

    def show_widget(language="en", afters=None, script="") -> Page:
        widget = before_after_widget(BLACK, afters or {"A": WHITE, "B": GREY}, title=TITLE)
        data = embed_data([widget], state=dependency_state([widget], drop_defaults=False))
        view, state = json.dumps(data["view_specs"][0]), json.dumps(data["manager_state"])
        page.set_content(
            f'<html lang="{language}"><body><script type="{MIME.format("view")}">{view}</script>'
            f'<script type="{MIME.format("state")}">{state}</script>'
            f"<script>{SCRIPT.read_text('utf-8')}</script>{script}</body></html>"
        )
        expect(page.locator(".ba-lens img")).to_have_count(2)
        return page

    return show_widget


def shade(page: Page, x: float, y: float = 0.25) -> int:
    """Brightness of the picture at a place, in shares of its sides, as it is on the screen."""
    import io

    from PIL import Image

    box = page.locator(".ba-picture").bounding_box()
    clip = {"x": box["x"] + x * box["width"] - 1, "y": box["y"] + y * box["height"] - 1}
    shot = page.screenshot(clip={**clip, "width": 3, "height": 3})
    return Image.open(io.BytesIO(shot)).convert("L").getpixel((1, 1))


def magnified(page: Page) -> list[tuple[float, float]]:
    """Which place, in shares of the picture's sides, is in the middle of each half."""
    return page.evaluate("""() => [...document.querySelectorAll(".ba-lens")].map(lens => {
      const [box, image] = [lens, lens.firstChild].map(each => each.getBoundingClientRect());
      return [(box.x + box.width / 2 - image.x) / image.width,
              (box.y + box.height / 2 - image.y) / image.height];
    })""")


def test_the_first_picture_is_left_of_the_border_and_the_second_right_of_it(show):
    page = show()
    assert (shade(page, 0.3), shade(page, 0.7)) == (0, 255)


def test_keys_move_the_border(show):
    page = show()
    slider = page.get_by_role("slider", name=NAMES["en"])
    slider.press("Home")
    assert shade(page, 0.1) == 255
    slider.press("End")
    assert shade(page, 0.9) == 0
    for _ in range(3):
        slider.press("ArrowLeft")
    expect(slider).to_have_value("97")


def test_the_mouse_drags_the_border(show):
    page = show()
    box = page.locator(".ba-picture").bounding_box()
    across = box["y"] + box["height"] / 4
    page.mouse.move(box["x"] + box["width"] / 2, across)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], across, steps=4)
    page.mouse.up()
    assert (shade(page, 0.7), shade(page, 0.9)) == (0, 255)


def test_a_finger_moves_the_border(show):
    page = show()
    box = page.locator(".ba-picture").bounding_box()
    page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2)
    assert (shade(page, 0.1), shade(page, 0.3)) == (0, 255)


def test_the_magnifier_follows_the_mouse_and_enlarges_four_times(show):
    page = show()
    box = page.locator(".ba-picture").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    for place in magnified(page):
        assert place == pytest.approx((0.25, 0.75), abs=0.01)
    enlarged = page.locator(".ba-lens img").first.bounding_box()["width"]
    assert enlarged == pytest.approx(4 * box["width"], rel=0.01)


def test_the_magnifier_follows_the_keys(show):
    page = show()
    slider = page.get_by_role("slider")
    slider.press("Home")
    ((_, before), _) = magnified(page)
    assert magnified(page)[0][0] == pytest.approx(1 / 16, abs=0.01)  # no further than the edge
    slider.press("ArrowDown")
    assert magnified(page)[0][1] == pytest.approx(before + 0.04, abs=0.01)
    expect(slider).to_have_value("0")


def test_a_frame_shows_what_is_magnified(show):
    page = show()
    picture, frame = (page.locator(f".ba-{name}").bounding_box() for name in ("picture", "frame"))
    assert frame["width"] == pytest.approx(picture["width"] / 8, abs=1)
    middle = (frame["x"] + frame["width"] / 2 - picture["x"]) / picture["width"]
    assert middle == pytest.approx(magnified(page)[0][0], abs=0.01)


def test_buttons_choose_the_second_picture(show):
    page = show()
    page.get_by_role("radio", name="B").click()
    assert 120 < shade(page, 0.7) < 135
    expect(page.locator(".ba-name:visible")).to_have_text("B")
    page.keyboard.press("ArrowLeft")
    assert shade(page, 0.7) == 255


@pytest.mark.parametrize("language", NAMES)
def test_words_are_those_of_the_page(show, language):
    page = show(language, afters={("reconstruction", "重建"): WHITE})
    assert page.get_by_role("slider", name=NAMES[language], exact=True).is_visible()
    other = NAMES["zh" if language == "en" else "en"]
    text = page.locator(".course-widget").inner_text()
    assert other not in text and ("重建" in text) == (language == "zh")
    alts = page.locator(".ba-picture img").evaluate_all("all => all.map(image => image.alt)")
    start = "图：" if language == "zh" else "Picture: "
    assert alts == [f"{start}x̂, 1", f"{start}x"]


def test_in_a_notebook_it_moves_without_the_books_script(page):
    widget = before_after_widget(BLACK, {"A": WHITE}, title=TITLE)
    page.set_content("<html><body></body></html>")
    page.evaluate(
        "html => document.body.appendChild(document.createElement('div')).innerHTML = html",
        widget.children[1].value,
    )
    expect(page.locator(".ba-lens img")).to_have_count(2)
    page.get_by_role("slider").press("Home")
    assert shade(page, 0.1) == 255


# --- Planted defects: the helpers above can tell --------------------------------------------------


def test_a_border_that_does_not_move_is_found(show):
    page = show(script="<style>.ba-before {clip-path: inset(0 50% 0 0) !important}</style>")
    page.get_by_role("slider").press("Home")
    assert shade(page, 0.1) != 255


def test_a_magnifier_that_does_not_enlarge_is_found(show):
    page = show(script="<style>.ba-lens img {width: 200% !important}</style>")
    box = page.locator(".ba-picture").bounding_box()
    enlarged = page.locator(".ba-lens img").first.bounding_box()["width"]
    assert enlarged != pytest.approx(4 * box["width"], rel=0.01)

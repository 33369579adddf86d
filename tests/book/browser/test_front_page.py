"""The books' first pages: their weight, the live piece, and what is left without JavaScript."""

import json

import pytest

PAGES = ["book/pages/en/preface.html", "zh/book/pages/zh/preface.html"]
MOST = 1_000_000  # bytes, uncompressed
EAGER = "document.querySelectorAll('img').forEach(image => image.loading = 'eager')"
every_first_page = pytest.mark.parametrize("path", PAGES)


def drawn_tokens(page, label, number):
    data = json.loads(page.locator(".front-live script").text_content())
    return [str(token) for token in data["drawn"][label][number]]


def written(page):
    return page.locator("[data-written] .front-tokens > span").all_text_contents()


def status(page):
    return page.locator(".front-live [role=status]")


@every_first_page
def test_all_of_it_weighs_less_than_a_megabyte(open_page, path):
    visit = open_page(path, width=390)
    visit.page.evaluate(EAGER)
    visit.page.wait_for_load_state("networkidle")
    assert sum(len(response.body()) for response in visit.responses) < MOST
    assert visit.foreign == visit.failed == visit.errors == []


@every_first_page
def test_a_digit_is_drawn_by_keyboard(open_page, path):
    page = open_page(path).page
    page.locator(".front-chips button").nth(2).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # on the 3
    assert "" in written(page), "token by token"
    status(page).filter(has_text="3").wait_for()
    assert written(page) == drawn_tokens(page, 3, 0)
    assert page.locator(".front-chips [aria-pressed=true]").text_content() == "3"
    page.keyboard.press("Space")
    status(page).filter(has_text="2").wait_for()
    assert written(page) == drawn_tokens(page, 3, 1), "the same digit once more is another drawing"


@every_first_page
def test_a_digit_is_drawn_by_touch(open_page, path):
    page = open_page(path, width=390, has_touch=True, is_mobile=True).page
    page.locator(".front-chips button").nth(8).tap()
    status(page).filter(has_text="8").wait_for()
    page.locator(".front-again button").tap()
    status(page).filter(has_text="2").wait_for()
    assert written(page) == drawn_tokens(page, 8, 1)


@every_first_page
def test_nothing_moves_for_those_who_asked_for_that(open_page, path):
    page = open_page(path, reduced_motion="reduce").page
    tokens = page.evaluate("""() => {
        document.querySelector(".front-chips button[value='4']").click();
        return [...document.querySelectorAll("[data-written] .front-tokens > span")]
            .map(cell => cell.textContent);
    }""")
    assert tokens == drawn_tokens(page, 4, 0)


@every_first_page
def test_the_line_between_two_pictures_moves_by_keyboard(open_page, path):
    page = open_page(path).page
    slider = page.locator(".front-compare input").first
    slider.focus()
    page.keyboard.press("End")
    assert (
        page.locator(".front-compare").first.evaluate("box => box.style.getPropertyValue('--cut')")
        == "100%"
    )
    assert slider.get_attribute("aria-label")


@every_first_page
def test_without_javascript_everything_is_there_to_read(open_page, path):
    page = open_page(path, java_script_enabled=False).page
    assert not page.locator(".front-chips").is_visible()
    assert page.locator("[data-new] .front-digit").is_visible()
    assert written(page) == drawn_tokens(page, 7, 0)
    left, right = (page.locator(".front-compare").first.locator("img").nth(k) for k in (0, 1))
    ends = left.bounding_box()["x"] + left.bounding_box()["width"]
    assert ends <= right.bounding_box()["x"], "side by side"
    page.locator(".front-answer summary").last.click()
    assert page.locator(".front-answer p").last.is_visible()


@every_first_page
def test_buttons_come_first_on_a_phone(open_page, path):
    page = open_page(path, width=390, height=844).page
    for button in page.locator(".front-button").all():
        box = button.bounding_box()
        assert box["y"] + box["height"] < 844
    assert page.locator(".front-live").bounding_box()["y"] > box["y"]


@every_first_page
@pytest.mark.parametrize("width", [390, 1280])
def test_lists_of_chapters_do_not_lie_over_one_another(open_page, path, width):
    page = open_page(path, width=width).page
    boxes = [box.bounding_box() for box in page.locator(".front-chapters").all()]
    ends = [box["y"] + box["height"] for box in boxes]
    assert len(boxes) > 3
    assert all(end <= box["y"] for end, box in zip(ends, boxes[1:], strict=False))

"""On a touch screen nothing waits for a mouse to come near."""

from playwright.sync_api import expect

CHAPTER = "notebooks/en/04_vqvae.html"


def opacity(locator) -> float:
    return float(locator.evaluate("element => getComputedStyle(element).opacity"))


def test_code_can_be_copied(open_page):
    page = open_page(CHAPTER, width=390, has_touch=True, is_mobile=True).page
    button = page.locator("button.copybtn:visible").first  # not one in a closed fold
    assert opacity(button) > 0.8
    assert button.bounding_box()["width"] >= 24
    button.tap()
    page.locator("button.copybtn.success").first.wait_for()


def test_headings_can_be_linked_to(open_page):
    page = open_page(CHAPTER, width=390, has_touch=True, is_mobile=True).page
    anchor = page.locator("article h2 .headerlink").first
    assert anchor.is_visible()
    assert opacity(anchor) > 0.5


def test_a_mouse_sees_them_when_it_is_there(open_page):
    page = open_page(CHAPTER).page
    button = page.locator("button.copybtn:visible").first
    assert opacity(button) == 0
    button.locator("xpath=..").hover()
    expect(button).to_have_css("opacity", "1")

"""What can be wrong with an open page: each check returns the defects that it sees, as lines."""

import re
from dataclasses import dataclass
from itertools import pairwise

from page_fonts import wide_font
from playwright.sync_api import Error, Page

from assets import install

WAIT = 5000  # milliseconds
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 844}  # where WCAG 1.4.10 still asks for no scrolling sideways
CHINESE = re.compile(r"[\u4e00-\u9fff]")

# Text of a page that is no code, which a reader sees or could unfold.
READ_TEXT = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode())
    if (!walker.currentNode.parentElement.closest("code, pre, script, style, svg, mjx-container"))
      texts.push(walker.currentNode.data);
  return texts;
}"""
RAW_TEX = re.compile(r"\\[()\[\]]|\$\$|\$\\|\\[A-Za-z]+[{_^]|\\begin\b")

EMPTY_FORMULAS = """() => [...document.querySelectorAll(".math, mjx-container")]
  .filter(formula => !(formula.querySelector("svg")?.getBoundingClientRect().width > 0))
  .map(formula => formula.textContent.trim().slice(0, 60))"""

# Elements that stick out, but not those that only scroll in a box of their own.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = element => element && element !== document.body &&
    (getComputedStyle(element).overflowX !== "visible" || scrolls(element.parentElement));
  const wide = [...document.body.querySelectorAll("*")].filter(element =>
    element.getBoundingClientRect().right > width + 1 && !scrolls(element.parentElement));
  return [`${document.documentElement.scrollWidth} pixels`, ...wide.map(
    element => `${element.tagName.toLowerCase()}.${element.getAttribute("class")}`)].slice(0, 5);
}"""

# Boxes that hide a part of what is in them; not what only screen readers get.
CUT = """() => [...document.body.querySelectorAll("*:not(svg, svg *, mjx-assistive-mml *)")]
  .filter(box => {
    if (box.clientWidth <= 1 || !box.checkVisibility()) return false;
    const {overflowX, overflowY} = getComputedStyle(box);
    return (/hidden|clip/.test(overflowX) && box.scrollWidth > box.clientWidth + 1) ||
      (/hidden|clip/.test(overflowY) && box.scrollHeight > box.clientHeight + 1);
  })
  .map(box => `cut off: ${box.tagName.toLowerCase()}.${box.getAttribute("class")}: ` +
    box.textContent.trim().slice(0, 40))"""

# The logo has its words beside it.
IMAGES = """() => [...document.querySelectorAll("img:not([role=presentation], .logo__image)")]
  .map(image => [image.getAttribute("alt") ?? "", image.getAttribute("src").slice(-60)])"""
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter(heading => heading.checkVisibility())
  .map(heading => [Number(heading.tagName[1]), heading.innerText.trim()])"""

# Pictures whose sides are not as those of the file, but for a rounded pixel.
OUT_OF_SHAPE = """() => [...document.querySelectorAll("article img")]
  .filter(image => image.checkVisibility() && image.naturalWidth)
  .flatMap(image => {
    const style = getComputedStyle(image);
    const inside = (size, ...sides) =>
      sides.reduce((rest, side) => rest - parseFloat(style[`padding${side}`]), size);
    const width = inside(image.clientWidth, "Left", "Right");
    const height = inside(image.clientHeight, "Top", "Bottom");
    const off = Math.abs(width - height * image.naturalWidth / image.naturalHeight);
    return off <= 2 + 0.02 * width ? [] : [`${width} x ${height}: ${image.alt.slice(0, 40)}`];
  })"""

# Pictures that one has to scroll sideways to see whole; a widget may enlarge a part of one.
TOO_WIDE_PICTURES = """() => [...document.querySelectorAll("article img")]
  .filter(image => image.checkVisibility() && !image.closest(".course-widget, .before-after"))
  .flatMap(image => {
    const over = image.getBoundingClientRect().right
      - image.closest("article").getBoundingClientRect().right;
    return over <= 1 ? [] : [`${over} pixels: ${image.alt.slice(0, 40)}`];
  })"""

# Titles of rows that are not beside their picture, and of columns that are not above it, as wide.
TITLES_ASTRAY = """() => [...document.querySelectorAll(".titled-picture")].flatMap(box => {
  const [picture, rows, columns] = [".picture", ".row-titles", ".column-titles"]
    .map(part => box.querySelector(part)?.getBoundingClientRect());
  const beside = !rows || (rows.right <= picture.left + 1 && rows.top >= picture.top - 1 &&
    rows.bottom <= picture.bottom + 1);
  const above = !columns || (columns.bottom <= picture.top + 1 &&
    Math.abs(columns.left - picture.left) < 2 && Math.abs(columns.right - picture.right) < 2);
  return beside && above ? [] : [`titles astray: ${box.textContent.trim().slice(0, 40)}`];
})"""

# Pictures in which words are too small: a figure has words of 13 pixels at its own size, a plot has
# words of 14 at the size that it was drawn for.
SMALL_WORDS = """() => [...document.querySelectorAll("article img")]
  .filter(image => image.checkVisibility())
  .flatMap(image => {
    const svg = /[.]svg$/.test(image.src) && !image.closest(".cell_output");
    const least = svg ? image.naturalWidth * 11 / 13
      : parseFloat(image.style.getPropertyValue("--drawn")) * 0.8;
    const {width} = image.getBoundingClientRect();
    return !(width < least - 1) ? [] : [`${width} of ${least}: ${image.alt.slice(0, 40)}`];
  })"""

CUT_CODE = """() => [...document.querySelectorAll(".cell_input pre")]
  .filter(code => code.scrollWidth > code.clientWidth + 1)
  .map(code => `${code.scrollWidth - code.clientWidth} pixels: ${code.textContent.slice(0, 40)}`)"""

# Text that scrolls, or that nobody can get at, without a shadow that moves with it.
NO_SHADOW = """() => [...document.querySelectorAll("article pre")]
  .filter(box => box.clientWidth && box.scrollWidth > box.clientWidth + 1)
  .filter(box => {
    const {overflowX, backgroundAttachment} = getComputedStyle(box);
    return overflowX !== "auto" || !/local.*scroll/.test(backgroundAttachment);
  })
  .map(box => `no shadow: ${box.textContent.trim().slice(0, 40)}`)"""

UNEQUAL_LETTERS = """() => ["code", "pre"].filter(tag => {
  const [narrow, wide] = ["iiiiiiii.,", "WWWWWWWW0m"].map(letters => {
    const box = document.createElement(tag);
    box.textContent = letters;
    box.style.cssText = "position: absolute; padding: 0; width: auto; white-space: pre";
    (document.querySelector("article") ?? document.body).append(box);
    const {width} = box.getBoundingClientRect();
    box.remove();
    return width;
  });
  return Math.abs(narrow - wide) > 0.5;
}).map(tag => `${tag}: an i is not as wide as a W`)"""

# By night a picture lies on one light card: not on none, which hides its words, nor in a frame.
FRAMES = """() => [...document.querySelectorAll("article :is(p, .cell_output) img")]
  .filter(image => image.checkVisibility() && !image.closest(".course-widget"))
  .flatMap(image => {
    let cards = 0;
    for (let box = image; box.tagName !== "ARTICLE"; box = box.parentElement) {
      const [red, , , alpha = 1] = getComputedStyle(box).backgroundColor.match(/[0-9.]+/g);
      cards += red > 150 && alpha > 0;
    }
    return cards === 1 ? [] : [`${cards} light cards: ${image.alt.slice(0, 40)}`];
  })"""

# By night a plot is turned: light ink on dark ground, in widgets too.
LIGHT_PLOTS = """() => [...document.querySelectorAll("article img.plot")]
  .filter(image => image.checkVisibility() && !/invert/.test(getComputedStyle(image).filter))
  .map(image => `white by night: ${image.alt.slice(0, 40)}`)"""

LONG_NAMES = """() => [...document.querySelectorAll(".bd-sidebar-primary nav li a")]
  .filter(link => link.checkVisibility())
  .filter(link => {
    const text = document.createRange();
    text.selectNodeContents(link);
    return text.getBoundingClientRect().height > 1.8 * parseFloat(getComputedStyle(link).fontSize);
  })
  .map(link => `more than one line: ${link.innerText}`)"""

UNFOLD = """document.querySelectorAll('details').forEach(details => {
  details.open = true;
  details.hidden = false; // the answer to a question that has buttons instead
})"""
STILL = "*, *::before, *::after {transition: none !important; animation: none !important}"
PLAIN = "pre {background-image: none !important}"  # axe judges no words that lie on a gradient
# Style sheets colour an element by what it is and what it lies in: tag, classes, names, and those
# of all around it (a section's name is that of its title, which no style sheet knows). Where all of
# it has come before, colours need no second look: of thousands of words of code a few dozen remain.
MARK_ALIKE = """() => {
  const kinds = new Map();
  const mark = (element, around) => {
    const names = element.tagName === "SECTION" ? [] : ["class", "style", "id"];
    const own = [...names.map(name => element.getAttribute(name)), element.hasAttribute("href")];
    const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const kind = [around, element.tagName, ...own, text].join("|");
    let alike = kinds.has(kind);
    if (!alike) kinds.set(kind, kinds.size);
    for (const child of element.children) alike = mark(child, kinds.get(kind)) && alike;
    element.toggleAttribute("data-alike", alike);
    return alike;
  };
  mark(document.body, "");
}"""
AXE = """({context, options}) => axe.run(context ?? document, {
  resultTypes: ["violations"],
  preload: false,  // it would load every style sheet once more
  ...options,
}).then(({violations}) => violations
  .filter(({impact}) => ["serious", "critical"].includes(impact))
  .flatMap(({id, nodes}) => nodes.map(node =>
    `${id}: ${node.target.join(" ")}: ${node.any[0]?.message ?? node.html.slice(0, 120)}`)))"""
COLOUR_RULES = ["color-contrast", "link-in-text-block"]  # the others see no colours
COLOURS = {
    "context": {"exclude": [["[data-alike]"]]},
    "options": {"runOnly": {"type": "rule", "values": COLOUR_RULES}},
}
ALL_ELSE = {"options": {"rules": {rule: {"enabled": False} for rule in COLOUR_RULES}}}


@dataclass(frozen=True)
class Expected:
    """What a page ought to be; `twin` is the address of the same page in the other language."""

    hreflang: str
    twin: str | None = None
    has_formulas: bool = False


def formulas(page: Page, expected: Expected) -> list[str]:
    """TeX that a reader would see, and formulas without a picture."""
    raw = [text.strip() for text in page.evaluate(READ_TEXT) if RAW_TEX.search(text)]
    empty = [f"not drawn: {text}" for text in page.evaluate(EMPTY_FORMULAS)]
    if expected.has_formulas and not page.locator("mjx-container").count():
        empty.append("the source has formulas, the page has none")
    return raw + empty


def width(page: Page) -> list[str]:
    """What makes the page wider than the window, or is cut off to fit into it."""
    return page.evaluate(TOO_WIDE) + page.evaluate(CUT)


def shapes(page: Page) -> list[str]:
    """Pictures that are stretched or squeezed."""
    return page.evaluate(OUT_OF_SHAPE)


def words(page: Page) -> list[str]:
    """Pictures with words smaller than 11 pixels."""
    return page.evaluate(SMALL_WORDS)


def shadows(page: Page) -> list[str]:
    """Text wider than its box that does not scroll there, or does not show that it does."""
    return page.evaluate(NO_SHADOW)


def language(page: Page, expected: Expected) -> list[str]:
    """A page that says it is in another language than it is."""
    said = page.locator("html").get_attribute("lang")
    return [] if said == expected.hreflang else [f"lang is {said}, not {expected.hreflang}"]


def pictures(page: Page, expected: Expected) -> list[str]:
    """Pictures without words, with a file's name, or with words of the other language."""
    chinese = expected.hreflang.startswith("zh")
    return [
        f"{source}: {words!r}"
        for words, source in page.evaluate(IMAGES)
        if not words.strip()
        or re.search(r"\.(png|svg|jpe?g)$", words)
        or bool(CHINESE.search(words)) != chinese
    ]


def headings(page: Page, expected: Expected) -> list[str]:
    """More or less than one title, and levels that are left out on the way down."""
    found = page.evaluate(HEADINGS)
    titles = [text for level, text in found if level == 1]
    problems = [] if len(titles) == 1 else [f"{len(titles)} titles: {titles}"]
    for (above, _), (level, text) in pairwise(found):
        if level > above + 1:
            problems.append(f"h{above} is followed by h{level}: {text}")
    return problems


def accessibility(page: Page, dark: bool) -> list[str]:
    """Serious and critical violations that axe-core finds, everything unfolded."""
    page.evaluate(UNFOLD)
    if not page.evaluate("'axe' in window"):
        page.add_style_tag(content=STILL + PLAIN)
        page.evaluate((install() / "axe-core/axe.min.js").read_text("utf-8"))
    page.emulate_media(color_scheme="dark" if dark else "light")
    if page.locator("html[data-theme]").count():
        page.locator(f"html[data-theme={'dark' if dark else 'light'}]").wait_for(timeout=WAIT)
    page.evaluate(MARK_ALIKE)
    return page.evaluate(AXE, COLOURS) + ([] if dark else page.evaluate(AXE, ALL_ELSE))


def code(page: Page, expected: Expected) -> list[str]:
    """Lines of a cell wider than its box, and code in letters of unequal width."""
    return page.evaluate(CUT_CODE) + page.evaluate(UNEQUAL_LETTERS)


def columns(page: Page, expected: Expected) -> list[str]:
    """Pictures wider than the column of text, on a desk."""
    return page.evaluate(TOO_WIDE_PICTURES)


def titles(page: Page, expected: Expected) -> list[str]:
    """Titles of rows and columns that do not stand at their picture, on a desk."""
    return page.evaluate(TITLES_ASTRAY)


def sidebar(page: Page, expected: Expected) -> list[str]:
    """Names in the table of contents that need more than one line."""
    return page.evaluate(LONG_NAMES)


def frames(page: Page) -> list[str]:
    """Pictures that lie by night on no card, or on several."""
    return page.evaluate(FRAMES)


def plots(page: Page) -> list[str]:
    """Plots that stay white by night."""
    return page.evaluate(LIGHT_PLOTS)


def switch(page: Page, expected: Expected) -> list[str]:
    """A language switch that does not lead to the same page of the other language, and back."""
    if expected.twin is None:
        return []
    here = page.url
    try:
        for wanted in (expected.twin, here):
            page.locator(".language-switch a").click(timeout=WAIT)
            page.wait_for_url(wanted, wait_until="commit", timeout=WAIT)
    except Error as error:
        return [f"at {page.url}: {error.message.splitlines()[0]}"]
    return []


def find_defects(visit, expected: Expected) -> dict[str, list[str]]:
    """All defects of a page that was just opened, by the name of the check; empty if none."""
    page = visit.page
    page.wait_for_load_state("networkidle")
    found = {}
    page.evaluate(UNFOLD)
    page.set_viewport_size(PHONE)
    found["width"] = width(page)
    found["words"] = words(page)
    found["shadows"] = shadows(page)
    squeezed = shapes(page)
    page.set_viewport_size(NARROW)
    with wide_font(page):
        found["wide font"] = width(page)
    page.set_viewport_size(DESKTOP)
    found["shapes"] = squeezed + shapes(page)
    for check in (formulas, language, pictures, headings, code, columns, titles, sidebar):
        found[check.__name__] = check(page, expected)
    found["by day"] = accessibility(page, dark=False)
    found["by night"] = accessibility(page, dark=True)
    found["frames"] = frames(page)
    found["plots"] = plots(page)
    found["switch"] = switch(page, expected)
    found |= {"errors": visit.errors, "failed": visit.failed, "foreign": visit.foreign}
    return {name: defects for name, defects in found.items() if defects}

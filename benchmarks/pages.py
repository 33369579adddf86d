"""What a reader's browser does for each page of the built book: `python benchmarks/pages.py`.

For every page of both languages: requests, bytes as they lie on disk (a server that compresses
sends fewer), and the median time until the first formula stands on the page. Each load has an
empty cache, over a web server of this machine, so the times say what the browser has to do, not
what a network adds. The table is Markdown; `--out` writes it to a file with the machine's record.
"""

import argparse
import platform
import statistics
import sys
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "book"))

from chromium import launch  # noqa: E402 (its folder has only now become importable)

# Notes the moment at which a formula first has a size; runs before anything else of the page.
WATCH = """addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const formula = document.querySelector("mjx-container svg");
    if (formula?.getBoundingClientRect().width > 0) window.firstFormula = performance.now();
    else if (document.readyState !== "complete") requestAnimationFrame(look);
  };
  look();
});"""


class Quiet(SimpleHTTPRequestHandler):
    """The built site, without a line in the terminal for each request."""

    def log_message(self, *_):
        """Say nothing."""


def pages() -> list[str]:
    """Addresses of the pages that people read, below the site's root."""
    folders = [SITE, SITE / "zh"]
    found = []
    for folder in folders:
        found += sorted((folder / "book" / "pages").rglob("*.html"))
        found += sorted((folder / "notebooks").rglob("*.html"))
    door = "index.html#choose"  # without the mark it goes on to the remembered language
    return [door, *(path.relative_to(SITE).as_posix() for path in found)]


def load(browser: Browser, address: str) -> tuple[int, int, float | None]:
    """One visit with an empty cache: requests, bytes, milliseconds to the first formula."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page, responses = context.new_page(), []
    page.add_init_script(WATCH)
    page.on("response", lambda response: responses.append(response))
    page.goto(address, wait_until="networkidle")
    weight = sum(int(r.headers.get("content-length", 0)) for r in responses if r.ok)
    first = page.evaluate("window.firstFormula ?? null")
    context.close()
    return len(responses), weight, first


def table(base: str, browser: Browser, loads: int) -> list[str]:
    """The Markdown rows, one per page."""
    rows = ["| page | requests | kB | first formula, ms (median) |", "|---|--:|--:|--:|"]
    for name in pages():
        visits = [load(browser, base + name) for _ in range(loads)]
        requests, weight, _ = visits[-1]
        times = [first for *_, first in visits if first is not None]
        median = f"{statistics.median(times):.0f}" if times else "–"
        rows.append(f"| {name} | {requests} | {weight / 1000:,.0f} | {median} |")
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Serve the site, visit every page, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=int, default=5, help="visits per page")
    parser.add_argument("--out", type=Path, help="file for the table")
    options = parser.parse_args()
    if not (SITE / "index.html").is_file():
        sys.exit("There is no book in _build/html; build it first: python book/build.py")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser, name = launch(playwright)
        rows = table(f"http://127.0.0.1:{server.server_port}/", browser, options.loads)
        browser.close()
    server.shutdown()
    if options.out:
        record = (
            f"`python benchmarks/pages.py --loads {options.loads}`, {date.today()}, "
            f"{platform.machine()}, {Path(name).name}, 390 px wide, uncompressed, localhost.\n"
        )
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text("\n".join([record, *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

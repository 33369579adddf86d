"""A reader's browser, the built site, and a wall around them: no other host is ever reached."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, Request, Response, Route, sync_playwright

from chromium import launch

WITHIN = ("data:", "blob:", "about:")  # addresses that lead nowhere


class Quiet(SimpleHTTPRequestHandler):
    """The files of a folder, without a line in the terminal for each."""

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """A web server that does not mind a browser which hangs up."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@dataclass
class Visit:
    """An open page, and what went wrong in it up to now."""

    page: Page
    base: str
    errors: list[str] = field(default_factory=list)  # in the console, and uncaught ones
    failed: list[str] = field(default_factory=list)  # own files that did not come
    foreign: list[str] = field(default_factory=list)  # attempts to reach another host
    responses: list[Response] = field(default_factory=list, repr=False)

    def watch(self) -> None:
        self.page.route("**/*", self.keep_within)
        self.page.on("console", self.note_console)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("requestfailed", self.note_failure)
        self.page.on("response", self.note_response)

    def keep_within(self, route: Route) -> None:
        address = route.request.url
        if address.startswith((self.base, *WITHIN)):
            route.continue_()
        else:
            self.foreign.append(address)
            route.abort("blockedbyclient")

    def note_console(self, message) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def note_failure(self, request: Request) -> None:
        left = request.failure == "net::ERR_ABORTED"  # the reader went on to another page
        if not left and request.url not in self.foreign:
            self.failed.append(f"{request.url}: {request.failure}")

    def note_response(self, response: Response) -> None:
        self.responses.append(response)
        if response.status >= 400:
            self.failed.append(f"{response.url}: status {response.status}")


@pytest.fixture(scope="session")
def site(rendered_book: Path) -> Iterator[str]:
    """Address of the built site on a web server of this machine, ending in a slash."""
    handler = partial(Quiet, directory=str(rendered_book))
    with Server(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def disk(rendered_book: Path) -> str:
    """Address of the same site as files, ending in a slash."""
    return f"{rendered_book.as_uri()}/"


# One per test module: while Playwright runs, its event loop would be in the way of other tests.
@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A Chromium, found or installed; the terminal says which."""
    with sync_playwright() as playwright:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            found, name = launch(playwright)
            print(f"\nbrowser tests with {name}")
        yield found
        found.close()


def opening(browser: Browser, site: str) -> Iterator[Callable[..., Visit]]:
    """Function that opens a page of the site, `open_page("zh/search.html", width=390, dark=True)`.

    Every call is a reader of its own, who has visited nothing yet. `base` is `site` or `disk`; more
    options are those of Playwright's contexts: `locale`, `java_script_enabled`, …
    """
    contexts = []

    def open_page(path, width=1280, height=900, dark=False, base=site, **options) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            **{"locale": "en-GB", **options},
        )
        contexts.append(context)
        visit = Visit(context.new_page(), base)
        visit.watch()
        visit.page.goto(base + path)
        return visit

    yield open_page
    for context in contexts:
        context.close()


open_page = pytest.fixture(opening, name="open_page")
open_page_for_module = pytest.fixture(opening, scope="module", name="open_page_for_module")

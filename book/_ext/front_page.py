"""Sphinx extension: pictures and numbers of the pages that show what the package's models can do.

`book/showcase.py` draws the pictures; the build names its folder (`showcase`). A page takes one by
the comment `<!-- drawn: NAME | what it shows -->`. The first page of a book is a Jinja template
besides: it reads numbers from the records of the models, chapters and minutes from the table of
contents, and its boxes from `book/_templates/front.html`.
"""

import json
import re
from html import escape
from pathlib import Path
from posixpath import dirname, relpath

import yaml
from chapter_head import colab_address
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

BOOK = Path(__file__).resolve().parent.parent
WEIGHTS = BOOK.parent / "vqlib/course/weights"
DRAWN = "_static/drawn"  # where the pictures lie in the site
PICTURE = re.compile(r"<!-- drawn: (?P<name>\w+) \| (?P<alt>.+?) -->")
TITLE = re.compile(r"^# \d+ · (.+)", re.MULTILINE)
MINUTES = re.compile(r"\*\*Time:?\*\*:? about (\d+) minutes")
# As vqlib.course.training.record writes it; the name of the processor stays in the record.
CPU = re.compile(r"(\S+) CPU, (\d+) threads(?: \(.+\))?")
ON_CPU = {
    "en": ("one thread of an {0} CPU", "{1} threads of an {0} CPU"),
    "zh": ("{0} CPU 的一个线程", "{0} CPU 的 {1} 个线程"),
}


def picture(match: re.Match, folder: Path, page: str) -> str:
    """The `<img>` of a drawn picture, in a figure."""
    file = folder / f"{match['name']}.webp"
    width, height = Image.open(file).size
    source = relpath(f"{DRAWN}/{file.name}", dirname(page))
    return (
        f'<figure class="drawn"><img src="{source}" alt="{escape(match["alt"])}" '
        f'width="{width}" height="{height}" loading="lazy"></figure>'
    )


def record(name: str) -> dict:
    """How a model of the package was made, and what was measured."""
    return json.loads((WEIGHTS / name / "record.json").read_text("utf-8"))


def machine(name: str, language: str) -> str:
    """What a model was trained on, in words."""
    said = record(name)["machine"]
    cpu = CPU.fullmatch(said)
    if cpu is None:
        return said
    one, several = ON_CPU[language]
    return (one if cpu[2] == "1" else several).format(*cpu.groups())


def minutes_of(name: str) -> int:
    """Minutes of a model's training."""
    return max(1, round(record(name)["seconds"] / 60))


def chapter(file: str) -> dict:
    """Title and minutes of a chapter, from its notebook and its source.

    Raises ValueError where the source does not say "**Time:** about N minutes".
    """
    cells = json.loads((BOOK.parent / f"{file}.ipynb").read_text("utf-8"))["cells"]
    title = TITLE.search("".join(cells[0]["source"]))[1]
    source = (BOOK / "chapters" / f"{Path(file).name}.md").read_text("utf-8")
    minutes = MINUTES.search(source)
    if minutes is None:
        raise ValueError(f"{Path(file).name}.md does not say '**Time:** about N minutes'")
    return {"file": file, "title": title, "minutes": int(minutes[1])}


def parts(toc: dict) -> list[list[dict]]:
    """The chapters of each part that consists of notebooks."""
    files = [[page["file"] for page in part["chapters"]] for part in toc["parts"]]
    return [[chapter(file) for file in part] for part in files if part[0].startswith("notebooks/")]


def context(app, page: str) -> dict:
    """All that the template of a book's first page can say."""
    language, theme = app.config.book_language, app.config.html_theme_options
    chapters = parts(yaml.safe_load(Path(app.config.external_toc_path).read_text("utf-8")))
    every = [chapter for part in chapters for chapter in part]
    first = every[0]["file"]
    colab = colab_address(f"{first}.ipynb", theme["repository_url"], theme["repository_branch"])

    def address(file: str) -> str:
        return relpath(file, dirname(page))

    return {
        "facts": json.loads((Path(app.config.showcase) / "facts.json").read_text("utf-8")),
        "record": record,
        "machine": lambda name: machine(name, language),
        "minutes_of": minutes_of,
        "parts": chapters,
        "count": len(every),
        "hours": round(sum(chapter["minutes"] for chapter in every) / 60),
        "address": address,
        "drawn": lambda name: address(f"{DRAWN}/{name}.webp"),
        "start": address(f"{first}.html"),
        "colab": colab,
        "repository": theme["repository_url"],
        "site": app.config.html_baseurl,
    }


def fill_in(app, docname, source):
    """Handler of `source-read`: `source[0]` is a page's text, and what is read next."""
    if docname == app.config.root_doc:
        jinja = Environment(
            loader=FileSystemLoader(BOOK / "_templates"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        source[0] = jinja.from_string(source[0]).render(context(app, docname))
    folder = Path(app.config.showcase) / "static/drawn"
    source[0] = PICTURE.sub(lambda match: picture(match, folder, docname), source[0])


def add_files(app, pagename, templatename, context, doctree):
    """Handler of `html-page-context`."""
    body = context.get("body", "")
    if pagename == app.config.root_doc or 'class="drawn"' in body or "sd-tab-set" in body:
        app.add_css_file("front.css")
    if pagename == app.config.root_doc:
        app.add_js_file("front.js", defer="defer")


def add_pictures(app, config):
    """Handler of `config-inited`: the drawn pictures go into the site."""
    config.html_static_path.append(str(Path(config.showcase) / "static"))


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("showcase", "", "env")
    app.connect("config-inited", add_pictures)
    app.connect("source-read", fill_in)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

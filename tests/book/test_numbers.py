"""Measured numbers in the chapters' prose come from a record or from a named source.

A number of ours is written `{{28.2 | photos_vqgan.held_out.psnr_db}}`; weave compares it with the
record (book/results.py). Any other number with a unit of measurement (dB, nats, %, seconds, so many
times faster) stands in a paragraph that names its source, or says that it is an estimate.
"""

import re
from pathlib import Path

import pytest

from chapter import Prose, read_chapter

CHAPTERS = sorted((Path(__file__).parents[2] / "book/chapters").glob("*.md"))
UNIT = r"dB|nats?|bits? per (?:token|dimension)|%|ms|seconds|分贝|奈特|每词元比特|秒|毫秒"
FASTER = r"times (?:as (?:fast|good|much|low|high)|faster|better|slower|smaller)|倍(?:的速度|快)"
MEASURED = re.compile(rf"(?<![\w.,])\d[\d,]*(?:\.\d+)? ?(?:(?:{UNIT})(?![a-z])|(?:{FASTER}))")
SOURCE = re.compile(
    r"section|[Tt]able \d|equation|eq\.|[Ff]igure \d|appendix|paper|arXiv|\*?estimate"
    r"|节|表 \d|公式|图 \d|论文|附录|估计"
)
NO_CLAIM = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\{\{.*?\}\}|\]\([^)]*\)", re.DOTALL)


def unfounded(text: str) -> list[str]:
    """Measured numbers of a Markdown text for which nobody vouches; paragraph by paragraph."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        claims = MEASURED.findall(NO_CLAIM.sub("", paragraph))
        found += [] if SOURCE.search(paragraph) else claims
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_measured_number_has_its_record_or_its_source(path):
    cells = [
        cell
        for unit in read_chapter(path.read_text("utf-8"), path)
        if isinstance(unit, Prose)
        for cell in (unit.en, unit.zh)
    ]
    found = {cell.line: unfounded(cell.source) for cell in cells}
    assert {line: claims for line, claims in found.items() if claims} == {}


@pytest.mark.parametrize(
    "text",
    [
        "It reaches 28.2 dB.",
        "| row | 91.8 % |",
        "The cache is 6.7 times as fast.",
        "Training took 12 seconds.\n\nThe paper says more.",
        "重建达到 28.2 分贝。",
        "训练了 12 秒。",
    ],
)
def test_a_bare_result_is_found(text):
    assert unfounded(text)


@pytest.mark.parametrize(
    "text",
    [
        "It reaches {{28.2 | photos_vqgan.held_out.psnr_db}} dB.",
        "The paper reports 18.63 % (section 4.3).",
        "On a T4 about 900 seconds (*estimate*).",
        "16 tokens of 6 bits, $\\beta = 0.25$, `lr=0.5`, [page](a/12%.html).",
    ],
)
def test_what_is_vouched_for_passes(text):
    assert not unfounded(text)

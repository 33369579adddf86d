"""Numbers of ours in prose, each with the place where it is recorded.

A source says `{{28.2 | photos_vqgan.held_out.psnr_db}}` for a number of a model's record, rounded
as it is written (`{{91 % | digits_gpt.held_out.samples_recognised}}` for a share),
`{{0.42 | shared_ids.summary.first_3000}}` for one of an experiment's, or
`{{6.7 | benchmarks/results/sampling.md}}` for one that stands in that file. The notebook shows the
number alone. Weave refuses a number that is not, or no longer, what its record says.
"""

import json
import re
from functools import reduce
from pathlib import Path

from chapter import Cell

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ("vqlib/course/weights/{}/record.json", "vqlib/course/experiments/records/{}.json")
RESULT = re.compile(r"\{\{\s*(?P<number>[^{}|]+?)\s*\|\s*(?P<source>[^{}|]+?)\s*\}\}")
NUMBER = re.compile(r"(?P<sign>[-−]?)(?P<digits>[\d,]+(?:\.(?P<decimals>\d+))?)(?P<percent> ?%)?")
LEFT_OVER = re.compile(r"\{\{\s*[-−]?\d[^}\n]*\}?\}?")


def state_results(cell: Cell, text: str) -> str:
    """The text with every recorded number compared with its record, and shown alone."""

    def checked(match: re.Match) -> str:
        number, source = match["number"], match["source"]
        problem = from_file(number, source) if "/" in source else from_record(number, source)
        if problem:
            raise cell.error(f"{match[0]}: {problem}")
        return number

    text = RESULT.sub(checked, text)
    if left_over := LEFT_OVER.search(text):
        raise cell.error(f"{left_over[0]!r} is no result; write {{{{NUMBER | WHERE IT STANDS}}}}")
    return text


def from_file(number: str, source: str) -> str | None:
    """What is wrong with a number that a results file should hold."""
    path = ROOT / source
    if not path.is_file():
        return f"there is no file {source}"
    if not re.search(rf"(?<![\d.,]){re.escape(number)}(?!\d|[.,]\d)", path.read_text("utf-8")):
        return f"{number} does not stand in {source}"
    return None


def from_record(number: str, source: str) -> str | None:
    """What is wrong with a number that the record of a model or an experiment should hold."""
    name, *keys = source.split(".")
    path = next((p for record in RECORDS if (p := ROOT / record.format(name)).is_file()), None)
    if path is None:
        return f"there is no model and no experiment {name!r} in vqlib/course"
    try:
        value = reduce(lambda part, key: part[key], keys, json.loads(path.read_text("utf-8")))
    except (KeyError, TypeError):
        return f"the record of {name} has no {'.'.join(keys)}"
    written = NUMBER.fullmatch(number)
    if written is None or not isinstance(value, int | float):
        return "one of the two is not a number"
    decimals = len(written["decimals"] or "")
    rounded = f"{abs(100 * value if written['percent'] else value):,.{decimals}f}"
    if rounded.replace(",", "") != written["digits"].replace(",", ""):
        return f"the record says {value}"
    return None if bool(written["sign"]) == (value < 0) else f"the record says {value}"

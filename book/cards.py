"""The card of an exercise: which one it is, what it is worth, and what it forbids.

The facts stand once, in the metadata of the exercise's cell:
`exercise: {id: "3.1", points: 1, minutes: 5, forbid: [for, while]}`. The Markdown pair that sets
the task names it (`+++ {"lang": "en", "exercise": "3.1"}`) and begins with its title, `### Title`;
weave puts number, difficulty and minutes to it. Points are 1 to 3, and the difficulty.
"""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

from chapter import Cell, Exercise, Prose, Unit, structure

MOST_POINTS = 3
HEADING = re.compile(r"### (.+)(?:\n|\Z)")
WORDS = {
    "en": "### Exercise {id} · {title}\n\nDifficulty {dots} · {minutes} minutes\n",
    "zh": "### 练习 {id} · {title}\n\n难度 {dots} · {minutes} 分钟\n",
}


@dataclass(frozen=True)
class Facts:
    """What the metadata of an exercise's cell say; `forbid` are keywords and names."""

    id: str
    points: int
    minutes: int
    forbid: tuple[str, ...] = ()

    @property
    def cell_id(self) -> str:
        """The id of the stub in both notebooks, and the anchor of the card in the book."""
        return f"ex-{self.id.replace('.', '-')}"


def facts(task: Cell) -> Facts:
    """The facts of an exercise; raises `WeaveError` where they are not all there."""
    found = task.metadata.get("exercise")
    try:
        made = Facts(**found)
        number = re.fullmatch(r"\d+\.\d+", made.id)
        counts = all(type(n) is int and n > 0 for n in (made.points, made.minutes))
        names = all(isinstance(name, str) for name in made.forbid) and type(made.forbid) is not str
    except TypeError:
        number = counts = names = None
    if not (number and counts and names and made.points <= MOST_POINTS):
        raise task.error(
            'an exercise says which one it is: `exercise: {id: "3.1", points: 1, minutes: 5}`, '
            f"with 1 to {MOST_POINTS} points; `forbid: [for, argmin]` may follow"
        )
    return made


def read_cards(units: Iterable[Unit]) -> dict[str, Facts]:
    """The facts of all exercises by number; refuses those without their card, and cards alone.

    Raises `WeaveError` also where numbers are not 1, 2, 3 … of one chapter.
    """
    cards: dict[str, Facts] = {}
    card: Prose | None = None
    for unit in units:
        if isinstance(unit, Prose):
            opens = "exercise" in unit.en.metadata
            if card and (opens or structure(unit.en.source)["headings"]):
                raise alone(card)
            card = card if not opens else check_card(unit)
        elif isinstance(unit, Exercise):
            made = facts(unit.task)
            check_number(made, card, cards, unit.task)
            cards[made.id], card = made, None
    if card:
        raise alone(card)
    return cards


def check_card(card: Prose) -> Prose:
    """Refuse twins that name different exercises, and a card without its title."""
    if card.en.metadata["exercise"] != card.zh.metadata.get("exercise"):
        raise card.zh.error("this zh cell names another exercise than its en twin")
    for cell in (card.en, card.zh):
        if not HEADING.match(cell.source):
            raise cell.error("the text of an exercise begins with its title, `### Title`")
    return card


def check_number(made: Facts, card: Prose | None, cards: dict[str, Facts], task: Cell) -> None:
    """Refuse an exercise that is not the one of the card before it, or not the next one."""
    if card is None or card.en.metadata["exercise"] != made.id:
        raise task.error(
            f'no text sets exercise {made.id}; write `"exercise": "{made.id}"` into the metadata '
            "of the Markdown pair before it"
        )
    chapter = int(task.path.name[:2])
    if made.id != f"{chapter}.{len(cards) + 1}":
        raise task.error(f"this is exercise {chapter}.{len(cards) + 1}, not {made.id}")


def alone(card: Prose) -> Exception:
    """The error for a card that no exercise follows."""
    number = card.en.metadata["exercise"]
    return card.en.error(f"this text sets exercise {number}, but no such cell follows")


def with_facts(text: str, made: Facts, language: str) -> str:
    """The text of a card with number, difficulty and minutes below its title."""
    dots = "●" * made.points + "○" * (MOST_POINTS - made.points)
    title = HEADING.match(text)
    head = WORDS[language].format(id=made.id, title=title[1], dots=dots, minutes=made.minutes)
    return head + text[title.end() :]


def check_forbidden(solved: str, made: Facts, task: Cell) -> None:
    """Refuse a solution that does what its exercise forbids."""
    used = set(map(spelled, ast.walk(ast.parse(solved)))) & set(made.forbid)
    if used:
        raise task.error(f"the solution uses {', '.join(sorted(used))}, which the exercise forbids")


def spelled(node: ast.AST) -> str:
    """What a node is called in `forbid`: a name, or the keyword of a loop."""
    match node:
        case ast.For() | ast.comprehension():
            return "for"
        case ast.While():
            return "while"
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            return name
    return ""

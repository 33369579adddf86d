"""New pictures in a folder: a file for each seed, and beside them how they were drawn."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from vqlib.cli.targets import write_json
from vqlib.data.pictures import write_picture

NOTES = "samples.json"


@dataclass(frozen=True)
class SampleFolder:
    """Pictures by their seeds. What is there already is never drawn again, let alone replaced."""

    folder: Path
    """Where they are, or will be."""
    settings: dict[str, Any]
    """How all of them are drawn, in JSON values."""
    drawn_from: dict[int, dict[str, Any]]
    """What each is drawn from, by its seed."""

    def missing(self, *, resume: bool) -> list[int]:
        """Seeds of the pictures that are still to be drawn; nothing is written.

        Raises:
            FileExistsError: there are pictures, and they are not to be completed.
            ValueError: those there were drawn otherwise, or nobody knows how.
        """
        there = [seed for seed in self.drawn_from if self.path(seed).exists()]
        notes = self._notes()
        if (there or notes) and not resume:
            found = self.path(there[0]).name if there else NOTES
            raise FileExistsError(
                f"{self.folder} holds samples already ({found}); go on with --resume, or choose "
                "another --out"
            )
        self._check_alike(notes, there)
        return [seed for seed in self.drawn_from if seed not in set(there)]

    def begin(self) -> None:
        """Write down how the pictures are drawn, those before them included."""
        before = (self._notes() or {}).get("pictures", {})
        pictures = before | self._rows()
        write_json({**self.settings, "pictures": pictures}, self.folder / NOTES)

    def add(self, seed: int, picture: Float[Tensor, "C H W"]) -> None:
        """Save one picture."""
        write_picture(picture, self.path(seed))

    def path(self, seed: int) -> Path:
        """Where the picture with this seed is."""
        return self.folder / f"seed_{seed:08d}.png"

    def _rows(self) -> dict[str, dict[str, Any]]:
        return {
            self.path(seed).name: {"seed": seed, **told} for seed, told in self.drawn_from.items()
        }

    def _check_alike(self, notes: dict[str, Any] | None, there: list[int]) -> None:
        rows = self._rows()
        known = {} if notes is None else notes["pictures"]
        for name in (self.path(seed).name for seed in there):
            if name not in known:
                raise ValueError(
                    f"{self.folder / name} is no picture that {NOTES} knows; choose another --out"
                )
        if notes is None:
            return
        now = json.loads(json.dumps({**self.settings, "pictures": rows}))
        pairs = [(name, notes.get(name), now[name]) for name in self.settings]
        pairs += [
            (name, known[name], row) for name, row in now["pictures"].items() if name in known
        ]
        for name, old, new in pairs:
            if old != new:
                raise ValueError(
                    f"{self.folder} holds samples that were drawn otherwise ({name}: {old} then, "
                    f"{new} now); choose another --out"
                )

    def _notes(self) -> dict[str, Any] | None:
        path = self.folder / NOTES
        if not path.exists():
            return None
        try:
            notes = json.loads(path.read_text(encoding="utf-8"))
            return {**notes, "pictures": dict(notes["pictures"])}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error!r}); choose another --out") from error

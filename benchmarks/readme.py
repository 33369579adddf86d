"""Copy the numbers of the records into the tables of both READMEs: `python benchmarks/readme.py`.

A row that begins with a model's name in backticks keeps its first cell, which is words. A second
row of the same codec has what it measures on the split "remainder".
"""

from pathlib import Path
from typing import Any

from vqlib.course.pretrained import pretrained_record
from vqlib.course.training.priors import PRIORS

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
CODECS = ("photos_vqvae", "photos_vqgan", "scenes_vqgan", "faces_vqgan")
DISTANCE = "feature distance (offline networks)"


def codec_cells(record: dict[str, Any], prefix: str = "") -> list[str]:
    """Parameters, steps, seconds; then PSNR, SSIM, perceptual and Fréchet distance."""
    values = record["held_out"]
    frechet = values.get(f"{prefix}frechet")
    return [
        *how(record),
        f"{values[f'{prefix}psnr_db']:.2f} dB",
        f"{values[f'{prefix}ssim']:.3f}",
        f"{values[f'{prefix}{DISTANCE}']:.3f}",
        f"{frechet['distance']:.1f}" if frechet else "–",
    ]


def prior_cells(record: dict[str, Any]) -> list[str]:
    """Parameters, steps, seconds; then nats per token."""
    return [*how(record), f"{record['held_out']['nll_nats_per_token']:.3f}"]


def how(record: dict[str, Any]) -> list[str]:
    """Parameters, steps and seconds."""
    return [f"{n:,}" for n in (record["parameters"], record["recipe"]["steps"], record["seconds"])]


def filled(text: str) -> str:
    """A README with the numbers of the records in its tables."""
    lines, seen = text.splitlines(keepends=True), set()
    for number, line in enumerate(lines):
        name = line.removeprefix("| `").partition("`")[0]
        if line.startswith("| `") and name in (*CODECS, *PRIORS):
            record = pretrained_record(name)
            if name in PRIORS:
                cells = prior_cells(record)
            else:
                cells = codec_cells(record, "remainder_" if name in seen else "")
            words = line.split("|")[1].strip()
            lines[number] = f"| {' | '.join([words, *cells])} |\n"
            seen.add(name)
    return "".join(lines)


def main() -> None:
    """Write both."""
    for path in READMES:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

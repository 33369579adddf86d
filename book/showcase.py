"""The pictures of the front page and of *Your own pictures*, drawn by the package's own models.

Nothing is chosen: held-out digits and samples are the first of each class, photographs are three
squares across the middle of each that no codec has seen, landscapes are the first held-out ones.
What is drawn is kept beside the executed notebooks until the library, its weights or this file
change.
"""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from books import BuildError
from execution import execution_digest, open_cache

SAMPLES = 3  # drawn digits of each class in the live piece
SIDE = 112  # of a square of a photograph, in pixels
INSET = 56  # side of what the inset enlarges
LANDSCAPES = 4
GUIDANCE = 2.0  # of the paintings
# The map that the page *Your own pictures* makes in Python: label, rows, columns.
OWN_MAP = ((3, slice(24, 36), slice(60, 150)), (5, slice(36, 44), slice(None)),
           (6, slice(44, None), slice(None)))  # fmt: skip
CAPTIONS = (
    "mountains behind a lake at dusk, a clear sky, a green meadow",
    "清晨，湖边有雪山，天空晴朗，近处是绿色的草地",
)
# Sky, sun, cloud, mountain, forest, water, meadow, tree: only for the eye.
LABEL_COLOURS = ("#a9d2f3", "#ffd54a", "#f4f6f8", "#8d8399", "#3f7d4e", "#3f86c6", "#a6cf6a",
                 "#1f5537")  # fmt: skip


def open_showcase(root: Path) -> Path:
    """The folder of the drawn pictures and of `facts.json`; draws them unless they are there.

    Raises BuildError where they cannot be drawn.
    """
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    folder = open_cache(execution_digest(root)) / f"showcase-{own}"
    if not folder.exists():
        print("Drawing the pictures of the front page.", flush=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent))
        # One thread: for models as small as these more of them only wait for one another.
        env = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        call = [sys.executable, __file__, str(new)]
        done = subprocess.run(call, env=env, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            shutil.rmtree(new)
            raise BuildError(f"The front page's pictures could not be drawn:\n{done.stderr}")
        if folder.exists():  # another build was faster
            shutil.rmtree(new)
        else:
            new.rename(folder)
    return folder


def draw(folder: Path) -> None:
    """Draw everything into `folder`."""
    import vqlib  # noqa: F401 (before torch: its idle threads then sleep)

    pictures = folder / "static/drawn"  # the site gets what is in static
    pictures.mkdir(parents=True)
    facts = {
        "digits": draw_digits(pictures),
        "photos": draw_photos(pictures),
        "verdicts": verdicts(),
    }
    draw_landscapes(pictures)
    (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")


def draw_digits(folder: Path) -> dict:
    """One sheet with a row for each class: a digit, its return, and drawings token by token.

    Returns:
        The tokens of the digits, and of the drawings in the order in which they are written.
    """
    import torch

    from vqlib.course.pretrained import load_pretrained
    from vqlib.data import digits
    from vqlib.show.token_by_token import unfinished

    codec, prior = load_pretrained("digits_vqvae"), load_pretrained("digits_gpt")
    held_out = digits("held_out")
    first = [int((held_out.labels == label).nonzero()[0]) for label in range(10)]
    x = held_out.images[first]  # (10, 1, 32, 32)
    s = codec.encode(x)  # (10, 4, 4)
    x_hat = codec.decode(s)
    c = torch.arange(10).repeat_interleave(4)
    drawn = prior.sample(c, seed=list(range(40))).view(10, 4, 4, 4)
    frames = [
        torch.cat([unfinished(codec, tokens) for tokens in of_class[:SAMPLES]])
        for of_class in drawn
    ]  # 10 × (SAMPLES · 17, 1, 32, 32)
    rows = [torch.cat([x[k : k + 1], x_hat[k : k + 1], frames[k]]) for k in range(10)]
    save(mosaic(torch.cat(rows), columns=len(rows[0])), folder / "digits.webp", quality=65)
    forty = codec.decode(drawn.flatten(0, 1))  # class after class
    forty = forty.view(10, 4, 1, 32, 32).transpose(0, 1).flatten(0, 1)
    save(mosaic(forty, columns=10, gap=2), folder / "forty.webp", quality=92)
    return {
        "columns": len(rows[0]),
        "grid": list(s.shape[1:]),
        "tokens": s.flatten(1).tolist(),
        "drawn": drawn[:, :SAMPLES].flatten(2).tolist(),
        "bits": round(s[0].numel() * math.log2(codec.config.num_codes)),
    }


def draw_photos(folder: Path) -> dict:
    """Nine squares, what both codecs make of them, and the place at which the VQVAE errs most.

    Returns:
        Where that place is, in the mosaic of three by three, in percent of its side.
    """
    import torch

    from vqlib.course.pretrained import load_pretrained
    from vqlib.data.photos import UNSEEN_PHOTOS, whole_pictures

    unseen = whole_pictures(UNSEEN_PHOTOS, "held_out")
    x = torch.cat([across(picture, SIDE) for picture in unseen])  # (9, 3, SIDE, SIDE)
    codecs = {name: load_pretrained(f"photos_{name}") for name in ("vqvae", "vqgan")}
    seen = {"original": x} | {name: c.decode(c.encode(x)) for name, c in codecs.items()}
    sheets = {name: mosaic(images, columns=3) for name, images in seen.items()}
    for name, sheet in sheets.items():
        save(sheet, folder / f"photos_{name}.webp", quality=86)
    pair = torch.stack([sheets["original"], sheets["vqgan"]])
    save(mosaic(pair, columns=2, gap=8), folder / "own_reconstructions.webp", quality=92)
    top, left = worst(x, seen["vqvae"])
    for name, sheet in sheets.items():
        inset = sheet[:, top : top + INSET, left : left + INSET]
        save(inset, folder / f"inset_{name}.webp", lossless=True)
    side = 3 * SIDE / 100
    return {"top": top / side, "left": left / side, "side": INSET / side}


def across(picture, side: int):
    """Three squares across the middle of a picture (C, H, W), in the middle of each third."""
    import torch

    _, H, W = picture.shape
    top, lefts = (H - side) // 2, [third * W // 6 - side // 2 for third in (1, 3, 5)]
    return torch.stack([picture[:, top : top + side, left : left + side] for left in lefts])


def worst(x, x_hat) -> tuple[int, int]:
    """Top and left, in the mosaic, of the cell of `INSET` pixels with the largest squared error."""
    from torch.nn.functional import avg_pool2d

    error = mosaic(avg_pool2d((x - x_hat).square().mean(1, keepdim=True), INSET), columns=3)[0]
    place, columns = int(error.argmax()), error.shape[1]
    return place // columns * INSET, place % columns * INSET


def draw_landscapes(folder: Path) -> None:
    """Held-out label maps above, paintings from them below; and what *Your own pictures* asks."""
    import torch

    from vqlib.data.scenes import Scenes
    from vqlib.generate import Sampling
    from vqlib.saved.find import pretrained_folder
    from vqlib.saved.pipeline import load_pipeline

    painter = load_pipeline(pretrained_folder("scenes_segmentation_gpt"))
    scenes = Scenes("held_out", count=LANDSCAPES, height=64, width=128)
    maps = torch.stack([scenes.scene(i).labels for i in range(LANDSCAPES)]).long()
    guided = Sampling(guidance=GUIDANCE)
    paintings = painter.sample_large((64, 128), maps, guided, seed=range(LANDSCAPES))
    pairs = torch.stack([coloured(maps), paintings], dim=1).flatten(0, 1)
    save(mosaic(pairs, columns=2, gap=2), folder / "landscapes.webp", quality=92)

    own = torch.zeros(1, 64, 192, dtype=torch.long)
    for label, rows, columns in OWN_MAP:
        own[0, rows, columns] = label
    painting = painter.sample_large((64, 192), own, guided, seed=0)
    own_pair = torch.cat([coloured(own), painting])
    save(mosaic(own_pair, columns=1, gap=2), folder / "own_painting.webp", quality=92)

    writer = load_pipeline(pretrained_folder("scenes_text_gpt"))
    told = writer.sample(list(CAPTIONS), seed=range(len(CAPTIONS)))
    save(mosaic(told, columns=len(CAPTIONS), gap=2), folder / "own_captions.webp", quality=92)


def coloured(maps):
    """Label maps (N, H, W) as pictures (N, 3, H, W)."""
    import torch

    rgb = [[int(colour[k : k + 2], 16) / 127.5 - 1 for k in (1, 3, 5)] for colour in LABEL_COLOURS]
    return torch.tensor(rgb)[maps].permute(0, 3, 1, 2)


def mosaic(images, columns: int, gap: int = 0):
    """Pictures (N, C, H, W) in rows, `gap` pixels apart and none around them: (C, …, …)."""
    from vqlib.data.pictures import grid

    sheet = grid(images, columns=columns, gap=gap)
    return sheet[:, gap : sheet.shape[1] - gap, gap : sheet.shape[2] - gap]


def save(image, path: Path, **options) -> None:
    """Write a picture (C, H, W) in [-1, 1] as WebP."""
    from PIL import Image

    pixels = image.detach().add(1).mul(127.5).round().clamp(0, 255).byte()
    array = pixels[0].numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).numpy()
    Image.fromarray(array).convert("RGB").save(path, method=6, **options)


def verdicts() -> list[list[str]]:
    """What the check of exercise 3.1 says to three answers, in each language."""
    from vqlib.course.checks.ch03 import check_straight_through
    from vqlib.course.checks.report import Mistake

    answers = (
        lambda z, z_q: z_q,
        lambda z, z_q: z_q + (z - z_q).detach(),
        lambda z, z_q: z + (z_q - z).detach(),
    )
    said = []
    for answer in answers:
        try:
            with redirect_stdout(StringIO()):
                check_straight_through(answer)
            said.append([])
        except Mistake as mistake:
            said.append(str(mistake).splitlines())
    return said


if __name__ == "__main__":
    draw(Path(sys.argv[1]))

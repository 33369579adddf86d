"""What test_same_bits.py compares: digests of all bundled pictures, printed as JSON.

Runs by itself, under settings that numpy and torch read when they are loaded.
"""

import json
from hashlib import sha256

from torch import Tensor

from vqlib.data import Glyphs, digits, faces, motorcycle, photos_and_textures, stack
from vqlib.data.scenes import Scene, scene

SIZES = ((64, 64), (51, 83), (128, 128), (8, 8))


def digests() -> dict[str, str]:
    """The first digits of the SHA-256 of each data set, pixels and all that is known of them."""
    sizes = (SIZES[seed % len(SIZES)] for seed in range(24))
    scenes = [scene(seed, height=h, width=w) for seed, (h, w) in enumerate(sizes)]
    small, large = faces(size=32), faces("held_out", size=50)
    return {
        "scenes": digest(*(part for one in scenes for part in parts(one))),
        "digits": digest(digits().images, digits("held_out", image_size=28).images),
        "faces": digest(stack(small), stack(large)),
        "glyphs": digest(stack(Glyphs(copies=1)), stack(Glyphs("held_out", size=50, copies=1))),
        "photos": digest(stack(photos_and_textures("held_out")), *motorcycle()),
    }


def parts(one: Scene) -> tuple[Tensor | str, ...]:
    return one.image, one.labels, one.depth, one.edges, repr((one.facts, one.caption))


def digest(*values: Tensor | str) -> str:
    found = sha256()
    for value in values:
        found.update(value.encode() if isinstance(value, str) else value.numpy().tobytes())
    return found.hexdigest()[:16]


if __name__ == "__main__":
    print(json.dumps(digests()))

"""The light of a time of day: colors of the sky, and of what the sky shines on."""

from dataclasses import dataclass

import numpy as np

from vqlib.data.exact import mix
from vqlib.data.scenery.canvas import rgb

# The sky at the top, half-way and at the horizon; sun or moon; light and shadow on the land.
# Each time of day has two rows, and a picture is somewhere between them.
PALETTES = {
    "dawn": (
        "6d8cc4 f0b8b4 ffe3b8 fff0b8 ffdcc0 7a76a4",
        "7fb0d0 f7cfae fff0d0 ffe9a0 ffe8c0 7484a2",
    ),
    "day": (
        "2f74c0 7db8e6 dff0f2 fffbe4 fff8e6 7a8cb0",
        "4a9bd4 a5d4ea f6efd9 fffbe8 fff8e8 78889e",
    ),
    "dusk": (
        "34336e b8507c ff9f5a ff5a34 ffb890 5c4c7e",
        "2a3a72 9a6090 f9a274 ff5c3c ffb096 4e4a7c",
    ),
    "night": (
        "08103a 1c3270 4a72a8 f8f6e4 9ab2e0 2c3a68",
        "10103c 34347c 7a7ab4 fff8ea a4a4dc 343062",
    ),
}


@dataclass(frozen=True)
class Light:
    """The colors of one picture, each float32 (3, 1, 1), and where its light comes from."""

    top: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    sun: np.ndarray
    bright: np.ndarray
    shadow: np.ndarray
    side: int
    """−1: from the left, 1: from the right."""

    @classmethod
    def of(cls, time: str, side: int, rng) -> "Light":
        """The light at "dawn", "day", "dusk" or "night"."""
        one, other = (np.stack([rgb(code) for code in row.split()]) for row in PALETTES[time])
        return cls(*mix(one, other, rng.random(dtype=np.float32)), side)

    def on(self, albedo, lit):
        """The color of a surface between shadow (lit = 0) and full light (1)."""
        return albedo * mix(self.shadow, self.bright, lit)

    @property
    def haze(self):
        """What far things fade into."""
        return mix(self.low, self.middle, np.float32(0.4))

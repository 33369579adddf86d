"""Procedural landscapes: facts, and the canvas, light, land and plants to paint them with."""

from vqlib.data.scenery.canvas import LABELS, OVERSAMPLING, Canvas
from vqlib.data.scenery.facts import SIDES, Facts, chinese, english, random_facts
from vqlib.data.scenery.land import clouds, meadow, mountains, shoreline, sky, sun, water
from vqlib.data.scenery.light import Light
from vqlib.data.scenery.plants import forest, grass, trees

__all__ = [
    "LABELS",
    "OVERSAMPLING",
    "SIDES",
    "Canvas",
    "Facts",
    "Light",
    "chinese",
    "clouds",
    "english",
    "forest",
    "grass",
    "meadow",
    "mountains",
    "random_facts",
    "shoreline",
    "sky",
    "sun",
    "trees",
    "water",
]

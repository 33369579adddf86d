"""Exactly rounded stand-ins for functions that are not."""

import math

import numpy as np

from vqlib.data.exact import decay, mix, turn


def test_decay_is_nearly_the_exponential():
    x = np.linspace(0, 60, 2001, dtype=np.float32)
    found = decay(x)
    assert found.dtype == np.float32
    assert np.abs(found - np.exp(-x)).max() < 1e-4
    assert found[0] == 1
    assert (np.diff(found) <= 0).all()
    assert decay(np.float32(1e9)) == 0


def test_turn_is_nearly_cosine_and_sine():
    for angle in np.linspace(0, 20, 401).tolist():
        across, up = turn(angle)
        assert abs(across - math.cos(angle)) < 0.002
        assert abs(up - math.sin(angle)) < 0.002


def test_mix_goes_from_one_to_the_other():
    assert [mix(2.0, 6.0, t) for t in (0, 0.25, 1)] == [2, 3, 6]

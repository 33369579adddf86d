"""The pretrained models do what their records say."""

import pytest

from vqlib.course.make_weights import measure_codec, measure_prior
from vqlib.course.pretrained import WEIGHTS, load_pretrained, pretrained_record

NAMES = ["digits_vqvae", "digits_gpt"]


def test_the_package_stays_small():
    size = sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file())
    assert size < 2_000_000


@pytest.mark.parametrize("name", NAMES)
def test_each_record_says_how_the_model_was_made(name):
    record = pretrained_record(name)
    assert {"command", "seed", "recipe", "seconds", "machine", "torch", "held_out"} <= set(record)
    parameters = sum(p.numel() for p in load_pretrained(name).parameters())
    assert parameters == record["parameters"]


def test_the_codec_measures_as_recorded():
    measured = measure_codec(load_pretrained("digits_vqvae"))
    assert measured == pytest.approx(pretrained_record("digits_vqvae")["held_out"], rel=0.01)
    assert measured["codebook_usage"] > 0.9


def test_of_500_samples_a_classifier_of_real_digits_recognises_nine_in_ten():
    codec, prior = load_pretrained("digits_vqvae"), load_pretrained("digits_gpt")
    measured = measure_prior(codec, prior)
    assert measured == pytest.approx(pretrained_record("digits_gpt")["held_out"], rel=0.02)
    assert measured["samples"] == 500
    assert measured["samples_recognised"] >= 0.9


def test_an_unknown_model_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="'digits_gpt2'; there are digits_gpt, digits_vqvae"):
        load_pretrained("digits_gpt2")

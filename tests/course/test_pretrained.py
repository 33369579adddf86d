"""The pretrained models do what their records say."""

import math

import pytest

from vqlib.compress import FeatureDistance
from vqlib.course.pretrained import load_pretrained, pretrained_record
from vqlib.course.training import JOBS, digits, photos, priors
from vqlib.course.training.ledger import BUDGET
from vqlib.data.images import stack
from vqlib.saved.find import WEIGHTS
from vqlib.saved.pipeline import load_pipeline

NAMES = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))


def test_the_package_stays_small():
    size = sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file())
    assert size < BUDGET


def test_every_model_has_its_job():
    assert sorted(JOBS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_record_says_how_the_model_was_made(name):
    record = pretrained_record(name)
    assert record["command"] == f"python -m vqlib.course.make_weights {name}"
    assert record["data"] == JOBS[name].data
    for key in ("commit", "seed", "seconds", "machine", "torch", "inputs"):
        assert record[key] not in ("", None), key
    parameters = sum(p.numel() for p in load_pretrained(name).parameters())
    assert parameters == record["parameters"]


@pytest.mark.parametrize("name", NAMES)
def test_training_again_would_follow_the_recipe_of_the_record(name):
    assert JOBS[name].recipe.differences(pretrained_record(name)["recipe"]) == {}


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("offline")])
def test_each_model_measures_as_recorded(name):
    expected = pretrained_record(name)["held_out"]
    measured = JOBS[name].measure(load_pretrained(name))
    for key in [key for key in expected if key.endswith("frechet")]:
        frechet, recorded = measured.pop(key), expected.pop(key)
        assert frechet["protocol"] == recorded["protocol"]
        assert frechet["distance"] == pytest.approx(recorded["distance"], rel=0.02)
    assert measured == pytest.approx(expected, rel=0.02)


def held_out(name: str) -> dict:
    return pretrained_record(name)["held_out"]


def test_codecs_use_their_codebooks_and_leave_no_grid():
    codecs = {name: held_out(name) for name in NAMES if "codebook_usage" in held_out(name)}
    assert len(codecs) == 7
    for name, values in codecs.items():
        assert values["codebook_usage"] > 0.8, name
        if "grid_energy" in values:
            assert values["grid_energy"] < 1.5 * values["grid_energy_of_the_originals"] + 0.1, name


def test_vqgan_is_closer_to_unseen_photos_for_features_though_not_in_pixels():
    plain, sharp = (held_out(f"photos_{kind}") for kind in ("vqvae", "vqgan"))
    assert sharp["frechet"]["distance"] < plain["frechet"]["distance"] / 2
    assert sharp["psnr_db"] < plain["psnr_db"]
    # A network that neither was trained with sees the same.
    judge, x = (
        FeatureDistance(load_pretrained("offline_features")),
        stack(photos.images("held_out")),
    )
    codecs = (load_pretrained(f"photos_{kind}") for kind in ("vqvae", "vqgan"))
    far, near = (judge(codec.decode(codec.encode(x)), x).mean() for codec in codecs)
    assert near < 0.75 * far


def test_label_maps_come_back_almost_unchanged():
    assert held_out("scenes_labels")["pixel_accuracy"] > 0.9


def test_most_digits_of_both_priors_are_recognised():
    for name in digits.PRIORS:
        assert held_out(name)["samples"] == 500
        assert held_out(name)["samples_recognised"] >= 0.85


@pytest.mark.parametrize("name", priors.PRIORS)
def test_the_priors_know_more_than_nothing_and_where_their_codecs_are(name):
    pipeline = load_pipeline(WEIGHTS / name)
    guessing = math.log(pipeline.codec.config.num_codes)
    assert held_out(name)["nll_nats_per_token"] < guessing - 0.3
    assert pipeline.condition == priors.PRIORS[name].kind


def test_an_unknown_model_is_named_with_those_there_are():
    known = "digits_gpt, digits_pixelcnn, digits_vqvae"
    with pytest.raises(ValueError, match=f"'digits_gpt2'; there are {known}"):
        load_pretrained("digits_gpt2")

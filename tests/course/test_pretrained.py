"""The pretrained models do what their records say."""

import math
from dataclasses import replace

import pytest

from vqlib.compress import FeatureDistance
from vqlib.course.make_weights import JOBS
from vqlib.course.pretrained import load_pretrained, pretrained_record
from vqlib.course.training import codecs, digits, features, photos, priors, scenes
from vqlib.course.training import faces as faces_job
from vqlib.course.training.digits import measure_codec, measure_prior
from vqlib.data.faces import faces
from vqlib.data.images import TensorImages, stack
from vqlib.data.photos import photos_and_textures
from vqlib.saved.find import WEIGHTS
from vqlib.saved.pipeline import load_pipeline

NAMES = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))


@pytest.fixture(scope="module")
def painted():
    """The held-out scenes of the records."""
    return scenes.paint("held_out", scenes.NUM_HELD_OUT)


def test_the_package_stays_small():
    size = sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file())
    assert size < 10_000_000


@pytest.mark.parametrize("name", NAMES)
def test_each_record_says_how_the_model_was_made(name):
    record = pretrained_record(name)
    assert {"command", "seed", "recipe", "seconds", "machine", "torch", "held_out"} <= set(record)
    parameters = sum(p.numel() for p in load_pretrained(name).parameters())
    assert parameters == record["parameters"]
    program, _, job = record["command"].rpartition(" ")
    assert program == "python -m vqlib.course.make_weights" and job in JOBS


RECIPES = {
    "digits_vqvae": digits.VQVAE_RECIPE,
    **dict.fromkeys(digits.PRIORS, digits.PRIOR_RECIPE),
    **{name: replace(features.RECIPE, seed=seed) for seed, name in enumerate(features.NAMES)},
    "photos_vqvae": photos.VQVAE_RECIPE,
    "photos_vqgan": photos.VQGAN_RECIPE,
    "scenes_vqgan": scenes.RECIPE,
    "scenes_labels": scenes.LABELS_RECIPE,
    "scenes_depth": scenes.LABELS_RECIPE,
    "faces_vqgan": faces_job.RECIPE,
    **{name: job.recipe for name, job in priors.PRIORS.items()},
}


@pytest.mark.parametrize("name", NAMES)
def test_training_again_would_follow_the_recipe_of_the_record(name):
    assert RECIPES[name].differences(pretrained_record(name)["recipe"]) == {}


def test_the_digits_codec_measures_as_recorded():
    measured = measure_codec(load_pretrained("digits_vqvae"))
    assert measured == pytest.approx(pretrained_record("digits_vqvae")["held_out"], rel=0.01)
    assert measured["codebook_usage"] > 0.9


@pytest.mark.parametrize("name", digits.PRIORS)
def test_of_500_samples_a_classifier_of_real_digits_recognises_most(name):
    measured = measure_prior(load_pretrained("digits_vqvae"), load_pretrained(name))
    assert measured == pytest.approx(pretrained_record(name)["held_out"], rel=0.02)
    assert measured["samples"] == 500
    assert measured["samples_recognised"] >= 0.85


# Until these learn again from scenes as they are painted now, what they measure on them is only
# close, and the pictures that it was measured on are others in their last bits.
REPAINTED = {"scenes_vqgan", "scenes_depth"}


def check_codec(name: str, held_out) -> dict:
    record = pretrained_record(name)
    expected = record["held_out"]
    reference = f"{record['data']}, held out"
    measured = codecs.measured(load_pretrained(name), held_out, reference, progress=False)
    if "frechet" in expected:
        frechet, recorded = measured.pop("frechet"), expected.pop("frechet")
        protocols = frechet["protocol"], recorded["protocol"]
        if name in REPAINTED:
            assert len({protocol.pop("reference_digest") for protocol in protocols}) == 2
        assert protocols[0] == protocols[1]
        assert frechet["distance"] == pytest.approx(recorded["distance"], rel=0.02)
        measured["frechet"] = expected["frechet"] = frechet["distance"]
    assert measured == pytest.approx(expected, rel=0.01)
    return measured


def test_vqgan_is_closer_to_photos_for_features_though_not_in_pixels():
    held_out = photos_and_textures("held_out")
    plain, sharp = (check_codec(f"photos_{kind}", held_out) for kind in ("vqvae", "vqgan"))
    assert sharp["frechet"] < plain["frechet"] / 2
    assert sharp["psnr_db"] < plain["psnr_db"]
    # A network that neither was trained with sees the same.
    judge, x = FeatureDistance(load_pretrained("offline_features")), stack(held_out)
    codecs = (load_pretrained(f"photos_{kind}") for kind in ("vqvae", "vqgan"))
    far, near = (judge(codec.decode(codec.encode(x)), x).mean() for codec in codecs)
    assert near < far / 2


def test_the_faces_codec_measures_as_recorded():
    check_codec("faces_vqgan", faces("held_out"))


def test_the_scenes_codec_measures_as_recorded(painted):
    measured = check_codec("scenes_vqgan", TensorImages(painted.images))
    assert measured["codebook_usage"] > 0.9


def test_label_maps_come_back_almost_unchanged(painted):
    measured = scenes.measured(load_pretrained("scenes_labels"), painted.labels)
    assert measured == pytest.approx(pretrained_record("scenes_labels")["held_out"], rel=0.01)
    assert measured["pixel_accuracy"] > 0.9


def test_the_depth_codec_measures_as_recorded(painted):
    check_codec("scenes_depth", TensorImages(painted.depth))


@pytest.mark.parametrize("name", priors.PRIORS)
def test_the_priors_predict_held_out_pictures_as_recorded(name):
    pipeline, expected = load_pipeline(WEIGHTS / name), pretrained_record(name)["held_out"]
    assert priors.measured(name, pipeline.prior) == pytest.approx(expected, rel=0.005)
    guessing = math.log(pipeline.codec.config.num_codes)
    assert expected["nll_nats_per_token"] < guessing - 0.3
    assert pipeline.condition == priors.PRIORS[name].kind


def test_an_unknown_model_is_named_with_those_there_are():
    known = "digits_gpt, digits_pixelcnn, digits_vqvae"
    with pytest.raises(ValueError, match=f"'digits_gpt2'; there are {known}"):
        load_pretrained("digits_gpt2")

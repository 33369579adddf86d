"""What a recipe refuses, and the learning rate that it sets."""

import json
import math

import pytest

from tests.train.small import QUIET, SHORT, images
from vqlib.compress import vqvae_digits
from vqlib.saved.run_folder import latest_checkpoint
from vqlib.train import PriorRecipe, VQGANRecipe, VQVAERecipe, train_vqvae
from vqlib.train.features import FeatureRecipe

WRONG = {
    "steps": (0, -3),
    "batch_size": (0,),
    "learning_rate": (0.0, -1.0, math.nan),
    "warmup_steps": (-1,),
    "accumulate": (0, 3),
    "ema_decay": (0.0, 1.0, -0.5),
    "log_every": (0,),
    "save_every": (0,),
}
WRONG_STAGE1 = {
    "codebook_weight": (-1.0,),
    "commitment_weight": (-0.25,),
    "restart_every": (0,),
    "workers": (-1,),
    "sample_every": (0,),
}
WRONG_VQGAN = {
    "pixel_weight": (-1.0,),
    "perceptual_weight": (-1.0,),
    "disc_weight": (-0.8,),
    "disc_start": (-1,),
    "disc_layers": (0,),
    "disc_channels": (0,),
}
CASES = [
    (recipe, field, value)
    for recipe, wrong in (
        (VQVAERecipe, WRONG | WRONG_STAGE1),
        (VQGANRecipe, WRONG_STAGE1 | WRONG_VQGAN),
        (PriorRecipe, {"steps": (0,), "weight_decay": (-0.1,)}),
        (FeatureRecipe, {"steps": (0,)}),
    )
    for field, values in wrong.items()
    for value in values
]


@pytest.mark.parametrize(("recipe", "field", "value"), CASES)
def test_a_wrong_value_is_named(recipe, field, value):
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        recipe(**{field: value})


@pytest.mark.parametrize(
    ("recipe", "field", "value", "choices"),
    [
        (PriorRecipe, "schedule", "linear", "'cosine', 'constant'"),
        (FeatureRecipe, "precision", "fp16", "'fp32', 'bf16'"),
        (VQGANRecipe, "pixel_loss", "huber", "'l1', 'l2'"),
        (VQGANRecipe, "disc_loss", "wasserstein", "'hinge', 'nonsaturating'"),
    ],
)
def test_a_choice_that_there_is_not_is_named(recipe, field, value, choices):
    wrong = recipe()
    object.__setattr__(wrong, field, value)  # the test run's type check would refuse it first
    with pytest.raises(ValueError, match=f"{field} is '{value}'; use one of {choices}"):
        wrong.__post_init__()


def test_the_learning_rate_warms_up_and_decays():
    recipe = VQVAERecipe(steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [recipe.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] < 0.001


def test_a_constant_schedule_stays_at_the_peak():
    recipe = VQVAERecipe(steps=100, warmup_steps=10, learning_rate=2.0, schedule="constant")
    rates = [recipe.learning_rate_at(step) for step in range(100)]
    assert rates[4] == pytest.approx(1.0)
    assert set(rates[10:]) == {2.0}


@pytest.mark.parametrize(("schedule", "share"), [("cosine", 0.25), ("constant", 1.0)])
def test_the_optimiser_follows_the_schedule(schedule, share, tmp_path):
    # With one step of warm-up, step 3 of 4 is two thirds down the cosine: ½(1 + cos ⅔π) = ¼.
    recipe = VQVAERecipe(**SHORT, steps=4, warmup_steps=1, learning_rate=1e-3, schedule=schedule)
    train_vqvae(images(), vqvae_digits(), recipe, folder=tmp_path, **QUIET)
    saved = json.loads((latest_checkpoint(tmp_path) / "training.json").read_text())
    assert [group["lr"] for group in saved["param_groups"]["optimizer"]] == [
        pytest.approx(share * 1e-3)
    ]

"""What a run writes besides its model: pictures, TensorBoard's files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.train.small import QUIET, SHORT, images, label_maps_of_digits
from vqlib.compress import EMACodes, label_maps, vqvae_digits
from vqlib.data import TensorImages, digits
from vqlib.data.label_maps import TensorLabelMaps
from vqlib.train import VQVAERecipe, train_vqvae
from vqlib.train.runlog import RunLog


def train(folder, data=None, config=None, **changes):
    recipe = VQVAERecipe(**SHORT | {"steps": 5} | changes)
    return train_vqvae(data or images(), config or vqvae_digits(), recipe, folder=folder, **QUIET)


def sizes(folder) -> dict[str, tuple[int, int]]:
    """Width and height of each sample picture, all of it read."""
    pictures = {}
    for path in sorted((folder / "samples").iterdir()):
        with Image.open(path) as picture:
            picture.load()
            pictures[path.name] = picture.size
    return pictures


def test_every_so_often_a_picture_shows_what_the_model_makes(tmp_path):
    config = replace(vqvae_digits(), codes=EMACodes())  # these move in train mode alone
    plain = train(None, config=config)
    trained = train(tmp_path, config=config, sample_every=2)
    eight_columns = (8 * (32 + 2) + 2, 2 * (32 + 2) + 2)  # images above their reconstructions
    names = ["step_00000002.png", "step_00000004.png", "step_00000005.png"]
    assert sizes(tmp_path) == dict.fromkeys(names, eight_columns)
    losses = [[entry["loss"] for entry in run.history] for run in (plain, trained)]
    assert losses[0] == losses[1]  # drawing them changed nothing


def test_fewer_than_eight_images_are_all_shown(tmp_path):
    three = TensorImages(digits().images[:3])
    train(tmp_path, three, steps=1, batch_size=2, sample_every=1)
    assert sizes(tmp_path) == {"step_00000001.png": (3 * 34 + 2, 70)}


def test_label_maps_are_shown_in_greys(tmp_path):
    maps = TensorLabelMaps(label_maps_of_digits())
    config = label_maps(vqvae_digits(), 5)
    train(tmp_path, maps, config, steps=1, sample_every=1)
    with Image.open(tmp_path / "samples" / "step_00000001.png") as picture:
        assert picture.size == (274, 70)
        labels = torch.tensor(np.array(picture))[2:34, 2:34]
    expected = maps[0].float().div(4).mul(255).round()  # label 4 of 0 … 4 is white
    assert torch.equal(labels.float(), expected)


def board(folder) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard")).Reload()


def test_tensorboard_reads_back_what_the_history_says(tmp_path):
    history = train(tmp_path, tensorboard=True, sample_every=5).history
    events = board(tmp_path)
    assert set(events.Tags()["scalars"]) == history[0].keys() - {"step", "seconds"}
    for name in events.Tags()["scalars"]:
        points = {event.step: event.value for event in events.Scalars(name)}
        assert points == pytest.approx({entry["step"]: entry[name] for entry in history}, rel=1e-6)
    (picture,) = events.Images("samples")
    assert (picture.step, picture.width, picture.height) == (5, 274, 70)


def test_tensorboard_forgets_steps_that_are_done_again(tmp_path):
    for first, value in ((0, 1.0), (2, 7.0)):  # the second run goes on after step 2
        log = RunLog(tmp_path, writes=True, tensorboard=True)
        log.go_back_to(first)
        for step in range(first, 4):
            log.add(step + 1, 0.0, {"loss": value})
        log.close()
    points = [(event.step, event.value) for event in board(tmp_path).Scalars("loss")]
    assert points == [(1, 1.0), (2, 1.0), (3, 7.0), (4, 7.0)]
    assert [entry["loss"] for entry in log.history] == [1.0, 1.0, 7.0, 7.0]


def test_only_the_main_process_writes(tmp_path):
    log = RunLog(tmp_path, writes=False, tensorboard=True)
    log.go_back_to(0)
    log.add(1, 0.0, {"loss": 1.0})
    log.add_picture(1, digits().images[0])
    log.close()
    assert list(tmp_path.iterdir()) == []
    assert log.history == [{"step": 1, "seconds": 0.0, "loss": 1.0}]

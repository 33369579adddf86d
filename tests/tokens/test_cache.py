"""Token caches: what is in them is what the codec says, whole or not at all."""

import io
import json
import os
import pickle
import signal
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.train.small import QUIET, SHORT, label_maps_of_digits, vqgan_digits
from vqlib.compress import initialize_codes, label_maps, vqvae_digits
from vqlib.compress.palette import ColorPalette, ColorPaletteConfig
from vqlib.course.pretrained import load_pretrained
from vqlib.data import TensorImages, digits
from vqlib.data.batches import Draw, draw_batches
from vqlib.data.label_maps import TensorLabelMaps
from vqlib.generate import ClassCondition, GPTConfig, MapCondition, TextCondition
from vqlib.saved import load_model, save_model
from vqlib.tokens import TokenGrids
from vqlib.tokens.cache import open_token_cache, write_token_cache
from vqlib.train import PriorRecipe, train_prior

OFF = {"progress": False}


def palette(num_codes: int = 64) -> ColorPalette:
    """A codec with a token for each pixel."""
    codec = ColorPalette(ColorPaletteConfig(num_codes, image_size=4, image_channels=1))
    codec.colors.copy_(torch.linspace(-1, 1, num_codes)[:, None])
    return codec


def images(count: int = 10, *, flip: bool = False) -> TensorImages:
    """Pictures of 4×4 pixels, all different."""
    pixels = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return TensorImages(pixels, flip=flip)


def as_tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.int64))


def test_the_tokens_are_those_of_the_codec(tmp_path):
    codec, x = load_pretrained("digits_vqvae"), digits().images[:10]
    labels = digits().labels[:10]
    data = write_token_cache(tmp_path / "a" / "b", codec, TensorImages(x), values=labels, **OFF)
    for grids in (data, open_token_cache(tmp_path / "a" / "b", codec)):
        assert isinstance(grids, TokenGrids)
        assert isinstance(grids.tokens, np.memmap)
        assert isinstance(grids.values, np.memmap)
        assert grids.tokens.dtype == np.uint16
        assert torch.equal(as_tensor(grids.tokens), codec.encode(x))
        assert torch.equal(as_tensor(grids.values), labels)
    notes = json.loads((tmp_path / "a" / "b" / "cache.json").read_text())
    digest = notes.pop("codec")
    assert notes == {
        "num_codes": 64,
        "grid": [4, 4],
        "number": 10,
        "copies": 1,
        "seed": 0,
        "values": True,
    }
    assert len(digest) == 64
    assert int(digest, 16)


def test_a_large_codebook_gets_more_bits(tmp_path):
    for num_codes, kind in ((2**16, np.uint16), (2**16 + 1, np.int32)):
        codec, x = palette(num_codes), images(2)
        codec.colors[:-1] = -1.0  # so that light pixels have the last code
        grids = write_token_cache(tmp_path / str(num_codes), codec, x, **OFF)
        assert grids.tokens.dtype == kind
        assert grids.tokens.max() == num_codes - 1
        assert torch.equal(as_tensor(grids.tokens), codec.encode(x.images))
        assert grids.values is None


def test_label_maps_have_a_cache_too(tmp_path):
    codec, labels = label_maps(vqvae_digits(), 5).build(), label_maps_of_digits()[:10]
    latents = codec.latents(codec.one_hot(labels))
    initialize_codes(codec.quantizer, latents, generator=torch.Generator())
    grids = write_token_cache(tmp_path / "cache", codec, TensorLabelMaps(labels), **OFF)
    assert torch.equal(as_tensor(grids.tokens), codec.encode(labels))
    assert len(np.unique(grids.tokens)) > 10


@pytest.mark.parametrize(("batch_size", "workers"), [(64, 0), (7, 1)])
def test_copies_are_random_draws_that_depend_on_the_seed_alone(tmp_path, batch_size, workers):
    codec, x = palette(), images(flip=True)
    options = {"values": torch.arange(10), "batch_size": batch_size, "workers": workers, **OFF}
    grids = write_token_cache(tmp_path / "cache", codec, x, copies=3, seed=5, **options)
    draws = [[Draw(i % 10, i)] for i in range(30)]
    expected = torch.cat(list(draw_batches(x, draws, seed=5)))
    assert torch.equal(as_tensor(grids.tokens), codec.encode(expected))
    assert grids.values.tolist() == list(range(10)) * 3
    plain, mirrored = codec.encode(x.images), codec.encode(x.images.flip(-1))
    for number, tokens in enumerate(as_tensor(grids.tokens)):
        either = (plain[number % 10], mirrored[number % 10])
        assert any(torch.equal(tokens, version) for version in either)
    assert not torch.equal(as_tensor(grids.tokens[:10]), as_tensor(grids.tokens[10:20]))
    other = write_token_cache(tmp_path / "other", codec, x, copies=3, seed=6, **options)
    assert not np.array_equal(other.tokens, grids.tokens)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_single_copy_is_the_images_as_they_are(tmp_path, workers):
    codec, x = palette(), images(flip=True)
    grids = write_token_cache(tmp_path / "cache", codec, x, workers=workers, batch_size=3, **OFF)
    assert torch.equal(as_tensor(grids.tokens), codec.encode(x.images))


def test_the_codec_works_in_eval_mode_and_keeps_its_own(tmp_path):
    codec, x = vqgan_digits().build(), digits().images[:10]
    initialize_codes(codec.quantizer, codec.latents(x), generator=torch.Generator())
    assert not torch.equal(codec.encode(x), codec.encode(x))  # dropout
    grids = write_token_cache(tmp_path / "cache", codec, TensorImages(x), device="cpu", **OFF)
    assert codec.training
    assert torch.equal(as_tensor(grids.tokens), codec.eval().encode(x))


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        (ClassCondition(10), torch.arange(10)),
        (ClassCondition(10), np.arange(10, dtype=np.uint8)),
        (MapCondition(60, (2, 3)), torch.arange(60, dtype=torch.int32).view(10, 2, 3)),
        (TextCondition(("moon", "sun"), 2), torch.tensor([[1, 2]] * 10)),
    ],
)
def test_training_from_disk_is_training_from_memory(tmp_path, condition, values):
    codec, x = palette(), images()
    config = GPTConfig(64, (4, 4), condition, num_layers=1, num_heads=2, width=8)
    recipe = PriorRecipe(steps=4, **SHORT)
    from_disk = write_token_cache(tmp_path / "cache", codec, x, values=values, **OFF)
    from_memory = TokenGrids(codec.encode(x.images), values)
    one, two = (train_prior(data, config, recipe, **QUIET) for data in (from_disk, from_memory))
    assert [entry["loss"] for entry in one.history] == [entry["loss"] for entry in two.history]
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, two.model.state_dict()[name]), name


class Counted(TensorImages):
    """Knows how many of the images that it has given are still alive."""

    def __init__(self, count: int):
        super().__init__(images().images)
        self.count, self.alive, self.most = count, weakref.WeakSet(), 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Tensor:
        image = self.images[index % 10].clone()
        self.alive.add(image)
        self.most = max(self.most, len(self.alive))
        return image


@pytest.mark.parametrize("copies", [1, 2])
def test_only_few_images_are_in_memory_at_once(tmp_path, copies):
    x = Counted(300)
    grids = write_token_cache(tmp_path / "c", palette(), x, batch_size=5, copies=copies, **OFF)
    assert len(grids) == 300 * copies
    assert 5 <= x.most <= 10


# Whole or not at all


class Interrupted(TensorImages):
    """Somebody presses Ctrl-C while image number 7 is read."""

    def __getitem__(self, index: int) -> Tensor:
        if index == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return super().__getitem__(index)


class Broken(TensorImages):
    """The file of image number 7 is damaged."""

    def __getitem__(self, index: int) -> Tensor:
        if index == 7:
            raise OSError("picture 7 is damaged")
        return super().__getitem__(index)


@pytest.mark.parametrize(("kind", "error"), [(Interrupted, KeyboardInterrupt), (Broken, OSError)])
@pytest.mark.parametrize("values", [None, torch.arange(10)])
def test_an_interrupted_write_leaves_nothing(tmp_path, kind, error, values):
    x = kind(images().images)
    with pytest.raises(error):
        write_token_cache(tmp_path / "c", palette(), x, values=values, batch_size=2, **OFF)
    assert list(tmp_path.iterdir()) == []
    write_token_cache(tmp_path / "c", palette(), images(), values=values, batch_size=2, **OFF)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_what_is_there_is_never_overwritten(tmp_path):
    write_token_cache(tmp_path / "cache", palette(), images(), **OFF)
    before = {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
    assert before.keys() == {"tokens.npy", "cache.json"}
    for x in (images(), images(5)):
        with pytest.raises(FileExistsError, match="cache is there already: open it with open_tok"):
            write_token_cache(tmp_path / "cache", palette(), x, **OFF)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}


# Whose tokens


def test_a_cache_knows_its_codec(tmp_path):
    codec = load_pretrained("digits_vqvae")
    x = TensorImages(digits().images[:4])
    write_token_cache(tmp_path / "cache", codec, x, **OFF)
    save_model(codec, tmp_path / "model")
    open_token_cache(tmp_path / "cache", load_model(tmp_path / "model"))  # the same, read again
    open_token_cache(tmp_path / "cache")
    mine = json.loads((tmp_path / "cache" / "cache.json").read_text())["codec"][:12]
    with torch.no_grad():
        next(codec.encoder.parameters()).flatten()[0] += 1e-3
    for other in (codec, palette()):
        with pytest.raises(ValueError, match=f"codec {mine}, and this codec is [0-9a-f]{{12}}:"):
            open_token_cache(tmp_path / "cache", other)


# What is refused


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"copies": 0}, "copies is 0, batch_size 64, and there are 10 images"),
        ({"batch_size": 0}, "copies is 1, batch_size 0, and there are 10 images"),
        ({"values": ["sun"] * 10}, "values are a list; .* TextCondition.ids"),
        ({"values": torch.arange(9)}, r"shape \(9,\) and are int64; .* each of the 10 images"),
        ({"values": np.zeros(())}, r"shape \(\) and are float64; whole numbers with one row"),
        ({"values": torch.zeros(10)}, r"shape \(10,\) and are float32; whole numbers"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        write_token_cache(tmp_path / "cache", palette(), images(), **OFF, **wrong)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_data_set_is_named(tmp_path):
    with pytest.raises(ValueError, match="there are 0 images; each must be at least 1"):
        write_token_cache(tmp_path / "cache", palette(), Counted(0), **OFF)


@pytest.fixture
def folder(tmp_path) -> Path:
    write_token_cache(tmp_path / "cache", palette(), images(), values=torch.arange(10), **OFF)
    return tmp_path / "cache"


@pytest.mark.parametrize("name", ["cache.json", "tokens.npy", "values.npy"])
def test_missing_files_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{folder / name} not found"):
        open_token_cache(folder)
    with pytest.raises(FileNotFoundError, match="elsewhere/cache.json not found; write_token_cac"):
        open_token_cache(folder / "elsewhere")


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm"),)


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", saved(np.arange(10)))
    return file.getvalue()


DAMAGED = {
    "empty": (b"", "is damaged"),
    "cut short": (saved(np.arange(10))[:-1], "is damaged"),
    "cut in its header": (saved(np.arange(10))[:30], "is damaged"),
    "garbage": (b"garbage" * 100, "is damaged"),
    "a pickle": (pickle.dumps(Harmful()), "is damaged"),
    "a pickle in an array": (saved(np.array([Harmful()] * 10, dtype=object)), "is damaged"),
    "an archive": (zipped(), "is damaged"),
    "half an archive": (zipped()[:50], "is damaged"),
    "fractions": (saved(np.zeros((10, 4, 4))), "holds no whole numbers"),
}


@pytest.mark.parametrize("name", ["tokens.npy", "values.npy"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_arrays_are_named_and_nothing_is_unpickled(folder, name, damage, monkeypatch):
    content, message = DAMAGED[damage]
    (folder / name).write_bytes(content)
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match=f"{folder / name} {message}"):
        open_token_cache(folder)
    assert not (folder / "harm").exists()


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("tokens.npy", np.zeros((9, 4, 4), np.uint16), r"holds uint16 of shape \(9, 4, 4\), which"),
        ("tokens.npy", np.zeros((10, 4, 5), np.uint16), r"holds uint16 of shape \(10, 4, 5\)"),
        ("tokens.npy", np.zeros((10, 4, 4), np.int64), "holds int64 of shape"),
        ("values.npy", np.zeros(9, np.int64), r"has the shape \(9,\), but there are 10 pictures"),
        ("values.npy", np.zeros((), np.int64), r"has the shape \(\), but there are 10 pictures"),
    ],
)
def test_arrays_of_another_cache_are_named(folder, name, array, message):
    (folder / name).write_bytes(saved(array))
    with pytest.raises(ValueError, match=f"{folder / name} {message}"):
        open_token_cache(folder)


@pytest.mark.parametrize(
    "change",
    [
        None,
        {"grid": None},
        {"grid": [4]},
        {"grid": 4},
        {"grid": ["a", "b"]},
        {"number": None},
        {"number": []},
        {"num_codes": "many"},
        {"codec": None},
        {"values": None},
    ],
)
def test_damaged_notes_are_named(folder, change):
    path = folder / "cache.json"
    text = path.read_text()
    if change is None:
        text = text[: len(text) // 2]
    else:
        notes = json.loads(text) | change
        text = json.dumps({name: value for name, value in notes.items() if value is not None})
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path} is damaged .*; write the cache again"):
        open_token_cache(folder)
    path.write_text("[1]")
    with pytest.raises(ValueError, match=f"{path} is damaged"):
        open_token_cache(folder)

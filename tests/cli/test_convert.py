"""`vqlib convert`: a released checkpoint becomes a model that the other commands take."""

import json

import pytest
import torch
from PIL import Image

from tests.cli.commands import refusal, run, write_pictures
from tests.cli.pipelines import write_label_map
from tests.official.released_layout import save_lightning, small, state_dict
from tests.official.test_net2net import Case, Sizes
from vqlib.cli import convert as cli_convert
from vqlib.generate import ClassCondition, MapCondition, NoCondition
from vqlib.official import load_vqmodel
from vqlib.official.net2net import load_net2net
from vqlib.train.checkpoint import load_model
from vqlib.train.pipeline import load_pipeline


def first_stage(**changes):
    """A small released first stage, with what else is in such a file."""
    return state_dict(small(lpips=True, **changes))


def test_a_released_file_becomes_a_model_for_the_other_commands(tmp_path, capsys):
    save_lightning(tmp_path / "last.ckpt", first_stage())
    model, results = tmp_path / "models" / "released", tmp_path / "results"
    assert run("convert", tmp_path / "last.ckpt", model, "--image-size", 64) == 0
    words = capsys.readouterr().out
    loaded = len(load_model(model).state_dict())
    left_out = len(first_stage()) - loaded
    assert f"{model}: {loaded} tensors loaded, {left_out} of training left out" in words
    assert "f = 2, 20 codes" in words
    assert json.loads((model / "record.json").read_text()) == {"converted_from": "last.ckpt"}
    expected, converted = load_vqmodel(first_stage(), image_size=64), load_model(model)
    assert converted.config == expected.config
    x = torch.rand(1, 3, 16, 20) * 2 - 1
    assert torch.equal(converted.encode(x), expected.encode(x))

    folder = write_pictures(tmp_path / "mine", 1, height=19, width=11)
    assert run("reconstruct", folder, "--model", model, "--out", results) == 0
    assert "00.png: 10×6 tokens" in capsys.readouterr().out
    with Image.open(results / "00.png") as picture:
        assert picture.size == (2 * 11 + 6, 19 + 4)


def test_a_first_stage_inside_a_transformers_file(tmp_path, capsys):
    inner = first_stage(gumbel=True)
    state = {f"first_stage_model.{name}": value for name, value in inner.items()}
    save_lightning(tmp_path / "a.ckpt", {**state, "transformer.head.weight": torch.zeros(2, 2)})
    call = ["convert", tmp_path / "a.ckpt", tmp_path / "model"]
    assert run(*call, "--prefix", "first_stage_model.") == 0
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    expected = load_vqmodel(inner).encode(x)
    assert torch.equal(load_model(tmp_path / "model").encode(x), expected)
    other = ["convert", tmp_path / "a.ckpt", tmp_path / "other", "--prefix", "second"]
    message = refusal(capsys, *other)
    assert "no tensor's name begins with 'second'; they begin with first_stage_model" in message


def test_a_codec_of_label_maps_is_converted_but_takes_no_pictures(tmp_path, capsys):
    layout = {"channels": 5, "colorize": True, "disc_layers": None}
    save_lightning(tmp_path / "maps.ckpt", first_stage(**layout))
    assert run("convert", tmp_path / "maps.ckpt", tmp_path / "maps") == 0
    folder = write_pictures(tmp_path / "mine", 1)
    message = refusal(capsys, "reconstruct", folder, "--model", tmp_path / "maps")
    assert "holds a LabelMapVQVAE, a VQVAE or a ColorPalette is needed" in message


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_is_overwritten(kind, tmp_path, capsys):
    save_lightning(tmp_path / "last.ckpt", first_stage())
    taken = tmp_path / "model"
    taken.mkdir() if kind == "folder" else taken.write_text("a file")
    message = refusal(capsys, "convert", tmp_path / "last.ckpt", taken)
    assert f"{taken} exists already; choose another folder" in message
    assert list(taken.iterdir()) == [] if kind == "folder" else taken.read_text() == "a file"


def missing(path):
    return path.with_name("nowhere.ckpt")


def a_folder(path):
    path.mkdir()
    return path


def words(path):
    path.write_text("these are words")
    return path


def cut_short(path):
    save_lightning(path, first_stage())
    path.write_bytes(path.read_bytes()[:-5000])
    return path


def no_tensors(path):
    torch.save({"epoch": 3}, path)
    return path


def another_model(path):
    torch.save({"state_dict": {"weight": torch.zeros(2, 2)}}, path)
    return path


def a_tensor_short(path):
    state = first_stage()
    del state["decoder.mid.block_1.norm1.weight"]
    save_lightning(path, state)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "nowhere.ckpt: no such file"),
        (a_folder, "a.ckpt: no such file"),
        (words, "a.ckpt: not a readable checkpoint"),
        (cut_short, "a.ckpt: not a readable checkpoint"),
        (no_tensors, "there are no named tensors in this checkpoint"),
        (another_model, "quantize.embedding.weight"),
        (a_tensor_short, "decoder.mid.block_1.norm1.weight"),
    ],
)
def test_what_is_no_first_stage_gets_one_line(make, message, tmp_path, capsys):
    out = tmp_path / "model"
    assert message in refusal(capsys, "convert", make(tmp_path / "a.ckpt"), out)
    assert not out.exists()


def test_a_side_that_the_model_cannot_have(tmp_path, capsys):
    save_lightning(tmp_path / "last.ckpt", first_stage())
    call = ["convert", tmp_path / "last.ckpt", tmp_path / "model", "--image-size"]
    assert "image_size is 33; it must be a multiple of f = 2" in refusal(capsys, *call, 33)
    assert not (tmp_path / "model").exists()


# A released transformer in small: 20 codes of pictures and 24 of label maps, 3×3 tokens, f = 2.
SMALL_TRANSFORMER = {
    "segmentation": Case(Sizes(24, 18, 2, 48), MapCondition(24, (3, 3)), {}),
    "class": Case(Sizes(20, 9, 1, 48), ClassCondition(7), {}, unmasked=1),
    "none": Case(Sizes(20, 9, 1, 48), NoCondition(), {}),
}
THREE_HEADS = ["--image-size", 6, "--num-heads", 3]


@pytest.fixture(params=SMALL_TRANSFORMER)
def transformer(request, tmp_path):
    """What a released file is drawn from, and the file."""
    path = tmp_path / "net2net.ckpt"
    save_lightning(path, SMALL_TRANSFORMER[request.param].state())
    return request.param, path


def classes(meaning):
    return ["--num-classes", {"class": 7, "none": "None", "segmentation": 1000}[meaning]]


def test_a_released_transformer_becomes_a_pipeline(transformer, tmp_path, capsys):
    meaning, path = transformer
    out = tmp_path / "models" / "released"
    assert run("convert", path, out, *THREE_HEADS, *classes(meaning)) == 0
    layers = SMALL_TRANSFORMER[meaning].sizes.layers
    draws = "nothing" if meaning == "none" else meaning
    words = capsys.readouterr().out
    assert f"{out}: {layers} layers of width 48, 3 heads, which draw from {draws}\n" in words
    assert "f = 2, 20 codes, 3×3 tokens" in words
    assert json.loads((out / "record.json").read_text()) == {"converted_from": "net2net.ckpt"}
    assert [it.name for it in out.parent.iterdir()] == ["released"]

    loaded = load_pipeline(out)
    expected = load_net2net(
        SMALL_TRANSFORMER[meaning].state(),
        num_heads=3,
        grid=(3, 3),
        num_classes=None if meaning == "none" else 7,
    )
    assert loaded.meaning == meaning
    parts = (loaded.prior, loaded.codec, loaded.condition_codec)
    for mine, theirs in zip(parts, expected, strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or mine.config == theirs.config
        for name, value in {} if mine is None else mine.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name])

    labels = write_label_map(tmp_path / "map.png", 12, 10)
    told = {"segmentation": ["--map", labels], "class": ["--label", 6], "none": []}[meaning]
    call = ["sample", "--prior", out, *told, "--count", 2, "--out", tmp_path / "a.png"]
    assert run(*call) == 0
    if meaning == "segmentation":
        assert run("paint", labels, "--prior", out, "--out", tmp_path / "b.png") == 0
        with Image.open(tmp_path / "b.png") as picture:
            assert picture.size == (10, 12)


def test_what_a_file_does_not_tell_of_a_transformer(tmp_path, capsys):
    path, out = tmp_path / "a.ckpt", tmp_path / "model"
    save_lightning(path, SMALL_TRANSFORMER["segmentation"].state())
    call = ["convert", path, out]
    for flags, message in [
        ([], "a.ckpt: transformer.*: pos_emb has 18 positions"),
        (["--image-size", 7], "a.ckpt: image_size is 7; it must be a multiple of f = 2"),
        (["--image-size", 6, "--num-heads", 5], "width 48 is not a multiple of num_heads 5"),
        (["--image-size", 6, "--prefix-attention", "full"], "is not prefix_attention 'full'"),
    ]:
        assert message in refusal(capsys, *call, *flags)
        assert sorted(it.name for it in tmp_path.iterdir()) == ["a.ckpt"]
    # Its codec alone.
    assert run(*call, "--prefix", "first_stage_model.", "--image-size", 6) == 0
    assert type(load_model(out)).__name__ == "VQVAE"


def test_ctrl_c_leaves_no_part_of_a_pipeline(transformer, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    meaning, path = transformer
    monkeypatch.setattr(cli_convert, "write_pipeline", interrupted)
    call = ["convert", path, tmp_path / "model", *THREE_HEADS, *classes(meaning)]
    assert run(*call) == 130
    assert list(tmp_path.iterdir()) == [path]

"""The README's Python example and commands run as they stand, in both languages."""

import json
import re
import runpy
import shlex
from pathlib import Path

import pytest
import torch
from markdown_it import MarkdownIt

from vqlib import cli
from vqlib.course.experiments import experiment_record
from vqlib.course.pretrained import PERCEPTUAL, pretrained_record
from vqlib.data import photos, stack
from vqlib.data.pictures import write_picture

ROOT = Path(__file__).parent.parent
READMES = ["README.md", "README.zh.md"]


def benchmark(name: str) -> dict:
    """The names of a script in benchmarks/."""
    return runpy.run_path(str(ROOT / f"benchmarks/{name}.py"))


def blocks(name: str, language: str) -> list[str]:
    tokens = MarkdownIt().parse((ROOT / name).read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


@pytest.mark.parametrize("name", READMES)
def test_the_python_example_runs(name):
    (example,) = blocks(name, "python")
    names: dict = {}
    exec(compile(example, name, "exec"), names)
    assert names["sevens"].shape == (8, 1, 32, 32)
    assert names["x_hat"].shape == names["x"].shape


@pytest.mark.parametrize("name", READMES)
def test_the_commands_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks(name, "") for line in block.splitlines()]
    commands = [part for line in lines for part in line.split(" && ")]
    prefix = "python -m vqlib "
    ours = [shlex.split(c.removeprefix(prefix)) for c in commands if c.startswith(prefix)]
    assert {words[0] for words in ours} == {"train", "sample", "reconstruct"}
    for words in ours:
        short = ["--steps", "2"] if words[0] == "train" else []  # the same, but brief
        with pytest.raises(SystemExit) as stopped:
            cli.main(words + short)
        assert stopped.value.code == 0, words
    assert (tmp_path / "seven.png").is_file()
    assert (tmp_path / "reconstructions" / "one.png").is_file()


@pytest.mark.filterwarnings("default:.*images for 64 features")  # four are held out here
@pytest.mark.parametrize("name", READMES)
def test_the_commands_for_your_own_pictures_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, image in enumerate(stack(photos("held_out"), limit=40)):
        write_picture(image, tmp_path / "my_pictures" / f"{number}.png")
    released_layout = runpy.run_path(str(ROOT / "tests/official/released_layout.py"))
    state = released_layout["state_dict"](released_layout["small"]())
    torch.save({"state_dict": state}, tmp_path / "last.ckpt")
    (block,) = blocks(name, "bash")
    for line in block.splitlines():
        words = shlex.split(line.removeprefix("python -m vqlib "))
        short = ["--steps", "2"] if words[0] == "train" else []
        with pytest.raises(SystemExit) as stopped:
            cli.main(words + short)
        assert stopped.value.code == 0, words
    assert len(list((tmp_path / "reconstructions").iterdir())) == 40
    assert (tmp_path / "models/imagenet_f16/model.safetensors").is_file()


def test_both_readmes_show_the_same_code():
    for language in ("", "bash", "python"):
        english, chinese = (blocks(name, language) for name in READMES)
        without_comments = [[re.sub(r"#.*", "", b) for b in bs] for bs in (english, chinese)]
        code = [[[line.rstrip() for line in b.splitlines()] for b in bs] for bs in without_comments]
        assert code[0] == code[1]


@pytest.mark.parametrize("name", READMES)
def test_the_results_are_those_of_the_records(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    codec, prior = pretrained_record("digits_vqvae"), pretrained_record("digits_gpt")
    percent = (
        codec["held_out"]["reconstructions_recognised"],
        prior["held_out"]["samples_recognised"],
        prior["held_out"]["classifier_accuracy_on_real"],
    )
    stated = [
        f"{codec['held_out']['psnr_db']:.2f} dB",
        f"{codec['held_out']['perplexity']:.1f}",
        f"{prior['held_out']['nll_nats_per_token']:.3f}",
        f"{prior['held_out']['nll_nats_per_token_train']:.3f}",
        *(f"{100 * share:.1f} %" for share in percent),
        *(f"{record['parameters']:,}" for record in (codec, prior)),
        *(str(record["seconds"]) for record in (codec, prior)),
    ]
    pixelcnn = pretrained_record("digits_pixelcnn")
    stated += [
        f"{pixelcnn['held_out']['nll_nats_per_token']:.3f}",
        f"{pixelcnn['held_out']['nll_nats_per_token_train']:.3f}",
        f"{100 * pixelcnn['held_out']['samples_recognised']:.1f} %",
        f"{pixelcnn['parameters']:,}",
        f"{pixelcnn['seconds']} ",
    ]
    assert [number for number in stated if number not in text] == []


@pytest.mark.parametrize("name", READMES)
def test_the_tables_are_those_of_the_records(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert benchmark("readme")["filled"](text) == text
    labels, network = pretrained_record("scenes_labels"), pretrained_record("offline_features")
    networks = ("offline_features", *PERCEPTUAL)
    accuracies = [pretrained_record(one)["held_out"]["accuracy"] for one in networks]
    stated = [
        f"{labels['parameters']:,}",
        f"{100 * labels['held_out']['pixel_accuracy']:.1f} %",
        f"{network['parameters']:,}",
        f"{100 * min(accuracies):.1f} %",
        f"{100 * max(accuracies):.1f} %",
    ]
    assert [number for number in stated if number not in text] == []


@pytest.mark.parametrize("name", READMES)
def test_what_the_samples_do_is_what_the_experiments_found(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    (paragraph,) = [line for line in text.splitlines() if "`experiments painting horizon`" in line]
    painting, horizon = (experiment_record(one)["summary"] for one in ("painting", "horizon"))
    kinds = ("reconstructions", "as_it_is", "guidance_2")
    stated = [painting[f"{kind}_{which}"] for kind in kinds for which in ("own", "other")]
    kinds = ("reconstructions", "without", "with")
    stated += [horizon[f"{kind}_{rows}"] for kind in kinds for rows in ("highest", "lowest")]
    assert [f"{share:.1f} %" for share in stated if f"{share:.1f} %" not in paragraph] == []


@pytest.mark.parametrize("name", READMES)
def test_how_much_better_vqgan_is_is_what_the_benchmark_found(name):
    results = ROOT / "benchmarks/results/vqgan_against_vqvae.json"
    models = json.loads(results.read_text(encoding="utf-8"))["models"]
    unseen = {(m["model"], m["seed"]): m for m in models if m["split"] == "held_out"}
    pairs = {
        rival: [(unseen[rival, seed], unseen["VQGAN", seed]) for seed in (0, 1, 2)]
        for rival in ("VQVAE", "VQVAE, equal seconds")
    }
    stated = []
    for both in pairs.values():
        for distance in ("perceptual, judge", "Fréchet, judge"):
            stated.append(span([plain[distance] / sharp[distance] for plain, sharp in both]))
        stated.append(span([plain["psnr_db"] - sharp["psnr_db"] for plain, sharp in both]) + " dB")
    text = (ROOT / name).read_text(encoding="utf-8")
    (paragraph,) = [line for line in text.splitlines() if "vqgan_against_vqvae.md" in line]
    assert [number for number in stated if number not in paragraph] == []


def span(values: list[float]) -> str:
    """From the smallest to the largest, to one decimal place."""
    low, high = (f"{end(values):.1f}" for end in (min, max))
    return low if low == high else f"{low}–{high}"

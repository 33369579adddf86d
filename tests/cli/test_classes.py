"""Classes by name: kept with the prior, accepted by `--label`, told from parts of a data set."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.commands import TINY, refusal, run, write_pictures
from tests.cli.pipelines import tiny_pipeline
from vqlib.cli.classes import find_class, numbered
from vqlib.saved.model import save_model
from vqlib.saved.pipeline import load_pipeline, write_pipeline
from vqlib.tokens.folder import open_token_folder

QUICK = ["--steps", 1, "--batch-size", 2, "--num-layers", 1, "--num-heads", 1, "--width", 8]
QUICK += ["--device", "cpu"]
CLASSES = ("Cats", "dogs", "图 ü")


@pytest.fixture
def animals(tmp_path, codec) -> list[object]:
    """Flags for three classes of pictures."""
    for name in CLASSES:
        write_pictures(tmp_path / "animals" / name, 3)
    return ["--data", tmp_path / "animals", "--condition", "class", "--codec", codec]


@pytest.fixture
def named(tmp_path) -> Path:
    """A pipeline of five classes with names."""
    folder = tiny_pipeline(tmp_path / "named", "class")
    write_pipeline(folder, "class", "codec", classes=["ant", "bee", "Bee", "cat", "2"])
    return folder


def test_the_names_of_a_folders_classes_stay_with_the_prior(animals, tmp_path, capsys):
    assert run("train", "prior", *animals, *QUICK, "--out", tmp_path / "run") == 0
    assert "classes: 0 Cats, 1 dogs, 2 图 ü\n" in capsys.readouterr().out
    assert load_pipeline(tmp_path / "run").classes == CLASSES
    assert "图 ü" in (tmp_path / "run" / "pipeline.json").read_text(encoding="utf-8")
    call = ["sample", "--prior", tmp_path / "run", "--count", 1, "--out"]
    for name, label in (("a", "dogs"), ("b", "1"), ("c", "DOGS")):
        assert run(*call, tmp_path / f"{name}.png", "--label", label) == 0
        assert capsys.readouterr().out.splitlines()[1] == "drawn from class 1 dogs"
    assert len({(tmp_path / f"{name}.png").read_bytes() for name in "abc"}) == 1
    assert run(*call, tmp_path / "d.png") == 0
    words = "of seed s: class s modulo 3; 0 Cats, 1 dogs, 2 图 ü"
    assert capsys.readouterr().out.splitlines()[1] == words
    assert run(*call, tmp_path / "all", "--label", "图 ü") == 0
    notes = json.loads((tmp_path / "all" / "samples.json").read_text(encoding="utf-8"))
    assert notes["pictures"] == {"seed_00000000.png": {"seed": 0, "label": 2, "class": "图 ü"}}


def test_tokens_on_disk_keep_them_too(animals, tmp_path):
    assert run("tokenize", *animals, "--out", tmp_path / "tokens") == 0
    assert open_token_folder(tmp_path / "tokens").classes == CLASSES
    train = ["train", "prior", "--tokens", tmp_path / "tokens", *QUICK]
    assert run(*train, "--out", tmp_path / "run") == 0
    assert load_pipeline(tmp_path / "run").classes == CLASSES
    path = tmp_path / "tokens" / "condition.json"
    notes = json.loads(path.read_text(encoding="utf-8"))
    del notes["classes"]  # as in folders that are older than names
    path.write_text(json.dumps(notes))
    assert open_token_folder(tmp_path / "tokens").classes == ()


def test_a_run_does_not_go_on_with_other_classes(animals, tmp_path, capsys):
    call = ["train", "prior", *animals, *QUICK, "--out", tmp_path / "run"]
    assert run(*call) == 0
    (tmp_path / "animals" / "Cats").rename(tmp_path / "animals" / "zebras")
    message = refusal(capsys, *call, "--resume")
    assert (
        "was trained with the classes Cats, dogs, 图 ü, these would be dogs, zebras, 图" in message
    )


def test_data_sets_name_their_classes_where_numbers_do_not(stand_in_data, tmp_path):
    save_model(replace(TINY, image_size=32).build(), tmp_path / "codec")
    call = ["train", "prior", "--data", "cifar10", "--data-root", stand_in_data, *QUICK]
    assert run(*call, "--codec", tmp_path / "codec", "--out", tmp_path / "run") == 0
    pipeline = load_pipeline(tmp_path / "run")
    assert len(pipeline.classes) == 10 and pipeline.classes[3] == "cat"


def test_a_name_counts_before_a_number_and_as_it_is_written(named, tmp_path, capsys):
    classes = load_pipeline(named).classes
    found = {label: find_class(label, classes, 5) for label in ("Bee", "bee", "2", "3", "CAT")}
    assert found == {"Bee": 2, "bee": 1, "2": 4, "3": 3, "CAT": 3}
    call = ["sample", "--prior", named, "--out", tmp_path / "a.png", "--label"]
    known = "this prior knows 0 ant, 1 bee, 2 Bee, 3 cat, 4 2"
    assert f"--label is 'cta'; {known}; did you mean cat?" in refusal(capsys, *call, "cta")
    assert f"--label is '5'; {known}\n" in refusal(capsys, *call, "5")
    assert f"--label is 'BEE'; {known}\n" in refusal(capsys, *call, "BEE")


def test_many_classes_are_not_all_listed():
    assert numbered([f"c{n}" for n in range(1000)]).endswith("18 c18, …, 999 c999")
    assert numbered(["a", "b"]) == "0 a, 1 b"


def test_names_that_do_not_fit_the_prior_are_damage(tmp_path, capsys):
    folder = tiny_pipeline(tmp_path / "mine", "class")
    assert load_pipeline(folder).classes == ()
    write_pipeline(folder, "class", "codec", classes=["a", "b"])
    message = refusal(capsys, "sample", "--prior", folder, "--out", tmp_path / "a.png")
    assert "there are 2 names for 5 classes" in message


@pytest.mark.parametrize("parts", [("train", "val"), ("Train", "test", "valid"), ("train",)])
def test_parts_of_a_data_set_are_no_classes(parts, codec, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in parts:
        write_pictures(tmp_path / "mine" / part / "cats", 2)
    for command in (["train", "prior", *QUICK], ["tokenize"]):
        own = ["--data", "mine", "--codec", codec, "--condition", "class"]
        call = [*command, *own, "--out", "new"]
        message = refusal(capsys, *call)
        words = " and ".join(sorted(parts))
        assert f"mine: {words} are parts of a data set, not classes; give the folder" in message
        assert f"such as mine/{sorted(parts)[0]}, or rename them if they are" in message
        assert not Path("new").exists()


def test_parts_that_are_mixed_are_mentioned(codec, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in ("train", "val"):
        write_pictures(tmp_path / "mine" / part, 2)
    call = ["tokenize", "--codec", codec, "--data"]
    assert run(*call, "mine", "--out", "a") == 0
    assert (
        "vqlib: mine: the pictures of train and val are taken together; to keep them apart give "
        "one of them as --data, such as mine/train\n"
    ) in capsys.readouterr().err
    assert run(*call, "mine/train", "--out", "b") == 0
    write_pictures(tmp_path / "mine" / "cats", 2)  # with others beside them they may be classes
    assert run(*call, "mine", "--condition", "class", "--out", "c") == 0
    assert "taken together" not in capsys.readouterr().err

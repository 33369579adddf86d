"""Where nothing can be written comes to light before the work, and leaves nothing behind."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import refusal, write_pictures
from vqlib.cli.targets import check_file, check_folder, write_json

OUT = ["/proc/new", "afile", "afile/new", "link"]


@pytest.mark.parametrize("out", OUT)
def test_folders_that_cannot_be_made(out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("afile").write_text("a file")
    Path("link").symlink_to("nowhere")
    with pytest.raises(OSError):
        check_folder(Path(out))
    with pytest.raises(OSError):
        check_file(Path(out) / "a.json")


def test_folders_that_can_be_made_are_not_made(tmp_path):
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "folder")
    check_file(tmp_path / "new" / "a.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="is a folder; give the name of a file"):
        check_file(tmp_path)


def test_json_is_whole_or_not_there(tmp_path):
    path = tmp_path / "new" / "a.json"
    write_json({"图": 1, "b": "caf\udce9"}, path)
    before = path.read_bytes()
    assert json.loads(before) == {"图": 1, "b": "caf\udce9"}
    with pytest.raises(TypeError):
        write_json({"b": object()}, path)
    assert path.read_bytes() == before
    assert [it.name for it in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("out", OUT)
def test_every_command_looks_first(out, pipeline, codec, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = write_pictures(tmp_path / "mine", 1) / "00.png"
    Path("afile").write_text("a file")
    Path("link").symlink_to("nowhere")
    place = "/proc" if out.startswith("/proc") else out.split("/")[0]
    calls = [
        ["sample", "--prior", "nowhere", "--out", out],
        ["sample", "--prior", "nowhere", "--out", f"{out}/a.png"],
        ["extend", picture, "--left", 4, "--prior", "nowhere", "--out", f"{out}/a.png"],
        ["paint", picture, "--prior", "nowhere", "--out", f"{out}/a.png"],
        ["measure", "mine", "--model", "nowhere", "--out", f"{out}/a.json"],
        ["reconstruct", picture, "--model", "nowhere", "--out", out],
        ["tokenize", "--codec", "nowhere", "--out", f"{out}/tokens"],
    ]
    for call in calls:
        assert place in refusal(capsys, *call), call

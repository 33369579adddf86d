"""Of several processes the main one looks into a folder, and all know what it has found."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

# Prints what a process has found, and what it has decoded to find it.
SCRIPT = """
import json, os, sys, time
from datetime import timedelta
import torch.distributed as dist
from vqlib.data import FolderImages, folder, main_process
from vqlib.data.main_process import from_main_process

decoded, whole = [], folder.open_picture
def noted(path, **options):
    decoded.append(path.name)
    return whole(path, **options)
folder.open_picture = noted
place, broken, joined, limit = sys.argv[1:]
rank, found = os.environ["RANK"], {}
if joined == "before":
    dist.init_process_group("gloo")
try:
    for split in ("all", "train", "all"):
        images = FolderImages(place, 8, split=split, broken=broken, progress=False)
        found[split] = images.names
    found |= {"skipped": [path.name for path, _ in images.skipped], "unread": images.unread}
except (ValueError, OSError) as error:
    found["error"] = f"{type(error).__name__}: {error}"
if joined == "after":
    dist.init_process_group("gloo")
if dist.is_initialized():
    parts = [None, None]
    dist.all_gather_object(parts, rank)
    found["together"] = parts
    dist.destroy_process_group()
if rank == "1":
    main_process.LIMIT = timedelta(seconds=int(limit))
    try:
        from_main_process("a question", lambda: 1)
    except ConnectionError as error:
        found["unanswered"] = str(error)
with open(f"{sys.argv[0]}.{rank}", "w") as file:
    json.dump(found | {"decoded": sorted(decoded)}, file)
while joined == "never" and not os.path.exists(f"{sys.argv[0]}.1"):
    time.sleep(0.1)  # the main process is still there
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    for number in range(7):
        Image.new("L", (8, 8)).save(place / f"{number}.png")
    (place / "a.heic").write_text("")
    return place


def two(folder: Path, *arguments: str, torchrun: bool = False) -> Sequence[dict]:
    """What both processes have found. Each has a cache of its own, as on two machines."""
    script = folder.parent / "open.py"
    script.write_text(SCRIPT)
    call = [str(script), str(folder), *arguments]
    if torchrun:
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        command = [sys.executable, *launch, *call]
        subprocess.run(command, check=True, timeout=200)
    else:
        shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
        processes = []
        for rank in ("0", "1"):
            own = {"RANK": rank, "VQLIB_CACHE": str(folder.parent / f"cache{rank}")}
            environment = os.environ | shared | own
            processes.append(subprocess.Popen([sys.executable, *call], env=environment))
        assert [process.wait(timeout=200) for process in processes] == [0, 0]
    return [json.loads(script.with_name(f"open.py.{rank}").read_text()) for rank in (0, 1)]


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.mark.parametrize("joined", ["before", "after"])
def test_the_main_process_checks_and_both_know(joined, folder):
    (folder / "bad.png").write_text("words")
    main, other = two(folder, "skip", joined, "200")
    assert main["all"] == other["all"] == [f"{number}.png" for number in range(7)]
    assert main["train"] == other["train"] and 0 < len(main["train"]) < 7
    assert main["skipped"] == other["skipped"] == ["bad.png"]
    assert main["unread"] == other["unread"] == {".heic": 1}
    assert main["together"] == other["together"] == ["0", "1"]
    assert set(main["decoded"]) == {*main["all"], "bad.png"}
    assert other["decoded"] == []
    assert other["unanswered"] == "a question: the main process has ended"


def test_under_torchrun_too(folder):
    main, other = two(folder, "refuse", "after", "1", torchrun=True)
    assert main["all"] == other["all"] and main["together"] == ["0", "1"]
    assert len(main["decoded"]) == 7 and other["decoded"] == []
    assert "no word from the main process" in other["unanswered"]


def test_an_error_is_that_of_both_and_waiting_has_an_end(folder):
    (folder / "bad.png").write_text("words")
    main, other = two(folder, "refuse", "never", "1")
    assert main["error"] == other["error"]
    assert "1 of 8 pictures cannot be read: bad.png" in main["error"]
    assert "a question: no word from the main process within 0:00:01" in other["unanswered"]

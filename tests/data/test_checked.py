"""A folder is checked once: what was found sound is remembered until it changes."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from vqlib.data import FolderImages, checked, folder, folder_maps
from vqlib.data.checked import cache_folder, check_files


@pytest.fixture
def pictures(tmp_path, monkeypatch) -> Path:
    """A folder of five pictures, and a memory of its own."""
    monkeypatch.setenv("VQLIB_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "pictures"
    for number in range(5):
        (place / f"{number % 2}").mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(place / f"{number % 2}" / f"{number}.png")
    return place


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the files that are decoded from now on."""
    names = []
    for module in (folder, folder_maps):
        whole = module.open_picture

        def noted(path, *, whole=whole, **options):
            names.append(Path(path).name)
            return whole(path, **options)

        monkeypatch.setattr(module, "open_picture", noted)
    return names


def opened(place: Path, decoded: list[str], **options) -> list[str]:
    """The files that are decoded when a folder is opened."""
    decoded.clear()
    FolderImages(place, 8, progress=False, **options)
    return sorted(decoded)


ALL = [f"{number}.png" for number in range(5)]


def test_only_what_is_new_or_has_changed_is_decoded(pictures, decoded):
    assert opened(pictures, decoded) == ALL
    assert opened(pictures, decoded) == opened(pictures, decoded, channels=1) == []
    Image.new("L", (9, 9)).save(pictures / "new.png")
    assert opened(pictures, decoded) == ["new.png"]
    Image.new("L", (50, 50)).save(pictures / "0" / "2.png")  # another size
    os.utime(pictures / "1" / "3.png", ns=(0, 7))
    assert opened(pictures, decoded) == ["2.png", "3.png"]
    (pictures / "new.png").unlink()
    assert opened(pictures, decoded) == []


def test_by_whatever_path_the_folder_is_opened(pictures, decoded, monkeypatch, tmp_path):
    opened(pictures, decoded)
    monkeypatch.chdir(pictures.parent)
    (tmp_path / "link").symlink_to(pictures)
    for place in (Path("pictures"), Path("link"), pictures / "0" / ".."):
        assert opened(place, decoded) == []


def test_splits_are_remembered_together(pictures, decoded):
    first = opened(pictures, decoded, split="train")
    (pictures / "held_out").mkdir()
    Image.new("L", (8, 8)).save(pictures / "held_out" / "a.png")
    second = opened(pictures, decoded, split="held_out")
    assert "a.png" in second and not set(first) & set(second)
    assert opened(pictures, decoded) == []


def test_what_is_broken_is_looked_at_each_time_and_may_be_mended(pictures, decoded):
    (pictures / "bad.png").write_text("words")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"1 of 6 pictures cannot be read: bad\.png"):
            FolderImages(pictures, 8, progress=False)
    images = FolderImages(pictures, 8, broken="skip", progress=False)
    assert [path.name for path, _ in images.skipped] == ["bad.png"]
    assert opened(pictures, decoded, broken="skip") == ["bad.png"]
    Image.new("L", (8, 8)).save(pictures / "bad.png")
    assert len(FolderImages(pictures, 8, progress=False)) == 6


def test_a_link_is_as_what_it_leads_to(pictures, decoded, tmp_path):
    target = tmp_path / "elsewhere.png"
    Image.new("L", (8, 8)).save(target)
    (pictures / "link.png").symlink_to(target)
    assert "link.png" in opened(pictures, decoded)
    os.utime(target, ns=(0, 7))
    assert opened(pictures, decoded) == ["link.png"]
    target.unlink()
    with pytest.raises(ValueError, match=r"link\.png \(.*a link that leads nowhere\)"):
        FolderImages(pictures, 8, progress=False)


def test_maps_are_remembered_with_their_pictures(pictures, decoded, tmp_path):
    def read(num_labels: int = 9) -> list[str]:
        decoded.clear()
        images = FolderImages(pictures, 8, channels=1, progress=False)
        folder_maps.FolderMaps(images, pictures, progress=False)
        folder_maps.FolderLabelMaps(images, pictures, num_labels=num_labels, progress=False)
        return decoded

    assert len(read()) == 2 * 5  # label maps are opened in another way
    assert read() == []
    with pytest.raises(ValueError, match="labels 4, which are not known"):
        read(num_labels=4)
    Image.new("L", (9, 9)).save(pictures / "0" / "0.png")
    maps = tmp_path / "maps"
    maps.mkdir()
    for path in pictures.rglob("*.png"):
        (maps / path.parent.name).mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(maps / path.parent.name / path.name)
    images = FolderImages(pictures, 8, progress=False)
    with pytest.raises(ValueError, match=r"0\.png has 8×8 pixels, its picture .* has 9×9"):
        folder_maps.FolderMaps(images, maps, progress=False)


@pytest.mark.parametrize("words", ["", "{}", "[]", '{"reader": 1}', "not JSON", '{"sound": 3}'])
def test_a_damaged_memory_is_none(pictures, decoded, words):
    opened(pictures, decoded)
    (memory,) = (cache_folder() / "checked").iterdir()
    memory.write_text(words)
    assert opened(pictures, decoded) == ALL
    assert opened(pictures, decoded) == []


def test_another_pillow_or_reader_has_another_memory(pictures, decoded, monkeypatch):
    opened(pictures, decoded)
    monkeypatch.setattr(checked, "_reader", lambda: "another")
    assert opened(pictures, decoded) == ALL


def test_a_memory_that_cannot_be_written_is_no_error(pictures, decoded, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VQLIB_CACHE", str(tmp_path / "file" / "below"))
    assert opened(pictures, decoded) == opened(pictures, decoded) == ALL


def test_an_interrupted_check_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("VQLIB_CACHE", str(tmp_path / "cache"))
    files = {}
    for name in "abcd":
        (tmp_path / name).write_text("")
        files[name] = [tmp_path / name]
    asked = []

    def stopped(name: str) -> None:
        asked.append(name)
        if name == "c":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_files("checking", files, stopped, progress=False)
    asked.clear()
    assert check_files("checking", files, asked.append, progress=False) == {}
    assert sorted(asked) == ["c", "d"]


def test_the_memory_is_small_and_lies_in_the_users_cache(pictures, decoded, monkeypatch, tmp_path):
    opened(pictures, decoded)
    (memory,) = (cache_folder() / "checked").iterdir()
    notes = json.loads(memory.read_text(encoding="utf-8"))
    assert notes["sound"].keys() == {f"{number % 2}/{number}.png" for number in range(5)}
    monkeypatch.delenv("VQLIB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    assert cache_folder() == tmp_path / "users" / "vqlib"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "vqlib"

"""Reading files that others made: the tensors come out, nothing else happens."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tests.official.released_layout import save_lightning
from vqlib.official import read_checkpoint
from vqlib.official.unpickle import LEGACY_MAGIC

FORMATS = {"zip": True, "legacy": False}


def weights() -> dict[str, torch.Tensor]:
    shared = torch.randn(6)
    return OrderedDict(
        {
            "layer.weight": torch.randn(3, 4),
            "transposed": torch.randn(3, 4).T,
            "row": shared[:3],
            "tail": shared[2:],
            "parameter": torch.nn.Parameter(torch.randn(2, 2)),
            "half": torch.randn(3).half(),
            "bfloat": torch.randn(3).bfloat16(),
            "count": torch.tensor(7),
            "flags": torch.tensor([True, False]),
            "nothing": torch.empty(0, 3),
        }
    )


def assert_same(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(got) == list(expected)
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype
        assert torch.equal(got[name], tensor), name


@pytest.mark.parametrize("zipped", FORMATS.values(), ids=FORMATS)
def test_the_weights_of_a_training_checkpoint_come_out_exactly(tmp_path, zipped):
    state = weights()
    save_lightning(tmp_path / "last.ckpt", state, zipped=zipped)
    with pytest.raises((ModuleNotFoundError, AttributeError)):
        torch.load(tmp_path / "last.ckpt", weights_only=False)  # its classes are truly gone
    assert_same(read_checkpoint(tmp_path / "last.ckpt"), state)
    assert "training_code" not in sys.modules


@pytest.mark.parametrize("zipped", FORMATS.values(), ids=FORMATS)
def test_without_a_state_dict_the_tensors_at_the_top_are_taken(tmp_path, zipped):
    state = weights()
    content = {"epoch": 3, **state, 5: torch.ones(1)}
    torch.save(content, tmp_path / "plain.pt", _use_new_zipfile_serialization=zipped)
    assert_same(read_checkpoint(tmp_path / "plain.pt"), state)


@pytest.mark.parametrize("zipped", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize(
    "entries",
    [("model",), ("model_state_dict",), ("state_dict", "model"), ("model", "state_dict")],
    ids="/".join,
)
def test_weights_are_found_in_the_entries_that_hold_them(tmp_path, entries, zipped):
    state = weights()
    content = state
    for entry in reversed(entries):
        content = {"optimizer": {"state": {0: torch.ones(1)}}, entry: content, "loss": 0.5}
    torch.save(content, tmp_path / "deep.pt", _use_new_zipfile_serialization=zipped)
    assert_same(read_checkpoint(tmp_path / "deep.pt"), state)


def test_dictionaries_of_tensors_beside_each_other_name_theirs(tmp_path):
    state = weights()
    content = {"epoch": 1, "encoder": state, "decoder": {"w": torch.ones(2)}, 7: state}
    torch.save({"state_dict": content}, tmp_path / "apart.pt")
    expected = {f"encoder.{name}": it for name, it in state.items()}
    assert_same(read_checkpoint(tmp_path / "apart.pt"), {**expected, "decoder.w": torch.ones(2)})


def test_a_dictionary_that_holds_itself_ends(tmp_path):
    # An empty dictionary, memoised, whose "model" becomes itself.
    (tmp_path / "loop.ckpt").write_bytes(zip_with(b"\x80\x02}q\x00X\x05\0\0\0modelh\x00s."))
    with pytest.raises(ValueError, match="no named tensors .* nor in state_dict or model_state"):
        read_checkpoint(tmp_path / "loop.ckpt")


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt"])
def test_safetensors_are_read_too_whatever_their_name(tmp_path, name):
    state = {"a": torch.randn(2, 3), "b": torch.arange(4)}
    save_file(state, tmp_path / name)
    got = read_checkpoint(str(tmp_path / name))
    assert_same({name: got[name] for name in state}, state)


def test_a_pickle_is_read_whatever_its_name(tmp_path):
    state = weights()
    torch.save(state, tmp_path / "model.safetensors")
    assert_same(read_checkpoint(tmp_path / "model.safetensors"), state)


class Call:
    """Pickles to a call, and stands for its result."""

    def __init__(self, function, *arguments):
        self.recipe = function, arguments

    def __call__(self):
        raise AssertionError("only pickled, never called")

    def __reduce__(self):
        return self.recipe


def attacks(marker: Path) -> dict[str, object]:
    """Each makes the folder `marker` when it is unpickled."""
    code = f"__import__('os').mkdir({str(marker)!r})"
    system = Call(getattr, Call(__import__, "os"), "system")
    return {
        "os.mkdir": Call(os.mkdir, str(marker)),
        "os.system": Call(os.system, f"mkdir '{marker}'"),
        "eval": Call(eval, code),
        "exec": Call(exec, code),
        "subprocess": Call(subprocess.check_call, ["mkdir", str(marker)]),
        "nested getattr": Call(system, f"mkdir '{marker}'"),
    }


@pytest.mark.parametrize("zipped", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("attack", attacks(Path("x")))
def test_a_malicious_pickle_has_no_effect(tmp_path, attack, zipped):
    marker, path = tmp_path / "marker", tmp_path / "evil.ckpt"
    evil = attacks(marker)[attack]
    state = {"w": torch.randn(2)}
    content = {"first": evil, "state_dict": {**state, "among weights": evil}, "last": [evil]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_same(read_checkpoint(path), state)
    assert not marker.exists()
    pickle.loads(pickle.dumps(evil))
    assert marker.is_dir()  # the attack is real: pickle itself falls for it


@pytest.mark.parametrize("protocol", range(6))
def test_no_protocol_of_pickle_calls_anything(tmp_path, protocol):
    marker, path = tmp_path / "marker", tmp_path / "evil.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        evil = list(attacks(marker).values())
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": {}, "x": evil}, protocol))
    with pytest.raises(ValueError, match=r"evil\.ckpt: there are no named tensors"):
        read_checkpoint(path)
    assert not marker.exists()


def test_a_pickle_cannot_alter_what_builds_tensors(tmp_path):
    # GLOBAL, then BUILD with (None, {"__defaults__": (1,)}), which sets an attribute.
    poison = b"\x80\x02c%s\n%s\nN}X\x0c\0\0\0__defaults__K\x01\x85s\x86b."
    for i, named in enumerate([(b"torch._utils", b"_rebuild_tensor_v2"), (b"os", b"mkdir")]):
        (tmp_path / f"{i}.ckpt").write_bytes(zip_with(poison % named))
        with pytest.raises(ValueError, match=r"\.ckpt: .*does not hold a dictionary"):
            read_checkpoint(tmp_path / f"{i}.ckpt")
    assert torch._utils._rebuild_tensor_v2.__defaults__ == (None,)
    torch.save(weights(), tmp_path / "good.pt")
    assert len(read_checkpoint(tmp_path / "good.pt")) == len(weights())


def zip_with(pickled: bytes, **entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, data in entries.items():
            archive.writestr(f"archive/{name}", data)
    return file.getvalue()


def compressed_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.ckpt", b"", r"not a readable checkpoint \(an empty file\)"),
        ("empty.safetensors", b"", "an empty file"),
        ("page.ckpt", b"\n<!DOCTYPE html><html>", "a web page; what was downloaded"),
        ("pointer.ckpt", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (
            "words.safetensors",
            b"these are words",
            "neither torch.save nor safetensors wrote it; it",
        ),
        ("header.ckpt", b"\x99\0\0\0\0\0\0\0{}", "not a readable checkpoint .Safetensor"),
        ("pickle.ckpt", pickle.dumps({"a": 1}), "neither torch.save nor safetensors"),
        ("archive.ckpt", b"PK\x05\x06" + bytes(18), "not one that torch.save wrote"),
        ("compressed.ckpt", compressed_zip(), "compressed zip file"),
        ("big.ckpt", zip_with(pickle.dumps({}), byteorder=b"big"), "big-endian"),
        ("list.ckpt", zip_with(pickle.dumps([1, 2])), "not hold a dictionary"),
        ("numbers.ckpt", zip_with(pickle.dumps({"state_dict": {"a": 1}})), "no named tensors"),
        ("memo.ckpt", zip_with(b"\x80\x02]r\xff\xff\xff\xff."), "too much memory"),
        ("text.ckpt", zip_with(b"\x80\x02X\xff\xff\xff\x7fabc."), "not a readable checkpoint"),
        ("magic.ckpt", LEGACY_MAGIC, "not a readable checkpoint"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[-12:] else "",
)
def test_what_is_no_checkpoint_is_named(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        read_checkpoint(tmp_path / name)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.ckpt: no such file"):
        read_checkpoint(tmp_path / "nowhere.ckpt")
    with pytest.raises(IsADirectoryError, match="a folder; the checkpoint file in it is needed"):
        read_checkpoint(tmp_path)


def test_a_tensor_larger_than_its_bytes_is_refused(tmp_path):
    torch.save({"w": torch.ones(1).expand(2**40)}, tmp_path / "wide.pt")
    with pytest.raises(ValueError, match=r"wide\.pt: .*w claims 1099511627776 elements"):
        read_checkpoint(tmp_path / "wide.pt")
    torch.save({"w": torch.ones(2, dtype=torch.complex64)}, tmp_path / "complex.pt")
    with pytest.raises(ValueError, match=r"complex\.pt: .*w is in a ComplexFloatStorage"):
        read_checkpoint(tmp_path / "complex.pt")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """The same small checkpoint in each format."""
    folder = tmp_path_factory.mktemp("whole")
    state = {"a": torch.arange(24.0).view(4, 6), "b": torch.arange(3)}
    for name, zipped in FORMATS.items():
        save_lightning(folder / f"{name}.ckpt", state, zipped=zipped)
    save_file(state, folder / "model.safetensors")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", ["zip.ckpt", "legacy.ckpt", "model.safetensors"])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_anywhere_is_refused(files, tmp_path_factory, name, share):
    data = files[name]
    path = tmp_path_factory.getbasetemp() / f"cut_{name}"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=f"cut_{name}: "):
        read_checkpoint(path)


@pytest.mark.parametrize("name", ["zip.ckpt", "legacy.ckpt", "model.safetensors"])
@given(seed=st.integers(0, 2**31))
def test_damaged_bytes_give_tensors_or_a_clear_error(files, tmp_path_factory, name, seed):
    generator = torch.Generator().manual_seed(seed)
    data = bytearray(files[name])
    for place in torch.randint(len(data), (8,), generator=generator):
        data[place] = int(torch.randint(256, (), generator=generator))
    path = tmp_path_factory.getbasetemp() / f"damaged_{name}"
    path.write_bytes(data)
    try:
        assert read_checkpoint(path)
    except ValueError as error:
        assert f"damaged_{name}: " in str(error)

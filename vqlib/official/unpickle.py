"""The tensors of a checkpoint that somebody else made, and nothing else that is in it.

A PyTorch checkpoint is a pickle, and reading a pickle calls whatever the file asks for. Here it can
ask for plain containers and for notes that say where a tensor's bytes lie; everything else it names
becomes a stub that does nothing. Tensors are made afterwards, from the notes.
"""

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

# Names and shapes only: a released file's pickle has less than 1 MiB.
LARGEST_PICKLE = 2**26
# Entries in which the weights may be; the first one that is there counts, and the same inside it.
HOLDERS = ("state_dict", "model_state_dict", "model")
DEEPEST = 4
# How a file from before PyTorch 1.6 begins; later ones are zip archives.
LEGACY_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
HEAD = 64  # bytes by which formats are told apart

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Read the weights in a `torch.save` or a safetensors file, without running what it names.

    Args:
        path: any safetensors file, or any that `torch.save` wrote, whatever its name.

    Returns:
        The tensors by name, on the CPU: those in the entry "state_dict", as in PyTorch Lightning's
        files, or another one of `HOLDERS`, or one inside of the other; if there is none, those at
        the top level. Dictionaries of tensors beside each other, such as "encoder" and "decoder",
        give names that begin with theirs.

    Raises:
        FileNotFoundError: no such file.
        IsADirectoryError: a folder.
        ValueError: not a checkpoint, empty, cut short, damaged, or without tensors.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder; the checkpoint file in it is needed")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb") as file:
        try:
            head = file.read(HEAD)
            file.seek(0)
            tensors = load_file(path) if is_safetensors(head) else _pickled(file, head)
        except Exception as error:  # damaged bytes make the parsers raise almost anything
            reason = f"{type(error).__name__}: {error}".removesuffix(": ")
            reason = reason.removeprefix("ValueError: ")  # our own words
            raise ValueError(f"{path}: not a readable checkpoint ({reason})") from error
    if not tensors:
        raise ValueError(
            f"{path}: there are no named tensors in this checkpoint, neither at its top level nor "
            f"in {' or '.join(HOLDERS)}"
        )
    return tensors


def is_safetensors(head: bytes) -> bool:
    """Whether a file with these first bytes is in this format: a length, then a JSON object."""
    return head[8:9] == b"{"


class Storage(NamedTuple):
    """Where the bytes of some tensors are."""

    kind: str
    key: str
    num_elements: int


class Stored(NamedTuple):
    """A tensor not yet made: a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Stub:
    """Stands for anything a pickle names: takes every construction and state, does nothing."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def _nothing(self, *args: Any, **kwargs: Any) -> "Stub":
        return Stub()

    __call__ = __setitem__ = __setstate__ = append = extend = add = _nothing


class NoteUnpickler(pickle.Unpickler):
    """Reads plain containers, notes instead of tensors, and stubs. Imports nothing.

    Args:
        file: at the pickle's first byte; afterwards just behind it.
    """

    def __init__(self, file: io.BufferedIOBase):
        super().__init__(file)
        self.storages: dict[str, Storage] = {}
        # Made anew for each file, for a pickle may set attributes on what it is given.
        self.known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *note: Stored(*note[:4]),
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
            # Old pickles name a class inside a class by getattr.
            ("__builtin__", "getattr"): lambda *_: _new_stub(),
            ("builtins", "getattr"): lambda *_: _new_stub(),
        }

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for."""
        if module.split(".")[0] == "torch" and name.endswith("Storage"):
            return name
        return self.known.get((module, name)) or _new_stub()

    def persistent_load(self, pid: Any) -> Any:
        """What a reference to something outside of the pickle stands for."""
        if pid[0] != "storage":  # a module's source code, in old files
            return pid[1]
        _, kind, key, _, num_elements, *view = pid
        if any(view):
            raise ValueError("it has views of storages, as only PyTorch before 0.4 wrote them")
        return self.storages.setdefault(key, Storage(kind, key, num_elements))


def _new_stub() -> type[Stub]:
    return type("Stub", (Stub,), {})


def _pickled(file: io.BufferedIOBase, head: bytes) -> dict[str, Tensor]:
    if head.startswith(b"PK"):
        content, read = _open_zip(file)
    elif head.startswith(LEGACY_MAGIC):
        content, read = _open_legacy(file)
    else:
        raise ValueError(_what_begins_with(head))
    flat: dict[str, Tensor] = {}  # several tensors may share a storage
    return {
        name: _tensor(name, note, read, flat)
        for name, note in _weights(content).items()
        if isinstance(name, str) and isinstance(note, Stored)
    }


def _what_begins_with(head: bytes) -> str:
    """Why a file is none that we read."""
    if not head:
        return "an empty file"
    if head.startswith(b"version https://git-lfs"):
        return "only Git LFS's note of where the file is; fetch it with: git lfs pull"
    if head.lstrip().startswith(b"<"):
        return "a web page; what was downloaded is not the file but a page about it"
    return f"neither torch.save nor safetensors wrote it; it begins with {head[:16]!r}"


def _weights(content: Any) -> dict[Any, Any]:
    """What is by name in the entry that holds the weights."""
    for _ in range(DEEPEST):  # a dictionary may hold itself
        entries = dict(content) if isinstance(content, dict) else {}
        inner = [entries[name] for name in HOLDERS if isinstance(entries.get(name), dict)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, dict):
        raise ValueError("it does not hold a dictionary of tensors; was a whole module saved?")
    entries = dict(content)
    if any(isinstance(it, Stored) for it in entries.values()):
        return entries
    return {
        f"{entry}.{name}": note
        for entry, inside in entries.items()
        if isinstance(entry, str) and isinstance(inside, dict)
        for name, note in dict(inside).items()
        if isinstance(name, str)
    }


def _tensor(
    name: str, note: Stored, read: Callable[[str], bytes], flat: dict[str, Tensor]
) -> Tensor:
    kind, key, num_elements = note.storage
    if kind not in DTYPES:
        raise ValueError(f"{name} is in a {kind}; known are {', '.join(DTYPES)}")
    if key not in flat:
        data = bytearray(read(key))
        if len(data) != num_elements * DTYPES[kind].itemsize:
            raise ValueError(f"{name} has {len(data)} bytes for {num_elements} elements")
        empty = torch.empty(0, dtype=DTYPES[kind])
        flat[key] = torch.frombuffer(data, dtype=DTYPES[kind]) if data else empty
    tensor = flat[key].as_strided(note.shape, note.strides, note.offset)
    if tensor.numel() > num_elements:
        raise ValueError(f"{name} claims {tensor.numel()} elements, its storage has {num_elements}")
    return tensor


def _open_zip(file: io.BufferedIOBase) -> tuple[Any, Callable[[str], bytes]]:
    """What a zip archive's pickle holds, and a function that reads a storage."""
    archive = zipfile.ZipFile(file)
    entries = {entry.filename: entry for entry in archive.infolist()}
    pickles = [name for name in entries if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError("a zip file, but not one that torch.save wrote: no data.pkl")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
        raise ValueError("a compressed zip file; torch.save does not compress")
    root = pickles[0].removesuffix("/data.pkl")
    if f"{root}/byteorder" in entries and archive.read(f"{root}/byteorder") != b"little":
        raise ValueError("written on a big-endian machine")
    pickled = io.BytesIO(archive.read(pickles[0]))
    return _unpickle(pickled)[0], lambda key: archive.read(f"{root}/data/{key}")


def _open_legacy(file: io.BufferedIOBase) -> tuple[Any, Callable[[str], bytes]]:
    """The same for a file of PyTorch before 1.6: pickles one after another, then the storages."""
    for _ in ("magic number", "version", "system"):
        _unpickle(file)
    content, storages = _unpickle(file)
    places: dict[str, tuple[int, int]] = {}
    end = file.tell()
    for key in _unpickle(file)[0]:
        size = int.from_bytes(file.read(8), "little") * DTYPES[storages[key].kind].itemsize
        places[key] = file.tell(), size
        end = file.seek(size, io.SEEK_CUR)
    if end > file.seek(0, io.SEEK_END):
        raise ValueError("cut short")

    def read(key: str) -> bytes:
        place, size = places[key]
        file.seek(place)
        return file.read(size)

    return content, read


def _unpickle(file: io.BufferedIOBase) -> tuple[Any, dict[str, Storage]]:
    """The next pickle's content, and the storages it mentions."""
    start = file.tell()
    for opcode, argument, position in pickletools.genops(file):
        # The memo is an array: a high index alone would take gigabytes. Honest ones count up.
        if position - start > LARGEST_PICKLE or (
            opcode.name.endswith("PUT") and int(argument) > position
        ):
            raise ValueError("its pickle would take too much memory")
    file.seek(start)
    unpickler = NoteUnpickler(file)
    return unpickler.load(), unpickler.storages

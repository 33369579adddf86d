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
# How a file from before PyTorch 1.6 begins; later ones are zip archives.
LEGACY_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)

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
        path: a file whose name ends in .safetensors, or any file that `torch.save` wrote.

    Returns:
        The tensors in the entry "state_dict", as in PyTorch Lightning's files, or if there is none
        those at the top level; by name, on the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint, cut short, damaged, or without tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb") as file:
        try:
            tensors = load_file(path) if path.suffix == ".safetensors" else _pickled(file)
        except Exception as error:  # damaged bytes make the parsers raise almost anything
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise ValueError(f"{path}: not a readable checkpoint ({reason})") from error
    if not tensors:
        raise ValueError(f"{path}: there are no named tensors in this checkpoint")
    return tensors


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


def _pickled(file: io.BufferedIOBase) -> dict[str, Tensor]:
    head = file.read(len(LEGACY_MAGIC))
    file.seek(0)
    if head.startswith(b"PK"):
        content, read = _open_zip(file)
    elif head == LEGACY_MAGIC:
        content, read = _open_legacy(file)
    else:
        raise ValueError(f"neither torch.save nor safetensors wrote it; it begins with {head!r}")
    if isinstance(content, dict) and "state_dict" in content:
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise ValueError("it does not hold a dictionary of tensors; was a whole module saved?")
    flat: dict[str, Tensor] = {}  # several tensors may share a storage
    return {
        name: _tensor(name, note, read, flat)
        for name, note in dict(content).items()
        if isinstance(name, str) and isinstance(note, Stored)
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

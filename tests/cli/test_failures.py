"""What fails outside of our own code gets one line that helps; a bug keeps its traceback."""

import os
import subprocess
import sys

import pytest
import torch
import torch.distributed as dist

from tests.cli.commands import refusal
from vqlib.cli.failures import advice
from vqlib.cli.sample import Sample

COMPILER = """LoweringException: InvalidCxxCompiler: No working C++ compiler found in \
torch._inductor.config.cpp.cxx: (None, 'g++')
  target: aten.convolution.default
  and eighty lines more"""
WORKER = "DataLoader worker (pid 41) is killed by signal: Killed."


class InductorError(RuntimeError):
    """As PyTorch's, which is in a module that takes seconds to import."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nGPU 0"),
            "2 GiB.): ",
        ),
        (MemoryError(), "out of memory (MemoryError): use a smaller --batch-size"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"),
            "use a smaller --batch-size",
        ),
        (InductorError(COMPILER), "install one, or leave --compile out"),
        (RuntimeError(WORKER), "a process that reads pictures has died"),
        (RuntimeError("unable to write: Bus error"), "use fewer --workers, or 0"),
        (dist.DistBackendError("NCCL error in: c10d\nmore"), "have lost each other (NCCL error"),
        (RuntimeError("[1] Connection closed by peer [127.0.0.1]:1"), "have lost each other"),
        (RuntimeError("CUDA error: an illegal memory access\nwas"), "the GPU has failed"),
        (RuntimeError("another process has failed; it says why"), "another process has failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failure_of_the_machine_says_what_helps(error, words, capsys, monkeypatch):
    assert words in advice(error)

    def failed(_: Sample) -> int:
        raise error

    monkeypatch.setattr(Sample, "run", failed)
    assert words in refusal(capsys, "sample")


def test_the_cause_behind_an_error_counts():
    try:
        try:
            raise torch.OutOfMemoryError("Tried to allocate 2 GiB")
        except RuntimeError as error:
            raise RuntimeError("a step failed") from error
    except RuntimeError as error:
        assert "use a smaller --batch-size" in advice(error)


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("shapes do not fit"), TypeError()])
def test_a_bug_gets_no_advice(error):
    assert advice(error) is None


def test_compiling_without_a_compiler_is_explained(tmp_path):
    call = [sys.executable, "-m", "vqlib", "train", "vqvae", "--out", tmp_path / "run"]
    call += ["--steps", "1", "--batch-size", "2", "--compile", "--device", "cpu"]
    nowhere = {"PATH": str(tmp_path), "CXX": str(tmp_path / "g++")}
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "inductor")}
    done = subprocess.run(
        call,
        env={**os.environ, **nowhere, **caches},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("vqlib: error: --compile failed (")
    assert "install one, or leave --compile out" in last

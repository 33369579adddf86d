"""Failures of machine, compiler and processes: what to do about each, in a line."""

import re

# Names of exceptions, since not every build of PyTorch has each of them.
OUT_OF_MEMORY = {"OutOfMemoryError", "MemoryError"}
COMPILER = {
    *("InvalidCxxCompiler", "CppCompileError", "CompilationError", "InductorError"),
    *("BackendCompilerFailed", "TorchRuntimeError", "TritonMissing", "Unsupported"),
}
PROCESSES = {"DistBackendError", "DistNetworkError", "DistStoreError", "DistError"}


def advice(error: BaseException) -> str | None:
    """What has failed and what helps, where it is none of our own errors; None for a bug.

    Args:
        error: what has reached the command line.
    """
    kinds = {kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__}
    words = " ".join(f"{type(cause).__name__}: {cause}" for cause in _causes(error))
    first = _first_line(error)
    if kinds & OUT_OF_MEMORY or re.search(r"can't allocate memory|not enough memory", words):
        return (
            f"out of memory ({first}): use a smaller --batch-size or --size, --accumulate to "
            "compute a batch in parts, or --precision bf16"
        )
    if kinds & COMPILER:
        return (
            f"--compile failed ({_about_compiler(words) or first}): it needs a C++ compiler such "
            "as g++; install one, or leave --compile out"
        )
    if "DataLoader worker" in words:
        return (
            f"a process that reads pictures has died ({first}): too little memory, or too little "
            "shared memory (docker run --shm-size=8g); use fewer --workers, or 0"
        )
    if "torch_shm_manager" in words or "Bus error" in words:
        return f"too little shared memory ({first}): use fewer --workers, or 0"
    if kinds & PROCESSES or re.search(r"NCCL|[Cc]onnection (closed|reset|refused) by peer", words):
        return (
            f"the processes that train together have lost each other ({first}): another one says "
            "above why it ended; NCCL_DEBUG=INFO tells more"
        )
    if "AcceleratorError" in kinds or re.search(r"CUDA (error|driver)|cuDNN|CUBLAS", words):
        return f"the GPU has failed ({first}): try again, or --device cpu"
    if words.startswith("RuntimeError: another process has failed"):
        return str(error)
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """The error, and what it was raised from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__


def _about_compiler(words: str) -> str | None:
    found = re.search(r"No working C\+\+ compiler found[^\n]*|g\+\+[^\n]*not found[^\n]*", words)
    return found[0][:120] if found else None

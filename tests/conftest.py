"""Shared by all tests."""

import os

if count := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # workers share the cores
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(count))))
import vqlib  # noqa: F401, I001  (before torch, which reads how its threads are to wait)

import signal
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from tests.stand_ins import (
    write_celeba,
    write_coco,
    write_flowers,
    write_imagenet,
    write_pets,
)
from vqlib.data import digits

# The same examples in every run, and no time limit: the machines that test are shared.
settings.register_profile("vqlib", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("vqlib")


def pytest_addoption(parser):
    """`--long` runs in full what otherwise is cut short (`make test-long`)."""
    parser.addoption("--long", action="store_true", help="run long loops in full")


@pytest.fixture(scope="session")
def in_full(pytestconfig) -> bool:
    """Whether long loops run in full, not only their beginning."""
    return pytestconfig.getoption("--long")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that skips itself hides a hole: it fails. (Cells of notebooks are not under here.)"""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped unexpectedly: {report.longrepr}"
    return report


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works():
    """Tests press it, but a job that a shell has started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory) -> Iterator[None]:
    """What is remembered of folders is not the user's, nor from before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQLIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def fixed_seed():
    """Tests do not depend on each other's random numbers."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def stand_in_data(tmp_path_factory) -> Iterator[Path]:
    """A data folder in the real formats of all data sets that lessons download, with few images.

    MNIST and CIFAR-10 hold real digits, the others parts of a photograph; ImageNet is in
    `imagenet`. With the files there, nothing is downloaded; the loaders run the same code as on
    the real ones. Where torchvision compares checksums it gets those of the stand-ins.
    """
    root = tmp_path_factory.mktemp("data")
    for split, prefix in (("train", "train"), ("held_out", "t10k")):
        few = digits(split, image_size=28)
        pixels = few.images[:64, 0].add(1).mul(127.5).round().to(torch.uint8).numpy()
        labels = few.labels[:64].to(torch.uint8).numpy()
        _write_mnist(root / "MNIST" / "raw", prefix, pixels, labels)
    few = digits("train", image_size=32)
    pixels = few.images[:64].add(1).mul(127.5).round().to(torch.uint8).numpy()
    colour = np.repeat(pixels, 3, axis=1)  # (N, 3, 32, 32)
    _write_cifar10(root / "cifar-10-batches-bin", colour, few.labels[:64].numpy())
    write_pets(root)
    write_imagenet(root)
    write_coco(root)
    with pytest.MonkeyPatch.context() as patch:
        write_flowers(root, patch)
        write_celeba(root, patch)
        yield root


def _write_mnist(folder: Path, prefix: str, pixels: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = struct.pack(">IIII", 0x803, *pixels.shape) + pixels.tobytes()
    for name, data in (
        (f"{prefix}-images-idx3-ubyte", images),
        (f"{prefix}-labels-idx1-ubyte", struct.pack(">II", 0x801, len(labels)) + labels.tobytes()),
    ):
        (folder / name).write_bytes(data)


def _write_cifar10(folder: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir()
    records = np.concatenate([labels.astype(np.uint8)[:, None], pixels.reshape(len(pixels), -1)], 1)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        (folder / f"{name}.bin").write_bytes(records.tobytes())

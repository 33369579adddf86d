"""Two processes with half a batch each do the same as one with the whole."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vqlib.compress.processes import (
    gather_over_processes,
    mean_over_processes,
    sum_over_processes,
)

SCRIPT = Path(__file__).with_name("two_processes.py")
Results = dict[str, Tensor]


@pytest.fixture(scope="module")
def common() -> Results:
    """The whole batch: latents of three steps (steps, B, D, h, w) and images."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(3, 4, 5, 4, 4, generator=generator)
    x = torch.randn(4, 3, 32, 32, generator=generator)
    x[2:] = 2 * x[2:] + 1  # the two halves have statistics of their own
    return {"z": z, "x": x}


@pytest.fixture(scope="module")
def alone(common) -> Results:
    return runpy.run_path(str(SCRIPT))["everything"](common["z"], common["x"])


@pytest.fixture(scope="module")
def together(common, tmp_path_factory) -> list[Results]:
    """What each of the two found; started once, for it takes seconds."""
    folder = tmp_path_factory.mktemp("together")
    torch.save(common, folder / "common.pt")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    call = [sys.executable, *launch, str(SCRIPT), str(folder)]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def part(results: Results, prefix: str) -> Results:
    found = {name: value for name, value in results.items() if name.startswith(prefix)}
    assert found, prefix
    return found


def assert_same(one: Results, other: Results, **tolerances: float) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(
            other[name], value, **tolerances, msg=lambda m, name=name: f"{name}: {m}"
        )


@pytest.mark.parametrize(
    "over_processes", [sum_over_processes, mean_over_processes, gather_over_processes]
)
def test_alone_each_gives_its_input_without_a_gradient(over_processes):
    x = torch.randn(3, 2, requires_grad=True)
    assert torch.equal(over_processes(x), x)
    assert not over_processes(x).requires_grad


def test_there_were_two(alone, together):
    assert [int(results["processes"]) for results in (alone, *together)] == [1, 2, 2]


def test_sums_means_and_rows(common, together):
    x = common["x"]
    for results in together:
        torch.testing.assert_close(results["collectives.sum"], x.sum(0))
        torch.testing.assert_close(results["collectives.mean"], x.mean(0))
        assert torch.equal(results["collectives.gather"], x)
        assert torch.equal(results["collectives.transposed"], x.transpose(2, 3))
        assert results["collectives.counts"].tolist() == [6, 8, 10]


def test_moving_averages(alone, together):
    first, second = (part(results, "moving_averages") for results in together)
    assert_same(first, second, rtol=0, atol=0)  # or the processes would drift apart
    assert_same(part(alone, "moving_averages"), first, rtol=1e-5, atol=1e-6)


def test_initialized_and_restarted_codes(alone, together):
    first, second = (part(results, "new_codes") for results in together)
    assert_same(first, second, rtol=0, atol=0)
    assert_same(part(alone, "new_codes"), first, rtol=1e-5, atol=1e-6)
    for kind in ("GradientCodes", "EMACodes", "NormalizedCodes"):
        dead = int(first[f"new_codes.{kind}.dead"])
        start, end = first[f"new_codes.{kind}.start"], first[f"new_codes.{kind}.end"]
        assert 0 < dead == (start != end).any(1).sum()


def test_the_norm_sees_the_whole_batch(common, together):
    norm = nn.BatchNorm2d(3)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2.0, 3))
        norm.bias.copy_(torch.linspace(-1.0, 1.0, 3))
    x = common["x"].clone().requires_grad_()
    y = norm(x)
    (y.sin() * y).sum().backward()
    first, second = (part(results, "normalisation") for results in together)
    close = {"rtol": 1e-4, "atol": 1e-4}
    for name, whole in (("output", y), ("to_input", x.grad)):
        halves = torch.cat([half[f"normalisation.{name}"] for half in (first, second)])
        torch.testing.assert_close(halves, whole.detach(), **close)
    for name, whole in (("to_weight", norm.weight.grad), ("to_bias", norm.bias.grad)):
        summed = sum(half[f"normalisation.{name}"] for half in (first, second))
        torch.testing.assert_close(summed, whole, **close)
    for half in (first, second):
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            torch.testing.assert_close(half[f"normalisation.{name}"], norm.state_dict()[name])
    evaluated = torch.cat([half["normalisation.evaluated"] for half in (first, second)])
    torch.testing.assert_close(evaluated, norm.eval()(x).detach())


def test_the_adaptive_weight_is_that_of_the_whole_batch(alone, together):
    first, second = (part(results, "equal_pull") for results in together)
    assert_same(first, second, rtol=0, atol=0)
    assert_same(part(alone, "equal_pull"), first, rtol=1e-3, atol=1e-6)

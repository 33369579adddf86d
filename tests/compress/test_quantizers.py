"""What every quantizer promises, whatever its codes learn by."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress import (
    EMACodes,
    GradientCodes,
    NormalizedCodes,
    NormalizedVectorQuantizer,
    Quantizer,
)

KINDS = [GradientCodes(), EMACodes(decay=0.9), NormalizedCodes(low_dim=3)]
SIZES = [(2, 3), (8, 4), (64, 16)]  # (K, D)

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
every = pytest.mark.parametrize(
    "build",
    [lambda kind=kind, size=size: spread(kind.build(*size)) for kind in KINDS for size in SIZES],
    ids=[f"{type(kind).__name__}-{K}x{D}" for kind in KINDS for K, D in SIZES],
)
Build = Callable[[], Quantizer]


def spread(quantizer: Quantizer) -> Quantizer:
    """Codes far enough apart that the nearest is not a matter of rounding."""
    codes = torch.arange(quantizer.num_codes)
    quantizer.replace_codes(codes, torch.randn(quantizer.num_codes, quantizer.code_dim))
    return quantizer


def latents(quantizer: Quantizer, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(3, quantizer.code_dim, 4, 5).to(dtype)


def state(quantizer: Quantizer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in quantizer.state_dict().items()}


def unquantized(quantizer: Quantizer, z: Tensor) -> Tensor:
    """What the decoder would be given if nothing were rounded to a code."""
    if isinstance(quantizer, NormalizedVectorQuantizer):
        return quantizer.project_out(F.normalize(quantizer.project_in(z), dim=1))
    return z


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shapes_and_types(build: Build, dtype):
    quantizer = build()
    z = latents(quantizer, dtype)
    quantized = quantizer(z)
    assert (quantized.z_q.shape, quantized.z_q.dtype) == (z.shape, dtype)
    assert (quantized.tokens.shape, quantized.tokens.dtype) == ((3, 4, 5), torch.int64)
    assert 0 <= quantized.tokens.min() <= quantized.tokens.max() < quantizer.num_codes
    for loss in (quantized.codebook_loss, quantized.commitment_loss):
        assert (loss.shape, loss.dtype) == ((), torch.float32)
        assert loss > 0


@every
def test_all_ways_agree(build: Build):
    quantizer = build()
    z = latents(quantizer)
    tokens = quantizer.tokens(z)
    looked_up = quantizer.lookup(tokens)
    quantized = quantizer(z)  # last: in training it may move the codes afterwards
    assert torch.equal(quantized.tokens, tokens)
    torch.testing.assert_close(quantized.z_q, looked_up)
    # One number with two gradients.
    torch.testing.assert_close(quantized.codebook_loss, quantized.commitment_loss)


@every
def test_autocast_changes_neither_tokens_nor_types(build: Build):
    quantizer = build().eval()
    z = torch.randn(4, quantizer.code_dim, 16, 16)
    plain = quantizer(z)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = quantizer(z)
    assert torch.equal(plain.tokens, mixed.tokens)
    assert mixed.z_q.dtype == torch.float32
    torch.testing.assert_close(mixed.commitment_loss, plain.commitment_loss)


@kinds
@given(size=st.sampled_from(SIZES), seed=st.integers(0, 2**31))
def test_a_looked_up_code_gives_its_own_token(kind, size, seed):
    torch.manual_seed(seed)
    quantizer = spread(kind.build(*size))
    if isinstance(quantizer, NormalizedVectorQuantizer):
        # Codes live in another space than latents: only where the way in undoes the way out do
        # they come back. Orthonormal columns out, their transpose in.
        basis = torch.linalg.qr(torch.randn(quantizer.code_dim, 3)).Q
        quantizer.load_state_dict(
            {
                "project_in.weight": basis.T[:, :, None, None],
                "project_in.bias": torch.zeros(3),
                "project_out.weight": basis[:, :, None, None],
                "project_out.bias": torch.zeros(quantizer.code_dim),
                "codebook": torch.randn(quantizer.num_codes, 3),
            }
        )
    tokens = torch.randint(quantizer.num_codes, (2, 4, 4))
    looked_up = quantizer.lookup(tokens)
    assert torch.equal(quantizer.tokens(looked_up), tokens)
    torch.testing.assert_close(quantizer(looked_up).z_q, looked_up)


@every
def test_the_gradient_is_that_of_the_way_without_rounding(build: Build):
    quantizer = build()
    z = latents(quantizer).requires_grad_()
    z_q = quantizer(z).z_q
    upstream = torch.randn_like(z_q)
    (expected,) = torch.autograd.grad(unquantized(quantizer, z), z, upstream)
    got, to_codes = torch.autograd.grad(
        z_q, (z, quantizer.codebook.requires_grad_()), upstream, allow_unused=True
    )
    assert to_codes is None
    if isinstance(quantizer, NormalizedVectorQuantizer):
        torch.testing.assert_close(got, expected)
    else:
        assert torch.equal(got, upstream)


@every
def test_each_loss_pulls_one_side_only(build: Build):
    quantizer = build()
    z = latents(quantizer).requires_grad_()
    quantized = quantizer(z)
    (to_z,) = torch.autograd.grad(quantized.commitment_loss, z, retain_graph=True)
    assert to_z.norm() > 0
    if not quantizer.codebook.requires_grad:  # a moving average: nothing to learn by gradient
        assert not quantized.codebook_loss.requires_grad
        return
    to_codes, to_z = torch.autograd.grad(
        quantized.codebook_loss, (quantizer.codebook, z), allow_unused=True
    )
    assert to_codes.norm() > 0
    assert to_z is None
    used = torch.zeros(quantizer.num_codes, dtype=torch.bool)
    used[quantized.tokens] = True
    assert not to_codes[~used].any()


@kinds
@given(data=st.data(), size=st.sampled_from(SIZES), seed=st.integers(0, 2**31))
def test_replaced_codes_are_chosen_by_their_latents(kind, data, size, seed):
    torch.manual_seed(seed)
    K, D = size
    quantizer = spread(kind.build(K, D))
    before = quantizer.codebook.clone()
    codes = torch.tensor(data.draw(st.lists(st.integers(0, K - 1), unique=True)), dtype=torch.int64)
    new = torch.randn(len(codes), D)
    quantizer.replace_codes(codes, new)
    quantized = quantizer.eval()(new[:, :, None, None])
    assert torch.equal(quantized.tokens.flatten(), codes)
    assert len(codes) == 0 or quantized.commitment_loss < 1e-10  # they lie exactly there
    kept = torch.ones(K, dtype=torch.bool)
    kept[codes] = False
    assert torch.equal(quantizer.codebook[kept], before[kept])


@kinds
def test_half_precision_latents_can_become_codes(kind):
    quantizer = spread(kind.build(8, 4))
    new = torch.randn(2, 4).bfloat16()
    quantizer.replace_codes(torch.tensor([5, 1]), new)
    assert quantizer.tokens(new[:, :, None, None]).flatten().tolist() == [5, 1]
    assert quantizer.codebook.dtype == torch.float32


@every
def test_only_training_may_change_the_state(build: Build):
    quantizer = build()
    before = state(quantizer)
    quantizer.tokens(latents(quantizer))
    quantizer.eval()(latents(quantizer))
    after = state(quantizer)
    assert all(torch.equal(after[name], before[name]) for name in before)


@every
def test_a_saved_quantizer_goes_on_alike(build: Build):
    quantizer, copy = build(), build()
    for _ in range(3):
        quantizer(latents(quantizer))
    copy.load_state_dict(load(save(quantizer.state_dict())))  # strict, and without shared storage
    z = latents(quantizer)
    for _ in range(2):  # the second sees what the first has learned
        mine, its = quantizer(z), copy(z)
        assert torch.equal(mine.z_q, its.z_q)
        assert mine.commitment_loss == its.commitment_loss
    one, other = state(quantizer), state(copy)
    assert all(torch.equal(one[name], other[name]) for name in one)


@kinds
def test_wrong_latents_and_tokens_are_named(kind):
    quantizer = kind.build(8, 3)
    for wrong in (quantizer, quantizer.tokens):
        with pytest.raises(ValueError, match=r"latents have 5 channels.*code_dim=3"):
            wrong(torch.zeros(1, 5, 2, 2))
    for token in (-1, 8):
        with pytest.raises(ValueError, match=rf"\[.*{token}.*codes 0 to 7"):
            quantizer.lookup(torch.tensor([[[0, token]]]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: EMACodes(decay=1.0), "decay is 1.0; it must lie between 0 and 1"),
        (lambda: EMACodes(decay=0.0), "decay is 0.0"),
        (lambda: EMACodes(epsilon=0.0), "epsilon is 0.0; it must be positive"),
        (lambda: NormalizedCodes(low_dim=1), "low_dim is 1; a sphere needs at least 2"),
    ],
    ids=["decay-1", "decay-0", "epsilon", "low_dim"],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_normalized_codes_see_directions_only():
    quantizer = spread(NormalizedCodes(low_dim=3).build(8, 4))
    torch.nn.init.zeros_(quantizer.project_in.bias)  # so that z and 10·z have one direction
    z = latents(quantizer)
    assert torch.equal(quantizer.tokens(10 * z), quantizer.tokens(z))
    short, long = quantizer(z), quantizer(10 * z)
    torch.testing.assert_close(long.commitment_loss, short.commitment_loss)
    assert short.commitment_loss <= 4 / 3  # ‖u − v‖² ≤ 4 on the sphere, per each of d = 3 elements
    with torch.no_grad():
        quantizer.codebook.mul_(7.0)  # the codes' lengths do not count either
    torch.testing.assert_close(quantizer(z).z_q, short.z_q)

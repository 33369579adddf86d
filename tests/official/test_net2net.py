"""Released transformers in our modules: nothing is lost, and the numbers are the same."""

import math
import re
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.official import released_layout as layout
from vqlib.compress import VQVAE, LabelMapVQVAE, vqgan_f16
from vqlib.generate import GPT, ClassCondition, MapCondition, NoCondition, Order
from vqlib.generate.order import FIXED
from vqlib.official import load_vqmodel, net2net, read_checkpoint, taming
from vqlib.official.net2net import account_net2net, load_net2net

PREFIXES = {"first_stage_model.": "first_stage", "cond_stage_model.": "condition_stage"}


@dataclass(frozen=True)
class Sizes:
    """A transformer; the defaults are those of S-FLCKR."""

    vocabulary: int = 1024
    block: int = 512
    layers: int = 24
    width: int = 1024


def transformer(sizes: Sizes) -> layout.Shapes:
    """Every name in a transformer's state dict and its shape."""
    n, block = sizes.width, sizes.block
    shapes = {"tok_emb.weight": (sizes.vocabulary, n), "pos_emb": (1, block, n)}
    for i in range(sizes.layers):
        for name in ("ln1", "ln2"):
            shapes |= layout.norm(f"blocks.{i}.{name}", n)
        for name in ("key", "query", "value", "proj"):
            shapes |= linear(f"blocks.{i}.attn.{name}", n, n)
        shapes[f"blocks.{i}.attn.mask"] = (1, 1, block, block)
        shapes |= linear(f"blocks.{i}.mlp.0", n, 4 * n) | linear(f"blocks.{i}.mlp.2", 4 * n, n)
    return shapes | layout.norm("ln_f", n) | {"head.weight": (sizes.vocabulary, n)}


def linear(name: str, inside: int, out: int) -> layout.Shapes:
    return {f"{name}.weight": (out, inside), f"{name}.bias": (out,)}


def draw(sizes: Sizes, unmasked: int = 0) -> dict[str, Tensor]:
    """Random weights; the first `unmasked` positions see each other."""
    mask = torch.ones(1, 1, sizes.block, sizes.block).tril()
    mask[..., :unmasked, :unmasked] = 1
    state = layout.draw(transformer(sizes), seed=3)
    for name, x in state.items():
        if name.endswith("mask"):
            state[name] = mask.clone()
        elif x.ndim == 2 and name != "tok_emb.weight":
            state[name] = x / x.shape[1] ** 0.5
        elif name == "pos_emb":
            state[name] = 10 * x
    return state


@dataclass(frozen=True)
class Case:
    """A small file, and what the caller has to say about it."""

    sizes: Sizes
    condition: Any
    told: dict[str, Any]
    unmasked: int = 0
    first_id: int = 0

    def state(self) -> dict[str, Tensor]:
        """The whole file's tensors."""
        parts = {"first_stage_model.": layout.state_dict(layout.small(disc_layers=1), seed=1)}
        if isinstance(self.condition, MapCondition):
            second = layout.small(channels=9, n_embed=24, disc_layers=None, colorize=True)
            parts["cond_stage_model."] = layout.state_dict(second, seed=2)
        parts["transformer."] = draw(self.sizes, self.unmasked)
        return {prefix + name: it for prefix, part in parts.items() for name, it in part.items()}

    def values(self, count: int) -> Tensor | None:
        """Conditions for some pictures."""
        match self.condition:
            case ClassCondition(num_classes):
                return torch.randint(num_classes, (count,))
            case MapCondition(num_codes, grid):
                return torch.randint(num_codes, (count, *grid))
        return None


# 20 codes of pictures, 24 of label maps, 3 × 4 tokens.
GRID = {"grid": (3, 4), "num_heads": 3}
MAP = Case(Sizes(24, 24, 2, 48), MapCondition(24, (3, 4)), GRID)
CASES = {
    "label map": MAP,
    "label map, full": Case(MAP.sizes, MAP.condition, GRID, unmasked=12),
    "smaller map": Case(
        Sizes(40, 17, 1, 16),
        MapCondition(24, (2, 3)),
        {**GRID, "num_heads": 4, "condition_grid": (2, 3)},
    ),
    "class": Case(Sizes(20, 12, 3, 24), ClassCondition(7), {**GRID, "num_classes": 7}),
    "class, 16 heads": Case(
        Sizes(20, 13, 1, 32), ClassCondition(20), {"grid": (3, 4), "num_classes": 20}
    ),
    "start": Case(Sizes(20, 12, 2, 24), NoCondition(), {**GRID, "num_classes": None}),
    "start 15": Case(
        Sizes(20, 12, 2, 24), NoCondition(), {**GRID, "num_classes": None, "sos_token": 15}, 0, 15
    ),
}


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


def untold(case: Case) -> dict[str, Any]:
    """What `account_net2net` wants to know."""
    return {name: it for name, it in case.told.items() if name != "num_heads"}


def logits(state: dict[str, Tensor], c: Tensor, z: Tensor, num_heads: int) -> Tensor:
    """The reference in plain functions: logits of every token of z, (B, T, vocabulary)."""
    state = {name.removeprefix("transformer."): it.double() for name, it in state.items()}
    ids = torch.cat([c, z], dim=1)[:, :-1]
    x = state["tok_emb.weight"][ids] + state["pos_emb"][:, : ids.shape[1]]
    for i in range(sum(name.endswith("mask") for name in state)):
        x = x + attention(state, f"blocks.{i}.attn", norm(state, f"blocks.{i}.ln1", x), num_heads)
        h = affine(state, f"blocks.{i}.mlp.0", norm(state, f"blocks.{i}.ln2", x))
        h = h * (1 + torch.erf(h / math.sqrt(2))) / 2
        x = x + affine(state, f"blocks.{i}.mlp.2", h)
    return (norm(state, "ln_f", x) @ state["head.weight"].T)[:, c.shape[1] - 1 :]


def attention(state: dict[str, Tensor], name: str, x: Tensor, num_heads: int) -> Tensor:
    S = x.shape[1]
    q, k, v = (
        affine(state, f"{name}.{it}", x).chunk(num_heads, 2) for it in ("query", "key", "value")
    )
    heads = []
    for q_h, k_h, v_h in zip(q, k, v, strict=True):
        scores = q_h @ k_h.transpose(1, 2) / math.sqrt(q_h.shape[2])
        scores = scores.masked_fill(state[f"{name}.mask"][0, :, :S, :S] == 0, -torch.inf)
        heads.append(scores.softmax(2) @ v_h)
    return affine(state, f"{name}.proj", torch.cat(heads, 2))


def affine(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[2:], state[f"{name}.weight"], state[f"{name}.bias"])


def test_logits_are_those_of_the_reference(case):
    state = case.state()
    prior = load_net2net(state, **case.told).prior.double()
    tokens, condition = torch.randint(20, (3, 12)), case.values(3)
    prefix = prior.prefix(condition, 3)
    with torch.no_grad():
        got = prior(tokens[:, :-1], prefix)
        expected = logits(state, case.first_id + prefix, tokens, case.told.get("num_heads", 16))
    expected = expected[..., :20]  # what the codec has no code for cannot be drawn
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
    assert expected.std() > 0.3  # the comparison says something
    other = load_net2net(state, **{**case.told, "num_heads": 2}).prior.double()
    assert (other(tokens[:, :-1], prefix) - expected).abs().max() > 1e-3


def test_every_tensor_of_a_file_lands(case):
    state = case.state()
    loaded = load_net2net(state, **case.told)
    fates = account_net2net(state, **untold(case))
    assert list(fates) == list(state)
    ours = set(
        re.findall(r"(?:prior|first_stage|condition_stage)\.[\w.]+", " ".join(fates.values()))
    )
    models = {field: it for field, it in loaded._asdict().items() if it is not None}
    assert ours == {f"{field}.{name}" for field, it in models.items() for name in it.state_dict()}
    left = {name for name, fate in fates.items() if fate.startswith("not loaded: ")}
    assert all(re.search(r"\.attn\.mask|\.loss\.|\.colorize", name) for name in left)
    for prefix, field in PREFIXES.items():
        part = {name.removeprefix(prefix): it for name, it in state.items() if prefix in name}
        assert (field in models) == bool(part)
        if part:
            expected = load_vqmodel(part).state_dict()
            for name, it in models[field].state_dict().items():
                assert torch.equal(it, expected[name]), name


def test_the_parts_are_whole_models(case):
    loaded = load_net2net(case.state(), **case.told)
    assert isinstance(loaded.prior, GPT)
    assert loaded.prior.config.condition == case.condition
    assert loaded.prior.config.prefix_attention == ("full" if case.unmasked else "causal")
    assert type(loaded.first_stage) is VQVAE
    assert loaded.first_stage.config.image_size == 8  # f = 2 and the longer side of the grid
    if isinstance(case.condition, MapCondition):
        assert isinstance(loaded.condition_stage, LabelMapVQVAE)
        assert loaded.condition_stage.config.image_size == 2 * case.condition.grid[1]
    for model in filter(None, loaded):
        assert not model.training
        assert all(p.dtype == torch.float32 and p.requires_grad for p in model.parameters())


def test_pictures_are_drawn(case):
    prior, first_stage, condition_stage = load_net2net(case.state(), **case.told)
    condition = case.values(2)
    if condition_stage is not None:
        rows, columns = case.condition.grid
        condition = condition_stage.encode(torch.randint(9, (2, 2 * rows, 2 * columns)))
    tokens = prior.sample(condition, count=2)
    assert torch.equal(tokens, prior.sample(condition, count=2, cached=False))
    assert len(tokens.unique()) > 5
    assert first_stage.decode(tokens.unflatten(1, (3, 4))).shape == (2, 3, 6, 8)


def test_a_file_does_as_well_as_its_tensors(tmp_path):
    state = MAP.state()
    layout.save_lightning(tmp_path / "net2net.ckpt", state)
    before = torch.get_rng_state()
    loaded, expected = load_net2net(tmp_path / "net2net.ckpt", **GRID), load_net2net(state, **GRID)
    assert torch.equal(torch.get_rng_state(), before)
    for model, same in zip(loaded, expected, strict=True):
        for name, it in same.state_dict().items():
            assert torch.equal(model.state_dict()[name], it), name
    read = read_checkpoint(tmp_path / "net2net.ckpt")
    assert account_net2net(read, grid=(3, 4)) == account_net2net(state, grid=(3, 4))
    message = (
        r"net2net\.ckpt: transformer\.\*: pos_emb has 24 .* 256 of the condition and 256 .* 511"
    )
    with pytest.raises(ValueError, match=message):
        load_net2net(tmp_path / "net2net.ckpt")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_net2net(tmp_path / "nowhere.ckpt")


def test_the_callers_tensors_stay_as_they_are():
    state = MAP.state()
    copies = {name: it.clone() for name, it in state.items()}
    prior = load_net2net(state, **GRID).prior
    assert list(state) == list(copies)
    assert all(torch.equal(it, copies[name]) for name, it in state.items())
    state["transformer.ln_f.bias"].fill_(9)
    assert not (prior.norm.bias == 9).any()


FULL = {
    "sflckr": (Sizes(), layout.SEGMENTATION, {}, 16),
    "cin": (Sizes(16384, 256, 48, 1536), None, {}, 24),
    "ffhq": (Sizes(1024, 256, 24, 1664), None, {"num_classes": None}, 16),
}
CONDITIONS = {
    "sflckr": MapCondition(1024, (16, 16)),
    "cin": ClassCondition(1000),
    "ffhq": NoCondition(),
}


@pytest.mark.parametrize("name", FULL)
def test_the_released_sizes_are_recognised(name, monkeypatch):
    sizes, second, told, num_heads = FULL[name]
    shapes = {
        "first_stage_model": layout.first_stage(
            layout.Layout(n_embed=sizes.vocabulary, disc_layers=None, lpips=False)
        )
    }
    if second is not None:
        shapes["cond_stage_model"] = layout.first_stage(second)
    shapes["transformer"] = transformer(sizes)
    mask = torch.ones(1, 1, sizes.block, sizes.block).tril()
    # One number, seen everywhere, and models without memory: only names and shapes count here.
    state = {
        f"{part}.{tensor}": mask if tensor.endswith("mask") else torch.zeros(()).expand(its)
        for part, tensors in shapes.items()
        for tensor, its in tensors.items()
    }
    for module in (net2net, taming):
        monkeypatch.setattr(module, "fill", lambda *args, **options: None)
    prior, first_stage, condition_stage = load_net2net(state, **told)
    config = prior.config
    assert config.condition == CONDITIONS[name]
    assert (config.num_codes, config.grid) == (sizes.vocabulary, (16, 16))
    assert (config.num_layers, config.width) == (sizes.layers, sizes.width)
    assert (config.num_heads, config.prefix_attention) == (num_heads, "causal")
    assert first_stage.config == vqgan_f16(sizes.vocabulary)
    assert (condition_stage is None) == (second is None)
    counts = [math.prod(it) for key, it in shapes["transformer"].items() if "mask" not in key]
    extra = config.num_ids + config.num_positions - sizes.block  # copied rows, rows not loaded
    assert sum(p.numel() for p in prior.parameters()) == sum(counts) + extra * sizes.width
    fates = account_net2net({key: it.to("meta") for key, it in state.items()}, **told)
    assert list(fates) == list(state)
    assert fates["transformer.tok_emb.weight"].endswith(
        "prior.token_embedding.weight, prior.condition_embedding.weight"
    )
    spare = " (rows from 511 on are not loaded: never read)" if name == "sflckr" else ""
    assert fates["transformer.pos_emb"] == "prior.position_embedding" + spare
    key = "prior.blocks.0.attention.query_key_value.weight"
    assert fates["transformer.blocks.0.attn.key.weight"] == key


@pytest.mark.parametrize("name", FIXED)
def test_the_order_of_the_tokens_is_read_from_the_file(name):
    case = CASES["class"]
    order = Order(name).permutation(3, 4)
    permuter = {"forward_shuffle_idx": order, "backward_shuffle_idx": order.argsort()}
    state = case.state() | {f"permuter.{key}": it for key, it in permuter.items()}
    prior = load_net2net(state, **case.told).prior.double()
    assert prior.config.order == Order(name)
    tokens, c = torch.randint(20, (3, 12)), case.values(3)
    with torch.no_grad():
        found = prior.log_prob(tokens, c)
        expected = logits(state, prior.prefix(c, 3), tokens[:, order], 3).log_softmax(-1)
    expected = expected.gather(2, tokens[:, order, None])[..., 0][:, order.argsort()]
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-5)
    fates = account_net2net(state, **untold(case))
    assert fates["permuter.forward_shuffle_idx"].startswith("not loaded: the order of the tokens")


def test_an_order_without_a_name_is_refused():
    state = CASES["class"].state() | {"permuter.forward_shuffle_idx": torch.arange(12).roll(1)}
    message = r"permuter\.forward_shuffle_idx is none of the orders raster.* on 3×4 tokens"
    with pytest.raises(ValueError, match=message):
        load_net2net(state, **CASES["class"].told)


def test_averages_are_left_out_and_numbers_must_be_finite():
    state, told = MAP.state(), {"grid": (3, 4)}
    fates = account_net2net(state | layout.averages(state), **told)
    assert fates["model_ema.transformerln_fbias"] == "not loaded: moving averages of the weights"
    assert load_net2net(state | layout.averages(state), **GRID).prior is not None
    for name in ("transformer.blocks.1.attn.query.bias", "cond_stage_model.quant_conv.bias"):
        prefix, tensor = name.split(".", 1)
        wrong = {**state, name: torch.full_like(state[name], torch.nan)}
        with pytest.raises(ValueError, match=rf"{prefix}\.\*: {tensor} has .* not finite"):
            load_net2net(wrong, **GRID)


def test_coordinates_are_refused():
    state = Case(Sizes(20, 24, 1, 24), NoCondition(), {}).state()
    message = r"pos_emb has 24 .*room for a condition of 12 ids, but no name .*'cond_stage_model"
    for num_classes in (None, 7):
        with pytest.raises(ValueError, match=message + ".*coordinates"):
            load_net2net(state, **GRID, num_classes=num_classes)
    with pytest.raises(ValueError, match=message):
        account_net2net(state, grid=(3, 4))


def one_layer() -> dict[str, Tensor]:
    """The smallest file with both codecs."""
    return Case(Sizes(24, 24, 1, 48), MAP.condition, GRID).state()


def test_a_missing_tensor_is_named():
    state = one_layer()
    names = [name for name in state if name.startswith("transformer.") and "mask" not in name]
    for name in [*names, "cond_stage_model.quant_conv.bias"]:
        rest = {other: it for other, it in state.items() if other != name}
        prefix, tensor = name.split(".", 1)
        for call in (load_net2net, account_net2net):
            with pytest.raises(ValueError, match=rf"{prefix}\.\*: missing: {re.escape(tensor)}$"):
                call(rest, grid=(3, 4))
    for prefix in ("first_stage_model", "transformer"):
        rest = {name: it for name, it in state.items() if not name.startswith(prefix)}
        with pytest.raises(ValueError, match=rf"^{prefix}\.\*: missing: "):
            load_net2net(rest, **GRID)


def test_masks_may_be_missing():
    state = {name: it for name, it in one_layer().items() if not name.endswith("mask")}
    assert load_net2net(state, **GRID).prior.config.prefix_attention == "causal"
    told = load_net2net(state, **GRID, prefix_attention="full")
    assert told.prior.config.prefix_attention == "full"


@pytest.mark.parametrize(
    "name",
    [
        "transformer.blocks.0.attn.key.scale",
        "transformer.blocks.1.ln1.weight",
        "transformer.head.bias",
        "first_stage_model.quantize.used",
        "cond_stage_model.encoder.extra.weight",
        "ema.transformer.head.weight",
        "encoder.conv_in.weight",
    ],
)
def test_an_unknown_tensor_is_named(name):
    state = {**one_layer(), name: torch.zeros(48)}
    message = r"missing: blocks\.1\.ln1\.bias" if "blocks.1" in name else "not known: "
    for call in (load_net2net, account_net2net):
        with pytest.raises(ValueError, match=message) as caught:
            call(state, grid=(3, 4))
        assert "blocks.1" in name or name.split(".", 1)[1] in str(caught.value)


def test_a_misshapen_tensor_is_named():
    state = one_layer()
    for name, it in state.items():
        # From the table of ids the width is read: with another, its neighbours no longer fit.
        if not name.startswith("transformer.") or name.endswith("tok_emb.weight"):
            continue
        message = rf"transformer\.\*: .*{re.escape(name[12:])} is \(.*\) instead of"
        with pytest.raises(ValueError, match=message):
            load_net2net({**state, name: torch.zeros(*it.shape[:-1], it.shape[-1] + 1)}, **GRID)
        with pytest.raises(ValueError, match=message):
            account_net2net({**state, name: torch.zeros(1)}, grid=(3, 4))
    head, ids = "transformer.head.weight", "transformer.tok_emb.weight"
    with pytest.raises(ValueError, match=r"head\.weight is \(24, 48\) instead of \(25, 48\)"):
        load_net2net({**state, ids: torch.zeros(25, 48)}, **GRID)
    with pytest.raises(ValueError, match=r"tok_emb\.weight is \(48,\) instead of 2"):
        load_net2net({**state, ids: torch.zeros(48)}, **GRID)
    with pytest.raises(ValueError, match=r"head\.weight is torch\.int64 instead of torch\.float"):
        load_net2net({**state, head: state[head].long()}, **GRID)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"num_heads": 7}, "width 48 is not a multiple of num_heads 7"),
        ({"num_heads": 0}, "num_heads is 0"),
        ({"grid": (4, 4)}, "pos_emb has 24 positions; .* need 31: give the right grid"),
        ({"grid": (2, 2)}, "pos_emb has 24 positions; .* need 7, far fewer: give the right grid"),
        ({"condition_grid": (5, 5)}, "25 of the condition .* need 36"),
        ({"grid": (0, 4)}, r"grid is \(0, 4\)"),
        ({"prefix_attention": "full"}, r"blocks\.0\.attn\.mask .* is not prefix_attention 'full'"),
    ],
)
def test_what_does_not_fit_a_label_map_is_named(told, message):
    with pytest.raises(ValueError, match=message):
        load_net2net(MAP.state(), **{**GRID, **told})


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"num_classes": 21}, "the ids 0 to 19; .* the condition 0 to 20: is num_classes"),
        ({"num_classes": 0}, "num_classes is 0"),
        ({"num_classes": None, "sos_token": 20}, "the condition 20 to 20"),
        ({"num_classes": None, "sos_token": -1}, "the condition -1 to -1"),
    ],
)
def test_what_does_not_fit_a_class_is_named(told, message):
    with pytest.raises(ValueError, match=message):
        load_net2net(CASES["class"].state(), **{**GRID, **told})


def test_a_vocabulary_smaller_than_the_codebook_is_refused():
    state = Case(Sizes(19, 12, 1, 24), NoCondition(), {}).state()
    with pytest.raises(ValueError, match="the ids 0 to 18; codes need 0 to 19"):
        load_net2net(state, **GRID, num_classes=None)


def test_masks_of_another_kind_are_refused():
    state = Case(MAP.sizes, MAP.condition, GRID, unmasked=5).state()
    message = r"blocks\.0\.attn\.mask .* not prefix_attention 'causal' or 'full'"
    with pytest.raises(ValueError, match=message):
        load_net2net(state, **GRID)
    full = CASES["label map, full"].state()
    with pytest.raises(ValueError, match="not prefix_attention 'causal'"):
        load_net2net(full, **GRID, prefix_attention="causal")
    mixed = {**full, "transformer.blocks.1.attn.mask": torch.ones(1, 1, 24, 24).tril()}
    with pytest.raises(ValueError, match="say which position sees which"):
        load_net2net(mixed, **GRID)

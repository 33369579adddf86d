"""The transformers released with *Taming Transformers* (Esser et al. 2021): stage 2 and its codecs.

A file holds the codec of the pictures, for some conditions a second one, and a GPT over their
tokens, which here becomes a `vqlib.generate.GPT`. Where the two GPTs differ:

- Theirs has one table of ids: class 7, code 7 of a label map and code 7 of a picture share a row.
  Ours has a table for conditions and one for codes; what was shared is loaded into both.
- Ours makes query, key and value with one matrix, in whose rows their three lie.
- A file may hold the permutation in which tokens are written; ours knows such orders by name.
- Theirs may have more positions than are ever read. Of P ids of a condition and T tokens only the
  last token is predicted but not read: P + T − 1 are.

Source: *Taming Transformers*, section 3.2, and the appendix for the sizes.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from vqlib.compress.vqvae import VQVAE
from vqlib.generate.condition import ClassCondition, MapCondition, NoCondition
from vqlib.generate.gpt import GPT, GPTConfig
from vqlib.generate.order import FIXED, Order
from vqlib.official.choose import AVERAGES
from vqlib.official.gpt_names import FUSED, released_name, unfused
from vqlib.official.taming import AVERAGED, account, infer_config, load_vqmodel
from vqlib.official.transfer import Source, check, fill, naming, numbers, part, shape

PrefixAttention = Literal["causal", "full"]
Parts = Mapping[str, dict[str, Tensor]]

FIRST, SECOND, TRANSFORMER = "first_stage_model.", "cond_stage_model.", "transformer."
PERMUTER = "permuter."
ORDER = "forward_shuffle_idx"
ORDERED = "the order of the tokens, which the prior's configuration names"

DEFAULT_HEADS = 16
# By layers and width.
HEADS = {(48, 1536): 24}

# Tables of which a file may have more rows than ours, and what those are.
TABLES = {"tok_emb.weight": "no codes", "head.weight": "no codes", "pos_emb": "never read"}


class Net2Net(NamedTuple):
    """What the file of a released transformer holds."""

    prior: GPT
    """Stage 2: the tokens of pictures, given a condition."""
    first_stage: VQVAE
    """From pictures to tokens and back."""
    condition_stage: VQVAE | None
    """The same for conditions, such as a `LabelMapVQVAE`; None for classes and for none."""


def load_net2net(
    source: Source,
    *,
    num_heads: int | None = None,
    grid: tuple[int, int] = (16, 16),
    condition_grid: tuple[int, int] | None = None,
    num_classes: int | None = 1000,
    sos_token: int = 0,
    prefix_attention: PrefixAttention | None = None,
) -> Net2Net:
    """A released transformer with its codecs, such as S-FLCKR or class-conditional ImageNet.

    Sizes are read from the tensors; the arguments say what no tensor tells.

    Args:
        source: a checkpoint file, or what `read_checkpoint` gave.
        num_heads: attention heads per block, by default 16; but 24 for 48 layers of width 1536,
            which is class-conditional ImageNet: the configuration in use with that file says 24,
            the paper 16. With a wrong number a model loads as well, and draws noise.
        grid: rows and columns of tokens in a picture; 256 pixels and f = 16 make 16.
        condition_grid: those of the condition if it has a codec; by default the picture's.
        num_classes: for a file without a codec for conditions; None if there are no classes
            either and pictures begin with a start token.
        sos_token: id of the start token.
        prefix_attention: "full" if every id of the condition sees all the others. By default it
            is read from the file's attention masks, and is "causal" if there are none.

    Returns:
        The models in float32 and eval mode.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint; a tensor is missing, unknown or of the wrong shape, and the
            message names it; the arguments do not fit the tensors; or the condition is of a kind
            that no tensor tells of, such as coordinates.
    """
    parts = _parts(source)
    with naming(source, ""):
        config = _config(parts, grid, condition_grid or grid, num_classes)
        if num_heads is None:
            num_heads = HEADS.get((config.num_layers, config.width), DEFAULT_HEADS)
        told = replace(config, num_heads=num_heads, prefix_attention=prefix_attention or "causal")
        with naming({}, TRANSFORMER):
            state = parts[TRANSFORMER] = _cut(parts[TRANSFORMER], config, sos_token)
            seen = _prefix_attention(state, config, prefix_attention)
            prior, names = _checked(state, replace(told, prefix_attention=seen))
            fill(prior, names, state, views=unfused)
        first_stage, second_stage = _stage(parts, FIRST, grid), None
        if isinstance(config.condition, MapCondition):
            second_stage = _stage(parts, SECOND, config.condition.grid)
    return Net2Net(prior, first_stage, second_stage)


def account_net2net(
    state: Mapping[str, Tensor],
    *,
    grid: tuple[int, int] = (16, 16),
    condition_grid: tuple[int, int] | None = None,
    num_classes: int | None = 1000,
    sos_token: int = 0,
) -> dict[str, str]:
    """What becomes of every tensor in the file of a released transformer.

    Args:
        state: what `read_checkpoint` gave. Only shapes are looked at, and the order of the tokens.
        grid: as in `load_net2net`, like the others.
        condition_grid: as there.
        num_classes: as there.
        sos_token: as there.

    Returns:
        For each name in the file those in our models, which begin with the fields of `Net2Net`, or
        "not loaded: " and the reason.

    Raises:
        ValueError: as in `load_net2net`.
    """
    parts = _parts(state)
    config = _config(parts, grid, condition_grid or grid, num_classes)
    fates = {}
    for prefix, field in ((FIRST, "first_stage."), (SECOND, "condition_stage.")):
        with naming({}, prefix):
            found = account(parts[prefix]) if parts[prefix] else {}
        for name, fate in found.items():
            fates[prefix + name] = fate if fate.startswith("not loaded: ") else field + fate
    with naming({}, TRANSFORMER):
        found = _account_transformer(parts[TRANSFORMER], config, sos_token)
    fates |= {TRANSFORMER + name: fate for name, fate in found.items()}
    fates |= {PERMUTER + name: f"not loaded: {ORDERED}" for name in parts[PERMUTER]}
    fates |= {name: f"not loaded: {AVERAGED}" for name in state if name.startswith(AVERAGES)}
    return {name: fates[name] for name in state}


def _parts(source: Source) -> dict[str, dict[str, Tensor]]:
    """The tensors of each part, in a dictionary of its own, which may be empty."""
    parts: dict[str, dict[str, Tensor]] = {FIRST: {}, SECOND: {}, TRANSFORMER: {}, PERMUTER: {}}
    state = part(source, "")
    with naming(source, ""):
        for name, tensor in state.items():
            prefix = name.split(".")[0] + "."
            if prefix == AVERAGES:
                continue
            if prefix not in parts:
                raise ValueError(
                    f"not known: {name}; the names in a transformer's file begin with "
                    f"{', '.join(parts)} unless they are leftovers to be left out"
                )
            parts[prefix][name.removeprefix(prefix)] = tensor
    return parts


def _stage(parts: Parts, prefix: str, grid: tuple[int, int]) -> VQVAE:
    with naming({}, prefix):
        f = infer_config(parts[prefix]).autoencoder.downsampling_factor
        return load_vqmodel(parts[prefix], image_size=f * max(grid))


def _config(
    parts: Parts,
    grid: tuple[int, int],
    condition_grid: tuple[int, int],
    num_classes: int | None,
) -> GPTConfig:
    """The transformer's shape, so far as its tensors and the grids tell it."""
    with naming({}, FIRST):
        num_codes = infer_config(parts[FIRST]).num_codes
    condition = NoCondition() if num_classes is None else ClassCondition(num_classes)
    if parts[SECOND]:
        with naming({}, SECOND):
            condition = MapCondition(infer_config(parts[SECOND]).num_codes, condition_grid)
    with naming({}, TRANSFORMER):
        state = parts[TRANSFORMER]
        return GPTConfig(
            num_codes=num_codes,
            grid=grid,
            condition=condition,
            num_layers=len(numbers(state, r"blocks\.(\d+)\.")) or 1,
            num_heads=1,
            width=shape(state, "tok_emb.weight", 2)[1],
            order=_order(parts[PERMUTER], grid),
        )


def _order(state: Mapping[str, Tensor], grid: tuple[int, int]) -> Order:
    """The order of the tokens, from the permutation in the file; without one they are in rows."""
    if ORDER not in state:
        return Order()
    for name in FIXED:
        if torch.equal(Order(name).permutation(*grid), state[ORDER].long()):
            return Order(name)
    rows, columns = grid
    raise ValueError(
        f"{PERMUTER}{ORDER} is none of the orders {', '.join(FIXED)} on {rows}×{columns} tokens: "
        "give the right grid; if it is another order, this transformer cannot be loaded"
    )


def _cut(state: Mapping[str, Tensor], config: GPTConfig, sos_token: int) -> dict[str, Tensor]:
    """The file's tensors, and of its tables those rows that our model takes."""
    (ids, width), block = shape(state, "tok_emb.weight", 2), shape(state, "pos_emb", 3)[1]
    expected = {"head.weight": (ids, width), "pos_emb": (1, block, width)}
    expected |= dict.fromkeys(_masks(state), (1, 1, block, block))
    for name, sizes in expected.items():
        found = shape(state, name, len(sizes))
        if found != sizes:
            raise ValueError(f"{name} is {found} instead of {sizes}")
    _check_positions(block, config)
    K, V, S = config.num_codes, config.num_ids, config.num_positions
    first = sos_token if isinstance(config.condition, NoCondition) else 0
    if ids < K or not 0 <= first <= ids - V:
        raise ValueError(
            f"tok_emb.weight has the ids 0 to {ids - 1}; codes need 0 to {K - 1}, the condition "
            f"{first} to {first + V - 1}: is num_classes or sos_token wrong, or a codec another's?"
        )
    return {
        **state,
        "tok_emb.weight": state["tok_emb.weight"][:K],
        released_name("condition_embedding.weight"): state["tok_emb.weight"][first : first + V],
        "pos_emb": state["pos_emb"][0, :S],
        "head.weight": state["head.weight"][:K],
    }


def _check_positions(block: int, config: GPTConfig) -> None:
    """Enough positions, but not so many that the condition or the pictures must be others."""
    P, T, S = config.condition.length, config.num_tokens, config.num_positions
    has = f"pos_emb has {block} positions; {P} of the condition and {T} tokens need {S}"
    if block < S:
        raise ValueError(f"{has}: give the right grid or condition_grid")
    if block - S < max(T - 1, 2):
        return
    if isinstance(config.condition, MapCondition):
        raise ValueError(f"{has}, far fewer: give the right grid or condition_grid")
    raise ValueError(
        f"{has}; there is room for a condition of {block - T} ids, but no name begins with "
        f"{SECOND!r}: if they come from no model, as coordinates do, this transformer cannot be "
        "loaded; if it is the pictures that are larger, give their grid"
    )


def _prefix_attention(
    state: Mapping[str, Tensor], config: GPTConfig, told: PrefixAttention | None
) -> PrefixAttention:
    """What the masks in the file say, or if there are none what the caller says."""
    P, S = config.condition.length, config.num_positions
    causal = torch.ones(S, S, dtype=torch.bool).tril()
    full = causal.clone()
    full[:P, :P] = True
    kinds: dict[PrefixAttention, Tensor] = {"causal": causal, "full": full}
    wanted = kinds if told is None else {told: kinds[told]}
    masks = {name: state[name][0, 0, :S, :S].bool() for name in _masks(state)}
    for kind, expected in wanted.items():
        if all(torch.equal(mask, expected) for mask in masks.values()):
            return kind
    raise ValueError(
        f"{next(iter(masks))} and its like say which position sees which; for a condition of {P} "
        f"ids that is not prefix_attention {' or '.join(map(repr, wanted))}"
    )


def _checked(state: Mapping[str, Tensor], config: GPTConfig) -> tuple[GPT, dict[str, str]]:
    """The model without memory, into which the tensors fit, and its names in the file."""
    with torch.device("meta"):
        prior = GPT(config)
    names = {name: released_name(name) for name in unfused(prior.state_dict())}
    check(prior, names, state, left_out=_masks(state), views=unfused)
    return prior, names


def _account_transformer(
    state: Mapping[str, Tensor], config: GPTConfig, sos_token: int
) -> dict[str, str]:
    cut = _cut(state, config, sos_token)
    _, names = _checked(cut, config)
    fates = dict.fromkeys(_masks(state), "not loaded: attention knows which position sees which")
    for view, theirs in names.items():
        fates[theirs] = "prior." + re.sub("(?<=attention.)(query|key|value)", FUSED, view)
    conditions = fates.pop(released_name("condition_embedding.weight"))
    for name, reason in TABLES.items():
        rows, taken = state[name].shape[-2], cut[name].shape[0]
        if rows > taken:
            fates[name] += f" (rows from {taken} on are not loaded: {reason})"
    fates["tok_emb.weight"] += f", {conditions}"
    return fates


def _masks(state: Mapping[str, Tensor]) -> list[str]:
    return [name for name in state if re.fullmatch(r"blocks\.\d+\.attn\.mask", name)]

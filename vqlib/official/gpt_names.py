"""What the tensors of a GPT are called in the files released with *Taming Transformers*."""

from collections.abc import Mapping

from torch import Tensor

# Our words on the left, the files' on the right.
WORDS = {
    "token_embedding": "tok_emb",
    "condition_embedding": "tok_emb (conditions)",  # some of the same rows
    "position_embedding": "pos_emb",
    "norm": "ln_f",
    "norm_1": "ln1",
    "norm_2": "ln2",
    "attention": "attn",
    "projection": "proj",
}
FUSED = "query_key_value"


def released_name(name: str) -> str:
    """What the files call a tensor of `unfused(prior.state_dict())`, after "transformer."."""
    return ".".join(WORDS.get(word, word) for word in name.split("."))


def unfused(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a GPT by name, but the rows of query, key and value each by themselves."""
    views = {}
    for name, tensor in state.items():
        kinds = ("query", "key", "value") if FUSED in name else (FUSED,)
        for kind, rows in zip(kinds, tensor.chunk(len(kinds)), strict=True):
            views[name.replace(FUSED, kind)] = rows
    return views

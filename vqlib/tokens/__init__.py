"""Between the stages: pictures as tokens, from what they are drawn, and how both are kept."""

from vqlib.tokens.cache import open_token_cache, write_token_cache
from vqlib.tokens.data import EncodedImages, TokenData, TokenGrids, tokenize

__all__ = [
    "EncodedImages",
    "TokenData",
    "TokenGrids",
    "open_token_cache",
    "tokenize",
    "write_token_cache",
]

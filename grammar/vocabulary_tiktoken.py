"""The bytes of every token of a tiktoken encoding."""

from __future__ import annotations

from typing import Any

from .end_tokens import EndTokens, resolve_end_tokens
from .special_tokens import TokenTable

_END_OF_TEXT = "<|endoftext|>"


def tiktoken_vocabulary(encoding: Any, eos_token_ids: EndTokens = None) -> TokenTable:
    """The bytes of every token (None: special, or an id without token), the end tokens and the special ones.

    Args:
        encoding: a `tiktoken.Encoding`.
        eos_token_ids: ids or names of the end tokens; by default `<|endoftext|>`.

    Raises `VocabularyError` if there is no end token.
    """
    if not all(hasattr(encoding, name) for name in ("decode_single_token_bytes", "special_tokens_set", "n_vocab")):
        raise TypeError(f"a tiktoken.Encoding expected, not {type(encoding).__name__}")
    special = {name: encoding.encode_single_token(name) for name in encoding.special_tokens_set}
    result = [_token_bytes(encoding, token_id) for token_id in range(encoding.n_vocab)]
    for token_id in special.values():
        result[token_id] = None
    if eos_token_ids is None:
        eos_token_ids = special.get(_END_OF_TEXT)
    return TokenTable(result, resolve_end_tokens(eos_token_ids, special.get), special)


def _token_bytes(encoding: Any, token_id: int) -> bytes | None:
    try:
        return bytes(encoding.decode_single_token_bytes(token_id))
    except KeyError:
        return None

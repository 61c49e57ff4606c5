"""The bytes of every token of a Hugging Face tokenizer: fast ones by their backend, slow ones by their SentencePiece model.

The tokenizer is recognised by what it offers, so no class of the library needs to be imported or known by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .end_tokens import EndTokens, resolve_end_tokens
from .errors import VocabularyError
from .special_tokens import TokenTable
from .vocabulary_sentencepiece import check_marker_is_prefix, find_piece, piece_bytes
from .vocabulary_tokenizers import tokenizers_vocabulary


def huggingface_vocabulary(
    tokenizer: Any, eos_token_ids: EndTokens = None, generation_config: Any = None
) -> TokenTable:
    """The bytes of every token (None: special or unknown), the end tokens and the special ones.

    Args:
        tokenizer: a tokenizer of the library transformers.
        eos_token_ids: ids or names of the end tokens; by default the tokenizer's and those of `generation_config`.
        generation_config: a generation configuration, whose `eos_token_id` may name further end tokens.

    Raises `VocabularyError` if the tokens have no bytes of their own, or there is no end token.
    """
    if eos_token_ids is None:
        ids = (*_ids(getattr(tokenizer, "eos_token_id", None)), *_ids(getattr(generation_config, "eos_token_id", None)))
        eos_token_ids = ids
    special = frozenset(getattr(tokenizer, "all_special_ids", ()))
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return tokenizers_vocabulary(backend, eos_token_ids, special_ids=special)
    if hasattr(tokenizer, "sp_model") and hasattr(tokenizer, "convert_ids_to_tokens"):
        ends = resolve_end_tokens(eos_token_ids, tokenizer.get_vocab().get)
        return TokenTable(_slow_bytes(tokenizer, special), ends, _slow_special_tokens(tokenizer, special))
    raise VocabularyError(
        f"{type(tokenizer).__name__} has neither a backend_tokenizer nor an sp_model; use its fast version, or give the "
        "bytes of the tokens yourself: Vocabulary(token_bytes, eos_token_ids)"
    )


def _slow_bytes(tokenizer: Any, special: frozenset[int]) -> list[bytes | None]:
    """Ids of the tokenizer may be shifted against those of its model, so tokens are looked up by name."""
    processor = tokenizer.sp_model
    check_marker_is_prefix(processor)
    added = tokenizer.added_tokens_decoder
    size = max([len(tokenizer), *(token_id + 1 for token_id in added)])
    result: list[bytes | None] = []
    for token_id in range(size):
        piece_id = find_piece(processor, tokenizer.convert_ids_to_tokens(token_id) or "")
        if token_id in special:
            result.append(None)
        elif token_id in added:
            result.append(None if added[token_id].special else added[token_id].content.encode())
        else:
            result.append(None if piece_id is None else piece_bytes(processor, piece_id))
    return result


def _slow_special_tokens(tokenizer: Any, special: frozenset[int]) -> dict[str, int]:
    added = {token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special}
    names = {token_id: tokenizer.convert_ids_to_tokens(token_id) for token_id in sorted(special | added)}
    return {name: token_id for token_id, name in names.items() if name}


def _ids(ids: int | Iterable[int] | None) -> tuple[int, ...]:
    if ids is None:
        return ()
    return (ids,) if isinstance(ids, int) else tuple(ids)

"""Which tokens end a text: given as one id or name or as several, by ids of the model or by the tokenizer's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from .errors import VocabularyError

EndTokens: TypeAlias = int | str | Iterable[int | str] | None


def resolve_end_tokens(tokens: EndTokens, find: Callable[[str], int | None]) -> tuple[int, ...]:
    """The ids, ascending and without repetition; `find` knows the id of a name.

    Raises `TypeError` for anything but ints and texts, `VocabularyError` for an unknown name or if there is no end token.
    """
    if tokens is None or isinstance(tokens, (int, str)):
        tokens = () if tokens is None else (tokens,)
    ids = {_resolve(token, find) for token in tokens}
    if not ids:
        raise VocabularyError("no end token is known, so no text could end; give eos_token_ids=...")
    return tuple(sorted(ids))


def _resolve(token: object, find: Callable[[str], int | None]) -> int:
    if isinstance(token, str):
        token_id = find(token)
        if token_id is None:
            raise VocabularyError(f"the end token {token!r} is not in the vocabulary")
        return token_id
    if isinstance(token, bool) or not isinstance(token, int):
        raise TypeError(f"eos_token_ids: ids (int) or names (str) expected, not {type(token).__name__}")
    return token

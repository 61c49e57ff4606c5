"""How special tokens stand in grammars: as marks that no text holds, so that only who demands one by its name gets it.

The automaton knows bytes. The byte 0xFF is never part of UTF-8, and expressions are over Unicode text, complements too: so
none of them allows a mark, and tokens that hold the byte can be left out of the vocabulary, as no text needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import VocabularyError

MARK = b"\xff"


class TokenTable(NamedTuple):
    """What a tokenizer says about its tokens.

    Attributes:
        token_bytes: of every token; None: special or unknown.
        eos_token_ids: the end tokens, ascending.
        special_tokens: the ids of the special tokens by their names; end tokens may be among them.
    """

    token_bytes: list[bytes | None]
    eos_token_ids: tuple[int, ...]
    special_tokens: dict[str, int]


def mark(name: str) -> bytes:
    """What stands for a special token in the bytes of a grammar. No mark begins another."""
    return MARK + name.encode() + MARK


def special_tokens_of(vocabulary: Any) -> Mapping[str, int]:
    """The special tokens of a vocabulary that can be demanded; none, if it is one of the native core."""
    found: Mapping[str, int] = getattr(vocabulary, "special_tokens", {})
    return found


def written_bytes(vocabulary: Any, token_id: int) -> bytes:
    """What a token leaves in the text that is generated: its bytes; for a special token, its name."""
    name: str | None = getattr(vocabulary, "special_names", {}).get(token_id)
    found: bytes = vocabulary.token_bytes(token_id) if name is None else name.encode()
    return found


def check_special_tokens(special_tokens: Mapping[Any, Any], size: int) -> None:
    """Raises `TypeError` for what is no name or no id, `VocabularyError` for an id that is unknown or stands twice."""
    names: dict[int, str] = {}
    for name, token_id in special_tokens.items():
        if not isinstance(name, str) or isinstance(token_id, bool) or not isinstance(token_id, int):
            raise TypeError(f"special_tokens: ids by names expected, not {token_id!r:.60} by {name!r:.60}")
        if not 0 <= token_id < size:
            raise VocabularyError(f"the special token {name!r} has the id {token_id}, which is not in the vocabulary")
        if names.setdefault(token_id, name) != name:
            raise VocabularyError(f"the special tokens {names[token_id]!r} and {name!r} have the same id {token_id}")
        if not name or any("\ud800" <= char <= "\udfff" for char in name):
            raise VocabularyError(f"special_tokens: {name!r} is no name")

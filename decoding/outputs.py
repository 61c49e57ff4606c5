"""All texts of a finite constraint, and the tokens that a tokenizer writes for one."""

from __future__ import annotations

import re
from typing import Any

from latticework.grammar._native import CompiledGrammar, Matcher
from latticework.grammar.special_tokens import MARK, special_tokens_of

from .hypothesis import SearchLimitError
from .retokenise import canonical_tokens as retokenised

_MARKED = re.compile(MARK + b"(.*?)" + MARK, re.DOTALL)


def texts_of(grammar: CompiledGrammar, most: int) -> list[bytes]:
    """Every text of a grammar, shorter ones first; a special token stands in it as its name between two bytes 0xFF.

    Raises `SearchLimitError` (max_outputs) if there are more than `most`, as there are in an infinite language.
    """
    matcher = Matcher(grammar)
    found: list[bytes] = []
    prefixes = [(b"", matcher.state)]
    while prefixes:
        if len(found) + len(prefixes) > most:  # each prefix begins a text that was not found yet, and no two the same
            raise SearchLimitError("max_outputs", most, "the constraint has more outputs, if not infinitely many")
        found += [prefix for prefix, state in prefixes if grammar.is_accepting(state)]
        prefixes = [
            (prefix + data, grammar.step_bytes(state, data))
            for prefix, state in prefixes
            for data in _ways(grammar, state)
        ]
    return found


def _ways(grammar: CompiledGrammar, state: int) -> list[bytes]:
    """How the texts behind a state go on: the one way as far as it goes, or each first byte."""
    forced = grammar.forced_bytes(state)
    return [forced] if forced else [bytes([byte]) for byte in grammar.next_bytes(state)]


def readable(text: bytes) -> str:
    """A text of `texts_of` as it is written: special tokens by their names."""
    return _MARKED.sub(lambda found: found[1], text).decode()


def canonical_tokens(tokenizer: Any, vocabulary: Any, text: bytes) -> list[int]:
    """The tokens that the tokenizer itself writes for a text of `texts_of`, when it stands alone.

    Raises `ValueError` if it has none that spell the text byte for byte.
    """
    tokens: list[int] = []
    for index, piece in enumerate(_MARKED.split(text)):
        if index % 2:
            tokens.append(special_tokens_of(vocabulary)[piece.decode()])
        elif piece:
            ids = plain_tokens(tokenizer, vocabulary, piece.decode())
            if ids is None:
                shown = f"{piece.decode()!r:.60}"
                raise ValueError(f"the tokenizer writes {shown} as another text; use tokenization='all'")
            tokens += ids
    return tokens


def token_text(vocabulary: Any, token: int) -> bytes:
    """What a token adds to a text of `texts_of`."""
    name = getattr(vocabulary, "special_names", {}).get(token)
    data: bytes = vocabulary.token_bytes(token)
    return data if name is None else MARK + name.encode() + MARK


def plain_tokens(tokenizer: Any, vocabulary: Any, text: str) -> list[int] | None:
    """The tokens that a tokenizer writes for a text that stands alone, None if these are not its bytes."""
    ids = retokenised(tokenizer, vocabulary, b"", text.encode())
    return ids if b"".join(vocabulary.token_bytes(token) for token in ids) == text.encode() else None

"""Which sequences of tokens spell a text whose parts may take only so many of them: by trying every way to cut it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from latticework.grammar import ir
from latticework.grammar.regex import from_regex

Cuts: TypeAlias = tuple[int, ...]
"""The place behind each token."""


@dataclass(frozen=True)
class Piece:
    """A text of an expression in which at most `max_tokens` tokens take part; None: any number."""

    pattern: str
    max_tokens: int | None = None


@dataclass(frozen=True)
class Chain:
    """A text of each part, one after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Either:
    """A text of any part."""

    parts: tuple[Part, ...]


Part: TypeAlias = Piece | Chain | Either


def node_of(part: Part) -> ir.Node:
    """The same as a node of the intermediate representation."""
    if isinstance(part, Piece):
        regex = from_regex(part.pattern)
        return ir.Terminal(regex) if part.max_tokens is None else ir.CountedTerminal(regex, part.max_tokens)
    parts = tuple(map(node_of, part.parts))
    return ir.Sequence(parts) if isinstance(part, Chain) else ir.Choice(parts)


def ends(part: Part, text: str, begin: int, cuts: Cuts) -> frozenset[int]:
    """Where a text of the part that begins there may end."""
    if isinstance(part, Piece):
        return frozenset(
            end
            for end in range(begin, len(text) + 1)
            if _matches(part.pattern, text[begin:end])
            and (part.max_tokens is None or _tokens_within(begin, end, cuts) <= part.max_tokens)
        )
    if isinstance(part, Either):
        return frozenset().union(*(ends(one, text, begin, cuts) for one in part.parts))
    reached = frozenset({begin})
    for one in part.parts:
        reached = frozenset(end for start in reached for end in ends(one, text, start, cuts))
    return reached


@cache
def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def _tokens_within(begin: int, end: int, cuts: Cuts) -> int:
    """How many tokens spell a character from `begin` to `end`."""
    starts = (0, *cuts)
    return sum(1 for start, stop in itertools.pairwise(starts) if max(start, begin) < min(stop, end))


def pattern_of(part: Part) -> str:
    """The expression of all texts of the part, whatever their tokens."""
    if isinstance(part, Piece):
        return f"(?:{part.pattern})"
    return f"(?:{('' if isinstance(part, Chain) else '|').join(map(pattern_of, part.parts))})"


def spellings(text: str, tokens: Sequence[str], begin: int = 0) -> Iterator[tuple[int, ...]]:
    """Every way to write the text with tokens, as their indices."""
    if begin == len(text):
        yield ()
    for index, token in enumerate(tokens):
        if text.startswith(token, begin):
            for rest in spellings(text, tokens, begin + len(token)):
                yield (index, *rest)


def language(part: Part, tokens: Sequence[str], texts: Sequence[str]) -> set[tuple[int, ...]]:
    """The sequences of tokens that spell one of `texts` which is a text of the part, counted as it says."""
    found = set()
    for text in texts:
        if not _matches(pattern_of(part), text):
            continue
        for spelling in spellings(text, tokens):
            cuts = tuple(itertools.accumulate(len(tokens[index]) for index in spelling))
            if len(text) in ends(part, text, 0, cuts):
                found.add(spelling)
    return found

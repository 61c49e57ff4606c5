"""The spans of a passage's own tokens as an automaton, and where in the passage each of them stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from .outputs import plain_tokens


class TokenSpans:
    """The runs of consecutive tokens of a passage that begin and end between characters, each with an end token behind it.

    A state is the set of places in the passage where what was written so far ends. These sets are the states of the
    passage's suffix automaton (Blumer et al., 1985), of which there are at most two for each token; they are found when
    they are first reached.
    """

    def __init__(
        self, passage: str, token_ids: Sequence[int], vocabulary: Any, *, shortest: int = 1, longest: int | None = None
    ) -> None:
        """`token_ids` spell the passage; a span has at least `shortest` and at most `longest` of them."""
        self.start = 0
        self.end_tokens: tuple[int, ...] = vocabulary.eos_token_ids
        self._token_ids = token_ids
        self._shortest = shortest
        self._longest = len(token_ids) if longest is None else longest
        self._borders = _borders(passage, [len(vocabulary.token_bytes(token)) for token in token_ids])
        places = tuple(place for place in range(len(token_ids)) if self._borders[place] is not None)
        self._states: list[tuple[int, tuple[int, ...]]] = [(0, places)]  # (tokens so far, places where they end)
        self._numbers = {self._states[0]: 0}

    @property
    def is_empty(self) -> bool:
        """Whether there is no such run."""
        return not self._allowed(self.start)

    def step(self, state: int, token_id: int) -> int:
        """As `Space`."""
        length, places = self._states[state]
        after = tuple(place + 1 for place in places if self._token_at(place) == token_id)
        return self._number((length + 1, after))

    def fill_bitmask(self, states: Sequence[int], bitmask: Tensor) -> None:
        """As `Space`."""
        _fill([self._allowed(state) for state in states], bitmask)

    def is_complete(self, _state: int, /) -> bool:
        """As `Space`: only an end token ends a span."""
        return False

    def fits(self, state: int, remaining: int) -> bool:
        """As `Space`."""
        length, places = self._states[state]
        needed = [end - place + 1 for place in places if (end := self._end_behind(place, length)) is not None]
        return min(needed) <= remaining

    def fill_within(self, states: Sequence[int], remaining: int, bitmask: Tensor) -> None:
        """As `Space`."""
        allowed = [self._allowed(state).difference(self.end_tokens) for state in states]
        fitting = [
            {token for token in tokens if self.fits(self.step(state, token), remaining - 1)}
            for state, tokens in zip(states, allowed, strict=True)
        ]
        _fill(fitting, bitmask)

    def occurrences(self, token_ids: Sequence[int]) -> list[tuple[int, int]]:
        """Where these tokens stand in the passage: first character, and the one behind the last."""
        state = self.start
        for token in token_ids:
            state = self.step(state, token)
        spans = [(self._borders[end - len(token_ids)], self._borders[end]) for end in self._states[state][1]]
        return [(first, last) for first, last in spans if first is not None and last is not None]

    def _token_at(self, place: int) -> int | None:
        return self._token_ids[place] if place < len(self._token_ids) else None

    def _allowed(self, state: int) -> set[int]:
        length, places = self._states[state]
        allowed: set[int] = set()
        if length < self._longest:
            longer = [place for place in places if place < len(self._token_ids)]
            allowed = {self._token_ids[p] for p in longer if self._end_behind(p + 1, length + 1) is not None}
        if length >= self._shortest and any(self._borders[place] is not None for place in places):
            allowed.update(self.end_tokens)
        return allowed

    def _end_behind(self, place: int, length: int) -> int | None:
        """Where a span that has so many tokens up to a place can end first."""
        first = max(place, place + self._shortest - length)
        last = min(len(self._token_ids), place + self._longest - length)
        return next((end for end in range(first, last + 1) if self._borders[end] is not None), None)

    def _number(self, state: tuple[int, tuple[int, ...]]) -> int:
        if state not in self._numbers:
            self._numbers[state] = len(self._states)
            self._states.append(state)
        return self._numbers[state]


def _fill(allowed: Sequence[set[int]], bitmask: Tensor) -> None:
    rows = bitmask.numpy().view(np.uint32)
    rows[:] = 0
    for row, tokens in zip(rows, allowed, strict=True):
        ids = np.fromiter(tokens, dtype=np.int64)
        np.bitwise_or.at(row, ids // 32, np.uint32(1) << (ids % 32).astype(np.uint32))


def _borders(passage: str, lengths: Sequence[int]) -> list[int | None]:
    """For the places between tokens the character there; None inside of one."""
    characters: dict[int, int] = {0: 0}
    place = 0
    for index, char in enumerate(passage):
        place += len(char.encode())
        characters[place] = index + 1
    ends = [0]
    for length in lengths:
        ends.append(ends[-1] + length)
    return [characters.get(end) for end in ends]


def passage_tokens(tokenizer: Any, vocabulary: Any, passage: str) -> list[int]:
    """The tokens that a tokenizer writes for a passage. Raises `ValueError` if they spell another text."""
    ids = plain_tokens(tokenizer, vocabulary, passage)
    if ids is None:
        raise ValueError("the tokenizer writes the passage as another text; use by='words' or by='chars'")
    return ids

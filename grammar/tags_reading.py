"""Reads a finished text of `tags(...)` back: which of it is free text, and which are tags with what content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from ._native import CompiledGrammar, Vocabulary
from .constraint import Constraint
from .limits import DEFAULT_LIMITS
from .lower import lower


@dataclass(frozen=True, slots=True)
class TagValue:
    """A tag that was written.

    Attributes:
        begin: its beginning, which tells the tags apart.
        value: what `parse` of its content gives.
    """

    begin: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Step:
    """A gap and a tag behind it, by their places; or, without tag, the rest of the text."""

    begin: int
    tag: int
    content: int
    content_end: int
    end: int


class TagReader:
    """Tags as (begin, content, end), and what stands before, between and after them (None: free text)."""

    def __init__(
        self,
        tags: Sequence[tuple[str, Constraint, str]],
        triggers: Sequence[str],
        around: Sequence[Constraint | None],
        at_least: int,
        at_most: int | None,
    ) -> None:
        self._tags = [(begin.encode(), content, end.encode()) for begin, content, end in tags]
        self._triggers = [trigger.encode() for trigger in triggers]
        self._before, self._between, self._after = around
        self._least, self._most = at_least, at_most

    def read(self, text: str) -> list[str | TagValue]:
        """The pieces of the text in their order, empty ones left out. Of several ways to read it, the first tag is as
        short as it can be, then the second, and so on. Raises `ValueError` if there is none.
        """
        data = text.encode()
        path = self._path(data)
        pieces: list[str | TagValue] = []
        at = 0
        for step in path:
            pieces.append(data[at : step.begin].decode())
            begin, content, _ = self._tags[step.tag]
            value = content.parse(data[step.content : step.content_end].decode())
            pieces.append(TagValue(begin.decode(), value))
            at = step.end
        pieces.append(data[at:].decode())
        return [piece for piece in pieces if piece != ""]

    def _path(self, data: bytes) -> list[_Step]:
        """The tags, found by going back from every dead end once."""
        path: list[_Step] = []
        ways = [self._steps(data, 0, 0)]
        dead: set[tuple[int, int]] = set()
        while ways:
            count = len(path)
            if self._may_end(data, path[-1].end if path else 0, count):
                return path
            for step in ways[-1]:
                if (step.end, count + 1) not in dead:
                    dead.add((step.end, count + 1))  # whoever comes here again would fail again
                    path.append(step)
                    ways.append(self._steps(data, step.end, count + 1))
                    break
            else:
                ways.pop()
                if path:
                    path.pop()
        raise ValueError(f"the text has no reading as tags in free text: {data[:60].decode(errors='replace')!r}")

    def _may_end(self, data: bytes, place: int, count: int) -> bool:
        gap = self._after if count else self._before
        if count < self._least:
            return False
        if gap is None:
            return not any(data.find(trigger, place) >= 0 for trigger in self._triggers)
        return len(data) in _ends(gap, data, place)

    def _steps(self, data: bytes, place: int, count: int) -> Iterator[_Step]:
        """The next tag, in every way that is possible."""
        if self._most is not None and count >= self._most:
            return
        for begin in self._tag_places(data, place, self._between if count else self._before):
            for tag, (opening, content, closing) in enumerate(self._tags):
                if data.startswith(opening, begin):
                    first = begin + len(opening)
                    for end in _ends(content, data, first):
                        if data.startswith(closing, end):
                            yield _Step(begin, tag, first, end, end + len(closing))

    def _tag_places(self, data: bytes, place: int, gap: Constraint | None) -> Iterator[int]:
        if gap is not None:
            yield from _ends(gap, data, place)
            return
        found = [(data.find(trigger, place), len(trigger)) for trigger in self._triggers]
        ends = [(start + length, start) for start, length in found if start >= 0]
        if ends:  # no trigger is the end of another, so the first end has one beginning
            yield min(ends)[1]


@cache
def _bytes() -> Vocabulary:
    return Vocabulary([*(bytes([value]) for value in range(256)), None], [256])


@lru_cache(256)
def _automaton(constraint: Constraint) -> CompiledGrammar:
    """The texts of a constraint as they are written: special tokens are spelled by their names."""
    limits = DEFAULT_LIMITS.of_automaton()
    return CompiledGrammar(_bytes(), *lower(constraint.grammar(), special_as_text=True), limits)


def _ends(constraint: Constraint, data: bytes, start: int) -> Iterator[int]:
    """Where texts of the constraint that begin at a place end, the shortest first."""
    automaton = _automaton(constraint)
    state = automaton.start
    for place in range(start, len(data) + 1):
        if automaton.is_accepting(state):
            yield place
        if place < len(data):
            state = automaton.step_bytes(state, data[place : place + 1])
            if state < 0:
                return

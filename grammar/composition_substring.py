"""All pieces of a text as one expression of a size in proportion to it: the suffix automaton, written as a `Regex`.

The automaton is built online, a unit at a time (Blumer et al., "The smallest automaton recognizing the subwords of a
text", 1985). It has at most two states and three edges for each unit. It has no cycle, so each state can be an expression:
the end, if the text may end there, or a unit and then another state. As expressions may be shared, none is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .ir import EMPTY_TEXT, Concat, Regex, Text, Union

_SPLITS = {"words": re.compile(r"\s+"), "lines": re.compile("\n")}


def pieces_of(text: str, by: str, *, allow_empty: bool) -> Regex:
    """Every piece of the text that begins and ends where a unit does.

    Units are characters; or words, between which there is white space; or lines, between which there are line breaks.
    The empty piece is one of them only if that is allowed.
    """
    units, is_unit = ([*text], [True] * len(text)) if by == "chars" else _units(text, _SPLITS[by])
    if by != "chars" and units and not units[-1]:  # what stands behind the last break is no line, nor a word
        del units[-2:], is_unit[-2:]
    if by == "words" and units and not units[0]:
        del units[:2], is_unit[:2]
    return _Pieces(units, is_unit).expression(allow_empty)


def pieces_between(units: Sequence[str], is_unit: Sequence[bool]) -> Regex:
    """Every piece of the text that these make up one after the other, if it begins and ends with what is a unit."""
    return _Pieces(units, is_unit).expression(allow_empty=False)


def _units(text: str, gaps: re.Pattern[str]) -> tuple[list[str], list[bool]]:
    """Units and gaps in turn, the first and the last of them being units, and which of them are units."""
    units: list[str] = []
    end = 0
    for gap in gaps.finditer(text):
        units += (text[end : gap.start()], gap[0])
        end = gap.end()
    units.append(text[end:])
    return units, [index % 2 == 0 for index in range(len(units))]


class _Pieces:
    """The suffix automaton of a sequence of units, some of which are only between the others."""

    def __init__(self, units: Sequence[str], is_unit: Sequence[bool]) -> None:
        self.edges: list[dict[str, int]] = [{}]
        self.longest = [0]
        self.shorter = [-1]  # the state of the longest suffix that has been seen in other places too
        self.may_end = [False]
        self.last = 0
        for unit, is_one in zip(units, is_unit, strict=True):
            self._extend(unit, is_one)

    def expression(self, allow_empty: bool) -> Regex:
        """The pieces that begin and end with a unit."""
        states: dict[int, Regex] = {}
        units = {unit: Text(unit) for edges in self.edges for unit in edges}
        # An edge leads to a state whose texts are longer, so the states that are led to come first.
        for state in sorted(range(1, len(self.edges)), key=self.longest.__getitem__, reverse=True):
            ways: list[Regex] = [Concat((units[unit], states[to])) for unit, to in self.edges[state].items()]
            states[state] = Union((EMPTY_TEXT, *ways) if self.may_end[state] else tuple(ways))
        ways = [self._beginning(unit, to, states) for unit, to in self.edges[0].items() if self.may_end[to]]
        return Union((EMPTY_TEXT, *ways) if allow_empty else tuple(ways))

    def _beginning(self, unit: str, to: int, states: dict[int, Regex]) -> Regex:
        if unit:
            return Concat((Text(unit), states[to]))
        return Union(tuple(Concat((Text(further), states[after])) for further, after in self.edges[to].items()))

    def _extend(self, unit: str, is_unit: bool) -> None:
        new = self._state({}, self.longest[self.last] + 1, is_unit)
        state, self.last = self.last, new
        while state >= 0 and unit not in self.edges[state]:
            self.edges[state][unit] = new
            state = self.shorter[state]
        self.shorter[new] = 0 if state < 0 else self._suffix(state, unit)

    def _suffix(self, state: int, unit: str) -> int:
        """The state of the texts of `state` and then the unit alone, without the longer texts that share theirs."""
        after = self.edges[state][unit]
        if self.longest[after] == self.longest[state] + 1:
            return after
        copy = self._state(dict(self.edges[after]), self.longest[state] + 1, self.may_end[after])
        self.shorter[copy], self.shorter[after] = self.shorter[after], copy
        while state >= 0 and self.edges[state].get(unit) == after:
            self.edges[state][unit] = copy
            state = self.shorter[state]
        return copy

    def _state(self, edges: dict[str, int], longest: int, may_end: bool) -> int:
        self.edges.append(edges)
        self.longest.append(longest)
        self.shorter.append(-1)
        self.may_end.append(may_end)
        return len(self.edges) - 1

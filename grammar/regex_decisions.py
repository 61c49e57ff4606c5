"""Boolean formulas over numbered variables, in canonical form: reduced ordered binary decision diagrams.

R. Bryant, "Graph-Based Algorithms for Boolean Function Manipulation", 1986. A formula is a small integer; equal
formulas are the same integer.
"""

from __future__ import annotations

from collections.abc import Callable

FALSE = 0
TRUE = 1
MAX_FORMULAS = 20_000
MAX_CHOICES = 100_000


class TooLarge(Exception):  # noqa: N818 - it never leaves the front end
    """The automaton of a pattern is too large to be built, or has a kind of assertion it cannot hold."""


class Decisions:
    """A store of formulas."""

    def __init__(self) -> None:
        self._nodes: list[tuple[int, int, int]] = [(-1, 0, 0), (-1, 1, 1)]  # variable, if true, if false
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._choices: dict[tuple[int, int, int], int] = {}

    def variable(self, number: int) -> int:
        """The formula that is just this variable."""
        return self._node(number, TRUE, FALSE)

    def both(self, left: int, right: int) -> int:
        """Conjunction."""
        return self.choose(left, right, FALSE)

    def any(self, left: int, right: int) -> int:
        """Disjunction."""
        return self.choose(left, TRUE, right)

    def negation(self, formula: int) -> int:
        """Negation."""
        return self.choose(formula, FALSE, TRUE)

    def choose(self, test: int, then: int, other: int) -> int:
        """`then` if `test`, else `other`."""
        if test <= TRUE or then == other:
            return then if test != FALSE else other
        if (then, other) == (TRUE, FALSE):
            return test
        key = test, then, other
        if key not in self._choices:
            if len(self._choices) >= MAX_CHOICES:
                raise TooLarge
            top = min(self._nodes[f][0] for f in key if f > TRUE)
            high = self.choose(*(self._branch(f, top, 1) for f in key))
            low = self.choose(*(self._branch(f, top, 2) for f in key))
            self._choices[key] = self._node(top, high, low)
        return self._choices[key]

    def substituted(self, formula: int, value: Callable[[int], int]) -> int:
        """The formula with `value(v)` in the place of each variable v."""
        done = {FALSE: FALSE, TRUE: TRUE}

        def replaced(f: int) -> int:
            if f not in done:
                variable, high, low = self._nodes[f]
                done[f] = self.choose(value(variable), replaced(high), replaced(low))
            return done[f]

        return replaced(formula)

    def _branch(self, formula: int, variable: int, side: int) -> int:
        node = self._nodes[formula]
        return node[side] if formula > TRUE and node[0] == variable else formula

    def _node(self, variable: int, high: int, low: int) -> int:
        if high == low:
            return high
        key = variable, high, low
        if key not in self._numbers:
            if len(self._nodes) >= MAX_FORMULAS:
                raise TooLarge
            self._numbers[key] = len(self._nodes)
            self._nodes.append(key)
        return self._numbers[key]

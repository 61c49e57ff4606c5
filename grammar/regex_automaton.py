"""Patterns whose assertions reach too far for `regex_assertions.py`: by way of a deterministic automaton.

    Tree -> alternating automaton (regex_program.py) -> deterministic automaton -> minimal -> Regex

The states of the deterministic automaton are Boolean formulas over places in the pattern, kept canonical as decision
diagrams, so there are finitely many. There may be exponentially many, hence the limits; but patterns with such
assertions are small as a rule. The way back to a `Regex` is the elimination of states (S. Kleene, 1956).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from .ir import ANY_TEXT, EMPTY_TEXT, NOTHING, Regex
from .regex_algebra import chars, concat, repeat, union
from .regex_decisions import FALSE, TRUE, Decisions, TooLarge
from .regex_program import END, Check, Condition, Cycle, Fork, Program, Read, Recall, Stop, compiled
from .regex_sets import union as united
from .regex_tree import Tree

MAX_STATES = 1_000
MAX_MINIMAL_STATES = 100

_Found = TypeVar("_Found", bound=Hashable)


def determinised(tree: Tree) -> Regex:
    """The texts that the tree matches as a whole. Raises TooLarge."""
    return expression(_deterministic(tree))


def expression(automaton: Automaton, *, most: int = MAX_MINIMAL_STATES) -> Regex:
    """The texts that an automaton accepts. Raises TooLarge if it has more than `most` states when it is minimal."""
    automaton = minimal(automaton)
    if len(automaton.accepting) > most:
        raise TooLarge
    return _Elimination(automaton).run()


def is_prefix_free(tree: Tree) -> bool:
    """Whether no matched text begins another one. Raises TooLarge."""
    automaton = minimal(_deterministic(tree))
    return all(set(targets) <= {-1} for targets, a in zip(automaton.targets, automaton.accepting, strict=True) if a)


def _deterministic(tree: Tree) -> Automaton:
    try:
        return Determinisation(compiled(tree)).run()
    except RecursionError:  # a chain of optional parts or conditions that is hundreds long
        raise TooLarge from None


@dataclass
class Automaton:
    """State 0 is the start; `targets[state][i]` follows on a character of `classes[i]`, -1 is dead."""

    classes: tuple[tuple[tuple[int, int], ...], ...]
    targets: list[list[int]] = field(default_factory=list)
    accepting: list[bool] = field(default_factory=list)


def numbered(
    start: _Found, classes: int, after: Callable[[_Found, int], _Found | None], *, most: int
) -> Iterator[tuple[_Found, list[int]]]:
    """All states that the start leads to, numbered as they are found, each with the numbers of those that follow it.

    `after` is the state behind a character of a class, None if there is none: -1. Raises TooLarge for more than `most`.
    """
    numbers = {start: 0}
    pending = [start]
    for state in pending:  # grows while it is read
        targets = []
        for c in range(classes):
            following = after(state, c)
            if following is not None and following not in numbers:
                numbers[following] = len(pending)
                pending.append(following)
            targets.append(-1 if following is None else numbers[following])
        if len(pending) > most:
            raise TooLarge
        yield state, targets


class Left(NamedTuple):
    """What is known of the text before a place: its last character's class, and where the look-behinds stand."""

    last: int
    reached: tuple[frozenset[int], ...]


class _State(NamedTuple):
    formula: int
    left: Left


class Determinisation:
    """The deterministic automaton of a program, and what its conditions come to on the way."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.decisions = Decisions()
        self.memo: dict[tuple[int, frozenset[int], Left, int], int] = {}
        self.alike = self._classes_before()

    def _classes_before(self) -> list[int]:
        """For each class the first one that no instruction tells apart from it once it lies behind."""
        checks = [i.classes for i in self.program.instructions if isinstance(i, Check) and not i.ahead]
        first: dict[tuple[int, ...], int] = {}
        return [
            first.setdefault(tuple(check >> c & 1 for check in checks), c) for c in range(len(self.program.classes))
        ]

    def run(self) -> Automaton:
        """All states that the start leads to. Raises TooLarge."""
        automaton = Automaton(self.program.classes)
        begin = _State(self.decisions.variable(self.program.start), self.left(END, ()))
        for state, targets in numbered(begin, len(self.program.classes), self._after, most=MAX_STATES):
            automaton.accepting.append(self.next(*state, END) == TRUE)
            automaton.targets.append(targets)
        return automaton

    def _after(self, state: _State, c: int) -> _State | None:
        formula = self.next(*state, c)
        if formula == FALSE:
            return None
        if formula == TRUE:  # whatever follows: what lies behind does not matter any more
            return _State(TRUE, Left(END, ()))
        return _State(formula, self.left(c, state.left.reached))

    def next(self, formula: int, left: Left, c: int) -> int:
        """The formula after a character of class c; at the end of the text TRUE or FALSE."""
        if formula <= TRUE:
            return formula
        return self.decisions.substituted(formula, lambda place: self._step(place, left, c, frozenset()))

    def _step(self, place: int, left: Left, c: int, entered: frozenset[int]) -> int:
        """What has to hold behind a character of class c. `entered`: the cycles entered since the last character."""
        key = place, entered, left, c
        if key not in self.memo:
            self.memo[key] = self._computed(place, left, c, entered)
        return self.memo[key]

    def _computed(self, place: int, left: Left, c: int, entered: frozenset[int]) -> int:
        match self.program.instructions[place]:
            case Read(classes, then):
                return self.decisions.variable(then) if c != END and classes >> c & 1 else FALSE
            case Stop(anywhere):
                return TRUE if anywhere or c == END else FALSE
            case Fork(ways):
                return self._any_of(ways, left, c, entered)
            case Cycle(body, then):
                return FALSE if place in entered else self._any_of((body, then), left, c, entered | {place})
            case Check(classes, edge, ahead, then):
                seen = c if ahead else left.last
                holds = edge if seen == END else classes >> seen & 1
                return self._step(then, left, c, entered) if holds else FALSE
            case Condition(start, negative, then):
                seen = self._step(start, left, c, frozenset())
                seen = self.decisions.negation(seen) if negative else seen
                return self.decisions.both(seen, self._step(then, left, c, entered))
            case Recall(behind, negative, then):
                return self._step(then, left, c, entered) if (0 in left.reached[behind]) != negative else FALSE

    def _any_of(self, ways: Iterable[int], left: Left, c: int, entered: frozenset[int]) -> int:
        result = FALSE
        for way in ways:
            result = self.decisions.any(result, self._step(way, left, c, entered))
        return result

    # ----------------------------------------------------------------------------------------------------- look-behinds

    def left(self, c: int, reached: tuple[frozenset[int], ...]) -> Left:
        """What is known behind a character of class c, if `reached` was known before it."""
        last = c if c == END else self.alike[c]
        old = reached or (frozenset[int](),) * len(self.program.behinds)
        starts = self.program.behinds
        return Left(last, tuple(self.moved((s,), places, c) for s, places in zip(starts, old, strict=True)))

    def moved(self, starts: Iterable[int], places: frozenset[int], c: int) -> frozenset[int]:
        """Where a look-behind stands behind a character of class c: it may also start here."""
        last = c if c == END else self.alike[c]
        pending = list(starts)
        for place in places:
            instruction = self.program.instructions[place]
            if isinstance(instruction, Read) and c != END and instruction.classes >> c & 1:
                pending.append(instruction.then)
        found: set[int] = set()
        while pending:
            place = pending.pop()
            if place not in found:
                found.add(place)
                pending += self._onward(place, last)
        return frozenset(p for p in found if p == 0 or isinstance(self.program.instructions[p], Read))

    def _onward(self, place: int, last: int) -> tuple[int, ...]:
        match self.program.instructions[place]:
            case Fork(ways):
                return ways
            case Cycle(body, then):
                return body, then
            case Check(classes, edge, _, then):
                return (then,) if (edge if last == END else classes >> last & 1) else ()
        return ()


# ------------------------------------------------------------------------------------------------------------- minimal


def minimal(automaton: Automaton) -> Automaton:
    """The smallest automaton of the same language (E. Moore, 1956), without states that lead nowhere."""
    count = len(automaton.accepting)
    block = [int(accepts) for accepts in automaton.accepting] + [0]  # [-1]: the dead state, which does not accept
    while True:
        signatures: dict[tuple[int, ...], int] = {}
        rows = [[block[t] for t in automaton.targets[s]] for s in range(count)]
        rows.append([block[-1]] * len(automaton.classes))
        refined = [signatures.setdefault((block[s], *rows[s]), len(signatures)) for s in range(count + 1)]
        if len(signatures) == len(set(block)):
            return _merged(automaton, refined)
        block = refined


def _merged(automaton: Automaton, block: list[int]) -> Automaton:
    """One state for each block, the start first; the block of the dead state becomes -1."""
    numbers = {block[-1]: -1}
    result = Automaton(automaton.classes)
    kept: list[int] = []
    for state, b in enumerate(block[:-1]):
        if b not in numbers:
            numbers[b] = len(kept)
            kept.append(state)
    for state in kept:
        result.targets.append([numbers[block[t]] for t in automaton.targets[state]])
        result.accepting.append(automaton.accepting[state])
    return result


# --------------------------------------------------------------------------------------------------------- elimination


class _Elimination:
    """Removes one state after the other, and writes the ways through it onto the edges around it."""

    def __init__(self, automaton: Automaton) -> None:
        self.final = len(automaton.accepting)
        self.begin = self.final + 1
        self.edges: dict[int, dict[int, Regex]] = defaultdict(dict)  # from -> to -> texts
        self.edges[self.begin][0 if automaton.accepting else self.final] = (
            EMPTY_TEXT if automaton.accepting else NOTHING
        )
        for state, targets in enumerate(automaton.targets):
            self._leave(automaton, state, targets)

    def _leave(self, automaton: Automaton, state: int, targets: list[int]) -> None:
        if automaton.accepting[state]:
            self.edges[state][self.final] = EMPTY_TEXT
            if all(target == state for target in targets):
                self.edges[state][self.final] = ANY_TEXT
                return
        for target in set(targets) - {-1}:
            sets = [ranges for ranges, t in zip(automaton.classes, targets, strict=True) if t == target]
            self.edges[state][target] = chars(united(*sets))

    def run(self) -> Regex:
        remaining = set(range(self.final))
        while remaining:
            state = min(remaining, key=self._cost)
            remaining.remove(state)
            self._remove(state)
        return self.edges[self.begin].get(self.final, NOTHING)

    def _cost(self, state: int) -> int:
        into = sum(state in targets for source, targets in self.edges.items() if source != state)
        return into * len(self.edges[state].keys() - {state})

    def _remove(self, state: int) -> None:
        out = self.edges.pop(state, {})
        around = repeat(out.pop(state), 0, None) if state in out else EMPTY_TEXT
        for targets in self.edges.values():
            into = targets.pop(state, None)
            if into is None:
                continue
            for target, texts in out.items():
                way = concat((into, around, texts))
                targets[target] = union((targets[target], way)) if target in targets else way

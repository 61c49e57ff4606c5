"""What Python's `re.match` takes of a text, put as the longest match of a regular language.

`re` tries the ways through a pattern in order, and takes the first that succeeds. All of them are followed here at once,
as an ordered list of places in the pattern, as R. Cox does ("Regular Expression Matching: the Virtual Machine Approach",
2009): when one comes to the end of the pattern, those behind it in the list are given up. So what `re` takes is the last
end that is seen, and the beginnings of texts after which an end is seen are a regular language, of which `re` takes the
longest match. For most patterns it is the language of the pattern; `a|ab` becomes `a`, and `".*?"` becomes `"[^"]*"`.

What a look-around sees must lie within the match: outside stands what other terminals have to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from .errors import GrammarSyntaxError
from .ir import NOTHING, Regex
from .lark_lookaround import Looks, LooksOutside, ways
from .regex import from_regex
from .regex_automaton import Automaton, Left, numbered
from .regex_automaton import expression as expression_of
from .regex_decisions import FALSE, TRUE, TooLarge
from .regex_escapes import Mistake
from .regex_program import (
    END,
    Check,
    Condition,
    Cycle,
    Fork,
    Instruction,
    Program,
    Read,
    Recall,
    Stop,
    compiled,
)
from .regex_sets import contains, intersection
from .regex_syntax import parse
from .regex_tree import Either, Look, Loop, Series, Tree, width

MAX_STATES = 4_000
MAX_STEPS = 400_000
MAX_MINIMAL_STATES = 400
ROOM = 10  # how much longer than other patterns with look-around these may be

_LOOK_AHEAD = re.compile(r"\(\?[=!]|\\[bBZ]|\$")
_LOOK_BEHIND = re.compile(r"\(\?<[=!]|\\[bBA]|\^")


@dataclass(frozen=True, slots=True, eq=False)
class Preference:
    """What `re.match` takes with a pattern: the longest match of `regex` (`shortest`: the shortest one).

    A match is taken back where the text goes on to one of `undone`; `begun` are the texts behind which there is a match
    that has not been taken back.
    """

    regex: Regex
    undone: Regex
    begun: Regex
    undoing: tuple[bool, ...]
    shortest: bool
    automaton: Automaton

    def takes(self, text: str) -> bool:
        """Whether the whole text is taken where nothing follows it."""
        state = 0
        for char in text:
            state = self.automaton.targets[state][self._class_of(char)]
            if state < 0:
                return False
        return self.automaton.accepting[state]

    def undoes_beyond(self, other: Preference) -> bool:
        """Whether a text of the other is a proper beginning of one of `undone`."""
        pending = [(0, 0, False)]  # the two states, and whether a text of the other lies behind
        seen = set(pending)
        while pending:
            state, place, before = pending.pop()
            if before and self.undoing[state]:
                return True
            before = before or (place >= 0 and other.automaton.accepting[place])
            for after, step in self._steps(state, place, other.automaton):
                key = after, step, before
                if key not in seen and (before or step >= 0):
                    seen.add(key)
                    pending.append(key)
        return False

    def _steps(self, state: int, place: int, other: Automaton) -> Iterator[tuple[int, int]]:
        """The pairs of states that one character leads to."""
        for mine, after in zip(self.automaton.classes, self.automaton.targets[state], strict=True):
            if after < 0:
                continue
            for theirs, step in zip(other.classes, other.targets[place] if place >= 0 else [], strict=place >= 0):
                if intersection(mine, theirs):
                    yield after, step
            if place < 0:
                yield after, -1

    def _class_of(self, char: str) -> int:
        return next(c for c, ranges in enumerate(self.automaton.classes) if contains(ranges, ord(char)))

    def takes_nothing(self) -> bool:
        """Whether there is no text at all that it takes."""
        return not any(self.automaton.accepting)


@lru_cache(maxsize=4096)
def preferred(pattern: str) -> Preference:
    """What `re.match` takes with a pattern, whatever stands before and after it.

    Raises GrammarSyntaxError for a pattern that is malformed, that looks at what stands outside of its match, or where
    the preference cannot be found out.
    """
    try:
        tree = parse(pattern, ecma=False, ordered=True)
        _refuse_empty_rounds(tree)
        return _of_race(_Race(compiled(tree, room=ROOM)).run(), pattern)
    except Mistake as mistake:
        message, offset, expected = mistake.message, mistake.offset, mistake.expected
    except LooksOutside as look:
        raise outside_error(pattern, ahead=look.ahead) from None
    except (TooLarge, RecursionError):
        message, offset, expected = "it is too large to find out which match Python's re prefers", 0, ()
    raise GrammarSyntaxError(message, text=pattern, offset=offset, expected=expected)


def outside_error(pattern: str, *, ahead: bool = True) -> GrammarSyntaxError:
    """The error for a pattern that looks at what stands after (or before) its match."""
    found = [match.start() for match in (_LOOK_AHEAD if ahead else _LOOK_BEHIND).finditer(pattern)] or [0]
    side, place = ("after", found[-1]) if ahead else ("before", found[0])
    message = (
        f"this may look at what stands {side} the terminal's own text, which is not supported; leave it out: the longest "
        "match is taken anyway, and a keyword that is a string goes before a name"
    )
    return GrammarSyntaxError(message, text=pattern, offset=place)


def _refuse_empty_rounds(tree: Tree) -> None:
    """`re` ends a repetition after an empty round, which is followed for `*` and `+` only."""
    pending = [tree]
    while pending:
        match pending.pop():
            case Series(parts) | Either(parts):
                pending += parts
            case Look(inner):
                pending.append(inner)
            case Loop(inner, minimum, maximum):
                pending.append(inner)
                if maximum is not None and maximum - minimum > 1 and width(inner)[0] == 0:
                    raise Mistake("a counted repetition of what can be empty is not supported here", 0)


# --------------------------------------------------------------------------------------------------------- the race


class _Thread(NamedTuple):
    """A way through the pattern, and what must hold of the rest of the text.

    `place` is where it reads on, 0 at the end of the pattern, and `_DONE` if it has ended before; `current`: what it has
    matched is what is taken, as far as one can see.
    """

    place: int
    formula: int
    current: bool = False


_DONE = -1


class _State(NamedTuple):
    """`racing`: the ways that are still open, the preferred ones first; `all`: those that were given up as well."""

    racing: tuple[_Thread, ...]
    all: frozenset[_Thread]
    taken: bool
    undone: bool
    matched: bool
    left: Left

    def has_current(self) -> bool:
        return any(thread.current for thread in self.racing)


class _Outcome(NamedTuple):
    """The automaton of what is taken; which of its states undo it, and which are matches of the pattern at all."""

    automaton: Automaton
    undone: list[bool]
    matched: list[bool]


def _later(thread: _Thread, winner: _Thread | None) -> _Thread:
    """The thread as the next character finds it: an end is current if it is as long as that of the winner."""
    if thread.place > 0:
        return thread
    is_as_long = winner is not None and (thread.current if winner.place == _DONE else thread.place == 0)
    return _Thread(_DONE, thread.formula, is_as_long)


class _Race:
    """Follows all ways through a pattern."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.looks = Looks(program)
        self.decisions = self.looks.decisions
        self.known: dict[tuple[tuple[_Thread, ...], frozenset[_Thread], Left, bool], _State] = {}
        self.steps = 0

    def run(self) -> _Outcome:
        outcome = _Outcome(Automaton(self.program.classes), [], [])
        start = [_Thread(self.program.start, TRUE)]
        begin = self._state(start, start, self.looks.first(), False)
        for state, targets in numbered(begin, len(self.program.classes), self._after, most=MAX_STATES):
            outcome.automaton.accepting.append(state.taken)
            outcome.undone.append(state.undone)
            outcome.matched.append(state.matched)
            outcome.automaton.targets.append(targets)
        return outcome

    def _after(self, state: _State, c: int) -> _State | None:
        everywhere = frozenset(self._moved(state.all, state.left, c))
        racing = tuple(self._moved(state.racing, state.left, c))
        had_current = state.has_current()
        if not (everywhere or racing or had_current):
            return None
        key = racing, everywhere, self.looks.left(c, state.left.reached), had_current
        if key not in self.known:  # most classes of characters lead to the same
            self.known[key] = self._state(*key)
        return self.known[key]

    def _moved(self, threads: Iterable[_Thread], left: Left, c: int) -> list[_Thread]:
        """The threads behind a character of class c."""
        found = []
        for place, formula, current in threads:
            self._count()
            instruction = self.program.instructions[place] if place != _DONE else None
            if isinstance(instruction, Read) and not instruction.classes >> c & 1:
                continue
            after = self.looks.next(formula, left, c)
            if after != FALSE:
                found.append(_Thread(instruction.then if isinstance(instruction, Read) else _DONE, after, current))
        return found

    def _state(self, racing: Iterable[_Thread], everywhere: Iterable[_Thread], left: Left, had_current: bool) -> _State:
        """What is taken of a text that ends here, and who may still change it."""
        kept: list[_Thread] = []
        winner: _Thread | None = None
        for thread in self._opened(racing, left):
            formula = self._settled(thread.formula, left) if thread.place <= 0 else thread.formula
            kept.append(thread._replace(formula=formula))
            if thread.place > 0 or formula == FALSE:
                continue
            if winner is None and self.looks.next(formula, left, END) == TRUE:
                winner = kept[-1]
            if formula == TRUE:
                break
        if winner is not None and winner.place == _DONE and not winner.current:
            raise LooksOutside(ahead=True)  # a match that ended earlier has turned out to be one
        open_ = tuple(_later(thread, winner) for thread in kept if thread.formula != FALSE)
        if len(open_) == 1 and open_[0] == (_DONE, TRUE, True):
            open_ = ()  # nothing can take it back
        others = list(self._opened(everywhere, left))
        matched = any(not place and self.looks.next(formula, left, END) == TRUE for place, formula, _ in others)
        readers = frozenset(thread for thread in others if thread.place > 0)
        taken = winner is not None and winner.place != _DONE
        return _State(open_, readers, taken, winner is None and had_current, matched, left)

    def _settled(self, formula: int, left: Left) -> int:
        """The condition, or what it comes to in any case."""
        if formula <= TRUE:
            return formula
        results = {self.looks.next(formula, left, c) for c in (END, *range(len(self.program.classes)))}
        return results.pop() if len(results) == 1 else formula

    def _opened(self, threads: Iterable[_Thread], left: Left) -> Iterator[_Thread]:
        """The reads and the ends that the threads come to without a character, each once, the preferred ones first."""
        seen: set[tuple[_Thread, frozenset[int]]] = set()
        given: set[_Thread] = set()
        nothing: frozenset[int] = frozenset()
        for first in threads:
            pending = [(first, nothing)]  # the repetitions entered since the last character
            while pending:
                thread, entered = pending.pop()
                if (thread, entered) in seen:
                    continue
                seen.add((thread, entered))
                self._count()
                instruction = self.program.instructions[max(thread.place, 0)]
                if not isinstance(instruction, (Read, Stop)):
                    pending += self._onward(thread, instruction, entered, left)[::-1]
                elif thread not in given:
                    given.add(thread)
                    yield thread

    def _onward(
        self, thread: _Thread, instruction: Instruction, entered: frozenset[int], left: Left
    ) -> list[tuple[_Thread, frozenset[int]]]:
        place, formula, _ = thread
        match instruction:
            case Cycle(body, then) if place in entered:  # a round that read nothing is the last
                return [(_Thread(then, formula), entered)]
            case Cycle(body, _):
                inside = entered | {place}
                return [(_Thread(w, formula), inside if w == body else entered) for w in ways(instruction)]
            case Fork(branches):
                return [(_Thread(branch, formula), entered) for branch in branches]
            case Condition(_, _, then) | Check(_, _, True, then):
                formula = self.decisions.both(formula, self.looks.ahead(instruction, place))
                return [] if formula == FALSE else [(_Thread(then, formula), entered)]
            case Check() | Recall():
                return [(_Thread(instruction.then, formula), entered)] if self.looks.behind(instruction, left) else []
        raise AssertionError(instruction)

    def _count(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooLarge


# ---------------------------------------------------------------------------------------------------- from the outcome


def _of_race(outcome: _Outcome, pattern: str) -> Preference:
    """The simplest description of what is taken."""
    automaton = outcome.automaton
    undone = _expression(replace(automaton, accepting=outcome.undone)) if any(outcome.undone) else NOTHING
    begun = NOTHING if undone is NOTHING else _expression(_begun(outcome))
    if automaton.accepting == outcome.matched:
        try:
            return Preference(from_regex(pattern), undone, begun, tuple(outcome.undone), False, automaton)
        except GrammarSyntaxError:
            return Preference(_expression(automaton), undone, begun, tuple(outcome.undone), False, automaton)
    try:
        return Preference(_expression(automaton), undone, begun, tuple(outcome.undone), False, automaton)
    except TooLarge:
        if undone is NOTHING and _is_shortest(outcome):
            return Preference(from_regex(pattern), undone, begun, tuple(outcome.undone), True, automaton)
        raise


def _expression(automaton: Automaton) -> Regex:
    return expression_of(automaton, most=MAX_MINIMAL_STATES)


def _begun(outcome: _Outcome) -> Automaton:
    """The texts in which a match has been seen after everything that takes one back; after its end, whatever follows."""
    automaton, undone, _ = outcome
    result = Automaton(automaton.classes)
    pending = [(0, False)]
    numbers = {(0, False): 0}
    for state, before in pending:  # grows while it is read
        seen = before if state < 0 else automaton.accepting[state] or (before and not undone[state])
        result.accepting.append(seen)
        row = []
        for after in automaton.targets[state] if state >= 0 else [-1] * len(automaton.classes):
            key = (after, seen)
            if after >= 0 or seen:
                if key not in numbers:
                    numbers[key] = len(pending)
                    pending.append(key)
                row.append(numbers[key])
            else:
                row.append(-1)
        result.targets.append(row)
    return result


def _is_shortest(outcome: _Outcome) -> bool:
    """Whether nothing is taken beyond a match of the pattern."""
    targets = outcome.automaton.targets
    pending = [after for row, match in zip(targets, outcome.matched, strict=True) if match for after in row]
    beyond: set[int] = {-1}
    while pending:
        state = pending.pop()
        if state not in beyond:
            beyond.add(state)
            pending += targets[state]
    return not any(outcome.automaton.accepting[state] for state in beyond if state >= 0)

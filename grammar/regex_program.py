"""A syntax tree with assertions, flattened into the instructions of an alternating automaton.

A. Chandra, D. Kozen, L. Stockmeyer, "Alternation", 1981: a place in the pattern is a state, and reading a character
turns a state into a Boolean formula over states: a choice is "or", a look-ahead is "and", a negative one "and not".
What is wanted of the text before a place is kept in a `Left`: the last character and, for each look-behind, the
places that its own instructions have reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .ir import Chars, Concat, Repeat, Text, TextSet, Union
from .regex_decisions import TooLarge
from .regex_sets import CodePoints, intersection, partition
from .regex_tree import After, Before, Either, Look, Loop, Series, Tree

MAX_INSTRUCTIONS = 400
MAX_CLASSES = 64
END = -1  # in the place of a character class: the edge of the text


class Read(NamedTuple):
    """One character of `classes` (bit i: class i), then `then`."""

    classes: int
    then: int


class Fork(NamedTuple):
    """Any of these."""

    ways: tuple[int, ...]


class Cycle(NamedTuple):
    """`body`, which comes back to here, or `then` (`lazy`: preferably)."""

    body: int
    then: int
    lazy: bool = False


class Check(NamedTuple):
    """`then`, if the neighbour on that side is of `classes`, or is missing and `edge` is set."""

    classes: int
    edge: bool
    ahead: bool
    then: int


class Condition(NamedTuple):
    """`then`, if `start` also succeeds from here (`negative`: fails)."""

    start: int
    negative: bool
    then: int


class Recall(NamedTuple):
    """`then`, if the look-behind of this number has just succeeded (`negative`: has not)."""

    behind: int
    negative: bool
    then: int


class Stop(NamedTuple):
    """Success: at the end of the text only, or (`anywhere`) whatever follows."""

    anywhere: bool


Instruction: TypeAlias = Read | Fork | Cycle | Check | Condition | Recall | Stop


@dataclass
class Program:
    """The instructions of a tree; a text matches if it succeeds from `start`."""

    classes: tuple[CodePoints, ...]
    instructions: list[Instruction]
    behinds: list[int]  # where each look-behind starts
    start: int
    most: int = MAX_INSTRUCTIONS


def compiled(tree: Tree, *, room: int = 1) -> Program:
    """The program of a tree that matches whole texts. The ways of a fork stand in the order of attempts.

    `room` multiplies the limits. Raises TooLarge.
    """
    classes = partition(_sets(tree, 4 * MAX_CLASSES * room))
    if len(classes) > MAX_CLASSES * room:
        raise TooLarge
    program = Program(classes, [Stop(anywhere=False), Stop(anywhere=True)], [], 0, MAX_INSTRUCTIONS * room)
    program.start = _Writer(program).write(tree, 0)
    return program


def _sets(tree: Tree, most: int) -> set[CodePoints]:
    """Every set of characters that the tree mentions."""
    found: set[CodePoints] = set()
    pending: list[Tree] = [tree]
    while pending:
        match pending.pop():
            case Before(ranges) | After(ranges) | Chars(ranges):
                found.add(ranges)
            case Text(text):
                found.update(((ord(c), ord(c)),) for c in text)
            case TextSet(texts):
                found.update(((ord(c), ord(c)),) for text in texts for c in text)
            case Series(parts) | Either(parts) | Concat(parts) | Union(parts):
                pending += parts
            case Loop(inner) | Look(inner) | Repeat(inner):
                pending.append(inner)
            case _:
                raise TooLarge
        if len(found) > most:
            raise TooLarge
    return found


class _Writer:
    """Writes instructions from the end to the start: each part knows what comes after it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.behind = False  # inside a look-behind

    def emit(self, instruction: Instruction) -> int:
        if len(self.program.instructions) >= self.program.most:
            raise TooLarge
        self.program.instructions.append(instruction)
        return len(self.program.instructions) - 1

    def write(self, tree: Tree, then: int) -> int:
        match tree:
            case Text(text):
                for c in reversed(text):
                    then = self.emit(Read(self._bits(((ord(c), ord(c)),)), then))
                return then
            case Chars(ranges):
                return self.emit(Read(self._bits(ranges), then))
            case TextSet(texts):
                return self.emit(Fork(tuple(self.write(Text(text), then) for text in texts)))
            case Series(parts) | Concat(parts):
                for part in reversed(parts):
                    then = self.write(part, then)
                return then
            case Either(parts) | Union(parts):
                return self.emit(Fork(tuple(self.write(part, then) for part in parts)))
            case Loop(inner, minimum, maximum, lazy):
                return self._repeated(inner, minimum, maximum, then, lazy)
            case Repeat(inner, minimum, maximum):
                return self._repeated(inner, minimum, maximum, then)
        return self._assertion(tree, then)

    def _repeated(self, inner: Tree, minimum: int, maximum: int | None, then: int, lazy: bool = False) -> int:
        if maximum is None:
            place = self.emit(Stop(anywhere=False))
            self.program.instructions[place] = Cycle(self.write(inner, place), then, lazy)
            then = place
        else:
            after = then
            for _ in range(maximum - minimum):
                ways = self.write(inner, then), after
                then = self.emit(Fork(ways[::-1] if lazy else ways))
        for _ in range(minimum):
            then = self.write(inner, then)
        return then

    def _assertion(self, tree: Tree, then: int) -> int:
        match tree:
            case Before(ranges, edge):
                return self.emit(Check(self._bits(ranges), edge, False, then))
            case After(ranges, edge) if not self.behind:
                return self.emit(Check(self._bits(ranges), edge, True, then))
            case Look(inner, True, negative) if not self.behind:
                return self.emit(Condition(self.write(inner, 1), negative, then))
            case Look(inner, False, negative) if not self.behind:
                self.behind = True
                self.program.behinds.append(self.write(inner, 0))
                self.behind = False
                return self.emit(Recall(len(self.program.behinds) - 1, negative, then))
        raise TooLarge

    def _bits(self, ranges: CodePoints) -> int:
        return sum(1 << i for i, part in enumerate(self.program.classes) if intersection(part, ranges))

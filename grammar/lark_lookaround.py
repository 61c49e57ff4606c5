"""What the look-arounds of a pattern see when a lexer uses it, where nothing is known of the text before the match."""

from __future__ import annotations

from .regex_automaton import Determinisation, Left
from .regex_program import END, Check, Condition, Cycle, Fork, Instruction, Program, Read, Recall


class LooksOutside(Exception):  # noqa: N818 - it never leaves the front end
    """A condition asks for what stands before (or, `ahead`, after) the match."""

    def __init__(self, ahead: bool) -> None:
        self.ahead = ahead
        super().__init__(ahead)


class Looks(Determinisation):
    """The conditions of a pattern whose left side is not the edge of the text, but unknown.

    In `Left.reached`, the places that a look-behind reaches from within the match are followed by those that it may
    reach if it began before.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.known = len(program.behinds)
        self._alone: dict[int, int] = {}

    def first(self) -> Left:
        """What is known of the left at the beginning of a match."""
        anywhere = tuple(self._places(start) for start in self.program.behinds)
        return Left(END, (*super().left(END, ()).reached, *anywhere))

    def left(self, c: int, reached: tuple[frozenset[int], ...]) -> Left:
        """What is known behind a character of class c, if `reached` was known before it."""
        inside = super().left(c, reached[: self.known])
        outside = (self.moved((), places, c) for places in reached[self.known :])
        return Left(inside.last, (*inside.reached, *outside))

    def _places(self, start: int) -> frozenset[int]:
        """All places of a look-behind, which may have begun anywhere before the match."""
        found: set[int] = set()
        pending = [start]
        while pending:
            place = pending.pop()
            if place not in found:
                found.add(place)
                instruction = self.program.instructions[place]
                if isinstance(instruction, Check):
                    raise LooksOutside(ahead=False)
                pending += [instruction.then] if isinstance(instruction, Read) else ways(instruction)
        return frozenset(found)

    def behind(self, instruction: Check | Recall, left: Left) -> bool:
        """Whether a condition on the text before holds."""
        if isinstance(instruction, Check):
            if left.last == END:
                raise LooksOutside(ahead=False)
            return bool(instruction.classes >> left.last & 1)
        inside = 0 in left.reached[instruction.behind]
        if not inside and 0 in left.reached[self.known + instruction.behind]:
            raise LooksOutside(ahead=False)
        return inside != instruction.negative

    def ahead(self, instruction: Check | Condition, place: int) -> int:
        """The formula of a condition on the text after."""
        if isinstance(instruction, Condition):
            formula = self.decisions.variable(instruction.start)
            return self.decisions.negation(formula) if instruction.negative else formula
        if place not in self._alone:
            self._alone[place] = len(self.program.instructions)
            self.program.instructions.append(instruction._replace(then=1))
        return self.decisions.variable(self._alone[place])

    def _computed(self, place: int, left: Left, c: int, entered: frozenset[int]) -> int:
        instruction = self.program.instructions[place]
        if isinstance(instruction, Recall) or (isinstance(instruction, Check) and not instruction.ahead):
            self.behind(instruction, left)
        return super()._computed(place, left, c, entered)


def ways(instruction: Instruction) -> tuple[int, ...]:
    """Where a fork or a repetition leads to, in the order of attempts."""
    match instruction:
        case Fork(branches):
            return branches
        case Cycle(body, then, lazy):
            return (then, body) if lazy else (body, then)
    return ()

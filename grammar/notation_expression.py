"""Builds the trees of one rule from its lexemes, with an explicit stack of open groups instead of recursion."""

from __future__ import annotations

from typing import NamedTuple

from .notation_scanner import Lexeme, described
from .notation_tree import MAX_DEPTH, NOTHING_WRITTEN, Either, Except, Name, Repeated, Rule, Series, Tree
from .regex_escapes import Mistake

MAX_REPETITION = 2**31 - 1


class _Item(NamedTuple):
    tree: Tree
    depth: int


class _Group:
    """An open group: its finished alternatives, and the one that is being read."""

    def __init__(self, opening: Lexeme) -> None:
        self.opening = opening
        self.alternatives: list[_Item] = []
        self.parts: list[_Item] = []
        self.minuend: _Item | None = None
        self.minus: Lexeme | None = None
        self.is_behind_item = False


class Expression:
    """The right side of a rule in the making.

    What is nested deeper than `MAX_DEPTH` becomes a rule of its own, in `outlined`.
    """

    def __init__(self, head: Lexeme, name: str) -> None:
        self.head = head
        self.name = name
        self.outlined: list[Rule] = []
        self._groups = [_Group(head)]

    @property
    def is_behind_item(self) -> bool:
        """Whether something was added since the last border of the open group."""
        return self._groups[-1].is_behind_item

    @property
    def is_nested(self) -> bool:
        """Whether a group is open."""
        return len(self._groups) > 1

    def add(self, tree: Tree) -> None:
        """Something stands here."""
        self._add(_Item(tree, 1))

    def repeat(self, lexeme: Lexeme, minimum: int, maximum: int | None) -> None:
        """The last thing is repeated. Raises `Mistake` if there is none, and for bounds out of order or range."""
        group = self._groups[-1]
        if not group.is_behind_item:
            raise Mistake(f"{described(lexeme)} has nothing before it to repeat", lexeme.offset)
        if maximum is not None and maximum < minimum:
            message = f"at least {minimum} and at most {maximum} times is never; the smaller number comes first"
            raise Mistake(message, lexeme.offset)
        if max(minimum, maximum or 0) > MAX_REPETITION:
            raise Mistake(f"a repetition may count up to {MAX_REPETITION}", lexeme.offset)
        inner = group.parts.pop()
        if (
            isinstance(inner.tree, Repeated)
            and _is_simple(minimum, maximum)
            and _is_simple(inner.tree.minimum, inner.tree.maximum)
        ):
            # `x+?`, `x?*` and their like: neither leaves a gap, so they are one
            minimum, maximum = minimum * inner.tree.minimum, 1 if maximum == inner.tree.maximum == 1 else None
            inner = _Item(inner.tree.inner, inner.depth - 1)
        group.parts.append(self._made(Repeated(inner.tree, minimum, maximum, lexeme.offset), inner))

    def border(self) -> None:
        """A part of a sequence ends, in notations that say so."""
        group = self._groups[-1]
        self._settle(group)
        group.is_behind_item = False

    def bar(self) -> None:
        """An alternative ends, and another begins."""
        group = self._groups[-1]
        group.alternatives.append(self._series(group))

    def minus(self, lexeme: Lexeme) -> None:
        """The last thing is what the next one is an exception to."""
        group = self._groups[-1]
        if not group.is_behind_item:
            raise Mistake(f"{described(lexeme)} has nothing before it to be an exception to", lexeme.offset)
        self._settle(group)
        group.minuend, group.minus = group.parts.pop(), lexeme
        group.is_behind_item = False

    def open(self, lexeme: Lexeme) -> None:
        """A group begins."""
        self._groups.append(_Group(lexeme))

    def close(self, lexeme: Lexeme) -> Lexeme:
        """The last group ends, and is added to what it stands in; returns what opened it."""
        if len(self._groups) == 1:
            raise Mistake(f"{described(lexeme)} closes nothing", lexeme.offset)
        group = self._groups.pop()
        self._add(self._either(group))
        return group.opening

    def finish(self, offset: int) -> Rule:
        """The whole rule, whose name stands at the place."""
        if len(self._groups) > 1:
            opening = self._groups[-1].opening
            raise Mistake(f"{described(opening)} is not closed before the rule ends", opening.offset)
        return Rule(self.name, offset, self._either(self._groups[0]).tree)

    def _add(self, item: _Item) -> None:
        group = self._groups[-1]
        if group.minuend is None or group.is_behind_item:
            self._settle(group)
        group.parts.append(item)
        group.is_behind_item = True

    def _settle(self, group: _Group) -> None:
        """Put the exception together that ends here, now that nothing can repeat its right side any more."""
        if group.minuend is not None and group.minus is not None:
            if not group.is_behind_item:
                raise Mistake(f"{described(group.minus)} has nothing behind it", group.minus.offset)
            left, right = group.minuend, group.parts.pop()
            group.parts.append(self._made(Except(left.tree, right.tree, group.minus.offset), left, right))
            group.minuend = None

    def _series(self, group: _Group) -> _Item:
        self._settle(group)
        parts, group.parts, group.is_behind_item = group.parts, [], False
        if not parts:
            return _Item(NOTHING_WRITTEN, 1)
        return parts[0] if len(parts) == 1 else self._made(Series(tuple(part.tree for part in parts)), *parts)

    def _either(self, group: _Group) -> _Item:
        alternatives = [*group.alternatives, self._series(group)]
        if len(alternatives) == 1:
            return alternatives[0]
        return self._made(Either(tuple(item.tree for item in alternatives)), *alternatives)

    def _made(self, tree: Tree, *parts: _Item) -> _Item:
        depth = 1 + max(part.depth for part in parts)
        if depth < MAX_DEPTH:
            return _Item(tree, depth)
        rule = Rule(f"{self.name}#{len(self.outlined) + 1}", self.head.offset, tree, part_of=self.name)
        self.outlined.append(rule)
        return _Item(Name(rule.name, self.head.offset), 1)


def _is_simple(minimum: int, maximum: int | None) -> bool:
    return minimum <= 1 and maximum in (1, None)

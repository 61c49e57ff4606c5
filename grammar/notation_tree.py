"""What a rule of GBNF or EBNF says, as a tree that keeps the places of what it names.

Trees are shallow: whoever builds them (`notation_expression.py`) puts what is nested too deeply into rules of its own. So
a function may recurse over a tree, never over rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .ir import EMPTY_TEXT, Regex

MAX_DEPTH = 50


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A text, or a set of characters."""

    regex: Regex


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A text of the rule of that name."""

    rule: str
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Special:
    """The special token of that name; `other`: a token that is any but this one, which stands only in repetitions."""

    name: str
    offset: int
    other: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One after the other."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """Any of the parts."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """`minimum` to `maximum` times; `maximum=None` is without bound."""

    inner: Tree
    minimum: int
    maximum: int | None
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Except:
    """What is in `left`, and not in `right`."""

    left: Tree
    right: Tree
    offset: int


Tree: TypeAlias = Leaf | Name | Special | Series | Either | Repeated | Except

NOTHING_WRITTEN = Leaf(EMPTY_TEXT)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A named tree, and where its name is written.

    `part_of` is the rule that this one was cut out of, if nobody wrote it.
    """

    name: str
    offset: int
    tree: Tree
    part_of: str | None = None


def children(tree: Tree) -> tuple[Tree, ...]:
    """The trees that a tree is made of."""
    match tree:
        case Series(parts) | Either(parts):
            return parts
        case Repeated(inner):
            return (inner,)
        case Except(left, right):
            return left, right
    return ()


def names(tree: Tree) -> Iterator[Name]:
    """Every name in a tree, in the order of the text."""
    stack = [tree]
    while stack:
        tree = stack.pop()
        if isinstance(tree, Name):
            yield tree
        stack += reversed(children(tree))

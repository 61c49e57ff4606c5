"""Assertions dissolved: from a syntax tree to a `Regex` of exactly the texts in which the tree matches.

The idea is continuation passing. To translate a part, one has to know the language of what may follow it: a
look-ahead `(?=X)` in front of texts K stands for the texts `X.* & K`, and `$` for `"" & K`. What stands before a part
matters only through its last character: `States` divides the characters into the classes that the `Before`
nodes of the tree can tell apart, and a *continuation* gives one language per class (and one for the start of the
text). Where a plain part leads to several classes, it is divided by its last character.

A look-behind over several characters is worked into the plain text in front of it. What cannot be done so (a
look-ahead in an unbounded repetition, a look-behind that reaches over other assertions) raises `NotLocal`;
`regex_automaton.py` then has its try.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .ir import ANY_TEXT, EMPTY_TEXT, NOTHING, Regex, Union
from .regex_algebra import (
    complement,
    concat,
    ending_with,
    intersect,
    longest,
    repeat,
    shortest,
    single_characters,
    starting_with,
    union,
)
from .regex_sets import EVERY_CODE_POINT, CodePoints, intersection, inverted, partition
from .regex_sets import union as united
from .regex_tree import After, Before, Either, Look, Loop, Series, Tree, is_plain, series
from .rule_analysis import nullable_regex

MAX_UNROLLED = 16
MAX_STEPS = 5_000

Continuation: TypeAlias = tuple[Regex, ...]  # [0]: at the start of the text; [i]: behind a character of class i


class NotLocal(Exception):  # noqa: N818 - it never leaves the front end
    """The tree has an assertion that looks further than this translation can follow."""


def language(tree: Tree) -> Regex:
    """The texts that the tree matches as a whole. Raises `NotLocal`."""
    if is_plain(tree):
        return tree
    tree = _behind_settled(tree, rooted=True)
    translation = _Translation(_classes(tree))
    return translation.run(tree, translation.same(EMPTY_TEXT))[0]


def _classes(tree: Tree) -> tuple[CodePoints, ...]:
    """The classes of characters that the assertions of the tree can tell apart."""
    sets: set[CodePoints] = set()
    pending = [tree]
    while pending:
        match pending.pop():
            case Before(ranges, _):
                sets.add(ranges)
            case Series(parts) | Either(parts):
                pending += parts
            case Loop(inner) | Look(inner):
                pending.append(inner)
    if len(sets) > 4:
        raise NotLocal
    return partition(sets)


# ----------------------------------------------------------------------------------------------------- look-behinds


def _behind_settled(tree: Tree, *, rooted: bool = False) -> Tree:
    """Work look-behinds into what stands before them. `rooted`: the tree begins where the text begins."""
    match tree:
        case Series(parts):
            return _behind_in_series(parts, rooted)
        case Either(parts):
            return Either(tuple(_behind_settled(part, rooted=rooted) for part in parts))
        case Loop(inner, minimum, maximum):
            return Loop(_behind_settled(inner), minimum, maximum)
        case Look(inner, True, negative):
            return Look(_behind_settled(inner), True, negative)
        case Look(_, False, _):
            return _behind_in_series((tree,), rooted)
    return tree


def _behind_in_series(parts: tuple[Tree, ...], rooted: bool) -> Tree:
    result: list[Tree] = []
    for part in parts:
        begins = rooted and not result
        if not isinstance(part, Look) or part.ahead:
            result.append(_behind_settled(part, rooted=begins))
            continue
        short = _one_before(part)
        if short is not None:
            result.append(short)
            continue
        before = result.pop() if result else EMPTY_TEXT
        result.append(_restricted(before, part, whole=rooted and not result))
    return series(result)


def _one_before(look: Look) -> Before | None:
    """A look-behind that needs to see one character only."""
    seen = _last_seen(look.inner)
    if seen is None:
        return None
    ranges, edge = seen
    if not look.negative:
        return Before(ranges, edge)
    return Before(inverted(ranges), not edge)


def _last_seen(tree: Tree) -> tuple[CodePoints, bool] | None:
    """(ranges, edge) if the tree, read backwards from here, asks for one character of `ranges`, or the text's edge."""
    if is_plain(tree):
        ranges = EVERY_CODE_POINT if nullable_regex(tree) else single_characters(tree)
        return None if ranges is None else (ranges, nullable_regex(tree))
    if isinstance(tree, Before):
        return tree.ranges, tree.edge
    if not isinstance(tree, Either):
        return None
    seen = [_last_seen(part) for part in tree.parts]
    found = [pair for pair in seen if pair is not None]
    if len(found) < len(seen):
        return None
    return united(*(ranges for ranges, _ in found)), any(edge for _, edge in found)


def _restricted(before: Tree, look: Look, *, whole: bool) -> Regex:
    """The texts of `before` whose end satisfies the look-behind. `whole`: nothing stands before them."""
    if not is_plain(before) or not is_plain(look.inner):
        raise NotLocal
    reach = longest(look.inner)
    if not whole and (reach is None or shortest(before) < reach):
        raise NotLocal
    condition = concat((ANY_TEXT, look.inner))
    return intersect(before, complement(condition) if look.negative else condition)


# ------------------------------------------------------------------------------------------------------ translation


class _Translation:
    """From a tree and what may follow it to what may begin where the tree begins, for each class before it."""

    def __init__(self, classes: tuple[CodePoints, ...]) -> None:
        self.classes = classes
        self.steps = 0

    def same(self, regex: Regex) -> Continuation:
        return (regex,) * (len(self.classes) + 1)

    def run(self, tree: Tree, after: Continuation) -> Continuation:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise NotLocal
        if is_plain(tree):
            return self._plain(tree, after)
        match tree:
            case Before(ranges, edge):
                behind = (
                    k if intersection(c, ranges) else NOTHING for c, k in zip(self.classes, after[1:], strict=True)
                )
                return (after[0] if edge else NOTHING, *behind)
            case After(ranges, edge):
                return _mapped(after, lambda k: starting_with(k, ranges, edge))
            case Series(parts):
                for part in reversed(parts):
                    after = self.run(part, after)
                return after
            case Either(parts):
                return _united(*(self.run(part, after) for part in parts))
            case Look():
                return self._look(tree, after)
            case Loop():
                return self._loop(tree, after)
        raise AssertionError(tree)

    def _plain(self, regex: Regex, after: Continuation) -> Continuation:
        """Divide the texts by their last character where it matters to what follows."""
        if all(k is after[0] for k in after):
            return self.same(concat((regex, after[0])))
        groups: dict[int, tuple[Regex, list[CodePoints]]] = {}
        for ranges, k in zip(self.classes, after[1:], strict=True):
            groups.setdefault(id(k), (k, []))[1].append(ranges)
        if not nullable_regex(regex):
            return self.same(_by_last_character(regex, groups))
        if len(groups) == 1 and _includes(after[0], after[1]):
            whole = concat((regex, after[1]))
            return (union((whole, after[0])), *self.same(whole)[1:])
        taken = _by_last_character(regex, groups)
        return _mapped(after, lambda k: union((taken, k)))

    def _look(self, look: Look, after: Continuation) -> Continuation:
        if not look.ahead:
            raise NotLocal
        seen = self.run(look.inner, self.same(ANY_TEXT))
        if look.negative:
            seen = _mapped(seen, complement)
        return tuple(intersect(s, k) for s, k in zip(seen, after, strict=True))

    def _loop(self, loop: Loop, after: Continuation) -> Continuation:
        tempered = _tempered(loop)
        if tempered is not None and all(k is EMPTY_TEXT for k in after):
            return self.same(tempered)
        if loop.maximum is None or loop.maximum > MAX_UNROLLED:
            raise NotLocal
        result = after
        for done in reversed(range(loop.maximum)):
            result = self.run(loop.inner, result)
            if done >= loop.minimum:
                result = _united(after, result)
        return result


def _by_last_character(regex: Regex, groups: dict[int, tuple[Regex, list[CodePoints]]]) -> Regex:
    """The non-empty texts of `regex`, each followed by the language of the group that its last character is in."""
    if len(groups) == 1 and not nullable_regex(regex):
        return concat((regex, *(k for k, _ in groups.values())))
    ways = [(k, united(*sets)) for k, sets in groups.values() if k is not NOTHING]
    return union(concat((ending_with(regex, ranges), k)) for k, ranges in ways)


def _includes(language: Regex, part: Regex) -> bool:
    """Whether `part` is seen to be a part of `language`, as an alternative."""
    alternatives = language.parts if isinstance(language, Union) else (language,)
    parts = part.parts if isinstance(part, Union) else (part,)
    return set(map(id, parts)) <= set(map(id, alternatives))


def _tempered(loop: Loop) -> Regex | None:
    """`((?!X)c)*` up to the end of the text: the texts of `c*` that do not contain X."""
    if not isinstance(loop.inner, Series) or len(loop.inner.parts) != 2:
        return None
    look, step = loop.inner.parts
    if not (isinstance(look, Look) and look.ahead and look.negative and is_plain(look.inner) and is_plain(step)):
        return None
    if single_characters(step) is None or nullable_regex(look.inner):
        return None
    free = complement(concat((ANY_TEXT, look.inner, ANY_TEXT)))
    return intersect(repeat(step, loop.minimum, loop.maximum), free)


def _mapped(after: Continuation, change: Callable[[Regex], Regex]) -> Continuation:
    """Change each language once, so that what was shared stays shared."""
    changed: dict[int, Regex] = {}
    for k in after:
        if id(k) not in changed:
            changed[id(k)] = change(k)
    return tuple(changed[id(k)] for k in after)


def _united(*ways: Continuation) -> Continuation:
    """The union of several continuations, class by class; what is shared stays shared."""
    made: dict[tuple[int, ...], Regex] = {}
    result = []
    for languages in zip(*ways, strict=True):
        key = tuple(map(id, languages))
        if key not in made:
            made[key] = union(languages)
        result.append(made[key])
    return tuple(result)

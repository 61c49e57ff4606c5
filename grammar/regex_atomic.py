"""Atomic groups and possessive repetitions, put in terms of look-ahead.

An atomic group keeps the first way in which its inside matches, in the order in which a backtracking matcher tries
them, and never takes it back. That is a condition on what follows: after `a*+` there is no further `a`. It can be said
exactly where the choices are made by prefix-free languages: those match at a place in one way at most.
"""

from __future__ import annotations

from collections.abc import Iterable

from .ir import Regex
from .regex_algebra import longest, repeat, shortest
from .regex_automaton import is_prefix_free
from .regex_decisions import TooLarge
from .regex_tree import After, Before, Either, Look, Loop, Series, Tree, either, is_plain, series, settled
from .rule_analysis import nullable_regex


def atomic(tree: Tree) -> Tree | None:
    """The tree of `(?>tree)`, whose nodes still show the order of attempts; None if it cannot be said exactly."""
    plain = settled(tree)
    if is_plain(plain) and prefix_free(plain):
        return plain
    match tree:
        case Series(parts):
            return _atomic_series(parts)
        case Either(parts):
            return _atomic_either(parts)
        case Loop():
            return _atomic_loop(tree)
        case Before() | After() | Look():
            return plain
    return None


def _atomic_series(parts: tuple[Tree, ...]) -> Tree | None:
    head, rest = parts[0], parts[1:]
    if not rest:
        return atomic(head)
    if isinstance(head, Series):
        return _atomic_series((*head.parts, *rest))
    if isinstance(head, Either):
        return _atomic_either([Series((part, *rest)) for part in head.parts])
    first = settled(head)
    if not isinstance(first, (Before, After, Look)) and not (is_plain(first) and prefix_free(first)):
        return None
    remainder = _atomic_series(rest)
    return None if remainder is None else series((first, remainder))


def _atomic_either(parts: Iterable[Tree]) -> Tree | None:
    """`(?>A|B)` is `(?>A)|(?!A)(?>B)`."""
    result: list[Tree] = []
    failed: list[Tree] = []
    for part in parts:
        way = atomic(part)
        if way is None:
            return None
        result.append(series((*failed, way)))
        failed.append(Look(settled(part), ahead=True, negative=True))
    return either(result)


def _atomic_loop(tree: Loop) -> Tree | None:
    """`(?>x{m,n})` is `x{n}|x{m,n-1}(?!x)` and `(?>x{m,n}?)` is `x{m}`, for a prefix-free x."""
    inner = settled(tree.inner)
    if not is_plain(inner) or nullable_regex(inner) or not prefix_free(inner):
        return None
    if tree.lazy:
        return repeat(inner, tree.minimum, tree.minimum)
    stop = Look(inner, ahead=True, negative=True)
    if tree.maximum is None:
        return series((repeat(inner, tree.minimum, None), stop))
    if tree.maximum == tree.minimum:
        return repeat(inner, tree.minimum, tree.minimum)
    fewer = series((repeat(inner, tree.minimum, tree.maximum - 1), stop))
    return either((repeat(inner, tree.maximum, tree.maximum), fewer))


def prefix_free(regex: Regex) -> bool:
    """Whether no text of the language begins another; False also where that is too hard to decide."""
    if shortest(regex) == longest(regex):
        return True
    try:
        return is_prefix_free(regex)
    except TooLarge:
        return False

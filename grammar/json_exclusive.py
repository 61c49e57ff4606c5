"""Exactly one, and none, of several canonical schemas, as a union of cases in which few of them overlap.

A schema without the others that it overlaps is a conjunction of negations, each of them a union, so it grows with the
number of overlaps as a power. Two splits into cases keep it small, and often make an end of overlaps:

- by type, where some schemas speak of objects only, and so all of them allow every number;
- by the value of a property that schemas give values to (`{"type": {"const": "circle"}}`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import combinations

from jsonschema_rs import CanonicalSchema, canonical

from .json_algebra import Algebra, may_hold
from .json_places import Schema

_TYPES = ("null", "boolean", "number", "string", "array", "object")
_Branches = list[CanonicalSchema]
_Rule = Callable[[CanonicalSchema, _Branches, Algebra], Iterator[CanonicalSchema]]


def exactly_one(base: CanonicalSchema, branches: _Branches, algebra: Algebra) -> list[CanonicalSchema]:
    """The values of `base` in exactly one of the branches, all of which are parts of it, as cases.

    Raises canonical.CanonicalizationError if that cannot be said, LimitError if it grows too large.
    """
    in_types = all(not isinstance(branch.view(), canonical.AnyOfView) for branch in branches)
    if in_types and not _overlaps(branches, algebra):
        return branches
    return _by_type(base, branches, algebra, _one)


def none_of(base: CanonicalSchema, branches: _Branches, algebra: Algebra) -> list[CanonicalSchema]:
    """The values of `base` in none of the branches, all of which are parts of it. Raises as `exactly_one` does."""
    if not any(map(may_hold, branches)):
        return [base]
    return _by_type(base, branches, algebra, _none)


def _by_type(base: CanonicalSchema, branches: _Branches, algebra: Algebra, rule: _Rule) -> list[CanonicalSchema]:
    cases: list[CanonicalSchema] = []
    for name in _TYPES:
        part = algebra.narrow(base, {"type": name})
        if may_hold(part):
            within = [algebra.narrow(branch, {"type": name}) for branch in branches]
            cases += _by_value(part, within, algebra, rule, frozenset())
    return cases or [algebra.narrow(base, {"enum": []})]


def _by_value(
    base: CanonicalSchema, branches: _Branches, algebra: Algebra, rule: _Rule, known: frozenset[str]
) -> Iterator[CanonicalSchema]:
    """Cases by the value of one property after the other, but for those `known` already."""
    branches = [branch for branch in branches if may_hold(branch)]
    name = _telling(branches, known) if len(branches) > 1 else None
    if name is None:
        yield from rule(base, branches, algebra)
        return
    for case in _cases(branches, name):
        within = [algebra.narrow(branch, case) for branch in branches]
        yield from _by_value(algebra.narrow(base, case), within, algebra, rule, known | {name})


def _one(base: CanonicalSchema, branches: _Branches, algebra: Algebra) -> Iterator[CanonicalSchema]:
    if sum(branch == base for branch in branches) > 1:
        return
    overlaps = _overlaps(branches, algebra)
    for i, branch in enumerate(branches):
        others = [other for j, other in enumerate(branches) if (i, j) in overlaps or (j, i) in overlaps]
        yield from _none(branch, others, algebra)


def _none(base: CanonicalSchema, branches: _Branches, algebra: Algebra) -> Iterator[CanonicalSchema]:
    for branch in branches:
        base = _without(base, branch, algebra)
        if not may_hold(base):
            return
    yield base


def _without(base: CanonicalSchema, other: CanonicalSchema, algebra: Algebra) -> CanonicalSchema:
    if not _meet(base, other, algebra):
        return base
    try:
        negated = algebra.negate(other)
    except canonical.UnsupportedResult:
        view = other.view()
        if not isinstance(view, canonical.AnyOfView):
            raise
        return next(_none(base, view.branches, algebra), algebra.narrow(base, {"enum": []}))
    return algebra.intersect(base, negated)


# ------------------------------------------------------------------------------------------------------------- overlaps


def _overlaps(branches: _Branches, algebra: Algebra) -> set[tuple[int, int]]:
    """The pairs of branches that are not certainly disjoint."""
    given = [_given(branch) for branch in branches]
    return {
        (i, j)
        for i, j in combinations(range(len(branches)), 2)
        if not _differ(given[i], given[j]) and _meet(branches[i], branches[j], algebra)
    }


def _meet(left: CanonicalSchema, right: CanonicalSchema, algebra: Algebra) -> bool:
    """Whether two schemas may have a value in common: alternatives are compared in pairs, and not multiplied out."""
    for some, other in ((left, right), (right, left)):
        view = some.view()
        if isinstance(view, canonical.AnyOfView):
            return any(_meet(branch, other, algebra) for branch in view.branches)
    return may_hold(algebra.intersect(left, right))


def _given(schema: CanonicalSchema) -> dict[str, frozenset[str]]:
    """The values, as JSON text, that the required properties of an object are given."""
    view = schema.view()
    if not isinstance(view, canonical.ObjectView):
        return {}
    required = set(view.required)
    found = {name: _values(inner) for name, inner in view.properties.items() if name in required}
    return {name: values for name, values in found.items() if values is not None}


def _differ(left: dict[str, frozenset[str]], right: dict[str, frozenset[str]]) -> bool:
    return any(left[name].isdisjoint(right[name]) for name in left.keys() & right.keys())


def _values(schema: CanonicalSchema) -> frozenset[str] | None:
    match schema.view():
        case canonical.ConstView(value):
            return frozenset([json.dumps(value)]) if _has_one_text(value) else None
        case canonical.EnumView(values):
            return frozenset(map(json.dumps, values)) if all(map(_has_one_text, values)) else None
    return None


def _has_one_text(value: object) -> bool:
    """Whether equal values have equal texts: not so for numbers."""
    return value is None or isinstance(value, (str, bool))


# ---------------------------------------------------------------------------------------------------------------- cases


def _telling(branches: _Branches, known: frozenset[str]) -> str | None:
    """The property to which most different values are given, if there are two that differ."""
    found: dict[str, set[frozenset[str]]] = {}
    for branch in branches:
        view = branch.view()
        for name, schema in view.properties.items() if isinstance(view, canonical.ObjectView) else ():
            values = _values(schema)
            if values is not None and name not in known:
                found.setdefault(name, set()).add(values)
    best = max(found, key=lambda name: len(found[name]), default=None)
    return None if best is None or len(found[best]) < 2 else best


def _cases(branches: _Branches, name: str) -> Iterator[Schema]:
    """Objects by the value of a property: one case for each that a branch gives it, and one for all others."""
    values: set[str] = set()
    for branch in branches:
        view = branch.view()
        if isinstance(view, canonical.ObjectView) and name in view.properties:
            values |= _values(view.properties[name]) or frozenset()
    given = [json.loads(value) for value in sorted(values)]
    for value in given:
        yield {"type": "object", "properties": {name: {"enum": [value]}}, "required": [name]}
    yield {"type": "object", "properties": {name: {"not": {"enum": given}}}}

"""Schemas that are refused before anyone tries: whose branches multiply, or are too many to be compared, or that loop."""

from __future__ import annotations

from math import isfinite
from typing import Any

from .errors import LimitError, SchemaError
from .json_apart import is_heavy, is_inline, requires_many
from .json_loops import check_loops
from .json_places import UNEVALUATED, Place, Schema, Source, all_places
from .limits import Limits

_MAX_IN_PLACE = 100
_MULTIPLY = frozenset({"allOf", "anyOf", "oneOf", "dependencies", "dependentSchemas", "dependentRequired"})
_ALTERNATIVES = frozenset({"anyOf", "oneOf"})
_SIGNS = _MULTIPLY | UNEVALUATED | {"required"}
_LOOKED_INTO = frozenset({dict, list, float})


def check_cases(source: Source, limits: Limits) -> bool:
    """Refuse schemas whose branches multiply: each `anyOf` beside another doubles the cases of one object.

    Tells whether the schema had better be said in other words (`json_apart.py`). Raises LimitError;
    UnsupportedSchemaError for what `check_loops` finds; SchemaError for a number that JSON does not have, which the
    canonical form would take for null.
    """
    multiplied, heavy, looks_around = _signs(source.root.schema, limits.schema_branches)
    if looks_around:
        check_loops(source)
    counted: dict[int, int] = {}
    for place in all_places(source.root) if multiplied else ():
        if _MULTIPLY.isdisjoint(place.schema):
            continue
        if _cases(source, place, counted, 0, limits.schema_cases) > limits.schema_cases:
            raise LimitError("schema_cases", limits.schema_cases, f"the branches at #{place.pointer} multiply")
        for keyword in _ALTERNATIVES.intersection(place.schema):
            branches = place.schema[keyword]
            if isinstance(branches, list) and sum(map(is_inline, branches)) > limits.schema_branches:
                reason = f"{keyword} at #{place.pointer} has more branches that are neither references nor values"
                raise LimitError("schema_branches", limits.schema_branches, reason)
    return heavy


def _signs(schema: Schema, most_branches: int) -> tuple[bool, bool, bool]:
    """A quick look without regard to what is a schema: does anything multiply, is anything heavy, or `unevaluated...`?"""
    multiplied = heavy = looks_around = False
    pending: list[Any] = [schema]
    for value in pending:  # which grows meanwhile
        kind = type(value)
        if kind is float:
            if not isfinite(value):
                raise SchemaError("", "", f"the schema is not JSON: it holds {value}")
            continue
        if kind is dict:
            if not _SIGNS.isdisjoint(value):
                multiplied = multiplied or _may_multiply(value, most_branches)
                heavy = heavy or is_heavy(value.get("oneOf")) or requires_many(value)
                looks_around = looks_around or not UNEVALUATED.isdisjoint(value)
            value = value.values()
        if not _LOOKED_INTO.isdisjoint(map(type, value)):
            pending += [inner for inner in value if type(inner) in _LOOKED_INTO]
    return multiplied, heavy, looks_around


def _may_multiply(schema: Schema, most_branches: int) -> bool:
    """Whether there are two of the keywords that multiply, two conditions, or many branches."""
    own = _MULTIPLY.intersection(schema)
    if len(own) > 1 or not own <= _ALTERNATIVES:
        return True
    branches = [schema[keyword] for keyword in own]
    return any(isinstance(value, list) and len(value) > most_branches for value in branches)


def _cases(source: Source, place: Place, counted: dict[int, int], depth: int, most: int) -> int:
    """How many conjunctions of branches there are at a place, at most; counted up to `most` and one.

    `counted` has the schemas that are known; one that is being counted, as in a loop of references, counts once.
    """
    known = counted.get(id(place.schema))
    if known is not None or depth > _MAX_IN_PLACE:
        return known or 1
    counted[id(place.schema)] = 1
    total = _own_cases(place.schema)
    sums: dict[str, int] = {}
    for keyword, found in source.applied(place):
        cases = _cases(source, found, counted, depth + 1, most)
        if keyword in _ALTERNATIVES:
            sums[keyword] = sums.get(keyword, 0) + cases
        else:
            total *= cases
    for cases in sums.values():
        total *= cases
    counted[id(place.schema)] = min(total, most + 1)
    return counted[id(place.schema)]


def _own_cases(schema: Schema) -> int:
    """Two for each keyword at this very place that either holds or does not matter."""
    choices = 1 if "if" in schema else 0
    for keyword in ("dependencies", "dependentSchemas", "dependentRequired"):
        value = schema.get(keyword)
        choices += len(value) if isinstance(value, dict) else 0
    return 1 << min(choices, 40)

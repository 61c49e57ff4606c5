"""Chains of conditions on one property, as in "if the type is A, then ...; if the type is B, then ...", told apart.

Taken one by one, n conditions that either hold or do not come to 2^n cases. Where they ask for the value of the same
property there are no more cases than values:

    allOf: [{if: {properties: {p: {const: 1}}}, then: A}, {if: {properties: {p: {const: 2}}}, then: B}]
    =  p is 1, and A;  or p is 2, and B;  or p is there, and neither;  or it is absent, and A and B;  or no object at all

The last but one looks strange and is what the keywords say, since `properties` demands no property.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from .json_depth import too_deep
from .json_places import UNEVALUATED, Place, Schema, all_places

_MIN_CHAIN = 3
_REMARKS = frozenset({"title", "description", "$comment"})
_MOVED = UNEVALUATED | {"$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"}


class _Condition(NamedTuple):
    """`if` a property has one of some values (as JSON text), `then` something, `else` something."""

    name: str
    values: frozenset[str]
    is_required: bool
    is_object: bool
    then: Any
    otherwise: Any

    def consequence(self, holds: bool) -> Any:
        return self.then if holds else self.otherwise


def untangled(schema: Schema) -> Schema:
    """A schema of draft 7 or later with its chains rewritten; the same object if there are none.

    It is left alone where something may depend on the way in which it is written: what references lead into, what is
    identified, and what looks at evaluated properties. Raises UnsupportedSchemaError if it is too deep for that.
    """
    try:
        text = json.dumps(schema)
    except RecursionError:
        raise too_deep() from None
    if '"if"' not in text or "/allOf/" in text:
        return schema
    places = list(all_places(Place(json.loads(text))))
    if any(not _MOVED.isdisjoint(place.schema) for place in places[1:]) or not UNEVALUATED.isdisjoint(schema):
        return schema
    found = False
    for place in places:
        branches = place.schema.get("allOf")
        if isinstance(branches, list) and (changed := _untangled(branches)) is not branches:
            place.schema["allOf"] = changed
            found = True
    root: Schema = places[0].schema
    return root if found else schema


def _untangled(branches: list[Any]) -> list[Any]:
    chains: dict[str, list[_Condition]] = {}
    others: list[Any] = []
    for branch in branches:
        condition = _condition(branch)
        if condition is None:
            others.append(branch)
        else:
            chains.setdefault(condition.name, []).append(condition)
    if max(map(len, chains.values()), default=0) < _MIN_CHAIN:
        return branches
    return others + [{"anyOf": list(_cases(name, chain))} for name, chain in chains.items()]


def _cases(name: str, chain: list[_Condition]) -> Iterator[Schema]:
    by_consequence: dict[str, list[Any]] = {}
    values = sorted(frozenset().union(*(condition.values for condition in chain)))
    for value in values:
        consequences = [condition.consequence(value in condition.values) for condition in chain]
        by_consequence.setdefault(json.dumps(consequences), []).append(json.loads(value))
    for text, alike in by_consequence.items():
        yield _case({"properties": {name: {"enum": alike}}, "required": [name]}, json.loads(text))
    given = [json.loads(value) for value in values]
    beside = {"properties": {name: {"not": {"enum": given}}}, "required": [name]}
    yield _case(beside, [condition.otherwise for condition in chain])
    yield _case(
        {"properties": {name: False}}, [condition.consequence(not condition.is_required) for condition in chain]
    )
    yield {
        "not": {"type": "object"},
        "allOf": _said([condition.consequence(not condition.is_object) for condition in chain]) or [True],
    }


def _case(condition: Schema, consequences: list[Any]) -> Schema:
    said = _said(consequences)
    return {"type": "object", **condition, **({"allOf": said} if said else {})}


def _said(consequences: list[Any]) -> list[Any]:
    return [consequence for consequence in consequences if consequence is not None]


def _condition(branch: Any) -> _Condition | None:
    """What a branch of `allOf` says, if that is all that it says."""
    if not isinstance(branch, dict) or not branch.keys() - _REMARKS <= {"if", "then", "else"}:
        return None
    test = branch.get("if")
    if not isinstance(test, dict) or not test.keys() - _REMARKS <= {"properties", "required", "type"}:
        return None
    properties, required, kind = test.get("properties"), test.get("required"), test.get("type")
    if not isinstance(properties, dict) or len(properties) != 1 or kind not in (None, "object"):
        return None
    ((name, schema),) = properties.items()
    values = _values(schema)
    if values is None or required not in (None, [], [name]):
        return None
    return _Condition(name, values, bool(required), kind == "object", branch.get("then"), branch.get("else"))


def _values(schema: Any) -> frozenset[str] | None:
    """The values of `const` or `enum` as JSON text, if equal ones have equal texts (so no numbers)."""
    if not isinstance(schema, dict) or schema.keys() - _REMARKS not in ({"const"}, {"enum"}):
        return None
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if not isinstance(values, list) or not all(value is None or isinstance(value, (str, bool)) for value in values):
        return None
    return frozenset(map(json.dumps, values))

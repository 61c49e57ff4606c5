"""Branches of `oneOf` made definitions of their own, where jsonschema-rs would take them apart at a great cost.

It writes out "this branch and none of the others" by itself, which takes seconds for a few dozen properties, and then
mostly gives up. Of references it says at once that one of them holds; `json_exclusive.py` tells them apart by what
they give values to, within a limit on its work.
"""

from __future__ import annotations

import json
from typing import Any

from .json_places import Place, Schema, all_places, follow_pointer

_MOST_WEIGHT = 24
_NESTED_WEIGHT = 8
_NESTED = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "dependencies", "dependentSchemas"})
_VALUES = frozenset({"$ref", "enum", "const"})
_PLACED = frozenset(
    {"$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "unevaluatedProperties", "unevaluatedItems"}
)
"""Keywords for which it matters where a schema stands."""


def is_heavy(branches: object) -> bool:
    """Whether the branches of a `oneOf` are too large to be told apart by jsonschema-rs."""
    if not isinstance(branches, list) or len(branches) <= 1:
        return False
    return sum(_weight(branch) for branch in branches) > _MOST_WEIGHT


def is_inline(branch: object) -> bool:
    """Whether a branch is more than values or a reference."""
    return isinstance(branch, dict) and _VALUES.isdisjoint(branch)


def _weight(branch: object) -> int:
    if not isinstance(branch, dict) or not is_inline(branch):
        return 0
    listed = [branch.get(keyword) for keyword in ("properties", "patternProperties", "required", "prefixItems")]
    nested = 0 if _NESTED.isdisjoint(branch) else _NESTED_WEIGHT
    return 1 + nested + sum(len(value) for value in listed if isinstance(value, (dict, list)))


def set_apart(schema: Schema) -> tuple[Schema, dict[str, Place]]:
    """The schema with the branches of heavy `oneOf` under `$defs`, and the original place of each reference to them.

    None are moved if the meaning of the schema depends on where its parts stand.
    """
    copy: Schema = json.loads(json.dumps(schema))
    places = list(all_places(Place(copy)))
    definitions = copy.setdefault("$defs", {})
    if not isinstance(definitions, dict) or any(_depends_on_place(place) for place in places):
        return schema, {}
    original = Place(schema)
    origins: dict[str, Place] = {}
    for place in places:
        branches: Any = place.schema.get("oneOf")
        if not is_heavy(branches):
            continue
        for index, branch in enumerate(branches):
            name = f"branch {len(origins)}"
            if is_inline(branch) and name not in definitions:
                definitions[name] = branch
                branches[index] = {"$ref": f"#/$defs/branch%20{len(origins)}"}
                found = follow_pointer(original, f"{place.pointer}/oneOf/{index}")
                origins[branches[index]["$ref"]] = next(found)
    return copy, origins


def _depends_on_place(place: Place) -> bool:
    reference = place.schema.get("$ref")
    if isinstance(reference, str) and ("/oneOf/" in reference or not reference.startswith("#")):
        return True
    has_name = place.above is not None and any(
        isinstance(place.schema.get(key), str) for key in ("$id", "id", "$anchor")
    )
    return has_name or not _PLACED.isdisjoint(place.schema)

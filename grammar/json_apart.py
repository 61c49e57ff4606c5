"""The same schema in words that take jsonschema-rs less time, where it would take seconds.

`oneOf` of large branches. It writes out "this branch and none of the others" by itself, which takes seconds for a few dozen properties, and then
mostly gives up. Of references, which the branches are turned into, it says at once that one of them holds;
`json_exclusive.py` tells them apart by what they give values to, within a limit on its work.

Objects without other properties than thousands of required ones. It looks for each in the list of all. That there are
as many properties as there may be says the same.
"""

from __future__ import annotations

import json
from typing import Any

from .json_places import Place, Schema, Steps, all_places, follow_pointer

_MOST_WEIGHT = 24
_NESTED_WEIGHT = 8
_MANY = 500
_COUNTS = frozenset({"minProperties", "maxProperties", "patternProperties"})
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


def requires_many(schema: Schema) -> bool:
    """Whether all of many properties are required, and there are no others."""
    required, properties = schema.get("required"), schema.get("properties")
    if not isinstance(required, list) or len(required) <= _MANY or not isinstance(properties, dict):
        return False
    is_closed = schema.get("additionalProperties") is False and _COUNTS.isdisjoint(schema)
    return is_closed and all(isinstance(name, str) for name in required) and set(required) == properties.keys()


def set_apart(schema: Schema) -> tuple[Schema, dict[str, Place]]:
    """The schema with the branches of heavy `oneOf` under `$defs`, and the original place of each reference to them.

    None are moved if the meaning of the schema depends on where its parts stand. Many required properties are counted.
    """
    counted = schema
    is_any_heavy = False
    for place in all_places(Place(schema)):
        if "required" in place.schema and requires_many(place.schema):
            counted = _with_count(counted, place.steps_from_root())
        is_any_heavy = is_any_heavy or is_heavy(place.schema.get("oneOf"))
    return _with_definitions(schema, counted) if is_any_heavy else (counted, {})


def _with_count(schema: Schema, steps: Steps) -> Schema:
    """A copy of a schema in which the object at the end of `steps` counts its properties; the rest is shared."""
    copy = dict(schema)
    at: Any = copy
    for step in steps:
        at[step] = at[step][:] if isinstance(at[step], list) else dict(at[step])
        at = at[step]
    at["minProperties"] = len(at.pop("required"))
    return copy


def _with_definitions(original: Schema, schema: Schema) -> tuple[Schema, dict[str, Place]]:
    copy: Schema = json.loads(json.dumps(schema))
    places = list(all_places(Place(copy)))
    if any(_depends_on_place(place) for place in places) or not isinstance(copy.get("$defs", {}), dict):
        return copy, {}
    definitions = copy.setdefault("$defs", {})
    root = Place(original)
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
                found = follow_pointer(root, f"{place.pointer}/oneOf/{index}")
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

"""Schemas nested too deeply for the canonical form, cut into definitions that refer to each other.

The canonical form takes 255 levels of JSON. A schema without references and identifiers means the same when a part of
it moves to `$defs` and a reference takes its place; where each definition came from is kept, for order and pointers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .errors import UnsupportedSchemaError
from .json_places import Place, Schema, all_places, follow_pointer

MAX_DEPTH = 250
_LEVELS = 60
_REFERENTIAL = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "$id", "id", "$anchor", "$dynamicAnchor", "$defs"})


def cut(schema: Schema) -> tuple[Schema, dict[str, Place]]:
    """A flatter schema with the same meaning, and the original place of each reference that it holds.

    Raises UnsupportedSchemaError if the schema has references of its own, or is too deep even so.
    """
    try:
        copy: Schema = json.loads(json.dumps(schema))
    except RecursionError:
        raise too_deep() from None
    original, root = Place(schema), Place(copy)
    definitions: dict[str, Any] = {}
    origins: dict[str, Place] = {}
    beginnings = {id(root)}
    for place in list(all_places(root)):
        if not _REFERENTIAL.isdisjoint(place.schema):
            raise too_deep()
        if _depth(place, beginnings) >= _LEVELS:
            beginnings.add(id(place))
            name = f"part-{len(definitions)}"
            definitions[name] = place.schema
            origins[f"#/$defs/{name}"] = next(follow_pointer(original, place.pointer))
            _replace(place, {"$ref": f"#/$defs/{name}"})
    return {**copy, "$defs": definitions}, origins


def too_deep() -> UnsupportedSchemaError:
    """The error for schemas that are nested too deeply."""
    reason = f"the schema is nested more than {MAX_DEPTH} levels deep; put inner parts under $defs, and refer to them"
    return UnsupportedSchemaError("", "", reason)


def _depth(place: Place, beginnings: set[int]) -> int:
    """The levels of JSON between a place and the beginning of the definition that it is in."""
    return sum(len(above.steps) for above in _up(place, beginnings))


def _up(place: Place | None, beginnings: set[int]) -> Iterator[Place]:
    while place is not None and id(place) not in beginnings:
        yield place
        place = place.above


def _replace(place: Place, reference: Schema) -> None:
    """Put a reference where the place was."""
    assert place.above is not None
    value: Any = place.above.schema
    for step in place.steps[:-1]:
        value = value[step]
    value[place.steps[-1]] = reference

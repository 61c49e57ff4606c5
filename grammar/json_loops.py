"""What the canonical form cannot be asked for, because of `unevaluated...` keywords: loops of references, mostly.

A schema object that refers to itself for the same value evaluates what depends on itself, and nothing says what that
means. Of those, and of references beside such a keyword inside an `if`, the package that makes the form does not always
come back; and what an `anyOf` with an empty branch evaluates inside an `if`, it forgets.
"""

from __future__ import annotations

from .errors import UnsupportedSchemaError
from .json_places import UNEVALUATED, Place, Source, all_places

_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})


def check_loops(source: Source) -> None:
    """Raises UnsupportedSchemaError for a loop, or what may be one, with its place."""
    for place in all_places(source.root):
        keyword = min(UNEVALUATED.intersection(place.schema), default=None)
        if keyword is None:
            continue
        if _leads_to_itself(source, place):
            reason = "the schema object refers to itself for the same value, so what it evaluates depends on itself"
            raise UnsupportedSchemaError(place.pointer, keyword, reason)
        if _is_inside_if(place) and not _REFERENCES.isdisjoint(place.schema):
            raise UnsupportedSchemaError(place.pointer, keyword, "a reference beside it, inside an `if`")
        if _has_open_choice_in_if(source, place):
            raise UnsupportedSchemaError(place.pointer, keyword, "an `anyOf` with an empty branch, inside an `if`")


def _has_open_choice_in_if(source: Source, start: Place) -> bool:
    """Whether an `anyOf` that is always true, so that the form leaves it out, evaluates something for a condition."""
    pending, seen = [(start, False)], {(id(start.schema), False)}
    while pending:
        place, inside = pending.pop()
        branches = place.schema.get("anyOf")
        if inside and isinstance(branches, list) and any(branch in ({}, True) for branch in branches):
            return True
        for keyword, found in source.applied(place):
            key = id(found.schema), inside or keyword == "if"
            if key not in seen:
                seen.add(key)
                pending.append((found, key[1]))
    return False


def _is_inside_if(place: Place) -> bool:
    above: Place | None = place
    while above is not None:
        if "if" in above.steps:
            return True
        above = above.above
    return False


def _leads_to_itself(source: Source, start: Place) -> bool:
    pending, seen = [start], {id(start.schema)}
    while pending:
        for _, place in source.applied(pending.pop()):
            if place.schema is start.schema:
                return True
            if id(place.schema) not in seen:
                seen.add(id(place.schema))
                pending.append(place)
    return False

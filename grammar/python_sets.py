"""Which items of a set can be read, by Pydantic's core schemas: they are hashable, and different when their texts are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CoreSchema = Any

HASHABLE_TYPES = ["null", "boolean", "number", "string"]
"""The types of JSON that are read as something hashable when the type is `Any`."""

_UNHASHABLE = frozenset({"list", "set", "dict", "typed-dict", "generator"})
_TOLD_APART = frozenset({"none", "bool", "int", "bytes"})  # no floats: large integers are read as the same one
_NUMBERS = frozenset({"int", "float", "union", "nullable", "default"})


def is_hashable(schema: CoreSchema) -> bool:
    """Whether values of a core schema can be items of a set. Of `Any`, some can."""
    kind = schema["type"]
    if kind in _UNHASHABLE:
        return False
    if kind in ("model", "dataclass") and schema["cls"].__hash__ is None:
        return False
    return all(is_hashable(inner) for inner in _inner(schema) if inner["type"] != "any") and not _holds_any(schema)


def _holds_any(schema: CoreSchema) -> bool:
    """Whether something inside (not the schema itself) may be a list or dict."""
    return any(inner["type"] == "any" or _holds_any(inner) for inner in _inner(schema))


def are_told_apart(schema: CoreSchema) -> bool:
    """Whether different JSON values are certain to be read as different values."""
    if schema["type"] in ("nullable", "union", "default"):
        choices = list(_inner(schema))
        kinds = {choice["type"] for choice in choices}
        is_clear = "bool" not in kinds or kinds.isdisjoint(_NUMBERS)  # True == 1
        return is_clear and all(are_told_apart(choice) for choice in choices)
    if schema["type"] == "tuple":
        return all(are_told_apart(item) for item in _inner(schema))
    return _is_told_apart(schema)


def _is_told_apart(schema: CoreSchema) -> bool:
    kind = schema["type"]
    if kind == "str":
        return not any(schema.get(name) for name in ("strip_whitespace", "to_lower", "to_upper"))
    if kind in ("literal", "enum"):
        values = schema["expected"] if kind == "literal" else [member.value for member in schema["members"]]
        return all(isinstance(value, str) for value in values)
    return kind in _TOLD_APART


def _inner(schema: CoreSchema) -> Iterator[CoreSchema]:
    """The schemas of what a value consists of, or is one of."""
    for name in ("schema", "json_schema", "lax_schema", "items_schema", "keys_schema", "values_schema"):
        if isinstance(schema.get(name), dict):
            yield schema[name]
    for name in ("choices", "items_schema", "steps"):
        parts = schema.get(name)
        if isinstance(parts, list):
            yield from (part[0] if isinstance(part, tuple) else part for part in parts)
    fields = schema.get("fields", ())
    for field in fields.values() if isinstance(fields, dict) else fields:
        if isinstance(field, dict):
            yield field["schema"]

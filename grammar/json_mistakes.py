"""Why a schema has no canonical form, or no value: the place of the mistake, and what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from jsonschema_rs import canonical

from .errors import ConstraintError, SchemaError, UnsatisfiableSchemaError, UnsupportedSchemaError
from .json_places import LISTS, MAPS, SINGLE, Schema, Source, all_places
from .json_reading import PATTERNS, Reading
from .regex import from_regex

_MAX_MESSAGE = 240
_LATEST = "https://json-schema.org/draft/2020-12/schema"


def malformed(schema: Schema, error: jsonschema_rs.ValidationError) -> SchemaError:
    """The meta-schema's complaint, placed at the schema object and keyword it is about."""
    path, message = _innermost(schema, error, schema.get("$schema", _LATEST))
    taken = 0
    while (steps := _to_subschema(path[taken:])) and taken + steps < len(path):
        taken += steps
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path[:taken])
    keyword = str(path[taken]) if taken < len(path) else ""
    if keyword in ("pattern", "patternProperties"):
        message += "; that is an expression of ECMA-262 with flag u, where ] } { stand for themselves only after a \\"
    return SchemaError(pointer, keyword, message)


def _innermost(schema: Schema, error: jsonschema_rs.ValidationError, dialect: object) -> tuple[list[Any], str]:
    """The path to the mistake, and what it is.

    Where the meta-schema offers alternatives (`items` in draft 4), its complaint is about the whole inner schema, which
    is then asked about alone.
    """
    path = list(error.instance_path)
    value: Any = schema
    for step in path:
        value = value[step]
    if path and isinstance(value, dict):
        try:
            jsonschema_rs.meta.validate({**value, "$schema": dialect})
        except (jsonschema_rs.ValidationError, ValueError) as inner:
            if isinstance(inner, jsonschema_rs.ValidationError):
                further, message = _innermost(value, inner, dialect)
                return path + further, message
    return path, _shortened(str(error.message))


def _shortened(message: str) -> str:
    """A message that quotes a whole value, without its middle."""
    half = _MAX_MESSAGE // 2
    return message if len(message) <= _MAX_MESSAGE else f"{message[:half]} ... {message[-half:]}"


def _to_subschema(path: list[Any]) -> int:
    """How many steps lead from a schema to the next one inside it; 0 if the path ends in a keyword's own value."""
    if not path:
        return 0
    if path[0] in MAPS or (path[0] in LISTS and len(path) > 1 and isinstance(path[1], int)):
        return 2
    return 1 if path[0] in SINGLE else 0


def unreadable(source: Source, message: str) -> SchemaError:
    """Why there is no canonical form: a pattern, or a reference that leads nowhere."""
    for place in all_places(source.root):
        for keyword, pattern in _patterns(place.schema):
            if not _reads(pattern):
                return _wrong_pattern(place.pointer, keyword, pattern)
        reference = place.schema.get("$ref")
        if isinstance(reference, str) and not source.leads_somewhere(place, reference):
            if reference.startswith("#"):
                return SchemaError(place.pointer, "$ref", f"the reference leads nowhere: {reference!r}")
            reason = _shortened(f"{reference!r} is not in this document, and nothing is fetched; put it under $defs")
            return UnsupportedSchemaError(place.pointer, "$ref", reason)
    return UnsupportedSchemaError("", "", message)


def _patterns(schema: Schema) -> Iterator[tuple[str, str]]:
    if isinstance(schema.get("pattern"), str):
        yield "pattern", schema["pattern"]
    if isinstance(schema.get("patternProperties"), dict):
        yield from (("patternProperties", pattern) for pattern in schema["patternProperties"])


def _wrong_pattern(pointer: str, keyword: str, pattern: str) -> SchemaError:
    """Wrong, or too large only."""
    try:
        from_regex(pattern, dialect="ecma", search=True)
    except ConstraintError:
        return SchemaError(pointer, keyword, _shortened(f"not a regular expression of ECMA-262: {pattern!r}"))
    return UnsupportedSchemaError(pointer, keyword, _shortened(f"the expression is too large: {pattern!r}"))


def _reads(pattern: str) -> bool:
    try:
        jsonschema_rs.canonicalize({"pattern": pattern}, pattern_options=PATTERNS)
    except (canonical.CanonicalizationError, jsonschema_rs.ValidationError):
        return False
    return True


def unsatisfiable(schema: Schema, draft: int, reading: Reading) -> UnsatisfiableSchemaError:
    """Why no value is valid, as far as the canonical form knows."""
    try:
        reasons = canonical.find_unsatisfiable(schema, **reading.options(schema, draft))
    except (canonical.CanonicalizationError, jsonschema_rs.ValidationError):
        reasons = {}
    match reasons.get(""):
        case canonical.UnsatisfiableReason.Conflict(causes):
            parts = [f"#{cause.pointer} ({', '.join(cause.keywords) or 'as a whole'})" for cause in causes]
            return UnsatisfiableSchemaError(
                "", "", "no value is valid: these contradict each other: " + ", ".join(parts)
            )
        case canonical.UnsatisfiableReason.Empty(cause):
            keyword = cause.keywords[0] if cause.keywords else ""
            return UnsatisfiableSchemaError(cause.pointer, keyword, "no value is valid, because nothing satisfies this")
        case _:
            return UnsatisfiableSchemaError("", "", "no value is valid")

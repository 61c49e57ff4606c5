"""Reads a JSON Schema as people hand it over (JSON text or Python values) into plain JSON values, or says where it is not JSON.

What a JSON parser lets pass is refused here, because a constraint built on it would not be the one that was written:
a name that stands twice in an object (RFC 8259, section 4, leaves its meaning open), `NaN` and the infinities, numbers
beyond the range of a double, and Python values without a JSON spelling.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TypeAlias

from .errors import GrammarSyntaxError, SchemaError

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


def read_schema_text(text: str) -> JsonValue:
    """Parse JSON text.

    Raises:
        GrammarSyntaxError: it is not JSON; with line and column.
        SchemaError: a repeated name or a number that is not finite; with the JSON Pointer of the place.
    """
    try:
        value = json.loads(text, object_pairs_hook=_Members, parse_constant=_NotFinite, parse_float=_read_float)
        return plain_json(value)
    except json.JSONDecodeError as error:
        raise GrammarSyntaxError(f"the schema is not JSON: {error.msg}", text=text, offset=error.pos) from None
    except RecursionError:
        raise GrammarSyntaxError("the schema is nested too deeply to be read", text=text) from None


def plain_json(value: object, pointer: str = "") -> JsonValue:
    """A deep copy of `value` made of dict, list, str, int, float, bool and None alone.

    Mappings become dicts and tuples become lists. Raises `SchemaError` with the JSON Pointer of anything else.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            return _finite(value, pointer)
        case _Members():
            return _object_once(value, pointer)
        case Mapping():
            return {_name(key, pointer): plain_json(item, f"{pointer}/{escape(key)}") for key, item in value.items()}
        case list() | tuple():
            return [plain_json(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        case _NotFinite():
            raise SchemaError(pointer, "", f"{value.spelling} is not a finite JSON number")
        case _:
            raise SchemaError(pointer, "", f"a {type(value).__name__} is not a JSON value")


def escape(name: str) -> str:
    """One step of a JSON Pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


class _Members(list[tuple[str, object]]):
    """The members of a JSON object as they stand in the text, repeated names included."""


class _NotFinite:
    """A number that JSON text spelled, and that is not one: NaN, an infinity, or out of range."""

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling


def _read_float(spelling: str) -> object:
    value = float(spelling)
    return value if math.isfinite(value) else _NotFinite(spelling)


def _finite(value: float, pointer: str) -> float:
    if not math.isfinite(value):
        raise SchemaError(pointer, "", f"{value} is not a finite JSON number")
    return float(value)


def _name(key: object, pointer: str) -> str:
    if not isinstance(key, str):
        raise SchemaError(pointer, "", f"the name {key!r} of a property is a {type(key).__name__}, not text")
    return str(key)


def _object_once(members: _Members, pointer: str) -> JsonValue:
    result: dict[str, JsonValue] = {}
    for name, item in members:
        if name in result:
            raise SchemaError(pointer, name, "this name stands twice in one object")
        result[name] = plain_json(item, f"{pointer}/{escape(name)}")
    return result

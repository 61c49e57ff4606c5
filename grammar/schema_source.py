"""Reads a JSON Schema as people hand it over (JSON text or Python values) into plain JSON values, or says where it is not JSON.

What a JSON parser lets pass is refused here, because a constraint built on it would not be the one that was written:
a name that stands twice in an object (RFC 8259, section 4, leaves its meaning open), `NaN` and the infinities, numbers
beyond the range of a double, and Python values without a JSON spelling.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from .errors import GrammarSyntaxError, SchemaError

_TOO_DEEP = "the schema is nested too deeply to be read"
_TOO_LONG = "an integer of thousands of digits is not read"

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


def json_text(value: object) -> str:
    """The compact JSON text of `value`, members in their order.

    A large schema is mostly plain JSON already, so what can be written and read back to the same is not looked at again.

    Raises:
        SchemaError: something in it is not a JSON value, with the JSON Pointer of the place; or it is nested too deeply.
    """
    try:
        text = _written(value)
        read = json.loads(text)
        if read == value:
            return _kept(text, read)
    except RecursionError:
        raise SchemaError("", "", _TOO_DEEP) from None
    except (TypeError, ValueError):
        pass
    try:
        return _written(plain_json(value))
    except RecursionError:
        raise SchemaError("", "", _TOO_DEEP) from None


def reread_text(text: str) -> str:
    """The compact form of JSON text. Raises as `read_schema_text` does."""
    try:
        read = json.loads(text, object_pairs_hook=_once)
        return _kept(_written(read), read)
    except RecursionError:
        raise GrammarSyntaxError(_TOO_DEEP, text=text) from None
    except ValueError:
        return _written(read_schema_text(text))


def parsed(text: str) -> Any:
    """The value of a text that `json_text` or `reread_text` made, which only the caller has.

    Most texts are compiled right after they were made; then the value that was read for that is handed over.
    """
    try:
        last, value = _LAST.pop()
    except IndexError:
        return json.loads(text)
    return value if last is text else json.loads(text)


def read_schema_text(text: str) -> JsonValue:
    """Parse JSON text.

    Raises:
        GrammarSyntaxError: it is not JSON; with line and column.
        SchemaError: a repeated name or a number that is not finite; with the JSON Pointer of the place.
    """
    try:
        return plain_json(
            json.loads(
                text,
                object_pairs_hook=_Members,
                parse_constant=_NotFinite,
                parse_float=_read_float,
                parse_int=_read_int,
            )
        )
    except json.JSONDecodeError as error:
        raise GrammarSyntaxError(f"the schema is not JSON: {error.msg}", text=text, offset=error.pos) from None
    except RecursionError:
        raise GrammarSyntaxError(_TOO_DEEP, text=text) from None


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
            return _short(value, pointer)
        case float():
            return _finite(value, pointer)
        case _Members():
            return _object_once(value, pointer)
        case Mapping():
            return {_name(key, pointer): plain_json(item, f"{pointer}/{escape(key)}") for key, item in value.items()}
        case list() | tuple():
            return [plain_json(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        case _NotFinite():
            raise SchemaError(pointer, "", f"{value.spelling[:40]} is not a finite JSON number")
        case _TooLong():
            raise SchemaError(pointer, "", _TOO_LONG)
        case _:
            raise SchemaError(pointer, "", f"a {type(value).__name__} is not a JSON value")


def plain_registry(registry: Mapping[str, object]) -> dict[str, JsonValue]:
    """Schemas by URI, in the order of the URIs, out of a mapping to schemas or to resources that have `contents`.

    Raises `TypeError` for what is no such mapping, `SchemaError` for a value in it that is not JSON.
    """
    if not isinstance(registry, Mapping):
        raise TypeError(f"registry: a mapping of URIs to schemas expected, not {type(registry).__name__}")
    found: dict[str, JsonValue] = {}
    for uri in sorted(registry, key=str):
        if not isinstance(uri, str):
            raise TypeError(f"registry: a URI as str expected, not {uri!r:.40}")
        resource = registry[uri]
        schema = plain_json(resource if isinstance(resource, (bool, Mapping)) else getattr(resource, "contents", None))
        if not isinstance(schema, (bool, dict)):
            raise TypeError(f"registry[{uri!r}]: a schema expected, not {type(resource).__name__}")
        found[uri] = schema
    return found


def escape(name: str) -> str:
    """One step of a JSON Pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


_LAST: Final[deque[tuple[str, object]]] = deque(maxlen=1)
"""The text that was made last, and its value. Threads take turns: appending and popping are atomic."""


def _kept(text: str, value: object) -> str:
    _LAST.append((text, value))
    return text


def _written(value: object) -> str:
    """Raises ValueError for what is not finite."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, check_circular=False)


def _once(members: list[tuple[str, object]]) -> dict[str, object]:
    """The members as a dict; a ValueError if a name stands twice."""
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a name stands twice")
    return found


class _Members(list[tuple[str, object]]):
    """The members of a JSON object as they stand in the text, repeated names included."""


class _NotFinite:
    """A number that JSON text spelled, and that is not one: NaN, an infinity, or out of range."""

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling


class _TooLong:
    """An integer that JSON text spelled with more digits than Python reads."""


def _read_int(spelling: str) -> object:
    try:
        return int(spelling)
    except ValueError:
        return _TooLong()


def _short(value: int, pointer: str) -> int:
    """An integer that Python writes; it refuses to write or read those of thousands of digits."""
    try:
        str(value)
    except ValueError:
        raise SchemaError(pointer, "", _TOO_LONG) from None
    return int(value)


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

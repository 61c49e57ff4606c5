"""The kinds of constraint that the micro benchmark measures: each a JSON schema and a text that satisfies it.

They are those on which engines differ most: anything counted or lexical (length bounds, repeated classes), large
alternations, many optional properties, alternatives that no single lexeme covers, and the plain cases beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]

PROSE = (
    "The quick brown fox jumps over the lazy dog, and then it rests in the shade of an old tree until the evening comes. "
    "Nobody saw it leave, but everybody remembers the colour of its tail and the sound of the leaves under its feet. "
)


def _row(schema: dict[str, Any], *instances: Any) -> Row:
    return {"schema": schema, "tests": [{"data": instance, "valid": True} for instance in instances]}


def _prose(length: int) -> str:
    return (PROSE * (length // len(PROSE) + 1))[:length]


def _object(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    shape = {"type": "object", "properties": properties, "additionalProperties": False}
    return shape | {"required": list(required)} if required else shape


def _free_string() -> Row:
    return _row({"type": "string"}, _prose(400))


def _bounded_string(maximum: int) -> Row:
    """Text up to the very bound: the last masks are the hard ones."""
    return _row({"type": "string", "maxLength": maximum}, _prose(maximum), _prose(maximum - 1), _prose(maximum // 2))


def _repeated_class(characters: str, text: str) -> Row:
    return _row({"type": "string", "pattern": f"^{characters}{{1,200}}$"}, text)


def _bounded_words() -> Row:
    return _row({"type": "string", "pattern": "^([a-z]{1,10} ){0,60}[a-z]{1,10}$"}, _letters(PROSE)[:180].strip())


def _letters(text: str) -> str:
    return " ".join(word.strip(".,").lower() for word in text.split())


def _enumeration(count: int) -> Row:
    words = [f"{first}-{second}-{number}" for number in range(count // 100) for first in COLOURS for second in BEASTS]
    return _row({"enum": words[:count]}, words[0], words[count // 2], words[count - 1])


COLOURS = ("red", "green", "blue", "black", "white", "amber", "coral", "ivory", "olive", "pearl")
BEASTS = ("fox", "wolf", "bear", "deer", "hare", "lynx", "mole", "newt", "otter", "pike")


def _optional_properties(count: int) -> Row:
    names = [f"field_{index}" for index in range(count)]
    some = {name: index for index, name in enumerate(names) if index % max(count // 20, 1) == 0}
    return _row(_object({name: {"type": "integer"} for name in names}), some, {})


def _open_object(count: int) -> Row:
    """Optional properties and any other one beside them: the other names are a complement."""
    names = [f"field_{index}" for index in range(count)]
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in names}}
    return _row(schema, {names[0]: 1, names[-1]: 2, "field_": True, "something else": [1, {"a": None}]})


def _formats() -> Row:
    names = ("date-time", "date", "uuid", "email", "ipv4", "uri")
    schema = {"type": "array", "items": {"anyOf": [{"type": "string", "format": name} for name in names]}}
    values = ["2024-02-29T12:34:56.789Z", "2023-11-30", "123e4567-e89b-12d3-a456-426614174000"]
    return _row(schema, [*values, "ada.lovelace@example.org", "192.168.12.254", "https://example.org/a/b?c=d#e"])


def _alternatives(count: int) -> Row:
    """Objects that share their first keys and differ in a constant at the end."""
    branches = [
        _object({"id": {"type": "integer"}, "name": {"type": "string"}, "kind": {"const": f"kind-{index}"}}, REQUIRED)
        for index in range(count)
    ]
    return _row({"anyOf": branches}, {"id": 17, "name": "a name of some length", "kind": f"kind-{count - 1}"})


REQUIRED = ("id", "name", "kind")


def _nested_arrays() -> Row:
    schema = {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}}
    return _row(schema, [[[row * column, row, column] for column in range(6)] for row in range(6)])


def _tree() -> Row:
    node = _object({"value": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}})
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node | {"required": ["value", "children"]}}}
    return _row(schema, _tree_value(3))


def _tree_value(depth: int) -> dict[str, Any]:
    return {"value": f"node at {depth}", "children": [_tree_value(depth - 1) for _ in range(2)] if depth else []}


def _numbers() -> Row:
    schema = {"type": "array", "items": {"type": "number"}}
    return _row(schema, [0, -1.5, 3.14159, 6.02e23, -1e-9, 123456789, 0.1])


def _bounded_integers() -> Row:
    schema = {"type": "array", "items": {"type": "integer", "minimum": -1234, "maximum": 987654}}
    return _row(schema, [0, -1234, 987654, 4711, 42, -7])


def _person() -> Row:
    """A small record of the everyday sort."""
    properties = {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "email": {"type": "string", "format": "email"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    }
    value = {"name": "Ada Lovelace", "age": 36, "email": "ada@example.org", "tags": ["mathematics", "engines"]}
    return _row(_object(properties, tuple(properties)), value)


def _any_json() -> Row:
    return _row({}, {"a": [1, 2.5, "three", None, True, {"b": []}], "text": _prose(80)})


KINDS: dict[str, Callable[[], Row]] = {
    "person": _person,
    "any json": _any_json,
    "free string": _free_string,
    "maxLength 20": lambda: _bounded_string(20),
    "maxLength 100": lambda: _bounded_string(100),
    "maxLength 500": lambda: _bounded_string(500),
    "class {1,200}": lambda: _repeated_class("[a-zA-Z0-9_ ,.]", PROSE[:180]),
    "letters {1,200}": lambda: _repeated_class("[a-z]", _letters(PROSE).replace(" ", "")[:150]),
    "hexadecimal {1,200}": lambda: _repeated_class("[0-9a-f]", "c0ffee0123456789deadbeef" * 6),
    "bounded words": _bounded_words,
    "enum 1,000": lambda: _enumeration(1000),
    "enum 10,000": lambda: _enumeration(10_000),
    "100 optional keys": lambda: _optional_properties(100),
    "1,000 optional keys": lambda: _optional_properties(1000),
    "50 keys, open": lambda: _open_object(50),
    "anyOf formats": _formats,
    "anyOf 20 objects": lambda: _alternatives(20),
    "nested arrays": _nested_arrays,
    "recursive tree": _tree,
    "numbers": _numbers,
    "bounded integers": _bounded_integers,
}

"""Large schemas of the kinds that people write, each with an instance to walk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

_WORDS = (
    "the identifier of a customer as it stands in the ledger, assigned when the account is opened and never changed "
    "afterwards; an empty one is not allowed, and neither is one that begins with a digit or with a hyphen"
)
_LEAVES: tuple[tuple[Schema, Any], ...] = (
    ({"type": "string", "maxLength": 80}, "some text"),
    ({"type": "integer", "minimum": 0, "maximum": 100_000}, 4711),
    ({"type": "boolean"}, True),
    ({"enum": ["red", "green", "blue"]}, "green"),
    ({"type": "array", "items": {"type": "number"}}, [1.5, 2]),
    ({"type": "string", "format": "date"}, "2024-02-29"),
    ({"type": ["string", "null"], "pattern": "^[A-Z]{2}-[0-9]{4}$"}, "AB-1234"),
    ({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 20}]}, 12),
)
Specimen: TypeAlias = tuple[Schema, Any]


def _leaf(index: int) -> Specimen:
    schema, value = _LEAVES[index % len(_LEAVES)]
    return {"title": f"Field {index}", "description": f"{index}: {_WORDS}", **schema}, value


def _object(count: int, first: int = 0, **more: Any) -> Specimen:
    """An object of `count` described properties; the instance has every twentieth of them."""
    leaves = {f"field_{index}": _leaf(index) for index in range(first, first + count)}
    schema = {"type": "object", "properties": {name: leaf for name, (leaf, _) in leaves.items()}, **more}
    names = list(leaves)[::20]
    return schema | {"required": names[:3]}, {name: leaves[name][1] for name in names}


def _one_megabyte_flat() -> Specimen:
    return _object(3300, additionalProperties=False)


def _one_megabyte_of_definitions() -> Specimen:
    """Records of 15 properties that refer to each other, each in its own definition."""
    records = [_object(15, 15 * index) for index in range(215)]
    definitions: dict[str, Schema] = {}
    for index, (record, _) in enumerate(records):
        following = {"$ref": f"#/$defs/record_{index + 1}"} if index + 1 < len(records) else {"type": "null"}
        definitions[f"record_{index}"] = record | {"properties": {**record["properties"], "next": following}}
    names = {f"item_{index}": {"$ref": f"#/$defs/record_{index}"} for index in range(0, len(records), 5)}
    value = {**records[0][1], "next": {**records[1][1], "next": records[2][1]}}
    return {"$defs": definitions, "type": "object", "properties": names}, {"item_0": value, "item_10": records[10][1]}


def _one_megabyte_nested() -> Specimen:
    """Objects of ten properties, ten of them in an object, and so on."""

    def level(depth: int, first: int) -> Specimen:
        if depth == 0:
            return _object(10, first)
        inner = {f"part_{index}": level(depth - 1, 10 * first + index) for index in range(7)}
        schema = {
            "type": "object",
            "description": _WORDS,
            "properties": {name: item[0] for name, item in inner.items()},
        }
        return schema, {"part_3": inner["part_3"][1], "part_6": inner["part_6"][1]}

    return level(3, 1)


def _properties(**more: Any) -> Specimen:
    names = [f"property_{index}" for index in range(5000)]
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in names}, **more}
    return schema, dict.fromkeys(names[::250], 7)


def _required_properties() -> Specimen:
    schema, _ = _properties(additionalProperties=False)
    return schema | {"required": list(schema["properties"])}, dict.fromkeys(schema["properties"], 7)


def _different_properties() -> Specimen:
    names = {f"property_{index}": {"type": "string", "maxLength": index + 1} for index in range(5000)}
    return {"type": "object", "properties": names}, {"property_7": "seven", "property_4999": "x" * 300}


def _enumeration() -> Specimen:
    values = [f"value number {index * 7919 % 10007}-{index}" for index in range(10_000)]
    return {"enum": values}, values[5000]


def _mixed_enumeration() -> Specimen:
    values = [index if index % 3 else {"id": index, "tags": [str(index), None]} for index in range(10_000)]
    return {"enum": values}, values[9999]


def _nested_objects() -> Specimen:
    schema: Schema = {"type": "integer"}
    value: Any = 1
    for _ in range(200):
        schema = {"type": "object", "properties": {"inner": schema, "name": {"type": "string"}}, "required": ["inner"]}
        value = {"inner": value, "name": "n"}
    return schema, value


def _nested_arrays() -> Specimen:
    schema: Schema = {"type": "integer"}
    value: Any = 1
    for _ in range(200):
        schema, value = {"type": "array", "items": schema, "minItems": 1}, [value]
    return schema, value


def _patterned(pattern: str, text: str) -> Callable[[], Specimen]:
    return lambda: ({"type": "string", "pattern": pattern}, text)


LARGE: dict[str, Callable[[], Specimen]] = {
    "1 MB, one object": _one_megabyte_flat,
    "1 MB, definitions": _one_megabyte_of_definitions,
    "1 MB, nested": _one_megabyte_nested,
    "5,000 properties": lambda: _properties(additionalProperties=False),
    "5,000 properties, open": _properties,
    "5,000 properties, required": _required_properties,
    "5,000 properties, different": _different_properties,
    "10,000 values": _enumeration,
    "10,000 values, mixed": _mixed_enumeration,
    "200 objects deep": _nested_objects,
    "200 arrays deep": _nested_arrays,
    "maxLength 100,000": lambda: ({"type": "string", "maxLength": 100_000}, "some text " * 40),
    "minLength 100,000": lambda: ({"type": "string", "minLength": 100_000}, "some text " * 10_000),
    "maxItems 10,000": lambda: ({"type": "array", "items": {"type": "integer"}, "maxItems": 10_000}, [*range(400)]),
    "minItems 10,000": lambda: ({"type": "array", "items": {"type": "integer"}, "minItems": 10_000}, [1] * 10_000),
    "pattern ^[a-z]{1,1000}$": _patterned("^[a-z]{1,1000}$", "word" * 100),
    "pattern [a-z]{1000}": _patterned("[a-z]{1000}", "word" * 250),
    "pattern ^(ab|c){1000}$": _patterned("^(ab|c){1000}$", "abc" * 500),
    "pattern ^([a-z]+ ){0,1000}$": _patterned("^([a-z]+ ){0,1000}$", "several words " * 40),
    "pattern ^.{0,1000}x.{0,1000}$": _patterned("^.{0,1000}x.{0,1000}$", "some text " * 10),
}

"""Hostile schemas: small texts whose meaning, if it were written out, would be far larger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def _all_of_any_of(count: int) -> Schema:
    """2**count combinations."""
    pair = [[{"required": [f"a{index}"]}, {"required": [f"b{index}"]}] for index in range(count)]
    return {"allOf": [{"anyOf": branches} for branches in pair]}


def _hidden_product(count: int) -> Schema:
    """The same behind references, one in the other."""
    definitions: dict[str, Schema] = {"d0": {"required": ["x"]}}
    for index in range(1, count):
        branches = [{"required": [f"a{index}"]}, {"required": [f"b{index}"]}]
        definitions[f"d{index}"] = {"allOf": [{"$ref": f"#/$defs/d{index - 1}"}, {"anyOf": branches}]}
    return {"$ref": f"#/$defs/d{count - 1}", "$defs": definitions}


def _fan_out(count: int, keyword: str) -> Schema:
    """Each definition applies the next one twice: 2**count paths."""
    definitions: dict[str, Schema] = {f"d{count}": {"type": "object", "required": ["x"]}}
    for index in range(count):
        definitions[f"d{index}"] = {keyword: [{"$ref": f"#/$defs/d{index + 1}"}, {"$ref": f"#/$defs/d{index + 1}"}]}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def _fan_out_of_different(count: int, keyword: str) -> Schema:
    """The same with a condition of its own at every level, so that no two paths are equal."""
    definitions: dict[str, Schema] = {f"d{count}": {"type": "object"}}
    for index in range(count):
        following = {"$ref": f"#/$defs/d{index + 1}"}
        left = {"allOf": [following], "required": [f"left{index}"]}
        right = {"allOf": [following], "required": [f"right{index}"]}
        definitions[f"d{index}"] = {keyword: [left, right]}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def _fan_out_of_properties(count: int) -> Schema:
    definitions: dict[str, Schema] = {f"d{count}": {"type": "integer"}}
    for index in range(count):
        following = {"$ref": f"#/$defs/d{index + 1}"}
        definitions[f"d{index}"] = {"type": "object", "properties": dict.fromkeys("abcdefgh", following)}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def _recursive_conjunctions(count: int) -> Schema:
    """Recursive definitions, all of which hold at once at every level."""
    definitions: dict[str, Schema] = {}
    for index in range(count):
        following = {"$ref": f"#/$defs/d{(index + 1) % count}"}
        definitions[f"d{index}"] = {
            "type": "object",
            "properties": {"next": {"anyOf": [following, {"type": "null"}]}, f"p{index}": {"type": "integer"}},
        }
    return {"allOf": [{"$ref": f"#/$defs/d{index}"} for index in range(count)], "$defs": definitions}


def _overlapping(count: int, keyword: str) -> Schema:
    branches = [
        {"type": "object", "properties": {f"p{index}": {"type": "integer"}, f"p{index + 1}": {"type": "string"}}}
        for index in range(count)
    ]
    return {keyword: branches}


def _overlapping_intervals(count: int) -> Schema:
    return {"oneOf": [{"type": "integer", "minimum": index, "maximum": 3 * index + 10} for index in range(count)]}


def _overlapping_patterns(count: int, prefix: str = "") -> Schema:
    patterns = {f"{prefix}a.*{index}": {"type": "integer", "minimum": index} for index in range(count)}
    return {"type": "object", "patternProperties": patterns}


def _dependencies(count: int) -> Schema:
    return {
        "type": "object",
        "dependentSchemas": {
            f"p{index}": {"properties": {f"p{index + 1}": {"minimum": index}}} for index in range(count)
        },
    }


def _conditions(count: int) -> Schema:
    return {
        "allOf": [
            {"if": {"properties": {f"p{index}": {"const": 1}}}, "then": {"required": [f"q{index}"]}}
            for index in range(count)
        ]
    }


def _negations(count: int) -> Schema:
    schema: Schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    for index in range(count):
        schema = {"not": {"allOf": [schema, {"properties": {f"p{index % 7}": {"type": "string"}}}]}}
    return schema


def _negated_branches(count: int) -> Schema:
    return {"type": "object", "not": _overlapping(count, "anyOf")}


def _nest(count: int, keyword: str) -> Schema:
    schema: Schema = {"type": "integer"}
    for _ in range(count):
        schema = {keyword: [schema] if keyword in ("allOf", "anyOf", "oneOf") else schema}
    return schema


def deep_text(count: int, keyword: str) -> str:
    """JSON text that is `count` schemas deep."""
    return f'{{"{keyword}":' * count + "true" + "}" * count


def _string(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


HOSTILE: dict[str, Callable[[], Schema | str]] = {
    "allOf of 40 anyOf": lambda: _all_of_any_of(40),
    "allOf of 12 anyOf": lambda: _all_of_any_of(12),
    "product behind references": lambda: _hidden_product(25),
    "allOf fan-out of references": lambda: _fan_out(60, "allOf"),
    "anyOf fan-out of references": lambda: _fan_out(60, "anyOf"),
    "oneOf fan-out of references": lambda: _fan_out(60, "oneOf"),
    "anyOf fan-out, all different": lambda: _fan_out_of_different(18, "anyOf"),
    "oneOf fan-out, all different": lambda: _fan_out_of_different(18, "oneOf"),
    "properties fan-out": lambda: _fan_out_of_properties(40),
    "conjunctions of recursion": lambda: _recursive_conjunctions(24),
    "oneOf of 200 overlapping": lambda: _overlapping(200, "oneOf"),
    "oneOf of 12 overlapping": lambda: _overlapping(12, "oneOf"),
    "oneOf of 200 intervals": lambda: _overlapping_intervals(200),
    "anyOf of 2,000": lambda: _overlapping(2000, "anyOf"),
    "200 overlapping patterns": lambda: _overlapping_patterns(200),
    "200 patterns with a prefix": lambda: _overlapping_patterns(200, "^"),
    "dependentSchemas of 40": lambda: _dependencies(40),
    "dependentSchemas of 11": lambda: _dependencies(11),
    "40 conditions": lambda: _conditions(40),
    "12 conditions": lambda: _conditions(12),
    "100 negations": lambda: _negations(100),
    "6 negations": lambda: _negations(6),
    "not of 200 branches": lambda: _negated_branches(200),
    "not of 12 branches": lambda: _negated_branches(12),
    "not, 240 deep": lambda: _nest(240, "not"),
    "allOf, 5,000 deep": lambda: _nest(5000, "allOf"),
    "items, 5,000 deep": lambda: _nest(5000, "items"),
    "items, 100,000 deep": lambda: _nest(100_000, "items"),
    "text, 100,000 deep": lambda: deep_text(100_000, "items"),
    "text, 100,000 brackets": lambda: "[" * 100_000,
    "enum, 100,000 deep": lambda: '{"enum":[' + "[" * 100_000 + "]" * 100_000 + "]}",
    "minItems 10**9": lambda: {"type": "array", "items": {"enum": [1, 2]}, "minItems": 10**9},
    "minItems 10**6, unique": lambda: {
        "type": "array",
        "items": {"enum": [1, 2]},
        "minItems": 10**6,
        "uniqueItems": True,
    },
    "minItems 2**40": lambda: {"type": "array", "minItems": 2**40},
    "minLength 2**31": lambda: {"type": "string", "minLength": 2**31},
    "maxLength 10**9": lambda: {"type": "string", "maxLength": 10**9},
    "minProperties 10**6": lambda: {"type": "object", "minProperties": 10**6},
    "integer of 4,000 digits": lambda: {"type": "integer", "minimum": 10**4000 + 1, "maximum": 10**4001 - 7},
    "number of 10**308": lambda: {"type": "number", "exclusiveMinimum": 1e308, "maximum": 1.5e308},
    "number of 10**-300": lambda: {"type": "number", "exclusiveMinimum": 1e-300, "maximum": 1.5e-300},
    "multipleOf 10**300": lambda: {"type": "integer", "multipleOf": 10**300},
    "multipleOf 10**-300": lambda: {"type": "number", "multipleOf": 1e-300},
    "multipleOf 1,000,003": lambda: {"type": "integer", "multipleOf": 1_000_003, "minimum": 5},
    "20 different multipleOf": lambda: {"allOf": [{"type": "integer", "multipleOf": 2 * n + 3} for n in range(20)]},
    "not 20 different multipleOf": lambda: {
        "type": "integer",
        "allOf": [{"not": {"multipleOf": 2 * n + 3}} for n in range(20)],
    },
    "pattern (a?){1000}a{1000}": lambda: _string("^(a?){1000}a{1000}$"),
    "pattern ((a{1,100}){1,100}){1,100}": lambda: _string("^((a{1,100}){1,100}){1,100}$"),
    "pattern (a+)+b": lambda: _string("^(((a+)+)+)+b$"),
    "pattern (.*a){20}.{20}": lambda: _string("(.*a.{12}){8}"),
    "pattern [ab]*a[ab]{1000}": lambda: _string("^[ab]*a[ab]{1000}$"),
    "pattern \\p{L}{1000}": lambda: _string("^\\p{L}{1,1000}\\p{Lu}{1,1000}$"),
    "pattern \\p{L} 300 times": lambda: _string("^" + "(\\p{L}|\\p{N}+)" * 300 + "$"),
    "pattern x{100000}": lambda: _string("^x{100000}$"),
    "pattern ((x{1000}){1000}){1000}": lambda: _string("^((x{1000}){1000}){1000}$"),
    "pattern of 10,000 alternatives": lambda: _string("^(" + "|".join(f"a{n}b" for n in range(10_000)) + ")$"),
    "pattern, 5,000 groups deep": lambda: _string("(" * 5000 + "a" + ")" * 5000),
    "lookaheads": lambda: _string("^" + "".join(f"(?=.*{chr(97 + n)}.*)" for n in range(26)) + ".{26}$"),
    "patterns that all hold": lambda: {
        "type": "string",
        "allOf": [{"pattern": f"^(.{{{n}}})*$"} for n in (2, 3, 5, 7, 11, 13, 17, 19)],
    },
}

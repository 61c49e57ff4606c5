"""Large schemas compile, and hostile ones end in a typed error. No test measures time; the timeouts are for what hangs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from json_texts import schema_language

from latticework.grammar import (
    CompiledGrammar,
    Compiler,
    ConstraintError,
    GrammarSyntaxError,
    LimitError,
    Limits,
    SchemaError,
    UnsupportedSchemaError,
    Vocabulary,
    json_schema,
)
from latticework.grammar.json_apart import set_apart
from latticework.grammar.json_cases import check_cases
from latticework.grammar.json_places import Source

Schema = dict[str, Any]

pytestmark = pytest.mark.timeout(120)


def compiled(schema: Schema | str) -> CompiledGrammar:
    vocabulary = Vocabulary([*(bytes([value]) for value in range(256)), None], [256])
    return Compiler(vocabulary).compile(json_schema(schema))


def accepts(grammar: CompiledGrammar, value: Any) -> bool:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    state = grammar.step_bytes(grammar.start, text)
    return state >= 0 and grammar.is_accepting(state)


# --------------------------------------------------------------------------------------------------------------- large


def test_a_megabyte() -> None:
    leaf = {"type": "string", "description": "long " * 60, "maxLength": 20}
    records = {f"r{i}": {"type": "object", "properties": {f"p{j}": leaf for j in range(15)}} for i in range(200)}
    for i in range(199):
        records[f"r{i}"]["properties"]["next"] = {"$ref": f"#/$defs/r{i + 1}"}
    schema = {"$ref": "#/$defs/r0", "$defs": records}
    assert len(json.dumps(schema)) > 1_000_000
    grammar = compiled(schema)
    assert accepts(grammar, {"p0": "x", "next": {"p3": "y", "next": {}}})
    assert not accepts(grammar, {"p0": "x", "next": {"p3": 1}})


@pytest.mark.parametrize("closed", [False, True])
def test_thousands_of_properties(closed: bool) -> None:
    names = [f"p{i}" for i in range(5000)]
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in names}, "required": names[::100]}
    grammar = compiled(schema | {"additionalProperties": not closed})
    value = dict.fromkeys(names[::50], 1)
    assert accepts(grammar, value)
    assert accepts(grammar, value | {"else": 1}) != closed
    del value["p4900"]
    assert not accepts(grammar, value)


def test_ten_thousand_values_of_every_kind() -> None:
    values = [i if i % 3 else {"b": i, "a": [str(i), None, {"d": 1.0, "c": i}]} for i in range(10_000)]
    grammar = compiled({"enum": values})
    assert accepts(grammar, values[9999]) and accepts(grammar, 9998)
    assert not accepts(grammar, 9999)
    assert not accepts(grammar, {"b": 9999, "a": ["9996", None, {"d": 1.0, "c": 9999}]})
    assert not accepts(grammar, {"a": values[9999]["a"], "b": 9999}), "the order is that of the schema"
    assert accepts(grammar, b'{"b": 9, "a": ["9", null, {"d": 1, "c": 9}]}')


def test_values_that_are_equal_in_python_are_not_in_json() -> None:
    values = [{"x": 1, "a": True}, {"a": 1, "x": True}, [False], [0], 1, True, 2.0, [3.0]]
    for order in ("declared", "any"):
        language = schema_language({"enum": values}, order)
        for value in [*values, {"x": True, "a": 1}, {"x": 1, "a": 1}, {"x": True, "a": True}, 0, [1], 2, [3], 3]:
            is_valid = jsonschema.Draft202012Validator({"enum": values}).is_valid(value)
            assert any(json.dumps(written) in language for written in reordered(value)) == is_valid, value


def reordered(value: Any) -> list[Any]:
    return [value, dict(reversed(value.items()))] if isinstance(value, dict) else [value]


def test_depth_and_counts() -> None:
    schema: Schema = {"type": "integer"}
    for _ in range(200):
        schema = {"type": "array", "items": schema, "minItems": 1}
    grammar = compiled(schema)
    assert accepts(grammar, b"[" * 200 + b"7" + b"]" * 200)
    assert not accepts(grammar, b"[" * 199 + b"7" + b"]" * 199)
    assert accepts(compiled({"type": "string", "maxLength": 100_000}), "x" * 1000)
    text = compiled({"type": "string", "maxLength": 10_000})
    assert accepts(text, "x" * 10_000) and not accepts(text, "x" * 10_001)
    array = compiled({"items": {"type": "integer"}, "type": "array", "maxItems": 10_000})
    assert accepts(array, [1] * 10_000) and not accepts(array, [1] * 10_001)
    counted = compiled({"type": "string", "pattern": "^([a-c]{2}|d){1000}$"})
    assert accepts(counted, "abd" * 500) and not accepts(counted, "abd" * 499 + "d")


@pytest.mark.parametrize("digits", [17, 300, 4000])
def test_bounds_of_many_digits(digits: int) -> None:
    low, high = 10**digits + 1, 3 * 10**digits
    grammar = compiled({"type": "integer", "minimum": low, "maximum": high})
    for value in (low, low + 10 ** (digits // 2), high - 1, high):
        assert accepts(grammar, str(value).encode())
    for value in (low - 1, high + 1, 1, 10 * low, -low):
        assert not accepts(grammar, str(value).encode())


# ------------------------------------------------------------------------------------------------------------- hostile


def all_of_any_of(count: int) -> Schema:
    return {"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(count)]}


def fan_out(count: int, keyword: str, different: bool) -> Schema:
    """Each definition applies the next one twice."""
    definitions: dict[str, Schema] = {f"d{count}": {"type": "object", "required": ["x"]}}
    for i in range(count):
        following = {"$ref": f"#/$defs/d{i + 1}"}
        sides = [{"allOf": [following], "required": [f"{side}{i}"]} for side in "lr"]
        definitions[f"d{i}"] = {keyword: sides if different else [following, following]}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def branches(count: int, first: int = 0) -> list[Schema]:
    return [
        {"type": "object", "properties": {f"p{i}": {"type": "integer"}, f"p{i + 1}": {"type": "string"}}}
        for i in range(first, first + count)
    ]


def conditions(count: int) -> Schema:
    one = [{"if": {"properties": {f"p{i}": {"const": 1}}}, "then": {"required": [f"q{i}"]}} for i in range(count)]
    return {"allOf": one}


def nested(count: int, keyword: str) -> Schema:
    schema: Schema = {"type": "integer"}
    for _ in range(count):
        schema = {keyword: schema if keyword in ("items", "not") else [schema]}
    return schema


def string(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


LIMITED: dict[str, tuple[str, Callable[[], Schema]]] = {
    "allOf of anyOf": ("schema_cases", lambda: all_of_any_of(40)),
    "conditions": ("schema_cases", lambda: conditions(40)),
    "dependentSchemas": (
        "schema_cases",
        lambda: {"dependentSchemas": {f"p{i}": {"minProperties": i} for i in range(40)}},
    ),
    "anyOf of different references": ("schema_cases", lambda: fan_out(18, "anyOf", different=True)),
    "oneOf of different references": ("schema_cases", lambda: fan_out(18, "oneOf", different=True)),
    "anyOf": ("schema_branches", lambda: {"anyOf": branches(2000)}),
    "oneOf": ("schema_branches", lambda: {"oneOf": branches(2000)}),
    "not anyOf": ("schema_branches", lambda: {"type": "object", "not": {"anyOf": branches(200)}}),
    "lookaheads": (
        "derivative_steps",
        lambda: string("^" + "".join(f"(?=.*{chr(97 + n)}.*)" for n in range(26)) + ".{26}$"),
    ),
    "a prime": ("derivative_steps", lambda: {"type": "integer", "multipleOf": 1_000_003, "minimum": 5}),
}


@pytest.mark.parametrize("name", LIMITED)
def test_hostile_schemas_end_in_a_named_limit(name: str) -> None:
    limit, schema = LIMITED[name]
    with pytest.raises(LimitError) as caught:
        compiled(schema())
    assert caught.value.limit == limit
    assert caught.value.value == getattr(Limits(), limit)


REFUSED: dict[str, tuple[type[ConstraintError], Callable[[], Schema | str]]] = {
    "items of a dict, deep": (SchemaError, lambda: nested(100_000, "items")),
    "allOf of a dict, deep": (SchemaError, lambda: nested(5000, "allOf")),
    "text, deep": (GrammarSyntaxError, lambda: '{"items":' * 100_000 + "true" + "}" * 100_000),
    "brackets": (GrammarSyntaxError, lambda: "[" * 100_000),
    "enum, deep": (GrammarSyntaxError, lambda: '{"enum":[' + "[" * 100_000 + "]" * 100_000 + "]}"),
    "a long integer": (SchemaError, lambda: {"maximum": 10**5000}),
    "a long integer in text": (SchemaError, lambda: '{"maximum": 1' + "0" * 5000 + "}"),
    "a large divisor": (UnsupportedSchemaError, lambda: {"type": "integer", "multipleOf": 10**300}),
    "many divisors": (
        UnsupportedSchemaError,
        lambda: {"allOf": [{"type": "integer", "multipleOf": 2 * n + 3} for n in range(20)]},
    ),
    "patterns of names": (
        UnsupportedSchemaError,
        lambda: {"patternProperties": {f"a.*{i}": {"type": "integer", "minimum": i} for i in range(100)}},
    ),
    "groups": (SchemaError, lambda: string("(" * 5000 + "a" + ")" * 5000)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_schemas_are_refused(name: str) -> None:
    kind, schema = REFUSED[name]
    with pytest.raises(kind):
        compiled(schema())


def test_a_schema_in_a_loop_is_refused() -> None:
    schema: Schema = {"type": "array"}
    schema["items"] = schema
    with pytest.raises(SchemaError, match="too deeply"):
        json_schema(schema)


ENDING: dict[str, Callable[[], Schema]] = {
    "allOf of equal references": lambda: fan_out(60, "allOf", different=False),
    "anyOf of equal references": lambda: fan_out(60, "anyOf", different=False),
    "oneOf of 12 overlapping": lambda: {"oneOf": branches(12)},
    "oneOf of 100 overlapping": lambda: {"oneOf": branches(100)},
    "oneOf of intervals": lambda: {"oneOf": [{"type": "integer", "minimum": i, "maximum": 3 * i} for i in range(120)]},
    "not, deep": lambda: nested(240, "not"),
    "10 conditions": lambda: conditions(10),
    "allOf of 10 anyOf": lambda: all_of_any_of(10),
    "minItems": lambda: {"type": "array", "items": {"enum": [1, 2]}, "minItems": 10**9},
    "different items": lambda: {"type": "array", "items": {"enum": [1, 2]}, "minItems": 10**6, "uniqueItems": True},
    "maxLength": lambda: {"type": "string", "maxLength": 10**9},
    "maxItems beyond 32 bits": lambda: {"type": "array", "maxItems": 2**40},
    "minProperties": lambda: {"minProperties": 10**6},
    "a small divisor": lambda: {"type": "number", "multipleOf": 1e-300},
    "nested quantifiers": lambda: string("^(((a+)+)+)+b$"),
    "optional letters": lambda: string("^(a?){1000}a{1000}$"),
    "a window": lambda: string("^[ab]*a[ab]{1000}$"),
    "letters of Unicode": lambda: string("^\\p{L}{1,1000}\\p{Lu}{1,1000}$"),
    "counters in counters": lambda: string("^((a{1,100}){1,100}){1,100}$"),
    "many counts": lambda: {"type": "string", "allOf": [{"pattern": f"^(.{{{n}}})*$"} for n in (2, 3, 5, 7, 11, 13)]},
}


@pytest.mark.parametrize("name", ENDING)
def test_other_hostile_schemas_come_to_an_end(name: str) -> None:
    """Whether these compile may change; in any case they end, and in nothing but a typed error."""
    try:
        grammar = compiled(ENDING[name]())
        assert grammar.allowed_tokens(grammar.start)
    except ConstraintError as error:
        assert str(error)


# --------------------------------------------------------------------------------------------------------- set apart


def wide(kind: str, *names: str) -> Schema:
    properties: Schema = {"kind": {"const": kind}, **{name: {"type": "integer"} for name in names}}
    return {"type": "object", "properties": properties, "required": ["kind"], "additionalProperties": False}


KINDS = {
    "oneOf": [
        wide("circle", "x", "y", "r", *(f"c{i}" for i in range(12))),
        wide("square", "x", "y", "a", *(f"s{i}" for i in range(12))),
        {"type": "string", "maxLength": 3},
        {"$ref": "#/$defs/named"},
    ]
}
NAMED = {"named": {"type": "object", "required": ["name"], "properties": {"inner": {"$ref": "#"}, "name": True}}}
VALUES = [
    {"kind": "circle", "y": 1, "x": 2},
    {"kind": "square", "a": 1},
    {"kind": "square", "r": 1},
    {"kind": "oval"},
    {"name": 1},
    {"name": 1, "inner": {"kind": "circle", "c3": 3}},
    {"name": 1, "inner": {"kind": "circle", "s3": 3}},
    "abc",
    "abcd",
    7,
]


@pytest.mark.parametrize("draft", [{}, {"$schema": "http://json-schema.org/draft-07/schema#"}])
def test_branches_set_apart_mean_the_same(draft: Schema) -> None:
    schema = {**draft, **KINDS, "$defs": NAMED}
    apart, origins = set_apart(schema)
    assert [place.pointer for place in origins.values()] == ["/oneOf/0", "/oneOf/1", "/oneOf/2"]
    assert "branch 0" not in schema["$defs"], "the schema itself stays as it is"
    language = schema_language(schema)
    validator = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    for value in VALUES:
        verdict = validator(schema).is_valid(value)
        assert validator(apart).is_valid(value) == verdict
        assert (json.dumps(value) in language) == verdict, value


def test_branches_set_apart_keep_their_order_and_their_place() -> None:
    language = schema_language({**KINDS, "$defs": NAMED}, "declared")
    assert '{"kind": "circle", "x": 1, "y": 2}' in language
    assert '{"kind": "circle", "y": 1, "x": 2}' not in language
    schema = {"properties": {"a": {"oneOf": [*KINDS["oneOf"][:2], {"type": "string", "pattern": "(a)\\1"}]}}}
    with pytest.raises(UnsupportedSchemaError) as caught:
        compiled(schema)
    assert (caught.value.pointer, caught.value.keyword) == ("/properties/a/oneOf/2", "pattern")


@pytest.mark.parametrize(
    "extra",
    [
        {"properties": {"z": {"$ref": "#/oneOf/0/properties/x"}}},
        {"unevaluatedProperties": False},
        {"properties": {"z": {"$id": "inner", "type": "integer"}}},
        {"properties": {"z": {"$ref": "https://example.org/other"}}},
        {"$defs": [1]},
    ],
)
def test_what_depends_on_places_stays_in_place(extra: Schema) -> None:
    schema = {"oneOf": KINDS["oneOf"][:3], **extra}
    assert set_apart(schema) == (schema, {})


@pytest.mark.parametrize("order", ["declared", "any"])
def test_many_required_properties_are_all_there(order: Any) -> None:
    names = [f"p{i}" for i in range(600)]
    inner = {"properties": {name: {"type": "integer"} for name in names}, "required": names[::-1]}
    schema = {"anyOf": [{"type": "object", "additionalProperties": False, **inner}, {"type": "string"}]}
    assert "required" not in set_apart(schema)[0]["anyOf"][0]
    language = schema_language(schema, order)
    value = dict.fromkeys(names, 1)
    assert json.dumps(value) in language
    assert (json.dumps(dict(reversed(value.items()))) in language) == (order == "any")
    assert json.dumps(value | {"more": 1}) not in language
    assert json.dumps({name: 1 for name in names if name != "p300"}) not in language
    assert json.dumps(value | {"p300": "x"}) not in language
    impossible = {**schema["anyOf"][0], "properties": {**inner["properties"], "p7": False}}
    with pytest.raises(ConstraintError):
        compiled(impossible)
    assert '"a"' in schema_language({"anyOf": [impossible, {"type": "string"}]})
    for extra in ({"minProperties": 3}, {"additionalProperties": True}, {"required": names[1:]}):
        assert "required" in set_apart({"type": "object", "additionalProperties": False, **inner, **extra})[0]


def test_only_large_branches_are_set_apart() -> None:
    small = {"oneOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"type": "string"}]}
    assert set_apart(small)[1] == {}
    assert not check_cases(Source(small, old_references=False), Limits())
    assert check_cases(Source(KINDS, old_references=False), Limits())


# -------------------------------------------------------------------------------------------------------------- cases


def test_references_and_values_are_no_branches() -> None:
    count = 2 * Limits().schema_branches
    definitions = {f"d{i}": {"const": i} for i in range(count)}
    schema: Schema = {"anyOf": [{"$ref": f"#/$defs/d{i}"} for i in range(count)], "$defs": definitions}
    assert accepts(compiled(schema), count - 1)
    assert accepts(compiled({"anyOf": [{"const": i} for i in range(count)]}), count - 1)
    inline = {"anyOf": [{"type": "integer", "minimum": 10 * i, "maximum": 10 * i + 5} for i in range(count)]}
    with pytest.raises(LimitError, match=f"schema_branches={count // 2}.*anyOf at #"):
        compiled(inline)
    grammar = Compiler(Vocabulary([b"1", None], [1]), limits=Limits(schema_branches=count)).compile(json_schema(inline))
    assert grammar.step_bytes(grammar.start, b"1") >= 0


def test_loops_of_references_are_counted_once() -> None:
    loop = {"a": {"anyOf": [{"$ref": "#/$defs/b"}, {"type": "integer"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}, {}]}}
    check_cases(Source({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], "$defs": loop}, False), Limits())


@pytest.mark.parametrize(
    "schema",
    [
        {"if": {"unevaluatedItems": False, "$ref": "#"}},
        {"if": {"if": {"not": {"propertyNames": {"if": {"unevaluatedItems": False, "$ref": "#"}}}}}},
        {"unevaluatedProperties": False, "$ref": "#"},
        {"if": {"anyOf": [{"properties": {"a": {}}}, {}]}, "unevaluatedProperties": {"const": 0}},
    ],
)
def test_loops_beside_unevaluated_are_refused(schema: Schema) -> None:
    with pytest.raises(UnsupportedSchemaError, match="unevaluated"):  # of some the package behind does not come back
        compiled(schema)


def test_negations_that_unfold_without_end_are_refused() -> None:
    patterns = {"^[ab]+$": {"$ref": "#"}, "^(a|c)$": {"type": "boolean"}}
    one = {"patternProperties": {"1|b": {"enum": [1]}}}
    with pytest.raises(ConstraintError):
        compiled({"oneOf": [{"$ref": "#/$defs/d1"}, {"patternProperties": patterns}], "$defs": {"d1": one}})

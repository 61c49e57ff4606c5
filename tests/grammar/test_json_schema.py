"""Schemas against values that `jsonschema` judges, refusals with their place, order, layout, and limits."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import Language, dumps, schema_language

from latticework.grammar import Limits, json_schema
from latticework.grammar.errors import (
    ConstraintError,
    LimitError,
    SchemaError,
    UnsatisfiableSchemaError,
    UnsupportedSchemaError,
)
from latticework.grammar.ir import JsonLayout, Record
from latticework.grammar.json_schema import from_json_schema

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
STRING, INTEGER = {"type": "string"}, {"type": "integer"}
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 5, 10, 100, 0.5, 2.5, -3.25, "", "a", "abc", "x-1", "2024-02-29", "é\n\"\\", "\U0001f600",
    [], [1], [1, 2], ["a"], [1, "a"], [None, [1]], {}, {"a": 1}, {"a": "a"}, {"b": 1}, {"a": 1, "b": "a"}, {"x-1": 1},
    {"x-1": "a", "y": 2}, {"a": {"a": 1}}, {"a": {"a": {"a": 1}}}, {"a": 1, "b": 2, "c": 3}, {"c": []}, {"a": None, "d": 5},
]  # fmt: skip
SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": ["string", "null"]},
    {"type": ["integer", "object"]},
    {"properties": {"a": INTEGER}},
    {"type": "object", "properties": {"a": INTEGER, "b": STRING}, "required": ["a"]},
    {"type": "object", "properties": {"a": INTEGER}, "required": ["b"]},
    {"type": "object", "properties": {"a": INTEGER}, "additionalProperties": False},
    {"type": "object", "properties": {"a": False}},
    {"type": "object", "additionalProperties": INTEGER},
    {"type": "object", "patternProperties": {"^x-": INTEGER}, "additionalProperties": False},
    {"type": "object", "patternProperties": {"^x-": STRING, "1$": {"minLength": 1}, "^[a-c]$": True}},
    {"type": "object", "properties": {"a": {"minimum": 1}}, "patternProperties": {"a": INTEGER}},
    {"type": "object", "propertyNames": {"maxLength": 1}},
    {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "minProperties": 2},
    {"type": "object", "minProperties": 1},
    {"type": "object", "maxProperties": 1},
    {"type": "array", "items": INTEGER},
    {"type": "array", "prefixItems": [INTEGER, STRING], "items": False},
    {"type": "array", "prefixItems": [INTEGER], "minItems": 1},
    {"type": "array", "minItems": 1, "maxItems": 1},
    {"$schema": DRAFT_7, "items": [INTEGER, STRING], "additionalItems": False},
    {"$schema": DRAFT_7, "items": [INTEGER], "additionalItems": STRING},
    {"type": "array", "items": {"enum": [1, 2, "a"]}, "uniqueItems": True},
    {"enum": [1, "a", None, [1], {"a": 1}]},
    {"const": {"a": {"a": 1}}},
    {"const": 1.0},
    {"type": "integer", "minimum": 1, "maximum": 10},
    {"type": "integer", "exclusiveMinimum": 1, "multipleOf": 5},
    {"type": "number", "minimum": -3.25, "exclusiveMaximum": 2.5},
    {"type": "number", "multipleOf": 0.25},
    {"$schema": DRAFT_4, "minimum": 1, "exclusiveMinimum": True},
    {"type": "string", "minLength": 1, "maxLength": 3},
    {"type": "string", "pattern": "^[a-z]"},
    {"type": "string", "pattern": "-", "maxLength": 3},
    {"type": "string", "not": {"enum": ["a", "abc"]}},
    {"format": "date"},
    {"anyOf": [INTEGER, {"type": "array", "items": INTEGER}]},
    {"oneOf": [INTEGER, {"minimum": 3}]},
    {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {"allOf": [{"properties": {"a": INTEGER}}, {"required": ["a"]}, {"type": "object"}]},
    {"type": "object", "not": {"required": ["a"]}},
    {"not": {"type": "object"}},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"type": "object"}},
    {"type": "object", "dependentRequired": {"a": ["b"]}},
    {"$schema": DRAFT_7, "type": "object", "dependencies": {"a": ["b"], "c": {"maxProperties": 1}}},
    {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#/$defs/tree"}, INTEGER]}}}}},
    {"properties": {"a": {"$ref": "#/$defs/a", "minimum": 2}}, "$defs": {"a": INTEGER}},
    {"$schema": DRAFT_7, "properties": {"a": {"$ref": "#/definitions/a", "minimum": 2}}, "definitions": {"a": INTEGER}},
    {"$id": "http://e/x", "$ref": "#here", "$defs": {"a": {"$anchor": "here", "type": ["object", "string"]}}},
    {"$schema": DRAFT_2019, "allOf": [{"properties": {"a": INTEGER}}], "unevaluatedProperties": False},
    {"$defs": {"a": {"required": ["a"]}}, "allOf": [{"$ref": "#/$defs/a"}, {"type": "object", "properties": {"a": INTEGER}}]},
    {"$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}}, "oneOf": [{"$ref": "#/$defs/a"}, INTEGER]},
]  # fmt: skip


def is_valid(schema: dict[str, Any], value: object) -> bool:
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    return bool(kind(schema, format_checker=kind.FORMAT_CHECKER).is_valid(value))


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_values_are_judged_as_by_jsonschema(schema: dict[str, Any]) -> None:
    language = schema_language(schema)
    for value in VALUES:
        assert (dumps(value) in language) is is_valid(schema, value), dumps(value)


def test_spellings() -> None:
    language = schema_language({"properties": {"a": {"const": 1.0}, "b": {"const": 1}, "c": INTEGER}})
    assert all(text in language for text in ('{"a":1}', '{"a":1.0}', '{"b":1}', '{ "c"\n:\t-0 }', '{"d": 1.5e3}'))
    assert not any(
        text in language for text in ('{"b":1.0}', '{"c":1.0}', '{"c":01}', '{"a":1,}', " {}", '{"a":1,"a":1}')
    )


# --------------------------------------------------------------------------------------------------- schemas at random

NAMES = st.sampled_from(["a", "b", "x-1"])
LEAVES = st.sampled_from(
    [
        {}, True, False, STRING, INTEGER, {"type": "number", "maximum": 2}, {"enum": [1, "a", None]}, {"const": "abc"},
        {"minLength": 2}, {"pattern": "^a"}, {"required": ["a"]}, {"minItems": 1}, {"maxProperties": 1}, {"type": "null"},
    ]
)  # fmt: skip


def extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
            optional={"required": st.lists(NAMES, unique=True, max_size=2), "additionalProperties": inner},
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 2)}),
        st.fixed_dictionaries({"patternProperties": st.fixed_dictionaries({"^x": inner}, optional={"1$": inner})}),
        st.fixed_dictionaries({"allOf": some}),
        st.fixed_dictionaries({"anyOf": some, "properties": st.dictionaries(NAMES, inner, max_size=1)}),
        st.fixed_dictionaries({"oneOf": some}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner}),
        st.fixed_dictionaries({"$defs": st.fixed_dictionaries({"d": inner}), "$ref": st.just("#/$defs/d")}),
    )


@given(st.recursive(LEAVES, extend, max_leaves=6))
def test_random_schemas_agree_with_jsonschema(schema: dict[str, Any] | bool) -> None:
    schema = rooted(schema)
    try:
        language = schema_language(schema)
    except UnsatisfiableSchemaError:
        assert not any(is_valid(schema, value) for value in VALUES)
        return
    except UnsupportedSchemaError:
        return
    for value in VALUES:
        assert (dumps(value) in language) is is_valid(schema, value), (schema, value)


def rooted(schema: dict[str, Any] | bool) -> dict[str, Any]:
    """A schema whose inner `$defs` are where their references look: at its own root, one definition for all."""
    text = json.dumps(schema)
    if '"$defs"' not in text:
        return schema if isinstance(schema, dict) else {"allOf": [schema]}
    definition: Any = None

    def strip(value: Any) -> Any:
        nonlocal definition
        if isinstance(value, dict):
            if "$defs" in value:
                definition = strip(value["$defs"]["d"])
            return {key: strip(inner) for key, inner in value.items() if key != "$defs"}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    stripped = strip(schema)
    return {"allOf": [stripped], "$defs": {"d": {} if "$ref" in json.dumps(definition) else definition}}


# -------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("schema", "pointer", "keyword"),
    [
        ({"properties": {"a/b": {"type": "strin"}}}, "/properties/a~1b", "type"),
        ({"items": {"minLength": "x"}}, "/items", "minLength"),
        ({"anyOf": [{}, {"required": "a"}]}, "/anyOf/1", "required"),
        ({"required": [1]}, "", "required"),
        ({"properties": {"minimum": {"minimum": "1"}}}, "/properties/minimum", "minimum"),
        ({"properties": {"x~y": {"pattern": "("}}}, "/properties/x~0y", "pattern"),
        ({"$ref": "#/nowhere"}, "", "$ref"),
        ({"enum": [float("nan")]}, "", ""),
        ({"const": "\ud800"}, "", ""),
    ],
)
def test_malformed(schema: dict[str, Any], pointer: str, keyword: str) -> None:
    with pytest.raises(SchemaError) as caught:
        from_json_schema(schema)
    assert type(caught.value) is SchemaError
    assert (caught.value.pointer, caught.value.keyword) == (pointer, keyword)
    assert caught.value.reason


@pytest.mark.parametrize(
    ("schema", "pointer", "keyword"),
    [
        ({"properties": {"a": {"$ref": "http://elsewhere/x"}}}, "/properties/a", "$ref"),
        ({"properties": {"a": {"items": {"pattern": r"(a)\1"}}}}, "/properties/a/items", "pattern"),
        ({"allOf": [{"patternProperties": {r"(a)\1": STRING}}]}, "/allOf/0", "patternProperties"),
        ({"type": "integer", "multipleOf": 2**50 + 1}, "", "multipleOf"),
        ({"$schema": "http://example.org/dialect"}, "", "$schema"),
    ],
)
def test_what_is_not_enforced_is_refused(schema: dict[str, Any], pointer: str, keyword: str) -> None:
    with pytest.raises(UnsupportedSchemaError) as caught:
        from_json_schema(schema)
    assert (caught.value.pointer, caught.value.keyword) == (pointer, keyword)
    assert caught.value.reason


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"allOf": [STRING, INTEGER]},
        {"type": "object", "required": ["a"], "properties": {"a": False}},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"enum": [1, 2], "type": "string"},
        {"type": "array", "minItems": 2, "prefixItems": [INTEGER], "items": False},
    ],
)
def test_unsatisfiable(schema: dict[str, Any] | bool) -> None:
    with pytest.raises(UnsatisfiableSchemaError, match="no value is valid"):
        from_json_schema(schema)


def test_what_cannot_be_is_left_out() -> None:
    language = schema_language({"type": "object", "properties": {"a": {"anyOf": [False, INTEGER]}, "b": False}})
    assert '{"a": 1}' in language
    assert '{"b": 1}' not in language
    assert '{"a": "x"}' not in language


# ---------------------------------------------------------------------------------------------------- order and layout


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ({"properties": {"z": {}, "a": STRING, "m": INTEGER}}, ["z", "a", "m"]),
        ({"properties": {"z": STRING}, "required": ["q", "a", "z"]}, ["z", "q", "a"]),
        ({"allOf": [{"properties": {"z": STRING}}, {"properties": {"a": STRING}}]}, ["z", "a"]),
        ({"allOf": [{"$ref": "#/$defs/d"}], "properties": {"a": INTEGER}, "$defs": {"d": {"properties": {"z": STRING}}}}, ["z", "a"]),
        ({"oneOf": [{"required": ["a"]}], "properties": {"z": INTEGER, "a": INTEGER}}, ["z", "a"]),
        ({"properties": {"z": INTEGER}, "anyOf": [{"properties": {"a": INTEGER}}]}, ["z", "a"]),
        ({"properties": {"z": INTEGER}, "if": {"required": ["z"]}, "then": {"properties": {"a": INTEGER}}}, ["z", "a"]),
    ],
)  # fmt: skip
def test_declared_order(schema: dict[str, Any], names: list[str]) -> None:
    schema = {"type": "object", **schema}
    value = next(v for v in _fillings(names) if is_valid(schema, v))
    back = {name: value[name] for name in reversed(names)}
    declared, anyhow = schema_language(schema, "declared"), schema_language(schema, "any")
    assert dumps(value) in declared
    assert dumps(back) not in declared
    assert dumps(back) in anyhow


def _fillings(names: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{}]
    for name in names:
        found = [{**rest, name: value} for rest in found for value in (1, "x")]
    return found


def test_each_alternative_keeps_its_order() -> None:
    first = {"properties": {"kind": {"const": "A"}, "x": STRING}, "required": ["kind", "x"]}
    second = {"properties": {"x": INTEGER, "kind": {"const": "B"}}, "required": ["kind", "x"]}
    language = schema_language({"type": "object", "oneOf": [first, second]}, "declared")
    assert '{"kind": "A", "x": ""}' in language
    assert '{"x": 1, "kind": "B"}' in language
    assert '{"kind": "B", "x": 1}' not in language


def test_members_of_given_objects_keep_their_order() -> None:
    language = schema_language({"properties": {"p": {"const": {"z": 1, "a": [{"y": 1, "b": 2}]}}}}, "declared")
    assert '{"p": {"z": 1, "a": [{"y": 1, "b": 2}]}}' in language
    assert '{"p": {"a": [{"y": 1, "b": 2}], "z": 1}}' not in language


def test_layouts() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": INTEGER}}, "required": ["a"]}
    value = {"a": [1, 2], "b": {"c": []}}
    texts = {"compact": json.dumps(value, separators=(",", ":")), "indent": json.dumps(value, indent=2)}
    for style, text in texts.items():
        layout = JsonLayout(style)  # type: ignore[arg-type]
        assert text in schema_language(schema, layout=layout)
        assert text in schema_language(schema)
    assert texts["indent"] not in schema_language(schema, layout=JsonLayout("compact"))
    assert texts["compact"] not in schema_language(schema, layout=JsonLayout("indent"))


def test_order_is_an_option_of_every_record() -> None:
    grammar = from_json_schema({"type": "object", "properties": {"a": STRING}}, property_order="any")
    assert isinstance(grammar.start, Record)
    assert grammar.start.order == "any"


# ---------------------------------------------------------------------------------------------------------------- limits


def test_deep_and_wide_schemas() -> None:
    deep: dict[str, Any] = STRING
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    assert "[" * 200 + '"x"' + "]" * 200 in schema_language(deep)
    deep = {"type": "integer"}
    for _ in range(200):
        deep = {"type": "object", "properties": {"z": STRING, "a": deep}, "required": ["a"]}
    assert '{"z": "", "a": ' * 200 + "1" + "}" * 200 in schema_language(deep, "declared")
    wide = {"type": "object", "properties": {f"p{i}": INTEGER for i in range(1500)}, "required": ["p1499"]}
    assert '{"p3": 1, "p1499": 2}' in schema_language(wide, "declared")
    assert '"v9999"' in schema_language({"enum": [f"v{i}" for i in range(10_000)]})


def test_limits_are_named() -> None:
    deep: dict[str, Any] = STRING
    for _ in range(3000):
        deep = {"type": "array", "items": deep}
    with pytest.raises(UnsupportedSchemaError, match="levels deep"):
        from_json_schema(deep)
    many = {"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(30)]}
    with pytest.raises(LimitError, match="schema_cases"):
        from_json_schema(many)


def test_limits_can_be_set() -> None:
    names = {f"p{i}": {"$ref": f"#/$defs/d{i}"} for i in range(20)}
    rules = {"properties": names, "$defs": {f"d{i}": {"minimum": i} for i in range(20)}}
    either = {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in "ab"]}
    loop = {"properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/$defs/b"}}, "required": ["x"]}
    work = {**either, "$defs": {"a": loop, "b": {**loop, "required": ["y"]}}}
    cases = {"allOf": [{"if": {"required": [name]}, "then": {"required": ["z"]}} for name in "abc"]}
    for schema, limit in ((rules, "schema_rules"), (work, "schema_work"), (cases, "schema_cases")):
        from_json_schema(schema)
        with pytest.raises(LimitError, match=limit) as caught:
            from_json_schema(schema, limits=Limits(**{limit: 4}))
        assert (caught.value.limit, caught.value.value) == (limit, 4)
        with pytest.raises(LimitError, match=limit):
            json_schema(schema).grammar(Limits(**{limit: 4}))


def test_mistakes_are_placed_where_they_are_and_short() -> None:
    inner = {"oneOf": [{"type": "string", "pattern": "{{(.+}}"}], "description": "long " * 1000}
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "items": {"properties": {"a": {"items": inner}}}}
    with pytest.raises(SchemaError) as caught:
        from_json_schema(schema)
    assert (caught.value.pointer, caught.value.keyword) == ("/items/properties/a/items/oneOf/0", "pattern")
    assert "flag u" in str(caught.value)
    with pytest.raises(SchemaError) as caught:
        from_json_schema({"required": "long " * 1000})
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("schema", [{"anyOf": [{"$ref": "#"}, STRING]}, {"allOf": [{"$ref": "#"}], "type": "string"}])
def test_a_reference_to_itself_ends(schema: dict[str, Any]) -> None:
    try:
        assert '"x"' in schema_language(schema)
    except UnsupportedSchemaError as error:
        assert error.keyword


# ---------------------------------------------------------------------------------------------------------- real schemas


def test_real_schemas(data_dir: Path) -> None:
    """A sample: nothing invalid is accepted, and everything valid is, in any order."""
    converted = total = 0
    with gzip.open(data_dir / "maskbench" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for number, line in enumerate(lines) if number % 40 == 0]
    for record in records:
        total += 1
        try:
            language = schema_language(record["schema"])
        except ConstraintError:
            continue
        converted += 1
        wrong = [case for case in record["tests"] if _accepts(language, case["data"]) is not case["valid"]]
        assert wrong == [], record["id"]
    assert converted >= 0.9 * total


def _accepts(language: Language, value: object) -> bool:
    return dumps(value) in language


@pytest.mark.parametrize("draft", ["http://json-schema.org/draft-04/schema#", None])
def test_brackets_that_stand_for_themselves(draft: str | None) -> None:
    """Without the flag u, `]`, `{` and `}` need no backslash where they cannot mean anything else."""
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^{{[}a]{1,2}}}]$"}}}
    schema |= {"patternProperties": {"^x}$": {"type": "object", "properties": {"z": INTEGER, "b": INTEGER}}}}
    schema |= {"additionalProperties": False} | ({"$schema": draft} if draft else {})
    language = schema_language(schema, "declared")
    assert all(f'{{"a": "{text}"}}' in language for text in ("{{a}}]", "{{}}}}]"))
    assert not any(f'{{"a": "{text}"}}' in language for text in ("{a}}]", "{{aaa}}]", "{{a}}"))
    assert '{"x}": {"z": 1, "b": 2}}' in language
    assert '{"x}": {"b": 1, "z": 2}}' not in language

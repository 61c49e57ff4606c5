"""Items that differ and items that are counted: verdicts against `jsonschema`, and no way into a dead end."""

from __future__ import annotations

import itertools
import json
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import dumps, schema_language

from latticework.grammar.errors import UnsatisfiableSchemaError, UnsupportedSchemaError
from latticework.grammar.json_schema import from_json_schema

VALUES = [None, False, True, 0, 1, 12, 1.5, "", "a", "ab", [], [1], [1, 2], {}, {"a": 1}, {"a": 1, "b": 2}, {"b": [0]}]
ITEMS: list[Any] = [
    True,
    {"type": "boolean"},
    {"type": "integer"},
    {"type": "number", "multipleOf": 0.5, "minimum": 0, "maximum": 2},
    {"type": "string", "maxLength": 1},
    {"enum": [1, 1.5, "a", [1], {"a": 1}, {"a": 1, "b": 2}]},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"type": "array", "uniqueItems": True},
    {"anyOf": [{"type": "array", "uniqueItems": True}, {"type": "array", "maxItems": 2}, {"type": "null"}]},
]
COUNTED: list[Any] = [{"type": "integer"}, {"minimum": 1}, {"type": "array"}, {"const": "a"}, {"required": ["a"]}]
arrays = st.lists(st.sampled_from(VALUES), max_size=4)


def is_valid(schema: Any, value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@given(st.sampled_from(ITEMS), st.integers(0, 3), st.lists(arrays, min_size=5, max_size=20))
def test_different_items(items: Any, minimum: int, values: list[Any]) -> None:
    schema = {"type": "array", "items": items, "uniqueItems": True, "minItems": minimum}
    try:
        language = schema_language(schema)
    except (UnsupportedSchemaError, UnsatisfiableSchemaError):
        assert minimum >= 2 and items == {"type": "boolean"}, "only two booleans are too few"
        return
    for value in values:
        assert (dumps(value) in language) is is_valid(schema, value), value


@given(
    st.sampled_from(ITEMS[:6]),
    st.lists(st.tuples(st.sampled_from(COUNTED), st.integers(0, 2), st.none() | st.integers(0, 3)), max_size=2),
    st.lists(st.sampled_from(ITEMS), max_size=2),
    st.lists(arrays, min_size=5, max_size=20),
)
def test_counted_items(items: Any, counters: list[Any], prefix: list[Any], values: list[Any]) -> None:
    schema: dict[str, Any] = {"type": "array", "prefixItems": prefix, "items": items} if prefix else {"items": items}
    schema["allOf"] = [
        {"contains": one, "minContains": least} | ({} if most is None else {"maxContains": most})
        for one, least, most in counters
    ]
    schema = schema if counters else {**schema, "allOf": [True]}
    try:
        language = schema_language({**schema, "type": "array"})
    except UnsatisfiableSchemaError:
        assert not any(is_valid({**schema, "type": "array"}, value) for value in values)
        return
    except UnsupportedSchemaError as error:
        assert error.keyword == "uniqueItems", error  # of `ITEMS`, at a place of the prefix that must be counted
        return
    for value in values:
        assert (dumps(value) in language) is is_valid(schema, value), (schema, value)


def test_items_that_are_written_differently_may_be_equal() -> None:
    language = schema_language({"type": "array", "uniqueItems": True}, "declared")
    assert '[{"a": 1, "b": [ ]}, {"b": [], "a": 1}]' not in language
    assert '[{"a": 1, "b": [ ]}, {"b": [], "a": 2}]' in language
    assert r'["\u001f", "\u001F"]' not in language
    assert '["a" , "a"]' not in language
    assert "[1, 1.0]" not in language  # 1.0 is not written here at all
    assert "[0, -0]" not in language
    assert '[{"a": 1, "a": 2}, {"a": 2}]' not in language  # the last one counts
    assert '[{"a": 1, "a": 2}, {"a": 1}]' in language


@pytest.mark.parametrize(
    "items",
    [
        {"enum": ["a", "ab", "abc"]},
        {"type": "integer", "minimum": 9, "maximum": 11},
        {"type": "array", "items": {"type": "boolean"}, "maxItems": 1},
        {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"const": 0}}, "additionalProperties": False},
        {"type": "array", "items": {"enum": ["x", "y"]}, "uniqueItems": True},
        {"type": "string", "maxLength": 1, "pattern": "^[ab]*$"},
    ],
)
@pytest.mark.parametrize("minimum", [0, 3])
def test_every_walk_ends(items: Any, minimum: int) -> None:
    schema = {"type": "array", "items": items, "uniqueItems": True, "minItems": minimum}
    language = schema_language(schema)
    longest = 0
    for seed in range(60):
        text = language.random_text(Random(seed))
        assert text is not None, "there are only a few items"
        value = json.loads(text)
        assert is_valid(schema, value), text
        longest = max(longest, len(value))
    assert longest >= 3, "as many as there are"


def test_what_cannot_be_completed_is_refused() -> None:
    two = {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True}
    with pytest.raises((UnsupportedSchemaError, UnsatisfiableSchemaError)):
        schema_language({**two, "minItems": 3})
    with pytest.raises(UnsupportedSchemaError, match="uniqueItems"):
        from_json_schema({"type": "array", "uniqueItems": True, "prefixItems": [True, {"const": 1}], "minItems": 2})
    with pytest.raises(UnsupportedSchemaError, match="contains"):
        from_json_schema({"type": "array", "contains": {"const": 1}, "minContains": 2_000_000})


@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"additionalProperties": {"type": "integer"}}},
        {"properties": {"a": {"type": "integer"}}, "not": {"properties": {"a": True}, "additionalProperties": False}},
        {"not": {"patternProperties": {"^a": {"type": "integer"}}}},
        {"not": {"propertyNames": {"pattern": "^a"}}},
        {"not": {"anyOf": [{"patternProperties": {"a": {"type": "integer"}}}, {"propertyNames": {"maxLength": 1}}]}},
        {"minProperties": 3},
        {"minProperties": 3, "maxProperties": 3, "required": ["a"]},
        {"patternProperties": {"^[ab]$": {"type": "integer"}}, "additionalProperties": False, "minProperties": 2},
        {"propertyNames": {"maxLength": 1}, "minProperties": 2, "not": {"additionalProperties": {"type": "integer"}}},
    ],
)
def test_demands_on_objects(schema: dict[str, Any], order: Any) -> None:
    schema = {"type": "object", **schema}
    language = schema_language(schema, order)
    names = ["a", "ab", "b", "ba"]
    for count in range(4):
        for chosen in itertools.combinations(names, count):
            for values in itertools.product([1, "x"], repeat=count):
                value = dict(zip(chosen, values, strict=True))
                assert (dumps(value) in language) is is_valid(schema, value), value
    texts = [language.random_text(Random(seed)) for seed in range(30)]
    finished = [text for text in texts if text is not None]
    assert finished
    for text in finished:
        assert is_valid(schema, json.loads(text)), text


def test_a_repeated_name_does_not_undo_what_was_demanded() -> None:
    language = schema_language({"type": "object", "not": {"additionalProperties": {"type": "integer"}}})
    assert '{"a": "x"}' in language
    assert '{"a": "x", "a": 1}' not in language
    assert '{"a": 1, "a" : "x"}' not in language
    assert '{"a": 1, "b": "x"}' in language


def test_a_value_that_two_minima_need_is_not_used_up() -> None:
    numbers = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
    both = [{"contains": {"enum": [1, 2]}, "minContains": 2}, {"contains": {"enum": [2, 3]}, "minContains": 2}]
    language = schema_language({**numbers, "allOf": both})
    for values in itertools.permutations([1, 2, 3, 4], 3):
        assert (dumps(list(values)) in language) is is_valid({**numbers, "allOf": both}, list(values))
    with pytest.raises(UnsupportedSchemaError, match="several bounds"):  # after [2, 4 there would be no way out
        from_json_schema({**numbers, "allOf": both, "maxItems": 3})


def test_items_that_differ_in_one_reading_only() -> None:
    one = {"const": {"a": 1, "b": None}}
    schema = {"type": "array", "anyOf": [{"items": one}, {"items": True, "maxItems": 2, "uniqueItems": True}]}
    language = schema_language(schema)
    for value in (
        [{"a": 1, "b": None}] * 4,
        [1, 1],
        [1, 2],
        [{"a": 1, "b": None}, 2.5],
        [{"a": 1, "b": None}] * 2 + [1],
    ):
        assert (dumps(value) in language) is is_valid(schema, value), value


FEW: list[Any] = [
    {"enum": [1, 12, "a"]},
    {"type": ["boolean", "null"]},
    {"enum": ["a", 1, [1], {"a": 1}]},
    {"enum": [1.5, 1, {"a": 1, "b": 2}]},
    {"const": []},
]
WITH_EQUAL_ITEMS: list[Any] = [
    *({"type": "array", "items": items} for items in FEW),
    *({"items": items, "maxItems": 3} for items in FEW),
    *({"items": items, "minItems": 3, "contains": {"type": "integer"}, "maxContains": 1} for items in FEW),
    {"prefixItems": [{"enum": [1, 12]}, {"enum": [12, "a"]}], "items": False},
    {"prefixItems": [{"type": "integer"}, {"enum": [12, "a"]}], "items": False},
    {"prefixItems": [{"enum": [1, 12]}, {"enum": ["a", "ab"]}], "items": False},
    {"prefixItems": [{"type": "integer"}], "items": {"enum": [1, 12]}, "minItems": 2},
]


@pytest.mark.parametrize("schema", WITH_EQUAL_ITEMS, ids=json.dumps)
def test_some_items_are_equal(schema: Any) -> None:
    schema = {**schema, "type": "array", "not": {"uniqueItems": True}}
    values = [1, 1.0, 12, "a", "ab", True, None, [1], [], {"a": 1}, {"b": 2, "a": 1}, 1.5]
    try:
        language: Any = schema_language(schema)
    except UnsatisfiableSchemaError:
        language = ()
    for length in range(4):
        for items in itertools.product(values, repeat=length):
            text = dumps([*items])
            if "1.0" not in text:  # an integer is not written so
                assert (text in language) is is_valid(schema, [*items]), text


@pytest.mark.parametrize("schema", [{}, {"items": {"type": "integer"}}, {"prefixItems": [True, True], "items": False}])
def test_items_of_unknown_values_that_must_be_equal_are_refused(schema: Any) -> None:
    with pytest.raises(UnsupportedSchemaError, match="at most 64 values"):
        from_json_schema({**schema, "type": "array", "not": {"uniqueItems": True}})
    many = {"type": "array", "items": {"enum": [*range(65)]}, "not": {"uniqueItems": True}}
    with pytest.raises(UnsupportedSchemaError, match="at most 64 values"):
        from_json_schema(many)


def test_arrays_that_differ_or_are_short_but_not_both() -> None:
    few = {"type": "array", "items": {"enum": [1, 2]}}
    language = schema_language({"oneOf": [{**few, "uniqueItems": True}, {**few, "maxItems": 3}]})
    texts = ["[]", "[1]", "[1, 2]", "[1, 1]", "[2, 1, 2]", "[1, 1, 1, 1]"]
    assert [text in language for text in texts] == [False, False, False, True, True, False]

"""The order of declared properties: that of their first appearance in the schema, however it is put together."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import dumps, schema_language

from latticework.grammar.ir import JsonLayout, Record
from latticework.grammar.json_schema import from_json_schema

INTEGER: dict[str, Any] = {"type": "integer"}


def properties(*names: str) -> dict[str, Any]:
    return {"properties": dict.fromkeys(names, INTEGER)}


def written(schema: dict[str, Any], names: str) -> set[str]:
    """The orders of all of `names` in which an object may be written."""
    language = schema_language(schema, "declared")
    return {"".join(order) for order in permutations(names) if dumps(dict.fromkeys(order, 1)) in language}


@given(st.permutations("abcde"))
def test_properties_come_as_they_are_declared(names: list[str]) -> None:
    assert written({"type": "object", **properties(*names)}, "abcde") == {"".join(names)}


@given(st.permutations("abcd"), st.integers(0, 4))
def test_names_that_are_only_required_come_in_the_order_of_the_demand(names: list[str], count: int) -> None:
    schema = {"type": "object", **properties("z"), "required": names[:count]}
    assert written(schema, "z" + "".join(names[:count])) == {"z" + "".join(names[:count])}


PARTS = {
    "allOf": [properties("d", "c")],
    "anyOf": [{**properties("d", "c"), "required": ["d"]}, {**properties("d"), "required": ["d"]}],
    "oneOf": [{**properties("d", "c"), "required": ["d"]}, {**properties("e"), "required": ["e"]}],
    "$ref": "#/$defs/part",
    "then": properties("d", "c"),
    "dependentSchemas": {"b": properties("d", "c")},
}


@pytest.mark.parametrize("keyword", PARTS)
def test_parts_come_where_they_are_written(keyword: str) -> None:
    part = {keyword: PARTS[keyword]}
    rest = {"$defs": {"part": properties("d", "c")}, "type": "object", "if": {"required": ["b"]}}
    assert written({**properties("b", "a"), **part, **rest}, "abcd") == {"badc"}
    assert written({**part, **properties("b", "a"), **rest}, "abcd") == {"dcba"}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_what_an_object_declares_itself_stays_in_its_order(keyword: str) -> None:
    branches = [{**properties("c", "x"), "required": ["c"]}, {**properties("c", "y"), "required": ["y", "c"]}]
    schema = {"type": "object", keyword: branches, **properties("a", "b", "c")}
    if keyword == "anyOf":
        assert written(schema, "abc") == {"abc"}
        assert written(schema, "abcx") == {"xabc"}
    else:
        assert written(schema, "abc") == {"abc"}


def test_every_round_of_a_recursion_has_the_order() -> None:
    node = {"type": "object", "properties": {"z": INTEGER, "next": {"$ref": "#/$defs/node"}, "a": INTEGER}}
    language = schema_language({"$ref": "#/$defs/node", "$defs": {"node": node}}, "declared")
    text = '{"z": 1, "a": 2}'
    for _ in range(5):
        text = f'{{"z": 1, "next": {text}, "a": 2}}'
        assert text in language
        assert text.replace('"z": 1, "a": 2', '"a": 2, "z": 1') not in language


def test_items_and_values_keep_the_order() -> None:
    pair = {"type": "object", **properties("b", "a")}
    assert '[{"b": 1, "a": 2}]' in schema_language({"type": "array", "items": pair}, "declared")
    assert '[{"a": 2, "b": 1}]' not in schema_language({"type": "array", "items": pair}, "declared")
    extra = schema_language({"type": "object", "additionalProperties": pair}, "declared")
    assert '{"x": {"b": 1, "a": 2}}' in extra
    assert '{"x": {"a": 2, "b": 1}}' not in extra


def test_names_that_a_pattern_or_a_list_spells_come_as_spelled() -> None:
    pattern = {"type": "object", "patternProperties": {"^(c|a|b)$": INTEGER}, "additionalProperties": False}
    assert written(pattern, "abc") == {"cab"}
    listed = {"type": "object", "propertyNames": {"enum": ["c", "a", "b"]}, "additionalProperties": INTEGER}
    assert written(listed, "abc") == {"cab"}


def test_undeclared_names_come_last_and_in_any_order() -> None:
    schema = {"type": "object", **properties("b"), "additionalProperties": INTEGER}
    assert written(schema, "bxy") == {"bxy", "byx"}


def test_any_order_is_every_order() -> None:
    language = schema_language({"type": "object", **properties("a", "b", "c")}, "any")
    assert all(dumps(dict.fromkeys(order, 1)) in language for order in permutations("abc"))


@given(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1), st.data())
def test_fields_of_references_are_those_of_the_source(names: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(names)))
    schema = {"allOf": [{"$ref": "#/$defs/p"}], **properties(*names[cut:]), "$defs": {"p": properties(*names[:cut])}}
    start = from_json_schema({"type": "object", **schema}).start
    assert isinstance(start, Record)
    assert [field.name for field in start.fields] == names


@pytest.mark.parametrize("depth", [0, 1, 5, 22, 23, 24, 25, 40])
@pytest.mark.parametrize("wrap", ["items", "anyOf", "both"])
def test_equal_schemas_keep_their_own_order(depth: int, wrap: str) -> None:
    """What is made once for equal schemas must not take the order of one of them to the other."""

    def at_depth(*names: str) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "properties": {name: {"type": "null"} for name in names}}
        schema |= {"required": [*names], "additionalProperties": False}
        for _ in range(depth if wrap != "anyOf" else min(depth, 1)):
            inner = {"anyOf": [{"type": "integer", "minimum": 1}, schema]} if wrap != "items" else schema
            schema = {"type": "array", "items": inner} if wrap != "anyOf" else inner
        return schema

    texts = schema_language(
        {"type": "object", "properties": {"x": at_depth("a", "b"), "y": at_depth("b", "a"), "z": at_depth("a", "b")}},
        "declared",
        JsonLayout("compact"),
    )
    left, right = ("[" * depth, "]" * depth) if wrap != "anyOf" else ("", "")
    ab, ba = '{"a":null,"b":null}', '{"b":null,"a":null}'
    for name, own, other in (("x", ab, ba), ("y", ba, ab), ("z", ab, ba)):
        assert f'{{"{name}":{left}{own}{right}}}' in texts
        assert f'{{"{name}":{left}{other}{right}}}' not in texts


def test_given_objects_keep_their_order() -> None:
    """Also where equal names stand in different orders, and inside of each other."""
    values = [{"a": 1, "b": 2}, {"b": 3, "a": 4}, {"c": {"b": 5, "a": 6}}, [{"a": 7, "b": {"d": 8, "c": 9}}]]
    texts = schema_language({"enum": values}, "declared")
    assert all(dumps(value) in texts for value in values)
    turned = ['{"b": 2, "a": 1}', '{"a": 4, "b": 3}', '{"c": {"a": 6, "b": 5}}', '[{"a": 7, "b": {"c": 9, "d": 8}}]']
    assert not any(text in texts for text in turned)
    free = schema_language({"enum": values}, "any")
    assert all(text in free for text in turned)

"""Constraints: option values, keys, and what a finished text is read as."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import re
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_samples import Color, Person

from latticework.grammar import (
    Constraint,
    Grammar,
    GrammarError,
    GrammarSyntaxError,
    SchemaError,
    choice,
    json_schema,
    regex,
)
from latticework.grammar.schema_source import json_text, parsed, plain_json, read_schema_text, reread_text

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"const": 1.5}}, "required": ["b"]}


def test_constraints_are_values() -> None:
    made = [json_schema(SCHEMA), json_schema(Person), regex("a+"), choice(["a", "b"])]
    for constraint in made:
        assert isinstance(constraint.grammar(), Grammar)
        assert pickle.loads(pickle.dumps(constraint)) == constraint
        assert copy.deepcopy(constraint) == constraint
        with pytest.raises(dataclasses.FrozenInstanceError):
            constraint.source = "x"  # type: ignore[misc]
    assert len({hash(constraint) for constraint in made}) == len({constraint.key for constraint in made}) == 4


def test_parse() -> None:
    assert json_schema(SCHEMA).parse('{"b": 3}') == {"b": 3}
    assert json_schema(Person).parse('{"name": "A", "age": 3}') == Person(name="A", age=3)
    assert json_schema(Color).parse('"red"') is Color.RED
    assert regex("a+").parse("aa") == "aa"
    assert choice(["1", "2"]).parse("1") == "1"
    for constraint in (json_schema(SCHEMA), json_schema(Person)):
        with pytest.raises(ValueError):  # noqa: PT011 - of json and of Pydantic
            constraint.parse("{")


def test_keys_keep_what_decides_the_grammar() -> None:
    reordered = {**SCHEMA, "properties": {"a": {"const": 1.5}, "b": {"type": "integer"}}}
    made = [
        json_schema(SCHEMA),
        json_schema(reordered),
        json_schema(SCHEMA, property_order="any"),
        json_schema(SCHEMA, whitespace="compact"),
        json_schema(SCHEMA, whitespace="indent"),
        json_schema(SCHEMA, whitespace="indent", indent=4),
        json_schema(SCHEMA, max_whitespace=3),
        json_schema({"const": 1}),
        json_schema({"const": 1.0}),
        json_schema({"const": True}),
        json_schema({"const": "1"}),
        json_schema(True),
        json_schema(False),
        regex("a"),
        regex("a", dialect="ecma"),
        regex("a", search=True),
        choice(["a"]),
        choice(["a", "b"]),
    ]
    assert len({constraint.key for constraint in made}) == len(made)
    assert json_schema(SCHEMA).key == json_schema(json.dumps(SCHEMA, indent=3)).key == json_schema(dict(SCHEMA)).key
    assert json_schema(SCHEMA, whitespace="flexible", max_whitespace=40).key == json_schema(SCHEMA).key


def test_a_constraint_does_not_change_with_its_source() -> None:
    schema: dict[str, Any] = {"enum": [1, 2]}
    constraint = json_schema(schema)
    schema["enum"].append(3)
    assert constraint == json_schema({"enum": [1, 2]})
    texts = ["a"]
    chosen = choice(texts)
    texts.append("b")
    assert chosen == choice(["a"])


def test_mappings_and_tuples_are_json() -> None:
    assert json_schema(MappingProxyType({"enum": ("a", Color.RED.value)})) == json_schema({"enum": ["a", "red"]})


@pytest.mark.parametrize("schema", [None, 3, 1.5, b"{}", ["a"], ("a",), "3", "null", '"a"', "[]", object()])
def test_what_is_not_a_schema(schema: Any) -> None:
    with pytest.raises(TypeError):
        json_schema(schema)


@pytest.mark.parametrize(
    ("options", "error", "names"),
    [
        ({"property_order": "sorted"}, ValueError, "property_order"),
        ({"property_order": None}, TypeError, "property_order"),
        ({"whitespace": "none"}, ValueError, "whitespace"),
        ({"whitespace": True}, TypeError, "whitespace"),
        ({"max_whitespace": -1}, ValueError, "max_whitespace"),
        ({"max_whitespace": 1.0}, TypeError, "max_whitespace"),
        ({"max_whitespace": True}, TypeError, "max_whitespace"),
        ({"indent": "2"}, TypeError, "indent"),
        ({"indent": -2, "whitespace": "indent"}, ValueError, "indent"),
        ({"indent": 4}, ValueError, "indent"),
        ({"indent": 4, "whitespace": "compact"}, ValueError, "indent"),
        ({"max_whitespace": 4, "whitespace": "compact"}, ValueError, "max_whitespace"),
        ({"max_whitespace": 4, "whitespace": "indent"}, ValueError, "max_whitespace"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        json_schema(SCHEMA, **options)


def test_wrong_arguments_of_regex() -> None:
    with pytest.raises(TypeError, match="pattern"):
        regex(re.compile("a"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dialect"):
        regex("a", dialect="perl")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="search"):
        regex("a", search=1)  # type: ignore[arg-type]
    with pytest.raises(GrammarSyntaxError):
        regex("(").grammar()


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ([], GrammarError, "empty"),
        (["a", "b", "a"], GrammarError, r"choice\[2\].*choice\[0\]"),
        (["a", "\ud800"], GrammarError, r"choice\[1\].*surrogate"),
        (["a", 1], TypeError, r"choice\[1\]"),
        ("ab", TypeError, "list"),
        ({"a", "b"}, TypeError, "set"),
        (None, TypeError, "NoneType"),
    ],
)
def test_wrong_choices(texts: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        choice(texts)


# ------------------------------------------------------------------------------------------------------ JSON text


@pytest.mark.parametrize(
    ("text", "pointer", "keyword"),
    [
        ('{"a": 1, "a": 1}', "", "a"),
        ('{"a": {"b/~": [{}, {"c": 1, "d": 2, "c": 3}]}}', "/a/b~1~0/1", "c"),
        ('{"a": [1, NaN]}', "/a/1", ""),
        ('{"a": -Infinity}', "/a", ""),
        ('{"maximum": 1e999}', "/maximum", ""),
    ],
)
def test_json_text_that_is_not_one_value_names_the_place(text: str, pointer: str, keyword: str) -> None:
    with pytest.raises(SchemaError) as caught:
        json_schema(text)
    assert (caught.value.pointer, caught.value.keyword) == (pointer, keyword)


def test_json_text_that_does_not_parse() -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        json_schema('{"a":\n  tru}')
    assert (caught.value.line, caught.value.column) == (2, 3)
    with pytest.raises(GrammarSyntaxError, match="nested"):
        json_schema('{"not":' * 5000 + "{}" + "}" * 5000)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"a": [1, {2}]}, "/a/1"),
        ({"a": {"b": float("nan")}}, "/a/b"),
        ({"a": {1: 2}}, "/a"),
        ({"default": b"x"}, "/default"),
    ],
)
def test_values_that_are_not_json(value: Any, pointer: str) -> None:
    with pytest.raises(SchemaError) as caught:
        json_schema(value)
    assert caught.value.pointer == pointer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(JSON)
def test_json_text_is_read_as_json_reads_it(value: Any) -> None:
    text = json.dumps(value)
    read = read_schema_text(text)
    assert read == value
    assert json.dumps(read) == json.dumps(plain_json(value)) == text


def test_repr_is_short_enough_to_read() -> None:
    assert repr(regex("a")).startswith("Constraint(kind='regex', source='a'")
    assert isinstance(choice(["a"]), Constraint)


def test_the_value_of_a_text_is_handed_over_once() -> None:
    given = {"enum": [1, [2.5, None], {"a": "b"}]}
    for text in (json_text(given), reread_text(json.dumps(given))):
        first, second = parsed(text), parsed(text)
        assert first == second == given
        assert first is not second
        assert first is not given
    older, newer = json_text({"a": 1}), json_text({"b": 2})
    assert (parsed(older), parsed(newer)) == ({"a": 1}, {"b": 2})

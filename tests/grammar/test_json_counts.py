"""Counting values and texts: never more than there are, and all of them where that is easy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from json_texts import schema_language

from latticework.grammar import UnsupportedSchemaError
from latticework.grammar.ir import Chars, JsonLayout, Repeat, TextSet
from latticework.grammar.json_canonical import canonicalize
from latticework.grammar.json_counts import PLENTY, count_texts, count_values, list_texts
from latticework.grammar.json_reading import Reading
from latticework.grammar.json_schema import _Translation
from latticework.grammar.limits import DEFAULT_LIMITS

BOOLEANS = {"type": "array", "items": {"type": "boolean"}}
PAIRS = {"type": "array", "prefixItems": [{"enum": [1, 2, 3]}, {"type": "boolean"}], "maxItems": 2}
FINITE: list[dict[str, Any]] = [
    {"const": 1},
    {"enum": [1, "a", None, [1]]},
    {"type": ["boolean", "null"]},
    {"type": "integer", "minimum": -3, "maximum": 12},
    {"type": "string", "pattern": "^[abc]{1,2}$"},
    {**BOOLEANS, "maxItems": 2},
    {**BOOLEANS, "minItems": 1, "maxItems": 3, "uniqueItems": True},
    {**BOOLEANS, "prefixItems": [{"const": 1}], "maxItems": 2},
    {**PAIRS, "minItems": 2},
    {**PAIRS, "minItems": 1, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"const": 1}, {"const": 1}], "items": False, "uniqueItems": True},
    {"type": "array", "items": {"const": 1}, "minItems": 30, "maxItems": 32},
    {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"enum": [1, 2]}}, "additionalProperties": False},
    {
        "type": "object",
        "properties": {"a": {"type": "boolean"}, "b": {"enum": [1, 2]}},
        "required": ["b"],
        "maxProperties": 1,
        "additionalProperties": False,
    },
    {"anyOf": [{"enum": ["a", "b"]}, {"type": "string", "pattern": "^[bc]$"}, {**BOOLEANS, "maxItems": 1}]},
]


def counted(schema: dict[str, Any]) -> int:
    form, source = canonicalize(schema, Reading(), DEFAULT_LIMITS)
    run = _Translation(source, "any", JsonLayout("compact"), DEFAULT_LIMITS, Reading())
    with run.spelled_uniquely(True):
        return count_values(form, source.start(), run)


@pytest.mark.parametrize("schema", FINITE, ids=json.dumps)
def test_no_more_than_there_are(schema: dict[str, Any]) -> None:
    texts = schema_language(schema, "declared", JsonLayout("compact")).all_texts()
    values = {json.dumps(json.loads(text), sort_keys=True) for text in texts}
    assert 0 < counted(schema) <= len(values)


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        ({"type": "integer", "minimum": -3, "maximum": 12}, 16),
        ({"enum": [1, "a", None, [1]]}, 4),
        ({**BOOLEANS, "maxItems": 2}, 7),
        ({**BOOLEANS, "uniqueItems": True}, 5),
        ({**PAIRS, "minItems": 2}, 6),
        (PAIRS, 10),
        ({**PAIRS, "minItems": 3}, 0),
        ({"type": "array", "items": {"const": 1}, "minItems": 30, "maxItems": 30}, 1),
        ({"type": "array", "items": {"const": 1}, "minItems": 30, "maxItems": 34}, 5),
        ({"type": "array", "items": {"const": 1}}, PLENTY),
        ({"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3}, 6),
        ({"type": "array", "items": {"enum": [1, 2]}, "minItems": 10**9}, PLENTY),
        ({"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False}, 3),
        ({"type": "object", "properties": {"a": {"type": "boolean"}}}, PLENTY),
        ({"type": "string"}, PLENTY),
        ({"type": "number", "minimum": 0, "maximum": 1}, PLENTY),
        ({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}, PLENTY),
    ],
)
def test_counts(schema: dict[str, Any], count: int) -> None:
    assert counted(schema) == count


def test_sets_of_tuples() -> None:
    pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"enum": ["a"]}], "minItems": 2, "maxItems": 2}
    texts = schema_language({"type": "array", "uniqueItems": True, "minItems": 2, "items": pair})
    assert [text in texts for text in ('[[1, "a"], [2, "a"]]', '[[1, "a"], [1, "a"]]', '[[1, "a"]]')] == [
        True,
        False,
        False,
    ]
    few = {**pair, "prefixItems": [{"const": 1}, {"type": "boolean"}]}
    assert "[[1, true], [1, false]]" in schema_language(
        {"type": "array", "uniqueItems": True, "minItems": 2, "items": few}
    )
    with pytest.raises(UnsupportedSchemaError, match="different items"):
        schema_language({"type": "array", "uniqueItems": True, "minItems": 3, "items": few})


def test_texts() -> None:
    letters = Chars(((97, 99),))
    assert list_texts(TextSet(("b", "a", "")), 3) == ["", "a", "b"]
    assert list_texts(TextSet(("b", "a", "")), 2) is None
    assert list_texts(Repeat(letters), 50) is None
    assert count_texts(Repeat(letters, 0, 2), 100) == 13
    assert count_texts(Repeat(letters), 100) == 100
    assert count_texts(TextSet(()), 5) == 0

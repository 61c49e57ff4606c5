"""Values beside a format: those that have it are left, in every dialect alike."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from json_texts import Language

from latticework.grammar import UnsatisfiableSchemaError, UnsupportedSchemaError, json_schema

EXAMPLES = {  # a text that has the format, and one that has not
    "uri-reference": ("/a", "a b"),
    "uri-template": ("{a}", "{a"),
    "json-pointer": ("/a", "a"),
    "idn-hostname": ("bücher.example", "a b"),
    "iri": ("http://é.example/", "a b"),
    "iri-reference": ("/é", "a b"),
    "relative-json-pointer": ("0/a", "/a"),
    "duration": ("P1D", "P"),
    "uuid": ("2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8"),
    "date": ("2024-02-29", "2023-02-29"),
}
DRAFTS = ("4", "6", "7", "2019-09", "2020-12")


def language(schema: dict[str, Any], draft: str, **options: Any) -> Language:
    return Language(json_schema(schema, draft=draft, **options).grammar())


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_format_counts_beside_given_values_as_it_does_alone(name: str, draft: str) -> None:
    good, bad = EXAMPLES[name]
    alone = language({"type": "string", "format": name}, draft)
    given: dict[str, Any] = {"enum": [good, bad, 1], "format": name}
    for texts in (language(given, draft), language({"type": "array", "items": given}, draft)):
        opening, closing = ("", "") if "1" in texts else ("[", "]")
        assert f"{opening}1{closing}" in texts
        for value in (good, bad):
            assert (f'{opening}"{value}"{closing}' in texts) == (f'"{value}"' in alone)
    assert f'"{bad}"' in language(given, draft, formats="annotation")


@pytest.mark.parametrize("draft", ["6", "7"])
@pytest.mark.parametrize("given", [{"const": "P"}, {"enum": ["P", "x"]}])
def test_nothing_may_be_left(draft: str, given: dict[str, Any]) -> None:
    with pytest.raises(UnsatisfiableSchemaError):
        language({**given, "format": "duration"}, draft)
    texts = language({"type": "object", "properties": {"a": {**given, "format": "duration"}}}, draft)
    assert ("{}" in texts, '{"a": "P"}' in texts) == (True, False)


def test_names_of_properties_are_no_keywords() -> None:
    inner = {"format": {"const": "duration"}, "enum": {"const": "P"}}
    texts = language({"type": "object", "properties": inner, "required": ["format", "enum"]}, "7")
    assert '{"format": "duration", "enum": "P"}' in texts
    held: dict[str, Any] = {"const": {"format": "duration", "enum": ["P"]}}
    assert '{"format": "duration", "enum": ["P"]}' in language(held, "7")


def test_draft_4_has_no_const() -> None:
    assert '"P1D"' in language({"const": "P", "type": "string", "format": "duration"}, "4")


UUID = EXAMPLES["uuid"][0]
COMBINED: list[dict[str, Any]] = [
    {"allOf": [{"format": "uuid"}, {"enum": ["a", UUID]}]},
    {"not": {"format": "uuid"}, "enum": ["a", UUID, 3]},
    {"not": {"not": {"format": "uuid"}}, "enum": ["a", UUID, 3]},
    {"anyOf": [{"type": "string", "format": "uuid"}, {"const": "b"}], "enum": ["a", "b", UUID]},
    {"oneOf": [{"format": "uuid"}, {"enum": ["a", UUID]}], "type": ["string", "null"], "enum": ["a", "b", UUID, None]},
    {"definitions": {"id": {"format": "uuid"}}, "allOf": [{"$ref": "#/definitions/id"}, {"enum": ["a", UUID]}]},
    {"allOf": [{"items": {"format": "uuid"}}, {"type": "array", "items": {"enum": ["a", UUID]}, "maxItems": 2}]},
    {"items": {"format": "uuid"}, "enum": [["a"], [UUID], [UUID, 1], 7]},
    {"type": "array", "items": {"enum": ["a", UUID]}, "contains": {"format": "uuid"}, "maxItems": 2},
    {"if": {"format": "uuid"}, "then": {"const": UUID}, "else": {"enum": ["a", 3]}},
    {"propertyNames": {"format": "uuid"}, "properties": {"a": {"const": 1}, UUID: {"const": 1}}, "maxProperties": 1},
    {"type": "object", "propertyNames": {"format": "uuid"}, "required": ["a"], "maxProperties": 1},
]
VALUES: list[Any] = ["a", "b", "", UUID, 3, None, [], ["a"], [UUID], ["a", UUID], [UUID, 1], 7, {}, {"a": 1}, {UUID: 1}]


@pytest.mark.parametrize("schema", COMBINED, ids=str)
@pytest.mark.parametrize("draft", ["7", "2020-12"])
def test_formats_count_wherever_values_are_given(schema: dict[str, Any], draft: str) -> None:
    """The checker is told all formats, whatever the draft."""
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    try:
        texts: Any = language(schema, draft, property_order="any")
    except UnsatisfiableSchemaError:
        texts = ()
    for value in VALUES:
        assert (json.dumps(value) in texts) is validator.is_valid(value), value


def test_documents_of_the_registry_are_told_too() -> None:
    registry = {"https://example.com/id": {"$schema": "http://json-schema.org/draft-07/schema#", "format": "uuid"}}
    schema = {"allOf": [{"$ref": "https://example.com/id"}, {"enum": ["a", UUID]}]}
    texts = language(schema, "7", registry=registry)
    assert ('"a"' in texts, f'"{UUID}"' in texts) == (False, True)


def test_too_many_texts_beside_formats() -> None:
    formats = {f"id{index}": {"format": "uuid"} for index in range(100)}
    schema = {"properties": {**formats, "kind": {"enum": [f"kind {index}" for index in range(201)]}}}
    with pytest.raises(UnsupportedSchemaError, match="newer than the draft") as caught:
        language(schema, "7")
    assert (caught.value.pointer, caught.value.keyword) == ("/properties/id0", "format")
    assert "{}" in language(schema, "2020-12")

"""Values beside a format: those that have it are left, in every dialect alike."""

from __future__ import annotations

from typing import Any

import pytest
from json_texts import Language

from latticework.grammar import UnsatisfiableSchemaError, json_schema

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

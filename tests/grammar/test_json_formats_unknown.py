"""Unknown formats are refused with their place, where they stand as a keyword."""

from __future__ import annotations

from typing import Any

import pytest

from latticework.grammar.errors import UnsupportedSchemaError
from latticework.grammar.json_formats_unknown import refuse_unknown_formats
from latticework.grammar.json_places import Source


def refused(schema: dict[str, Any]) -> str | None:
    try:
        refuse_unknown_formats(Source(schema, old_references=False))
    except UnsupportedSchemaError as error:
        assert error.keyword == "format"
        return error.pointer
    return None


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"format": "int32"}, ""),
        ({"type": "integer", "format": "int32"}, ""),
        ({"properties": {"a/b": {"items": {"format": "date2"}}}}, "/properties/a~1b/items"),
        ({"anyOf": [{"format": "date"}, {"not": {"format": "Date"}}]}, "/anyOf/1/not"),
        ({"$defs": {"a": {"format": ""}}}, "/$defs/a"),
        (
            {"$ref": "#/elsewhere/a", "elsewhere": {"a": {"prefixItems": [{"format": "x"}]}}},
            "/elsewhere/a/prefixItems/0",
        ),
    ],
)
def test_the_place_is_named(schema: dict[str, Any], pointer: str) -> None:
    assert refused(schema) == pointer


@pytest.mark.parametrize(
    "schema",
    [
        {"format": "date", "items": {"format": "regex"}},
        {"properties": {"format": {"type": "string"}}},
        {"properties": {"format": {"const": {"format": "x"}}}},
        {"enum": [{"format": "x"}], "default": {"format": "x"}},
        {"$ref": "#", "not": {"$ref": "#/$defs/a"}, "$defs": {"a": {"$ref": "#/$defs/a", "format": "uuid"}}},
    ],
)
def test_others_pass(schema: dict[str, Any]) -> None:
    assert refused(schema) is None

"""Bounds that an automaton cannot count to: no bound at all from above, refused with their place from below."""

from __future__ import annotations

from typing import Any

import pytest
from json_texts import schema_language

from latticework.grammar import UnsupportedSchemaError
from latticework.grammar.json_bounds import LARGEST


@pytest.mark.parametrize("bound", [LARGEST, LARGEST + 1, 2**40, 2**63, 10**30])
@pytest.mark.parametrize(
    ("keyword", "text"),
    [("maxItems", "[1, 2]"), ("maxLength", '"abc"'), ("maxProperties", '{"a": 1, "b": 2}')],
)
def test_a_maximum_that_no_text_reaches(keyword: str, text: str, bound: int) -> None:
    assert text in schema_language({"properties": {"x": {keyword: bound}}, keyword: bound})


@pytest.mark.parametrize("bound", [LARGEST + 1, 2**40, 10**30])
@pytest.mark.parametrize(
    ("kind", "keyword"), [("array", "minItems"), ("string", "minLength"), ("object", "minProperties")]
)
def test_a_minimum_that_no_text_reaches(kind: str, keyword: str, bound: int) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"a/b": {"type": kind, keyword: bound}}}
    with pytest.raises(UnsupportedSchemaError, match=f"not {bound}") as caught:
        schema_language(schema)
    assert (caught.value.pointer, caught.value.keyword) == ("/properties/a~1b", keyword)

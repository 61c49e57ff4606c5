"""The same schema in other words: `jsonschema` judges both alike, and what had no canonical form is enforced."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from json_texts import dumps, schema_language

from latticework.grammar.json_rewriting import in_other_words

DRAFTS = {4: "http://json-schema.org/draft-04/schema#", 7: "http://json-schema.org/draft-07/schema#"}
DRAFTS |= {20: "https://json-schema.org/draft/2020-12/schema"}
INNER: list[Any] = [None, 1, "a", [], {}, [1], ["a", 1], {"a": 1}, {"a": [1], "b": "x"}, [[1]], [{"a": 1}]]
VALUES = [*INNER, *([value] for value in INNER), *({"a": value} for value in INNER), [1, 2], {"a": 1, "c": 2}, ["a"]]
SCHEMAS: list[dict[str, Any]] = [
    {"not": {"enum": [[1]]}},
    {"not": {"enum": [{"a": 1}, ["a", 1], 1]}},
    {"not": {"enum": [{"a": [1], "b": "x"}, [], {}]}},
    {"enum": [[1], {"a": 1}, "a"], "not": {"enum": [[1]]}},
    {"allOf": [{"type": ["array", "object"]}], "not": {"enum": [[[1]], [{"a": 1}], [[]]]}},
    {"oneOf": [{"enum": [[1], {"a": 1}]}, {"enum": [[1], [2]]}, {"type": "null"}]},
    {"oneOf": [{"$ref": "#/definitions/x"}, {"type": "array", "maxItems": 1}], "definitions": {"x": {"enum": [[1], [[1]], 1]}}},
    {"properties": {"a": {"not": {"$ref": "#/definitions/x"}}}, "definitions": {"x": {"enum": [[1], {}]}}},
    {"type": "object", "properties": {"a": {"not": {"$ref": "#"}}}, "not": {"enum": [{"a": 1}]}},
]  # fmt: skip


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("schema", SCHEMAS, ids=dumps)
def test_containers_given_as_values(schema: dict[str, Any], draft: int) -> None:
    schema = {"$schema": DRAFTS[draft], **schema}
    kind = jsonschema.validators.validator_for(schema)
    before, after = kind(schema), kind(in_other_words(deepcopy(schema), draft))
    language = schema_language(schema)
    for value in VALUES:
        assert after.is_valid(value) == before.is_valid(value), value
        assert (dumps(value) in language) == before.is_valid(value), value


def test_evaluated_properties_stay_as_they_are() -> None:
    schema = {"allOf": [{"enum": [{"a": 1}, {"b": 2}]}], "unevaluatedProperties": False}
    assert in_other_words(schema, 20) == schema


def test_remarks_are_left_out() -> None:
    schema = {
        "$schema": DRAFTS[7],
        "properties": {
            "a": {"not": {"contentEncoding": "base64", "maxLength": 3}},
            "b": {"$schema": DRAFTS[7], "type": "string"},
        },
    }
    language = schema_language(schema)
    assert '{"a": "four", "b": "x"}' in language
    assert '{"a": "abc"}' not in language
    assert '{"b": 1}' not in language


def test_another_dialect_inside_stays() -> None:
    inner = {"$id": "http://example.org/x", "$schema": DRAFTS[4], "maximum": 1, "exclusiveMaximum": True}
    rewritten = in_other_words({"$schema": DRAFTS[20], "items": inner}, 20)
    assert json.dumps(rewritten["items"]) == json.dumps(inner)

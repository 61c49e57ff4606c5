"""How a schema is read: registry, draft, formats, dialects of one's own, dynamic references; constraints stay values."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from json_texts import Language
from referencing import Registry
from referencing.jsonschema import DRAFT7

from latticework.grammar import Constraint, GrammarError, SchemaError, UnsupportedSchemaError, json_schema

LATEST = "https://json-schema.org/draft/2020-12/schema"
TREE = {
    "type": "object",
    "properties": {"value": {"$ref": "number.json"}, "next": {"$ref": "#"}},
    "additionalProperties": False,
}
DOCUMENTS: dict[str, Any] = {
    "http://example.org/tree.json": TREE,
    "http://example.org/number.json": {"type": "integer", "minimum": 0},
    "http://example.org/broken.json": {"$ref": "http://example.org/nowhere.json"},
    "http://example.org/names.json": {"$defs": {"short": {"$id": "/short.json", "$anchor": "s", "maxLength": 2}}},
    "http://example.org/yes.json": True,
}


def language(schema: Any, **options: Any) -> Language:
    return Language(json_schema(schema, property_order="any", **options).grammar())


def test_references_lead_into_the_registry() -> None:
    trees = language({"items": {"$ref": "http://example.org/tree.json"}}, registry=DOCUMENTS)
    assert '[{"value": 1, "next": {"next": {"value": 0}}}]' in trees
    assert '[{"next": {"value": -1}}]' not in trees
    assert '[{"other": 1}]' not in trees
    short = language({"type": "string", "$ref": "http://example.org/short.json#s"}, registry=DOCUMENTS)
    assert ('"ab"' in short, '"abc"' in short) == (True, False)
    assert "[1]" in language({"$ref": "http://example.org/yes.json"}, registry=DOCUMENTS)


def test_only_what_is_led_to_can_be_wrong() -> None:
    with pytest.raises(UnsupportedSchemaError, match=r"nowhere\.json"):
        language({"$ref": "http://example.org/broken.json"}, registry=DOCUMENTS)
    with pytest.raises(UnsupportedSchemaError, match=r"number\.json"):
        language({"$ref": "http://example.org/number.json"}, registry={"http://example.org/tree.json": TREE})


def test_documents_keep_the_order_of_their_properties() -> None:
    constraint = json_schema({"$ref": "http://example.org/tree.json"}, registry=DOCUMENTS)
    texts = Language(constraint.grammar())
    assert '{"value": 1, "next": {}}' in texts
    assert '{"next": {}, "value": 1}' not in texts


def test_a_registry_of_referencing_is_taken() -> None:
    resources = [(uri, DRAFT7.create_resource(schema)) for uri, schema in DOCUMENTS.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    schema = {"$ref": "http://example.org/tree.json"}
    assert json_schema(schema, registry=registry) == json_schema(schema, registry=DOCUMENTS)


@pytest.mark.parametrize(
    ("registry", "error"),
    [
        (["http://example.org"], TypeError),
        ({1: True}, TypeError),
        ({"http://example.org": 1}, TypeError),
        ({"http://example.org": {"enum": [{1, 2}]}}, SchemaError),
    ],
)
def test_a_wrong_registry(registry: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        json_schema(True, registry=registry)


def test_constraints_are_values() -> None:
    def make() -> Constraint:
        return json_schema(
            {"$ref": "http://example.org/number.json"}, registry=DOCUMENTS, draft=7, formats="annotation"
        )

    assert make() == make()
    assert len({make(), make(), pickle.loads(pickle.dumps(make()))}) == 1
    others = [
        json_schema({"$ref": "http://example.org/number.json"}, registry={**DOCUMENTS, "http://example.org/x": True}),
        json_schema({"$ref": "http://example.org/number.json"}, registry=DOCUMENTS, draft=6),
    ]
    assert len({constraint.key for constraint in (make(), *others)}) == 3
    assert json_schema(True, registry={}, draft=None).key == json_schema(True).key


@pytest.mark.parametrize(
    ("draft", "schema", "valid", "invalid"),
    [
        (4, {"type": "number", "maximum": 3, "exclusiveMaximum": True}, "2", "3"),
        (6, {"type": "integer", "if": True, "then": False, "maximum": 3}, "3", "4"),
        (7, {"type": "integer", "if": {"minimum": 2}, "then": False}, "1", "2"),
        ("7", {"items": [{"type": "null"}]}, "[null, 1]", "[1]"),
        ("2019-09", {"items": [{"type": "null"}], "additionalItems": False}, "[null]", "[null, 1]"),
        ("2020-12", {"prefixItems": [{"type": "null"}], "additionalItems": False}, "[null, 1]", "[1]"),
        (7, {"$defs": {"a": {"type": "null"}}, "$ref": "#/$defs/a", "enum": [1]}, "null", "1"),
        ("2019-09", {"$defs": {"a": {"type": ["null", "integer"]}}, "$ref": "#/$defs/a", "enum": [1]}, "1", "null"),
        (4, {"$schema": LATEST, "type": "integer", "exclusiveMaximum": 3}, "2", "3"),
    ],
)
def test_the_draft_decides(draft: Any, schema: Any, valid: str, invalid: str) -> None:
    texts = language(schema, draft=draft)
    assert valid in texts
    assert invalid not in texts


@pytest.mark.parametrize(
    ("draft", "error"), [(5, ValueError), ("draft7", ValueError), (7.0, TypeError), (True, TypeError)]
)
def test_a_wrong_draft(draft: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="2020-12"):
        json_schema(True, draft=draft)


def test_a_draft_that_is_given_is_the_only_one_tried() -> None:
    with pytest.raises(GrammarError):
        language({"type": "number", "maximum": 3, "exclusiveMaximum": True}, draft="2020-12")


def test_formats_may_be_remarks() -> None:
    schema = {"type": "string", "format": "date", "maxLength": 12}
    assert '"someday"' not in language(schema)
    assert '"someday"' in language(schema, formats="annotation")
    pairs = {"oneOf": [{"$ref": "#/$defs/a"}, {"required": ["b"]}], "$defs": {"a": {"properties": {"a": schema}}}}
    assert '{"a": "someday"}' in language(pairs, formats="annotation")
    with pytest.raises(ValueError, match="annotation"):
        json_schema(schema, formats="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["http://json-schema.org/draft-07/schema#", LATEST])
def test_meta_schemas_are_known(name: str) -> None:
    texts = language({"$schema": name, "$ref": name})
    assert '{"properties": {"a": {"type": "string"}}}' in texts
    assert '{"properties": {"a": {"type": 1}}}' not in texts


# ------------------------------------------------------------------------------------------ dialects, dynamic references


def dialect(**vocabularies: bool) -> dict[str, Any]:
    names = {f"https://json-schema.org/draft/2020-12/vocab/{name}": True for name in ("core", "applicator")}
    given = {name.replace("_", "/"): needed for name, needed in vocabularies.items()}
    return {
        "http://example.org/meta": {"$schema": LATEST, "$id": "http://example.org/meta", "$vocabulary": names | given}
    }


def test_vocabularies_decide_what_has_a_meaning() -> None:
    schema = {"$schema": "http://example.org/meta", "properties": {"a": False, "b": {"minimum": 10}}}
    texts = language(schema, registry=dialect())
    assert '{"b": 1}' in texts
    assert '{"a": 1}' not in texts
    validated = dialect(**{"https:__json-schema.org_draft_2020-12_vocab_validation": True})
    assert '{"b": 1}' not in language(schema, registry=validated)
    assert '{"b": 1}' in language(schema, registry=dialect(**{"http:__example.org_mine": False}))
    with pytest.raises(UnsupportedSchemaError):
        language(schema, registry=dialect(**{"http:__example.org_mine": True}))


def test_a_dynamic_reference_leads_to_the_outermost_anchor() -> None:
    schema = {
        "$schema": LATEST,
        "$id": "http://example.org/mine",
        "$ref": "general",
        "$defs": {
            "mine": {"$dynamicAnchor": "more", "properties": {"b": {"type": "null"}}},
            "general": {
                "$id": "general",
                "type": "object",
                "properties": {"a": {"type": "null"}},
                "$dynamicRef": "#more",
                "unevaluatedProperties": False,
                "$defs": {"none": {"$dynamicAnchor": "more"}},
            },
        },
    }
    texts = language(schema)
    assert '{"a": null, "b": null}' in texts
    assert '{"b": 1}' not in texts
    assert '{"c": null}' not in texts

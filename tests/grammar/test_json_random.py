"""Random schemas of every draft against values and texts, judged by `jsonschema`; and that the comparison would tell."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import comparing
from comparing import Plan, Tally, accepts, accepts_in_some_order, compile_schema, examine, plain_numbers
from random_schemas import DRAFTS, random_schema
from random_values import near_value
from shrinking import shrunk
from truth import Truth

from latticework.grammar import Compiler, Vocabulary, json_schema

SCHEMAS_AT_ONCE = 6
seeds = st.integers(0, 2**32)
no_shrinking = settings(phases=[Phase.explicit, Phase.reuse, Phase.generate])  # what is found has been made smaller


@pytest.mark.parametrize("draft", DRAFTS)
@no_shrinking
@given(seed=seeds)
def test_verdicts_and_texts_agree_with_jsonschema(draft: int, seed: int) -> None:
    tally = Tally()
    for index in range(SCHEMAS_AT_ONCE):
        examine(Random(f"{seed} {index}"), tally, Plan(draft=draft))
    wrong = [found for found in tally.found if found["kind"] != "slow"]  # no test depends on timing
    assert wrong == [], json.dumps(wrong[0], ensure_ascii=False)


@pytest.mark.parametrize("draft", DRAFTS)
def test_most_schemas_compile_and_values_are_on_both_sides(draft: int) -> None:
    tally = Tally()
    for index in range(150):
        examine(Random(f"{draft} {index}"), tally, Plan(draft=draft, texts=1))
    assert tally.compiled + tally.unsatisfiable > 0.8 * tally.schemas
    assert 0.2 * tally.pairs < tally.valid < 0.7 * tally.pairs
    assert tally.unfinished < 0.1 * tally.texts


# ---------------------------------------------------------------------------------------------- the comparison itself


def test_schemas_are_well_formed_and_have_every_keyword() -> None:
    seen: dict[int, set[str]] = {draft: set() for draft in DRAFTS}
    for draft, number in [(draft, number) for draft in DRAFTS for number in range(250)]:
        schema = random_schema(Random(f"{draft} {number}"), draft)
        jsonschema.validators.validator_for(schema).check_schema(schema)
        seen[draft] |= words(schema)
    always = {"type", "enum", "allOf", "anyOf", "oneOf", "not", "$ref", "properties", "patternProperties", "required"}
    always |= {"additionalProperties", "minProperties", "maxProperties", "items", "minItems", "maxItems", "uniqueItems"}
    always |= {"minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf"}
    always |= {"exclusiveMinimum", "exclusiveMaximum"}
    later = {"const": 6, "contains": 6, "propertyNames": 6, "if": 7, "then": 7, "else": 7, "minContains": 2019}
    later |= {"maxContains": 2019, "dependentRequired": 2019, "dependentSchemas": 2019, "unevaluatedItems": 2019}
    later |= {"unevaluatedProperties": 2019, "$anchor": 2019, "$defs": 2019, "prefixItems": 2020}
    for draft, found in seen.items():
        assert always <= found
        assert {word for word, first in later.items() if first <= draft} == found & later.keys()


def words(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(words, schema))
    return {*schema}.union(*map(words, schema.values())) if isinstance(schema, dict) else set()


@pytest.mark.parametrize("keyword", ["required", "uniqueItems", "maximum", "additionalProperties", "pattern", "not"])
def test_a_compiler_that_forgets_a_keyword_is_found_out(keyword: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(schema: Any) -> Any:
        if isinstance(schema, list):
            return [without(part) for part in schema]
        return {n: without(s) for n, s in schema.items() if n != keyword} if isinstance(schema, dict) else schema

    monkeypatch.setattr(comparing, "compile_schema", lambda schema: compile_schema(without(schema)))
    tally = Tally()
    for index in range(250):
        examine(Random(index), tally, Plan(shrink=False))
    assert "false accept" in {found["kind"] for found in tally.found}


def test_what_is_found_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(schema: Any) -> Any:
        return compile_schema({name: part for name, part in schema.items() if name != "required"})

    monkeypatch.setattr(comparing, "compile_schema", forgetful)
    schema = {"$schema": DRAFTS[2020], "type": "object", "required": ["a", "b"], "properties": {"c": {"minimum": 2}}}
    found = comparing.finding("false accept", schema, {"a": 1, "x": []}, comparing.disagrees(True, False), Plan())
    assert found["schema"] == {"$schema": DRAFTS[2020], "required": [""]}
    assert found["value"] == {}


@given(st.recursive(st.integers(0, 9), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner)))
def test_shrinking_keeps_what_holds_and_nothing_else(value: Any) -> None:
    def has_five(part: Any) -> bool:
        return "5" in json.dumps(part)

    if has_five(value):
        assert has_five(shrunk(value, has_five))
        assert len(json.dumps(shrunk(value, has_five))) <= 8  # {"a": 5}: objects stay objects


def test_truth_knows_where_jsonschema_departs() -> None:
    decimal = Truth({"multipleOf": 0.1})
    assert (decimal.plainly(0.3), decimal.exactly(0.3), decimal.exactly(0.35)) == (False, True, False)
    ending = Truth({"properties": {"a": {"pattern": "^b$"}}})
    assert (ending.plainly({"a": "b\n"}), ending.exactly({"a": "b\n"}), ending.exactly({"a": "b"})) == (
        True,
        False,
        True,
    )
    circle = Truth({"allOf": [{"$ref": "#"}]})
    assert circle.plainly(1) is None


def test_numbers_are_respelled() -> None:
    assert (
        plain_numbers({"a": [1.0, 1e-7, -0.1, 1e22, True]}) == '{"a":[1,0.0000001,-0.1,10000000000000000000000,true]}'
    )


def test_orders_are_tried() -> None:
    schema = {"properties": {"b": {"properties": {"x": True, "y": True}}, "a": True}, "additionalProperties": False}
    constraint = json_schema({"type": "array", "items": schema}, whitespace="compact")
    grammar = Compiler(Vocabulary([*(bytes([byte]) for byte in range(256)), None], [256])).compile(constraint)
    value = [{"a": [], "b": {"y": 1, "x": 2}}, {}, 1]
    assert not accepts(grammar, json.dumps(value, separators=(",", ":")))
    assert accepts_in_some_order(grammar, value)
    assert not accepts_in_some_order(grammar, [{"c": 1, "a": 0}])


def test_values_are_near_the_schema() -> None:
    schema = {"$schema": DRAFTS[2020], "type": "object", "required": ["q"], "properties": {"q": {"const": [1, "z"]}}}
    valid = [Truth(schema).plainly(near_value(Random(seed), schema)) for seed in range(200)]
    assert 80 < valid.count(True) < 200

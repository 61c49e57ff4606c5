"""Whole numbers with a fraction of zeros, where the option `integers` allows them: `jsonschema` judges what a reader gets."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import Language

from latticework.grammar import UnsatisfiableSchemaError, json_schema

EDGE = 2**53
DRAFTS = {"4": jsonschema.Draft4Validator, "6": jsonschema.Draft6Validator, "2020-12": jsonschema.Draft202012Validator}
LARGE = [EDGE - 1, EDGE, EDGE + 1, EDGE + 2, 10**18, 10**30]
VALUES = [*range(-3, 5), *LARGE, *(-value for value in LARGE)]
TEXTS = [f"{value}{end}" for value, end in product(VALUES, ("", ".0", ".000", ".5", ".01"))] + [
    "-0",
    "-0.0",
    "1.",
    "1e1",
]
VALID_JSON = [text for text in TEXTS if text != "1."]

small = st.integers(-3, 4) | st.sampled_from(LARGE) | st.sampled_from(LARGE).map(int.__neg__)
maybe_whole = small.filter(lambda value: abs(value) < 10**30).map(float) | small  # 1e30 is not 10**30 to a reader
bounds = small.filter(lambda value: abs(value) <= EDGE)
scalars = maybe_whole | st.sampled_from([0.5, None, True, "1", "1.0"])
conditions = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number", ["integer", "string"], ["integer", "null"]])},
    optional={"minimum": bounds, "maximum": bounds, "multipleOf": st.sampled_from([1, 2, 4])},
)
given_values = st.builds(lambda values: {"enum": values}, st.lists(scalars, min_size=1, max_size=4))
leaves = conditions | given_values
schemas = leaves | st.one_of(
    st.builds(lambda inner: {"type": "integer", "not": inner}, leaves),
    st.builds(lambda *parts: {"anyOf": list(parts)}, leaves, leaves),
    st.builds(lambda *parts: {"allOf": list(parts)}, leaves, leaves),
    st.builds(lambda *parts: {"type": "integer", "oneOf": list(parts)}, leaves, leaves),
)


def language(schema: dict[str, Any], draft: str = "2020-12", **options: Any) -> Language | frozenset[str]:
    try:
        return Language(json_schema(schema, draft=draft, **{"integers": "any", **options}).grammar())
    except UnsatisfiableSchemaError:
        return frozenset()


def is_surely_written(text: str) -> bool:
    """Whether a text is written if it is valid: it has no fraction, or is a double among those that are all exact."""
    if text.startswith("-0") or "e" in text:
        return False
    return "." not in text or (abs(float(text)) < EDGE and Fraction(text) == Fraction(float(text)))


@pytest.mark.parametrize("draft", DRAFTS)
@given(schema=schemas)
def test_verdicts_are_those_of_jsonschema(draft: str, schema: dict[str, Any]) -> None:
    texts, plain = language(schema, draft), language(schema, draft, integers="plain")
    validator = DRAFTS[draft](schema)
    for text in VALID_JSON:
        valid = validator.is_valid(json.loads(text))
        assert valid or text not in texts, (text, "is not valid")
        assert text in texts or text not in plain, (text, "is written only where integers are plain")
        if draft != "4" and is_surely_written(text):
            assert valid == (text in texts), text


@pytest.mark.parametrize("schema", [{"type": "integer"}, {"enum": [1]}, {"type": ["integer", "null"]}, {"const": 1.0}])
def test_a_fraction_of_zeros(schema: dict[str, Any]) -> None:
    texts = language(schema)
    assert {text for text in ("1", "1.0", "1.0000", "1.", "1.00001", "1.0.0", "1e0", "01.0") if text in texts} == {
        "1",
        "1.0",
        "1.0000",
    }


def test_plain_is_the_default() -> None:
    assert json_schema({"type": "integer"}) == json_schema({"type": "integer"}, integers="plain")
    texts = Language(json_schema({"type": "integer"}).grammar())
    assert ("1" in texts, "1.0" in texts) == (True, False)


def test_in_draft_4_only_digits_are_an_integer() -> None:
    for schema in ({"type": "integer"}, {"type": "integer", "minimum": 1}, {"type": "integer", "enum": [1, 2]}):
        assert ("1" in language(schema, "4"), "1.0" in language(schema, "4")) == (True, False)
    assert "1.0" in language({"enum": [1]}, "4")


def test_a_value_that_is_no_double_has_no_fraction() -> None:
    texts = language({"enum": [EDGE, EDGE + 1, EDGE + 2, 10**400]})
    assert [f"{value}.0" in texts for value in (EDGE, EDGE + 1, EDGE + 2)] == [True, False, True]
    assert str(10**400) in texts
    assert f"{10**400}.0" not in texts
    assert f"{EDGE + 1}.0" not in language({"type": "integer", "minimum": EDGE + 1})  # a reader gets 2**53


def test_different_items_have_one_spelling() -> None:
    texts = language({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 1}, "uniqueItems": True})
    assert ("[0, 1]" in texts, "[1, 1.0]" in texts, "[1.0]" in texts) == (True, False, False)
    with pytest.raises(UnsatisfiableSchemaError):  # two values, however many spellings
        json_schema({"items": {"enum": [0, 1]}, "type": "array", "uniqueItems": True, "minItems": 3}).grammar()


def test_values_inside_of_values() -> None:
    texts = language({"enum": [[1], {"a": 2}]})
    assert [text in texts for text in ("[1.0]", '{"a": 2.00}', "[1.5]")] == [True, True, False]


def test_the_option_is_for_schemas() -> None:
    with pytest.raises(ValueError, match="integers: 'plain' or 'any' expected"):
        json_schema({}, integers="all")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="integers: str expected"):
        json_schema({}, integers=True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not for Python types"):
        json_schema(int | None, integers="any")


def test_a_float_whose_digits_say_another_number_is_written_as_the_schema_writes_it() -> None:
    texts = language({"enum": [1e30, 1e15]})
    assert [text in texts for text in ("1e+30", str(10**30), str(10**15), f"{10**15}.0")] == [True, False, True, True]

"""Chains of conditions on one property: what they are rewritten to says the same, and does not multiply."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from json_texts import dumps, schema_language
from jsonschema import Draft202012Validator

from latticework.grammar.json_chains import untangled

KINDS: list[Any] = ["a", "b", "c", None, True]
VALUES: list[Any] = [None, "a", 1, [], {}, {"p": 1}, {"q": 1}, {"p": "z", "q": 2}]
VALUES += [{"k": kind, **rest} for kind in [*KINDS, "d", 1] for rest in ({}, {"p": 1}, {"p": "z"}, {"q": 1, "p": "z"})]


def condition(random: Random, name: str) -> dict[str, Any]:
    values = random.sample(KINDS, random.randint(1, 2))
    test: dict[str, Any] = {"properties": {name: random.choice(({"enum": values}, {"const": values[0]}))}}
    if random.random() < 0.3:
        test["required"] = [name]
    if random.random() < 0.3:
        test["type"] = "object"
    consequences = [{"required": ["p"]}, {"properties": {"p": {"type": "string"}}}, {"maxProperties": 1}, False, True]
    branch = {"if": test, "then": random.choice(consequences), "else": random.choice([*consequences, True, True])}
    return {keyword: branch[keyword] for keyword in branch if keyword == "if" or random.random() < 0.8}


@pytest.mark.parametrize("seed", range(60))
def test_it_says_the_same(seed: int) -> None:
    random = Random(seed)
    branches = [condition(random, "k") for _ in range(random.randint(3, 5))]
    schema = {"allOf": [*branches, {"not": {"required": ["z"]}}, *(condition(random, "q") for _ in range(2))]}
    changed = untangled(schema)
    assert changed is not schema
    before, after = Draft202012Validator(schema), Draft202012Validator(changed)
    assert [before.is_valid(value) for value in VALUES] == [after.is_valid(value) for value in VALUES]


def chain(count: int) -> dict[str, Any]:
    cases = [{"if": {"properties": {"k": {"const": f"k{i}"}}}, "then": {"required": [f"p{i}"]}} for i in range(count)]
    return {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}, "allOf": cases}


def test_many_conditions_do_not_multiply() -> None:
    language = schema_language(chain(25))
    validator = Draft202012Validator(chain(25))
    for value in ({"k": "k7"}, {"k": "k7", "p7": 1}, {"k": "k7", "p8": 1}, {"k": "z"}, {"p1": 1}, {"k": 1}):
        assert (dumps(value) in language) == validator.is_valid(value), value


@pytest.mark.parametrize(
    "more",
    [
        {"unevaluatedProperties": False},
        {"properties": {"x": {"$ref": "#/allOf/0/then"}}},
        {"properties": {"x": {"$anchor": "x"}}},
        {"allOf": chain(2)["allOf"]},
    ],
)
def test_what_depends_on_its_place_stays(more: dict[str, Any]) -> None:
    schema = {**chain(3), **more}
    assert untangled(schema) is schema


def test_before_draft_7_there_are_no_conditions() -> None:
    schema = {**chain(8), "$schema": "http://json-schema.org/draft-06/schema#"}
    assert '{"k": "k7"}' in schema_language(schema)

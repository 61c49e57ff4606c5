"""Operators over references: whatever is compiled accepts exactly what `jsonschema` does, over many random schemas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from json_texts import dumps, schema_language
from jsonschema import Draft202012Validator

from latticework.grammar import ConstraintError, UnsatisfiableSchemaError, json_operators

NAMES = ("a", "b", "c")
KINDS = ("circle", "square", "line")


def random_schema(random: Random) -> dict[str, Any]:
    """A root and definitions that refer to each other, in place only to later ones."""
    definitions = {}
    for index, name in enumerate(NAMES):
        later = NAMES[index + 1 :]
        make = random.choice((_object, _object, _combined)) if later else _object
        definitions[name] = make(random, 2, later)
    return {**_combined(random, 2, NAMES), "$defs": definitions}


def _combined(random: Random, depth: int, names: Sequence[str]) -> dict[str, Any]:
    parts = [_any(random, depth - 1, names) for _ in range(random.randint(1, 3))]
    keyword = random.choice(("oneOf", "oneOf", "allOf", "anyOf", "not"))
    schema: dict[str, Any] = {keyword: parts[0] if keyword == "not" else parts}
    if random.random() < 0.5:
        schema |= _object(random, 0, names)
    return schema


def _any(random: Random, depth: int, names: Sequence[str]) -> dict[str, Any]:
    if depth <= 0 or random.random() < 0.5:
        return {"$ref": f"#/$defs/{random.choice(names)}"}
    return random.choice((_combined, _object))(random, depth, names)


def _object(random: Random, depth: int, _: Sequence[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {"kind": {"enum": random.sample(KINDS, random.randint(1, 2))}}
    if random.random() < 0.7:
        either = _any(random, depth - 1, NAMES), {"type": random.choice(("null", "boolean"))}
        properties["x"] = random.choice(either)
    schema: dict[str, Any] = {"properties": properties}
    if random.random() < 0.6:
        schema["type"] = "object"
    if random.random() < 0.5:
        schema["required"] = random.sample(["kind", "x"], random.randint(1, 2))
    if random.random() < 0.3:
        schema["additionalProperties"] = False
    return schema


def _values() -> list[Any]:
    scalars: list[Any] = [None, True, 1, "circle", []]
    flat = [{}, *({"kind": kind} for kind in (*KINDS, 1)), *({"x": x} for x in scalars[:3]), {"y": 1}]
    flat += [{"kind": kind, "x": x} for kind in KINDS for x in (None, True, {})]
    nested = [{"kind": kind, "x": inner} for kind in KINDS for inner in flat[:8]]
    return [*scalars, *flat, *nested, *({"x": inner} for inner in flat), {"kind": "line", "x": nested[3], "y": 0}]


VALUES = _values()


@pytest.mark.parametrize("most", [None, 0], ids=["joined", "in cases"])
@pytest.mark.parametrize("start", range(4))
def test_random_schemas(start: int, most: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if most is not None:
        monkeypatch.setattr(json_operators, "_MAX_UNION", most)
    outcomes: Counter[str] = Counter()
    for seed in range(start * 1000, start * 1000 + 60):
        schema = random_schema(Random(seed))
        validator = Draft202012Validator(schema)
        valid = [validator.is_valid(value) for value in VALUES]
        try:
            language = schema_language(schema)
        except UnsatisfiableSchemaError:
            outcomes["unsatisfiable"] += 1
            assert not any(valid), (seed, schema)
            continue
        except ConstraintError:
            outcomes["refused"] += 1
            continue
        outcomes["compiled"] += 1
        for value, expected in zip(VALUES, valid, strict=True):
            assert (dumps(value) in language) == expected, (seed, schema, value)
    assert outcomes["compiled"] > 4 * outcomes["refused"], outcomes

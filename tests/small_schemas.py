"""Random small JSON schemas of every kind of value, and the constraints of those that can be satisfied."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import latticework as lw


def random_schema(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    """A schema whose containers are at most three levels deep."""
    kinds = [
        lambda: {"type": "integer", "minimum": 0, "maximum": rng.choice([3, 120])},
        lambda: {"enum": rng.sample(["a", "abc", 1, None, True, "bc", [1], {"a": 1}], 3)},
        lambda: {"type": "string", "maxLength": 3, "minLength": rng.randrange(3), "pattern": "^[ab]*$"},
        lambda: {"type": "boolean"},
        lambda: {"const": rng.choice(["abc", None, 12])},
        lambda: random_object(rng, depth + 1),
        lambda: {
            "type": "array",
            "items": random_schema(rng, depth + 1),
            "minItems": rng.randrange(3),
            "maxItems": 3,
            "uniqueItems": rng.random() < 0.3,
        },
        lambda: {"anyOf": [random_schema(rng, depth + 1), random_schema(rng, depth + 1)]},
    ]
    return rng.choice(kinds if depth < 2 else kinds[:5])()


def random_object(rng: random.Random, depth: int) -> dict[str, Any]:
    """A schema of objects with the properties a, b and c, or the first of them."""
    return {
        "type": "object",
        "properties": {name: random_schema(rng, depth) for name in "abc"[: rng.randrange(1, 4)]},
        "required": rng.sample(["a"], rng.randrange(2)),
        "additionalProperties": rng.random() < 0.3,
        "minProperties": rng.randrange(2),
        "maxProperties": 4,
    }


def random_constraints(compiler: lw.Compiler, count: int, seed: int) -> Iterator[tuple[dict[str, Any], lw.Constraint]]:
    """Schemas that can be satisfied with the compiler's tokens, each with its constraint."""
    rng = random.Random(seed)
    while count:
        schema = random_schema(rng)
        order, layout = rng.choice(["declared", "any"]), rng.choice(["compact", "flexible"])
        try:
            constraint = lw.json_schema(schema, property_order=order, whitespace=layout)
            compiler.compile(constraint)
        except (lw.UnsatisfiableSchemaError, lw.UnsupportedSchemaError):
            continue
        count -= 1
        yield schema, constraint

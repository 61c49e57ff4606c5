"""Random JSON schemas of every draft: small, from few names and values, so that their keywords meet each other.

Each schema is a union of facets (a few keywords about one thing). What they are about is drawn from small sets on purpose:
a `required` name is also under `properties`, matches a pattern, and is what a condition asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any] | bool

DRAFTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
NAMES = ("a", "b", "c", "ab", "x1")
TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
PATTERNS: dict[str, tuple[str, ...]] = {  # with strings that match; all engines of patterns agree about these
    "^a": ("a", "ab", "abc"),
    "b$": ("b", "ab"),
    "^[ab]+$": ("a", "b", "bba"),
    "c": ("c", "abc"),
    "^x[0-9]$": ("x1", "x7"),
    "^(a|c)$": ("a", "c"),
    "^[^a]*$": ("", "b", "é"),
    "^[a-c]{2,3}$": ("ab", "abc"),
    "1|b": ("1", "x1", "b"),
}
FORMATS = ("date-time", "ipv4", "no such format")
LATER_FORMATS = {"date": 7, "uuid": 2019}  # with the first draft that has them
STRINGS = ("", "a", "b", "ab", "abc", "c", "x1", "bba", "é", "2024-02-29", "10.0.0.1", "2024-02-29T10:00:00Z", "\n", '"\\')  # fmt: skip
NUMBERS = (0, 1, 2, 3, 5, -1, -2, 10, 0.5, 1.5, 2.5, -0.5, 0.25, 1.0, 1e3)
LARGE_NUMBERS = (2**53 + 1, -(2**53), 2**64 - 1, 9223372036854776000, -(10**30), 1e30, -1e23)
DIVISORS = (1, 2, 3, 5, 7, 12, 0.5, 0.25, 1.5, 0.1, 0.01, 2.0)
SCALARS = (None, True, False, 0, 1, 2, -1, 0.5, 1.5, 1.0, "", "a", "b", "ab", "x1")
CONTAINERS: tuple[Any, ...] = ([], [1], [1, 2], ["a"], [[]], {}, {"a": 1}, {"a": "b"}, {"b": []}, {"a": 1, "b": None}, [{}])  # fmt: skip
DEFINITIONS = ("d0", "d1", "d2")


def random_schema(rng: Random, draft: int | None = None, budget: int | None = None) -> dict[str, Any]:
    """One document with its `$schema`. `budget` is about how many keywords there are."""
    draft = draft or rng.choice((4, 6, 7, 7, 2019, 2019, 2020, 2020, 2020, 2020))
    maker = _Maker(rng, draft, rng.randint(1, 9) if budget is None else budget)
    maker.mood = rng.choice(("any", "object", "object", "object", "array", "array", "array", "string", "number"))
    schema = maker.object_schema()
    document = {"$schema": DRAFTS[draft], **schema}
    done: set[str] = set()
    while maker.wanted - done:
        name = min(maker.wanted - done)
        done.add(name)
        maker.floor = DEFINITIONS.index(name) + 1
        maker.budget = max(maker.budget, rng.randint(1, 5))
        definition = maker.schema()
        if name in maker.anchored and isinstance(definition, dict):
            definition = {"$anchor": f"at-{name}", **definition}
        elif name in maker.anchored:
            definition = {"$anchor": f"at-{name}", "allOf": [definition]}
        document.setdefault(maker.definitions, {})[name] = definition
    return document


def random_value(rng: Random, depth: int = 0) -> Any:
    """Any JSON value of the same small world."""
    kind = rng.random()
    if kind < 0.6 or depth > 2:
        return rng.choice((rng.choice(SCALARS), rng.choice(STRINGS), rng.choice(NUMBERS)))
    if kind < 0.7:
        return rng.choice(CONTAINERS)
    if kind < 0.85:
        return [random_value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(NAMES): random_value(rng, depth + 1) for _ in range(rng.randint(0, 3))}


@dataclass(slots=True)
class _Maker:
    rng: Random
    draft: int
    budget: int
    floor: int = 0
    """Which definitions a reference may name in place; others only from inside a property or item, so that no schema
    is its own condition."""
    is_inside: bool = False
    """Whether a property or an item lies around; else a reference to the whole document would be a circle."""
    mood: str = "any"
    """What the schemas in place are about; those of properties and items have a mood of their own."""
    wanted: set[str] = field(default_factory=set)
    anchored: set[str] = field(default_factory=set)

    @property
    def definitions(self) -> str:
        return "$defs" if self.draft >= 2019 else "definitions"

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # --------------------------------------------------------------------------------------------------------- schemas

    def schema(self) -> Schema:
        """Any schema, also a boolean one where the draft has them."""
        self.budget -= 1
        if self.draft >= 6 and self.chance(0.08):
            return self.chance(0.6)
        return self.object_schema()

    def object_schema(self) -> dict[str, Any]:
        if self.budget <= 0:
            return self.small()
        result: dict[str, Any] = {}
        for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
            facet = self.rng.choice(_MOODS[self.mood if self.chance(0.9) else "any"])
            result |= facet(self)
        if self.chance(0.25) and "type" not in result:
            result |= self.type()
        return dict(self.rng.sample([*result.items()], len(result)))

    def inside(self) -> Schema:
        """The schema of a property or an item, where every definition may be named."""
        before = self.floor, self.is_inside, self.mood
        self.floor, self.is_inside, self.mood = 0, True, self.rng.choice(tuple(_MOODS))
        result = self.schema()
        self.floor, self.is_inside, self.mood = before
        return result

    def several(self, most: int = 3) -> list[Schema]:
        return [self.schema() for _ in range(self.rng.randint(1, most))]

    def small(self) -> dict[str, Any]:
        facets = {"object": self.object, "array": self.array, "string": self.string, "number": self.number}
        own = facets.get(self.mood, self.type) if self.chance(0.7) and self.budget > -20 else self.type
        return self.rng.choice((own, own, self.type, self.values, dict))()

    def type(self) -> dict[str, Any]:
        if self.chance(0.25):
            return {"type": self.rng.sample(TYPES, self.rng.randint(1, 3))}
        return {"type": self.rng.choice(TYPES) if self.mood == "any" or self.chance(0.15) else self.mood}

    def values(self) -> dict[str, Any]:
        if self.draft >= 6 and self.chance(0.4):
            return {"const": self.value()}
        values: list[Any] = []
        for value in (self.value() for _ in range(self.rng.randint(1, 5))):
            if not any(_same(value, other) for other in values):
                values.append(value)
        return {"enum": values}

    def value(self) -> Any:
        if self.mood in ("object", "array") and self.chance(0.7):
            kind = dict if self.mood == "object" else list
            return self.rng.choice([value for value in CONTAINERS if isinstance(value, kind)])
        return self.rng.choice(SCALARS) if self.chance(0.8) else self.rng.choice(CONTAINERS)

    # ------------------------------------------------------------------------------------------------ numbers, strings

    def number(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for keyword in ("minimum", "maximum"):
            if self.chance(0.4):
                result[keyword] = self._bound()
                exclusive = "exclusive" + keyword.capitalize()
                if self.draft == 4 and self.chance(0.4):
                    result[exclusive] = self.chance(0.7)
            if self.draft > 4 and self.chance(0.2):
                result["exclusive" + keyword.capitalize()] = self._bound()
        if self.chance(0.3) or not result:
            result["multipleOf"] = self.rng.choice(DIVISORS)
        return result

    def _bound(self) -> float:
        return self.rng.choice(LARGE_NUMBERS if self.chance(0.1) else NUMBERS)

    def string(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if self.chance(0.3):
            result["minLength"] = self.rng.randint(0, 3)
        if self.chance(0.3):
            result["maxLength"] = self.rng.randint(0, 4)
        if self.chance(0.15):
            known = [name for name, draft in LATER_FORMATS.items() if draft <= self.draft]
            result["format"] = self.rng.choice([*FORMATS, *known])
        if self.chance(0.4) or not result:
            result["pattern"] = self.rng.choice(tuple(PATTERNS))
        return result

    # ---------------------------------------------------------------------------------------------------------- objects

    def names(self, most: int = 3) -> list[str]:
        return self.rng.sample(NAMES, self.rng.randint(1, most))

    def object(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for keywords in self.rng.sample(_OBJECT_PARTS, self.rng.choice((1, 1, 2, 2, 3))):
            result |= keywords(self)
        return result

    def properties(self) -> dict[str, Any]:
        return {"properties": {name: self.inside() for name in self.names()}}

    def pattern_properties(self) -> dict[str, Any]:
        count = self.rng.choice((1, 1, 2))
        return {"patternProperties": {p: self.inside() for p in self.rng.sample(tuple(PATTERNS), count)}}

    def additional_properties(self) -> dict[str, Any]:
        return {"additionalProperties": False if self.chance(0.4) else self.inside()}

    def required(self) -> dict[str, Any]:
        return {"required": self.names()}

    def property_counts(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if self.chance(0.6):
            result["minProperties"] = self.rng.randint(0, 3)
        if self.chance(0.6):
            result["maxProperties"] = self.rng.randint(0, 4)
        return result

    def property_names(self) -> dict[str, Any]:
        if self.draft < 6:
            return self.required()
        return {"propertyNames": self.string() if self.chance(0.6) else self.inside()}

    def dependencies(self) -> dict[str, Any]:
        schemas: dict[str, Any] = {name: self.schema() for name in self.names(2)}
        lists: dict[str, Any] = {name: self.names(2) for name in self.names(2)}
        if self.draft < 2019:
            return {"dependencies": schemas | lists}
        return {"dependentSchemas": schemas} if self.chance(0.5) else {"dependentRequired": lists}

    def unevaluated_properties(self) -> dict[str, Any]:
        if self.draft < 2019:
            return self.additional_properties()
        return {"unevaluatedProperties": False if self.chance(0.6) else self.inside()}

    # ----------------------------------------------------------------------------------------------------------- arrays

    def array(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for keywords in self.rng.sample(_ARRAY_PARTS, self.rng.choice((1, 1, 2, 2, 3))):
            result |= keywords(self)
        return result

    def items(self) -> dict[str, Any]:
        return {"items": self.inside()}

    def tuple(self) -> dict[str, Any]:
        prefix = [self.inside() for _ in range(self.rng.randint(1, 3))]
        if self.draft == 2020:
            return {"prefixItems": prefix, **({"items": self.inside()} if self.chance(0.4) else {})}
        return {"items": prefix, **({"additionalItems": self.inside()} if self.chance(0.4) else {})}

    def item_counts(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if self.chance(0.6):
            result["minItems"] = self.rng.randint(0, 3)
        if self.chance(0.6):
            result["maxItems"] = self.rng.randint(0, 4)
        return result

    def unique(self) -> dict[str, Any]:
        return {"uniqueItems": self.chance(0.9)}

    def contains(self) -> dict[str, Any]:
        if self.draft < 6:
            return self.unique()
        result: dict[str, Any] = {"contains": self.inside()}
        if self.draft >= 2019 and self.chance(0.4):
            result["minContains"] = self.rng.randint(0, 3)
        if self.draft >= 2019 and self.chance(0.4):
            result["maxContains"] = self.rng.randint(0, 3)
        return result

    def unevaluated_items(self) -> dict[str, Any]:
        if self.draft < 2019:
            return self.items()
        return {"unevaluatedItems": False if self.chance(0.6) else self.inside()}

    # ------------------------------------------------------------------------------------------ combinations, references

    def all_of(self) -> dict[str, Any]:
        return {"allOf": self.several()}

    def any_of(self) -> dict[str, Any]:
        return {"anyOf": self.several()}

    def one_of(self) -> dict[str, Any]:
        return {"oneOf": self.several()}

    def negation(self) -> dict[str, Any]:
        return {"not": self.schema()}

    def condition(self) -> dict[str, Any]:
        if self.draft < 7:
            return self.one_of()
        result: dict[str, Any] = {"if": self.schema()}
        for keyword in ("then", "else"):
            if self.chance(0.7):
                result[keyword] = self.schema()
        return result

    def reference(self) -> dict[str, Any]:
        """To a definition, or to the whole document where we are inside a property or an item."""
        names = DEFINITIONS[self.floor :]
        if self.is_inside and self.chance(0.2):
            return self.recursive()
        if not names:
            return self.small()
        name = self.rng.choice(names)
        self.wanted.add(name)
        if self.draft >= 2019 and self.chance(0.15):
            self.anchored.add(name)
            return {"$ref": f"#at-{name}"}
        return {"$ref": f"#/{self.definitions}/{name}"}

    def recursive(self) -> dict[str, Any]:
        special = {2019: {"$recursiveRef": "#"}, 2020: {"$dynamicRef": "#"}}
        return special.get(self.draft, {"$ref": "#"}) if self.chance(0.2) else {"$ref": "#"}


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values, for which 1 is not true."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


_ANY = (
    _Maker.type, _Maker.values, _Maker.all_of, _Maker.any_of, _Maker.one_of, _Maker.negation, _Maker.condition,
    _Maker.reference,
)  # fmt: skip
_MOODS = {
    "any": (*_ANY, _Maker.number, _Maker.string, _Maker.object, _Maker.array),
    "object": (*_ANY, *[_Maker.object] * 8),
    "array": (*_ANY, *[_Maker.array] * 8),
    "string": (*_ANY, *[_Maker.string] * 5),
    "number": (*_ANY, *[_Maker.number] * 5),
}
_OBJECT_PARTS = (
    _Maker.properties, _Maker.properties, _Maker.pattern_properties, _Maker.additional_properties, _Maker.required,
    _Maker.property_counts, _Maker.property_names, _Maker.dependencies, _Maker.unevaluated_properties,
)  # fmt: skip
_ARRAY_PARTS = (
    _Maker.items, _Maker.tuple, _Maker.item_counts, _Maker.unique, _Maker.contains, _Maker.unevaluated_items,
)  # fmt: skip

"""Random JSON values near a schema: made from its own constants, often valid, and often wrong in one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from random_schemas import NAMES, PATTERNS, STRINGS, random_value

_DEPTH = 4
_MOST_PARTS = 24
_IMPLIED = {
    "object": ("properties", "required", "patternProperties", "minProperties", "propertyNames", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems", "unevaluatedItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
}
_FORMATS = {
    "date": ("2024-02-29", "2023-02-29"),
    "ipv4": ("10.0.0.1", "10.0.0.256"),
    "date-time": ("2024-02-29T10:00:00Z", "2024-02-29T25:00:00Z"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "123e4567"),
}


def near_value(rng: Random, schema: dict[str, Any]) -> Any:
    """A value that the schema may be about; one in three is changed somewhere afterwards."""
    value = _Maker(rng, schema).value([schema], 0)
    return mutated(rng, value) if rng.random() < 0.35 else value


@dataclass(slots=True)
class _Maker:
    rng: Random
    root: dict[str, Any]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # ---------------------------------------------------------------------------------------------------- what applies

    def in_place(self, schemas: list[Any]) -> list[dict[str, Any]]:
        """The schemas, and those that they apply to the same value; of alternatives, one."""
        found: list[dict[str, Any]] = []
        pending = list(schemas)
        while pending and len(found) < _MOST_PARTS:
            schema = pending.pop()
            if isinstance(schema, dict):
                found.append(schema)
                pending += self.applied(schema)
        return found

    def applied(self, schema: dict[str, Any]) -> list[Any]:
        result = [self.target(schema[word]) for word in ("$ref", "$dynamicRef", "$recursiveRef") if word in schema]
        result += schema.get("allOf", [])
        result += [self.rng.choice(schema[word]) for word in ("anyOf", "oneOf") if word in schema]
        if "if" in schema:
            result += [schema["if"], schema.get("then")] if self.chance(0.5) else [schema.get("else")]
        for word in ("dependencies", "dependentSchemas"):
            result += [part for part in schema.get(word, {}).values() if self.chance(0.4)]
        if self.chance(0.3):
            result.append(schema.get("not"))
        return result

    def target(self, reference: str) -> Any:
        if reference == "#":
            return self.root
        name = reference.rpartition("/")[2].removeprefix("#at-")
        return {**self.root.get("definitions", {}), **self.root.get("$defs", {})}.get(name)

    # ---------------------------------------------------------------------------------------------------------- values

    def value(self, schemas: list[Any], depth: int) -> Any:
        parts = self.in_place(schemas)
        given = [value for part in parts for value in part.get("enum", ())]
        given += [part["const"] for part in parts if "const" in part]
        if given and self.chance(0.8):
            return self.rng.choice(given)
        kind = self.kind(parts)
        if depth > _DEPTH or kind not in _KINDS:
            return {"boolean": self.chance(0.5), "null": None, "object": {}, "array": []}.get(
                kind, random_value(self.rng, depth)
            )
        return _KINDS[kind](self, parts, depth)

    def kind(self, parts: list[dict[str, Any]]) -> str:
        named = [_types(part) for part in parts if "type" in part]
        both = set.intersection(*map(set, named)) if named else set()
        if both or named:
            return self.rng.choice(sorted(both) or self.rng.choice(named))
        implied = [name for name, words in _IMPLIED.items() for part in parts if any(word in part for word in words)]
        return self.rng.choice(implied) if implied and self.chance(0.9) else ""

    def string(self, parts: list[dict[str, Any]], _: int) -> str:
        texts = [text for part in parts for text in PATTERNS.get(part.get("pattern", ""), ())]
        texts += [text for part in parts for text in _FORMATS.get(part.get("format", ""), ())]
        return self.rng.choice(texts if texts and self.chance(0.8) else STRINGS)

    def number(self, parts: list[dict[str, Any]], _: int) -> float:
        bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
        given = [part[word] for part in parts for word in bounds if type(part.get(word)) in (int, float)]
        if not given:
            return self.rng.choice((self.rng.randint(-3, 12), self.rng.choice((0.5, 1.5, 2.25, 1.0, -0.1))))
        steps = [part["multipleOf"] for part in parts if "multipleOf" in part]
        if steps and self.chance(0.6):
            return _tidy(self.rng.choice(steps) * self.rng.randint(-3, 12))
        return _tidy(self.rng.choice(given) + self.rng.choice((0, 0, 1, -1, 0.5, -0.5, 0.25)))

    def integer(self, parts: list[dict[str, Any]], depth: int) -> float:
        number = self.number(parts, depth)
        return int(number) if self.chance(0.8) else number

    # --------------------------------------------------------------------------------------------------------- objects

    def object(self, parts: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        required = [name for part in parts for name in part.get("required", ()) if self.chance(0.95)]
        known = [name for part in parts for word in ("properties", "dependencies") for name in part.get(word, ())]
        known += [text for part in parts for pattern in part.get("patternProperties", ()) for text in PATTERNS[pattern]]
        known += NAMES
        most = min((part["maxProperties"] for part in parts if "maxProperties" in part), default=5)
        least = max((part["minProperties"] for part in parts if "minProperties" in part), default=0)
        count = self.rng.randint(0, 3) if self.chance(0.6) else least
        names = dict.fromkeys([*required, *self.rng.sample(known, min(len(known), max(0, count)))])
        if len(names) > most and self.chance(0.8):
            names = dict.fromkeys([*names][:most])
        order = self.rng.sample([*names], len(names))
        return {name: self.member(parts, name, depth) for name in order}

    def member(self, parts: list[dict[str, Any]], name: str, depth: int) -> Any:
        applied: list[Any] = []
        for part in parts:
            own = [part["properties"][name]] if name in part.get("properties", {}) else []
            own += [value for pattern, value in part.get("patternProperties", {}).items() if re.search(pattern, name)]
            if not own:
                words = ("additionalProperties", "unevaluatedProperties")
                own = [part[word] for word in words if word in part]
            applied += own
        return self.value(applied, depth + 1)

    # ---------------------------------------------------------------------------------------------------------- arrays

    def array(self, parts: list[dict[str, Any]], depth: int) -> list[Any]:
        least = max((part["minItems"] for part in parts if "minItems" in part), default=0)
        most = max(min((part["maxItems"] for part in parts if "maxItems" in part), default=4), 0)
        count = self.rng.randint(min(least, most), max(least, most)) if self.chance(0.9) else self.rng.randint(0, 4)
        items = [self.value(self.item(parts, index), depth + 1) for index in range(count)]
        if any(part.get("uniqueItems") for part in parts) and self.chance(0.6):
            items = [item for index, item in enumerate(items) if repr(item) not in map(repr, items[:index])]
        return items

    def item(self, parts: list[dict[str, Any]], index: int) -> list[Any]:
        result: list[Any] = []
        for part in parts:
            items = part.get("items")
            prefix = items if isinstance(items, list) else part.get("prefixItems", [])
            rest = part.get("additionalItems") if isinstance(items, list) else items
            result.append(prefix[index] if index < len(prefix) else rest)
            if "contains" in part and self.chance(0.5):
                result.append(part["contains"])
            if index >= len(prefix) and rest is None:
                result.append(part.get("unevaluatedItems"))
        return result


_KINDS: dict[str, Callable[[_Maker, list[dict[str, Any]], int], Any]] = {
    "object": _Maker.object,
    "array": _Maker.array,
    "string": _Maker.string,
    "number": _Maker.number,
    "integer": _Maker.integer,
}


def _types(schema: dict[str, Any]) -> list[str]:
    kind = schema["type"]
    return kind if isinstance(kind, list) else [kind]


def _tidy(number: float) -> float:
    """Without the rest that adding doubles leaves; an integer as an integer, mostly what readers write."""
    number = round(number, 6)
    return int(number) if number == int(number) else number


# -------------------------------------------------------------------------------------------------------------- changes


def mutated(rng: Random, value: Any) -> Any:
    """The value with one change: anywhere inside, or all of it."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        return _mutated_object(rng, value)
    if isinstance(value, list) and value and rng.random() < 0.85:
        return _mutated_array(rng, value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and rng.random() < 0.7:
        return _tidy(value + rng.choice((1, -1, 0.5, 2)))
    if isinstance(value, str) and rng.random() < 0.7:
        return rng.choice((value[:-1], value + rng.choice("abc1é"), rng.choice(STRINGS)))
    return random_value(rng)


def _mutated_object(rng: Random, value: dict[str, Any]) -> dict[str, Any]:
    name = rng.choice([*value])
    rest = {other: item for other, item in value.items() if other != name}
    match rng.randrange(4):
        case 0:
            return rest
        case 1:
            return {**value, rng.choice(NAMES): random_value(rng)}
        case 2:
            return {**rest, rng.choice(NAMES): value[name]}
        case _:
            return {**value, name: mutated(rng, value[name])}


def _mutated_array(rng: Random, value: list[Any]) -> list[Any]:
    index = rng.randrange(len(value))
    match rng.randrange(4):
        case 0:
            return value[:index] + value[index + 1 :]
        case 1:
            return [*value, rng.choice((random_value(rng), value[index]))]
        case 2:
            return rng.sample(value, len(value))
        case _:
            return [*value[:index], mutated(rng, value[index]), *value[index + 1 :]]

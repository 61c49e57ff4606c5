"""The operations of jsonschema-rs on canonical schemas, with an account of the work, which can grow as a power."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

import jsonschema_rs
from jsonschema_rs import CanonicalSchema, canonical

from .errors import LimitError
from .json_places import Schema
from .json_reading import Formats, Reading

_MAX_PRODUCT = 1600
"""Pairs of cases, those inside others included, of one conjunction: what comes of them is compared pair by pair, too."""


class Algebra:
    """Conjunction, union and negation until `most` schemas have come of them."""

    def __init__(self, most: int, reading: Reading) -> None:
        self._most = most
        self._formats = reading.formats
        self.work = 0
        self._negated: dict[CanonicalSchema, CanonicalSchema] = {}

    def spend(self, work: int) -> None:
        """Count schemas. Raises LimitError if they are too many."""
        self.work += work
        if self.work > self._most:
            reason = "conjunctions, negations and oneOf of references grow too large"
            raise LimitError("schema_work", self._most, reason)

    def intersect(self, left: CanonicalSchema, right: CanonicalSchema) -> CanonicalSchema:
        """Every value of both."""
        self.spend(_cases(left) * _cases(right))
        if _cases(left) * _cases(right) > 1 and (pairs := _all_cases(left) * _all_cases(right)) > _MAX_PRODUCT:
            reason = f"{pairs} pairs of cases in one conjunction, at most {_MAX_PRODUCT} can be looked at"
            raise canonical.UnsupportedResult(reason)
        return left.intersect(right)

    def union(self, schemas: list[CanonicalSchema]) -> CanonicalSchema:
        """Every value of any; at least one schema is given."""
        held = [schema for schema in schemas if may_hold(schema)] or schemas[:1]
        self.spend(sum(map(_cases, held)))
        result = held[0]
        for schema in held[1:]:
            result = result.union(schema)
        return result

    def negate(self, schema: CanonicalSchema) -> CanonicalSchema:
        """Every other value. Raises canonical.UnsupportedResult if it would only say so."""
        result = self._negated.get(schema)
        if result is None:  # every branch of a oneOf may be taken out of every other
            result = self._negated[schema] = schema.negate()
        self.spend(_cases(result))
        if isinstance(result.view(), canonical.NotView):
            raise canonical.UnsupportedResult("the negation has no form of its own")
        return result

    def narrow(self, schema: CanonicalSchema, keywords: Schema) -> CanonicalSchema:
        """The values of `schema` that satisfy some keywords."""
        return self.intersect(schema, _canonical(json.dumps(keywords), schema.draft, formats=self._formats))

    def anything(self, draft: int) -> CanonicalSchema:
        """Every value, in a dialect."""
        return _canonical("{}", draft, formats=self._formats)


def only(value: object, draft: int) -> CanonicalSchema:
    """The schema of one value."""
    return _canonical(json.dumps({"enum": [value]}), draft, formats="assertion")


@lru_cache(maxsize=1024)
def _canonical(keywords: str, draft: int, *, formats: Formats) -> CanonicalSchema:
    schema = json.loads(keywords)
    return jsonschema_rs.canonicalize(schema, **Reading(formats=formats).options(schema, draft))


def may_hold(schema: CanonicalSchema) -> bool:
    """Whether some value may be valid."""
    return schema.satisfiability() != canonical.Satisfiability.NO


def size(schema: CanonicalSchema) -> int:
    """How many schemas a canonical schema consists of, references not followed."""
    return sum(1 for _ in _all_inside(schema))


def _cases(schema: CanonicalSchema) -> int:
    """The alternatives at the top."""
    view = schema.view()
    return len(view.branches) if isinstance(view, canonical.AnyOfView) else 1


def _all_cases(schema: CanonicalSchema) -> int:
    """The alternatives at the top and further inside."""
    return sum(_cases(inner) for inner in _all_inside(schema) if inner.kind == canonical.CanonicalKind.ANY_OF) or 1


def _all_inside(schema: CanonicalSchema) -> Iterator[CanonicalSchema]:
    pending = [schema]
    while pending:
        found = pending.pop()
        yield found
        pending += _inside(found.view())


def _inside(view: object) -> list[CanonicalSchema]:
    match view:
        case canonical.AnyOfView(branches) | canonical.AllOfView(branches) | canonical.OneOfView(branches):
            return branches
        case canonical.NotView(inner) | canonical.TypedGroupView(body=inner):
            return [inner]
        case canonical.ArrayView():
            return [*view.prefix_items, *([] if view.items is None else [view.items])]
        case canonical.ObjectView():
            others = [view.additional_properties, view.property_names]
            named = [*view.properties.values(), *view.pattern_properties.values()]
            return [*named, *(other for other in others if other is not None)]
    return []

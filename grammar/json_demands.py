"""Demands on objects: that some property breaks a rule, which is what a negated object schema comes to.

`not` of `additionalProperties`, `patternProperties` or `propertyNames` demands a property, of any allowed name, whose
name or value fails a schema. Each such demand is counted by the properties that meet it: a field's value, or an extra
field's, falls into alternatives by the demands it meets, and names are split by the demands that look at them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from jsonschema_rs import CanonicalSchema
from jsonschema_rs.canonical import (
    NameFailsView,
    ObjectView,
    PatternValueFailsView,
    Satisfiability,
    UndeclaredValueFailsView,
)

from .errors import UnsupportedSchemaError
from .ir import ANY_TEXT, Alternative, Complement, Intersection, Place, Regex, TextSet, Union
from .json_algebra import size
from .json_counts import count_texts
from .json_names import is_name_of, matches
from .json_places import Part
from .json_strings import pattern_content
from .json_translator import Translator
from .json_values import NO_VALUE

Violation: TypeAlias = NameFailsView | UndeclaredValueFailsView | PatternValueFailsView

MAX_DEMANDS = 8
MAX_BY_VALUE = 4
_ENOUGH_NAMES = 1000
"""Names of which there are fewer could be used up before a demand is met."""


@dataclass(frozen=True, slots=True)
class Demands:
    """The demands on one object: for each the names it looks at, and the schema that the value must fail, if any."""

    violations: tuple[Violation, ...]
    names: tuple[Regex, ...]
    fails: tuple[CanonicalSchema | None, ...]

    def __len__(self) -> int:
        return len(self.names)

    def about(self, name: str) -> tuple[int, ...]:
        """The demands that look at a name."""
        return tuple(i for i, violation in enumerate(self.violations) if _looks_at(violation, name))

    def split(self, names: Regex) -> list[tuple[Regex, tuple[int, ...]]]:
        """Disjoint parts of a set of names, each with the demands that look at its names; none of them is empty."""
        parts: list[tuple[Regex, tuple[int, ...]]] = [(names, ())]
        for i, looked_at in enumerate(self.names):
            inside = [(Intersection((part, looked_at)), (*about, i)) for part, about in parts]
            outside = [(Intersection((part, Complement(looked_at))), about) for part, about in parts]
            parts = [(part, about) for part, about in inside + outside if count_texts(part, 1)]
        return parts

    def place(
        self, schema: CanonicalSchema | None, about: tuple[int, ...], part: Part, translator: Translator
    ) -> Place:
        """The values of a property that these demands look at; `NO_VALUE` if there is none."""
        if not about:
            return translator.any_value if schema is None else translator.node(schema, part)
        by_name = tuple(i for i in about if self.fails[i] is None)
        by_value = tuple(i for i in about if self.fails[i] is not None)
        if len(by_value) > MAX_BY_VALUE:
            reason = f"more than {MAX_BY_VALUE} rules that the value of one property may break; name the property"
            raise UnsupportedSchemaError(part.pointer("not"), "not", reason)
        alternatives: list[Alternative] = []
        for chosen in subsets(by_value):
            value = _failing(schema, [fails for i in chosen if (fails := self.fails[i]) is not None])
            translator.spend(0 if value is None else size(value))
            if value is not None and value.satisfiability() == Satisfiability.NO:
                continue
            node = translator.any_value if value is None else translator.node(value, part)
            if node is not NO_VALUE:
                alternatives.append(Alternative(node, (*by_name, *chosen)))
        return tuple(alternatives) or NO_VALUE


def demands_of(view: ObjectView, part: Part, translator: Translator) -> Demands:
    """The demands of a view. Raises UnsupportedSchemaError if they are too many."""
    if len(view.violations) > MAX_DEMANDS:
        reason = f"more than {MAX_DEMANDS} rules that some property must break; name the properties"
        raise UnsupportedSchemaError(part.pointer("not"), "not", reason)
    names: list[Regex] = []
    fails: list[CanonicalSchema | None] = []
    for violation in view.violations:
        match violation:
            case NameFailsView(schema):
                names.append(translator.outside(schema, part))
                fails.append(None)
            case PatternValueFailsView(pattern, schema):
                names.append(pattern_content(pattern, part, "patternProperties"))
                fails.append(schema)
            case UndeclaredValueFailsView(declared, patterns, schema):
                named = [pattern_content(pattern, part, "patternProperties") for pattern in patterns]
                named += [TextSet(tuple(declared))] if declared else []
                names.append(Complement(Union(tuple(named))) if named else ANY_TEXT)
                fails.append(schema)
    return Demands(tuple(view.violations), tuple(names), tuple(fails))


def _looks_at(violation: Violation, name: str) -> bool:
    match violation:
        case NameFailsView(schema):
            return not is_name_of(schema, name)
        case PatternValueFailsView(pattern):
            return matches(pattern, name)
        case UndeclaredValueFailsView(names, patterns):
            return name not in names and not any(matches(pattern, name) for pattern in patterns)


def check_names(names: Regex, place: Place, part: Part) -> None:
    """Raises UnsupportedSchemaError if the names that may meet a demand could be used up."""
    counts = isinstance(place, tuple) and any(alternative.counts for alternative in place)
    if counts and count_texts(names, _ENOUGH_NAMES) < _ENOUGH_NAMES:
        reason = "that one of a few undeclared properties breaks a rule cannot be enforced; declare them"
        raise UnsupportedSchemaError(part.pointer("not"), "not", reason)


def _failing(schema: CanonicalSchema | None, fails: list[CanonicalSchema]) -> CanonicalSchema | None:
    """What satisfies `schema` (None: anything) and fails each of the others."""
    for failed in fails:
        schema = failed.negate() if schema is None else schema.intersect(failed.negate())
    return schema


def subsets(items: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Every choice of some of them, fewer ones first."""
    return [chosen for size in range(len(items) + 1) for chosen in combinations(items, size)]

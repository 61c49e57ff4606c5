"""Constraints on objects: which names there are, in which order, and what each may hold, as `Record`.

The names of an object fall into declared ones (named by the schema: properties, required names, finite name sets),
each a `Field` in order of first appearance, and the others, which patterns cut into disjoint cells, each an
`ExtraFields`. The value of a name satisfies every pattern it matches, its own property, and, if it has neither, the
schema of additional properties.

The text may repeat an undeclared name, which costs no memory; declared ones appear once. A maximum counts repeated
names too. Where repetition could reach a minimum, or undo what a demand (`json_demands.py`) was met by, names differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from jsonschema_rs import CanonicalSchema
from jsonschema_rs.canonical import (
    CanonicalKind,
    ConstView,
    EnumView,
    FalseView,
    ObjectView,
)

from .errors import UnsupportedSchemaError
from .ir import ANY_TEXT, Complement, ExtraFields, Field, Intersection, Node, Place, Record, Regex, TextSet, Union
from .json_bounds import at_least, at_most
from .json_counts import count_texts, list_texts
from .json_demands import Demands, check_names, demands_of
from .json_names import Names, allowed_names, matches, only_patterns
from .json_places import Part, Schema
from .json_strings import pattern_content
from .json_translator import Translator
from .json_unique import unique_content
from .json_values import NO_VALUE

MAX_OVERLAPPING_PATTERNS = 6
MAX_LISTED = 64


def object_node(view: ObjectView, part: Part, translator: Translator) -> Node:
    """The objects of a view. Raises UnsupportedSchemaError for a keyword that cannot be enforced on text."""
    demands = demands_of(view, part, translator)
    names = allowed_names(view.property_names)
    required = dict.fromkeys(view.required)
    properties, patterns = view.properties, view.pattern_properties
    part, others = _own_part(view, part)
    declared = _declared_names(view, part, others) | required
    found = properties.keys() | names.finite.keys()
    declared |= dict.fromkeys(_as_spelled(found - declared.keys(), others))
    additional = view.additional_properties
    allowed = names.allowed(declared)
    if not patterns and len(demands) == 0:
        values = _simple_values(allowed, properties, additional, part, translator)
    else:
        schemas = {name: _declared_value(name, properties, patterns, additional) for name in allowed}
        values = {
            name: demands.place(schema, demands.about(name), part.member(name), translator)
            for name, schema in schemas.items()
        }
    fields = [Field(name, value, name in required) for name, value in values.items() if value is not NO_VALUE]
    if len(fields) < len(declared) and not required.keys() <= {declared.name for declared in fields}:
        return NO_VALUE
    extras = _extra_fields(view, names, tuple(declared), demands, part, translator)
    minimum = at_least(view.min_properties, "minProperties", part)
    minimum = 0 if minimum <= len(required) else minimum
    # repeated names would be counted again, or replace the value that met a demand
    counted_out = translator.unique and view.max_properties is not None
    different_names = bool(extras) and (minimum > len(required) + 1 or len(demands) > 0 or counted_out)
    if different_names:
        listed, extras = _listed_names(extras)
        fields += listed
        _check_names(extras, minimum, part)
    order, layout = translator.property_order, translator.layout
    maximum = at_most(view.max_properties)
    return Record(tuple(fields), extras, order, minimum, maximum, layout, different_names, len(demands))


def _listed_names(extras: tuple[ExtraFields, ...]) -> tuple[list[Field], tuple[ExtraFields, ...]]:
    """Extra fields of a few names as optional fields, which are written once each; and the others."""
    few = {extra: texts for extra in extras if (texts := list_texts(extra.name, MAX_LISTED)) is not None}
    fields = [Field(name, extra.value) for extra, names in few.items() for name in names]
    return fields, tuple(extra for extra in extras if extra not in few)


def _check_names(extras: tuple[ExtraFields, ...], minimum: int, part: Part) -> None:
    if extras and sum(count_texts(extra.name, minimum) for extra in extras) < minimum:
        reason = f"{minimum} different names are not certain to exist; declare them"
        raise UnsupportedSchemaError(part.pointer("minProperties"), "minProperties", reason)
    for extra in extras:
        check_names(extra.name, extra.value, part)


# --------------------------------------------------------------------------------------------------------------- names


def _own_part(view: ObjectView, part: Part) -> tuple[Part, Part]:
    """The part with those alternatives of the source that the objects of the view may come from, and as it was."""
    strange = frozenset(place for place in part.branches if not _fits(place.schema, view))
    return (part.without(strange) if strange else part), part


def _declared_names(view: ObjectView, own: Part, everywhere: Part) -> dict[str, None]:
    """The names that the source declares for these objects, in order of first appearance.

    Names that only strange alternatives declare do not count as declared, but where the view has them, their order is
    the best there is.
    """
    branches = frozenset(own.branches)
    by_place = {place: dict.fromkeys(_listed(place.schema, "properties")) for place in own.places}
    certain = (
        {name for place, listed in by_place.items() if place not in branches for name in listed} if branches else set()
    )
    names: dict[str, None] = {}
    for place, listed in by_place.items():
        names |= {name: None for name in listed if name not in certain} if place in branches else listed
    required = set(view.required)
    if everywhere is not own:
        known = view.properties.keys() | required
        for place in everywhere.places:
            names |= {name: None for name in _listed(place.schema, "properties") if name in known}
    if not required <= names.keys():
        for place in everywhere.places:
            names |= {name: None for name in _listed(place.schema, "required") if name in required}
    return names


def _as_spelled(names: Iterable[str], part: Part) -> list[str]:
    """Names that no property declares, but a list or a pattern of names spells, in the order of that spelling."""
    names = sorted(names)
    if len(names) > 1:
        spelled = [
            place.schema.get(keyword) for place in part.places for keyword in ("patternProperties", "propertyNames")
        ]
        text = json.dumps([schema for schema in spelled if schema is not None], ensure_ascii=False)
        names.sort(key=lambda name: text.find(name) % (len(text) + 1))
    return names


def _listed(schema: Schema, keyword: str) -> list[str]:
    """The names under `properties` or `required`."""
    value = schema.get(keyword)
    return list(value) if isinstance(value, (dict, list)) else []


def _fits(branch: Schema, view: ObjectView) -> bool:
    """Whether the objects of a view may come from a branch: it demands no name and no value that they do not."""
    required = branch.get("required")
    if isinstance(required, list) and not set(view.required).issuperset(required):
        return False
    declared = branch.get("properties")
    declared = declared if isinstance(declared, dict) else {}
    if branch.get("additionalProperties") is False and not _is_closed_to(declared, view):
        return False
    properties = view.properties
    for name, schema in declared.items():
        values = _given_values(schema)
        if values is not None and name in properties:
            known = properties[name].view()
            given = (
                [known.value] if isinstance(known, ConstView) else known.values if isinstance(known, EnumView) else []
            )
            if not any(value in values for value in given):
                return False
    return True


def _is_closed_to(names: Schema, view: ObjectView) -> bool:
    """Whether the names of the view's objects, where they are finitely many, are among `names`."""
    if view.property_names is None:
        return False
    known = view.property_names.view()
    return not isinstance(known, EnumView) or names.keys() >= set(known.values)


def _given_values(schema: object) -> list[Any] | None:
    if not isinstance(schema, dict):
        return None
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _simple_values(
    names: Iterable[str],
    schemas: dict[str, CanonicalSchema],
    additional: CanonicalSchema | None,
    part: Part,
    translator: Translator,
) -> dict[str, Place]:
    """What each name holds where one schema says it, else `additional` does. Objects of thousands of names come here."""
    values: dict[str, Place] = {}
    known = translator.known
    for name in names:
        schema = schemas.get(name, additional)
        node = translator.any_value if schema is None else known(schema) or translator.node(schema, part.member(name))
        values[name] = node
    return values


def _declared_value(
    name: str,
    properties: dict[str, CanonicalSchema],
    patterns: dict[str, CanonicalSchema],
    additional: CanonicalSchema | None,
) -> CanonicalSchema | None:
    """What a declared name may hold; None is anything."""
    if not patterns:
        return properties.get(name, additional)
    schemas = [properties[name]] if name in properties else []
    schemas += [schema for pattern, schema in patterns.items() if matches(pattern, name)]
    return _conjunction(schemas) if schemas else additional


def _conjunction(schemas: list[CanonicalSchema]) -> CanonicalSchema:
    result = schemas[0]
    for schema in schemas[1:]:
        result = result.intersect(schema)
    return result


# -------------------------------------------------------------------------------------------------- undeclared names


def _extra_fields(
    view: ObjectView,
    names: Names,
    declared: tuple[str, ...],
    demands: Demands,
    part: Part,
    translator: Translator,
) -> tuple[ExtraFields, ...]:
    if names.others == ():
        return ()
    base: Regex = Complement(TextSet(declared)) if declared else ANY_TEXT
    closed = False
    if names.others is not None:
        closed = only_patterns(names.others, set(view.pattern_properties))
        if not closed:
            allowed = tuple(translator.content(other, part) for other in names.others)
            base = _both(base, allowed[0] if len(allowed) == 1 else Union(allowed))
    extras: list[ExtraFields] = []
    spelled_uniquely = translator.unique or len(demands) > 0 or (view.min_properties or 0) > len(view.required) + 1
    for cell, patterns, schema in _cells(view, base, closed, part):
        for name, about in demands.split(cell):
            value = demands.place(schema, about, part.extra(patterns), translator)
            if value is not NO_VALUE:
                extras.append(ExtraFields(unique_content(name) if spelled_uniquely else name, value))
    return tuple(extras)


def _cells(
    view: ObjectView, base: Regex, closed: bool, part: Part
) -> list[tuple[Regex, list[str], CanonicalSchema | None]]:
    """Disjoint sets of undeclared names, with the patterns they match and what they may hold (None: anything).

    `closed`: a name that matches no pattern is not allowed.
    """
    if not view.pattern_properties:
        additional = view.additional_properties
        is_closed = closed or (additional is not None and additional.kind == CanonicalKind.FALSE)
        return [] if is_closed else [(base, [], additional)]
    groups = _by_schema(view.pattern_properties)
    if len(groups) > MAX_OVERLAPPING_PATTERNS and not _disjoint([p for patterns, _ in groups for p in patterns]):
        reason = f"more than {MAX_OVERLAPPING_PATTERNS} patterns that may overlap; begin each with ^ and different text"
        raise UnsupportedSchemaError(part.pointer("patternProperties"), "patternProperties", reason)
    contents = [_union_of(patterns, part) for patterns, _ in groups]
    cells: list[tuple[Regex, list[str], CanonicalSchema | None]] = []
    for chosen in _choices([patterns for patterns, _ in groups]):
        inside = [contents[i] for i in chosen]
        outside = tuple(content for i, content in enumerate(contents) if i not in chosen)
        if not chosen and closed:
            continue
        schema = _conjunction([groups[i][1] for i in chosen]) if chosen else view.additional_properties
        if schema is not None and isinstance(schema.view(), FalseView):
            continue
        name = base
        for content in inside:
            name = _both(name, content)
        if outside:
            name = _both(name, Complement(outside[0] if len(outside) == 1 else Union(outside)))
        cells.append((name, [pattern for i in chosen for pattern in groups[i][0]], schema))
    return cells


def _by_schema(patterns: dict[str, CanonicalSchema]) -> list[tuple[list[str], CanonicalSchema]]:
    """Patterns with equal schemas need not be told apart."""
    groups: dict[CanonicalSchema, list[str]] = {}
    for pattern, schema in patterns.items():
        groups.setdefault(schema, []).append(pattern)
    return [(group, schema) for schema, group in groups.items()]


def _choices(groups: list[list[str]]) -> list[tuple[int, ...]]:
    """Which groups a name may match together. Groups that are disjoint by their first letters never do."""
    chosen: list[tuple[int, ...]] = [()]
    for i, patterns in enumerate(groups):
        for other in list(chosen):
            if all(_disjoint_groups(patterns, groups[j]) is False for j in other):
                chosen.append((*other, i))
    return chosen


def _disjoint_groups(left: list[str], right: list[str]) -> bool:
    return all(_disjoint([a, b]) for a in left for b in right)


def _disjoint(patterns: list[str]) -> bool:
    """Whether no text matches two of the patterns, seen from the letters they begin with."""
    prefixes = [_literal_prefix(pattern) for pattern in patterns]
    for i, prefix in enumerate(prefixes):
        for other in prefixes[:i]:
            if prefix.startswith(other) or other.startswith(prefix):
                return False
    return True


def _literal_prefix(pattern: str) -> str:
    """The letters that every match at the beginning of a text begins with. "^x-foo.*" -> "x-foo"; "" if not anchored"""
    if not pattern.startswith("^") or "|" in pattern:
        return ""
    count = 1
    while count < len(pattern) and (pattern[count].isalnum() or pattern[count] in "_-/:"):
        count += 1
    if count < len(pattern) and pattern[count] in "*?{+":
        count -= 1
    return pattern[1:count]


def _union_of(patterns: list[str], part: Part) -> Regex:
    contents = tuple(pattern_content(pattern, part, "patternProperties") for pattern in patterns)
    return contents[0] if len(contents) == 1 else Union(contents)


def _both(left: Regex, right: Regex) -> Regex:
    if left is ANY_TEXT or right is ANY_TEXT:
        return right if left is ANY_TEXT else left
    return Intersection((left, right))

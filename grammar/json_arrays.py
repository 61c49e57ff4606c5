"""Constraints on arrays as `Array`: items by place, `contains` as counters, `uniqueItems` as different items.

With `contains`, what may stand at a place falls into alternatives: one for each set of the `contains` schemas that are
satisfied and counted. Where there is a maximum, an item that is not counted must fail the schema; without one it need
not, for counting more does no harm.

Different items are written in one spelling (`json_unique.py`). There must be enough of them: an array that may not end
before it has n items must have n values to choose from, else the text would lead into a dead end. That is made sure of
by counting (`json_counts.py`), conservatively.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from typing import Any, TypeAlias

from jsonschema_rs import CanonicalSchema
from jsonschema_rs.canonical import ArrayView, ContainsView, Distinctness, Satisfiability

from .errors import UnsupportedSchemaError
from .ir import Alternative, Array, Choice, Counter, Node, Place
from .json_algebra import only
from .json_bounds import at_least, at_most
from .json_counts import count_values, list_values
from .json_demands import subsets
from .json_places import Part
from .json_translator import Translator
from .json_values import NO_VALUE

MAX_CONTAINS = 4
MAX_REPEATED = 64
"""Values of items that may be equal, when some must be."""
_MAX_TALLIES = 1 << 20


@dataclass(frozen=True, slots=True)
class Twice:
    """`contains`, as if the schema had it: at least two items are of `schema`."""

    schema: CanonicalSchema
    min_contains: int = 2
    max_contains: None = None


Contained: TypeAlias = ContainsView | Twice


def array_node(view: ArrayView, part: Part, translator: Translator) -> Node:
    """The arrays of a view. Raises UnsupportedSchemaError for what cannot be enforced."""
    contains: list[Contained] = [one for one in view.contains if _minimum(one) > 0 or one.max_contains is not None]
    if view.distinctness == Distinctness.SOME_REPEATED:
        return _some_equal(view, contains, part, translator)
    different = view.distinctness == Distinctness.ALL_DISTINCT and not _certainly_different(view)
    with translator.spelled_uniquely(different):
        array = _array(view, contains, different, part, translator)
        if different and isinstance(array, Array):
            return replace(array, different=_certain_choice(view, contains, part, translator))
    return array


def _array(view: ArrayView, contains: list[Contained], different: bool, part: Part, translator: Translator) -> Node:
    counters = _counters(view, contains, part)
    minimum, maximum = at_least(view.min_items, "minItems", part), at_most(view.max_items)
    prefix: list[Place] = []
    rest: Place | None = None
    for index, schema in enumerate(view.prefix_items):
        place = _place(schema, contains, part.item(index), translator)
        if place is NO_VALUE:  # so no array is as long as this
            break
        prefix.append(place)
    else:
        if maximum is None or maximum > len(prefix):
            place = _place(view.items, contains, part.item(None), translator)
            rest = None if place is NO_VALUE else place
    if rest is None and minimum > len(prefix):
        return NO_VALUE
    return Array(tuple(prefix), rest, minimum, maximum, translator.layout, int(different), counters)


# --------------------------------------------------------------------------------------------------------- equal items


def _some_equal(view: ArrayView, contains: list[Contained], part: Part, translator: Translator) -> Node:
    """Arrays in which some value stands twice, where it is one of a few: a case for each of them."""
    values, draft = _repeatable(view)
    if values is None or len(values) > MAX_REPEATED:
        reason = f"that some items are equal is enforced only for items that are one of at most {MAX_REPEATED} values"
        raise UnsupportedSchemaError(part.pointer("uniqueItems"), "uniqueItems", reason)
    cases = [_array(view, [*contains, Twice(only(value, draft))], False, part, translator) for value in values]
    cases = [case for case in cases if case is not NO_VALUE]
    return Choice(tuple(cases)) if cases else NO_VALUE


def _repeatable(view: ArrayView) -> tuple[list[Any] | None, int]:
    """The values that two items may have, and the dialect; None for the values if they are not known.

    One item of unknown values does no harm: it can only be equal to one of the others.
    """
    schemas = view.prefix_items[: view.max_items]
    if view.max_items is None or view.max_items > len(schemas):
        if view.items is None or (values := list_values(view.items)) is None:
            return None, 0
        schemas = [*schemas, view.items]
    else:
        values = []
    listed = [list_values(schema) for schema in schemas]
    if sum(one is None for one in listed) > 1:
        return None, 0
    known = {json.dumps(value, sort_keys=True): value for one in [values, *listed] for value in one or ()}
    return list(known.values()), schemas[0].draft if schemas else 0


# ------------------------------------------------------------------------------------------------------------ contains


def _minimum(contains: Contained) -> int:
    return 1 if contains.min_contains is None else contains.min_contains


def _counters(view: ArrayView, contains: list[Contained], part: Part) -> tuple[Counter, ...]:
    if len(contains) > MAX_CONTAINS:
        reason = f"more than {MAX_CONTAINS} of them at one place"
        raise UnsupportedSchemaError(part.pointer("contains"), "contains", reason)
    counters = tuple(Counter(_minimum(one), one.max_contains) for one in contains)
    tallies = max(view.min_items or 0, view.max_items or 0, len(view.prefix_items)) + 1 if counters else 1
    for counter in counters:
        tallies *= (counter.minimum if counter.maximum is None else counter.maximum) + 1
    if tallies > _MAX_TALLIES:
        reason = f"counts together with the number of items take more than {_MAX_TALLIES} states; use smaller bounds"
        raise UnsupportedSchemaError(part.pointer("contains"), "contains", reason)
    return counters


def _place(schema: CanonicalSchema | None, contains: list[Contained], part: Part, translator: Translator) -> Place:
    """What may stand at a place; `NO_VALUE` if nothing may."""
    if not contains:
        return translator.any_value if schema is None else translator.node(schema, part)
    alternatives: list[Alternative] = []
    for counted in subsets(tuple(range(len(contains)))):
        choice = _choice(schema, contains, counted)
        if choice is not None and choice.satisfiability() == Satisfiability.NO:
            continue
        node = translator.any_value if choice is None else translator.node(choice, part)
        if node is not NO_VALUE:
            alternatives.append(Alternative(node, counted))
    return tuple(alternatives) or NO_VALUE


def _choice(
    schema: CanonicalSchema | None, contains: list[Contained], counted: tuple[int, ...]
) -> CanonicalSchema | None:
    """The items that satisfy the counted schemas, and none of the others that have a maximum; None is any."""
    conditions = [] if schema is None else [schema]
    for index, one in enumerate(contains):
        if index in counted:
            conditions.append(one.schema)
        elif one.max_contains is not None:
            conditions.append(one.schema.negate())
    return reduce(CanonicalSchema.intersect, conditions) if conditions else None


# ------------------------------------------------------------------------------------------------------ different items


def _certainly_different(view: ArrayView) -> bool:
    """Whether items differ by their schemas alone: at most one item, or a prefix without values in common."""
    if view.max_items is not None and view.max_items <= 1:
        return True
    if view.max_items is None or view.max_items > len(view.prefix_items):
        return False
    schemas = view.prefix_items[: view.max_items]
    return all(left.intersect(right).satisfiability() == Satisfiability.NO for left, right in combinations(schemas, 2))


def _certain_choice(view: ArrayView, contains: list[Contained], part: Part, translator: Translator) -> int:
    """How many different values every item is certain to have the choice of, at least one.

    Raises UnsupportedSchemaError unless every array that has begun can be completed with different items.
    """
    if not view.prefix_items and not contains:
        return max(_enough(view.items, view.min_items or 0, part, part.item(None), translator), 1)
    needed = [(schema, part.item(None), count) for schema, count in _needed_of_rest(view, contains)]
    needed += [
        (schema, part.item(index), index + 1) for index, schema in enumerate(view.prefix_items[: view.min_items or 0])
    ]
    for schema, place, count in needed:
        if count > 1:
            _enough(schema, count, part, place, translator)
    is_bounded = view.max_items is not None or any(one.max_contains is not None for one in contains)
    if contains and (view.prefix_items or (len(contains) > 1 and is_bounded)):
        reason = "different items together with prefixItems and contains, or several bounds of contains"
        raise UnsupportedSchemaError(part.pointer("uniqueItems"), "uniqueItems", reason)
    return 1


def _enough(schema: CanonicalSchema | None, needed: int, array: Part, item: Part, translator: Translator) -> int:
    """How many values items are certain to have. Raises UnsupportedSchemaError if more are needed, and more than one."""
    count = count_values(schema, item, translator)
    if 1 < needed > count:
        reason = f"{needed} different items are not certain to exist; list them, or allow fewer"
        raise UnsupportedSchemaError(array.pointer("uniqueItems"), "uniqueItems", reason)
    return count


def _needed_of_rest(view: ArrayView, contains: list[Contained]) -> list[tuple[CanonicalSchema | None, int]]:
    minimum = view.min_items or 0
    needed: list[tuple[CanonicalSchema | None, int]] = []
    if minimum > len(view.prefix_items):
        needed.append((view.items, minimum))
    for index, one in enumerate(contains):
        needed.append((_choice(view.items, contains, (index,)), _minimum(one)))
        if one.max_contains is not None and minimum > 0:
            needed.append((_choice(view.items, contains, ()), minimum))
    return needed

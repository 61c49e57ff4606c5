"""Constraints on arrays as `Array`, and the ways in which items are certain to be different from each other."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

from jsonschema_rs import CanonicalSchema
from jsonschema_rs.canonical import ArrayView, ConstView, Distinctness, EnumView, Satisfiability

from .errors import UnsupportedSchemaError
from .ir import Array, Choice, Node
from .json_places import Part
from .json_translator import Translator
from .json_values import ANY_VALUE, NO_VALUE, values_node

MAX_PERMUTED = 5


def array_node(view: ArrayView, part: Part, translator: Translator) -> Node:
    """The arrays of a view. Raises UnsupportedSchemaError for `contains`, and for `uniqueItems` over many values."""
    if view.contains:
        reason = "items that depend on other items cannot be enforced; list the items with prefixItems"
        raise UnsupportedSchemaError(part.pointer("contains"), "contains", reason)
    if view.distinctness != Distinctness.UNCONSTRAINED and not _certainly_different(view):
        return _different_items(view, part, translator)
    prefix: list[Node] = []
    for index, schema in enumerate(view.prefix_items):
        item = translator.node(schema, part.item(index))
        if item is NO_VALUE:  # so no array is as long as this
            return _array(view, prefix, None, translator)
        prefix.append(item)
    rest: Node | None = ANY_VALUE
    if view.max_items is not None and view.max_items <= len(prefix):
        rest = None
    elif view.items is not None:
        rest = translator.node(view.items, part.item(None))
    return _array(view, prefix, None if rest is NO_VALUE else rest, translator)


def _array(view: ArrayView, prefix: list[Node], rest: Node | None, translator: Translator) -> Node:
    minimum, maximum = view.min_items or 0, view.max_items
    if rest is None and minimum > len(prefix):
        return NO_VALUE
    return Array(tuple(prefix), rest, minimum, maximum, translator.layout)


# ------------------------------------------------------------------------------------------------------ different items


def _certainly_different(view: ArrayView) -> bool:
    """Whether items differ by their schemas alone: at most one item, or a prefix without values in common."""
    if view.distinctness != Distinctness.ALL_DISTINCT:
        return False
    if view.max_items is not None and view.max_items <= 1:
        return True
    if view.max_items is None or view.max_items > len(view.prefix_items):
        return False
    schemas = view.prefix_items[: view.max_items]
    return all(left.intersect(right).satisfiability() == Satisfiability.NO for left, right in combinations(schemas, 2))


def _different_items(view: ArrayView, part: Part, translator: Translator) -> Node:
    """Arrays of different items out of a few known values: every order of every choice."""
    values = _known_values(view.items) if not view.prefix_items else None
    if view.distinctness != Distinctness.ALL_DISTINCT or values is None or len(values) > MAX_PERMUTED:
        reason = f"different items are enforced for at most {MAX_PERMUTED} possible values (enum or const), or one item"
        raise UnsupportedSchemaError(part.pointer("uniqueItems"), "uniqueItems", reason)
    items = part.item(None)
    nodes = [values_node([value], items, translator) for value in values]
    most = len(values) if view.max_items is None else min(view.max_items, len(values))
    orders = [order for count in range(view.min_items or 0, most + 1) for order in permutations(nodes, count)]
    return Choice(tuple(Array(order, None, len(order), len(order), translator.layout) for order in orders))


def _known_values(items: CanonicalSchema | None) -> list[Any] | None:
    match None if items is None else items.view():
        case EnumView(values):
            return list(values)
        case ConstView(value):
            return [value]
        case _:
            return None

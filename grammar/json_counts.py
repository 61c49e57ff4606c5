"""How many values a schema has, at least: whether there are enough different items or names for what is demanded."""

from __future__ import annotations

import json
from collections import Counter
from math import prod
from typing import Any

from jsonschema_rs import CanonicalSchema
from jsonschema_rs.canonical import (
    AnyOfView,
    ArrayView,
    CanonicalKind,
    ConstView,
    Distinctness,
    EnumView,
    FalseView,
    IntegerView,
    MultiTypeView,
    NumberView,
    ObjectView,
    ReferenceView,
    StringView,
    TrueView,
    TypedGroupView,
)

from . import _native
from .errors import UnsatisfiableSchemaError
from .ir import Grammar, Regex, Terminal
from .json_bounds import LARGEST
from .json_places import Part
from .json_translator import Translator
from .limits import DEFAULT_LIMITS
from .lower import lower

PLENTY = 1_000_000
"""Counting stops here."""
_MAX_DEPTH = 6
_MAX_STEPS = 20_000
_BYTES = _native.Vocabulary([*(bytes([value]) for value in range(256)), None], [256])
_LISTED: dict[str, list[Any]] = {"null": [None], "boolean": [False, True]}
_FINITE = {name: len(values) for name, values in _LISTED.items()}


def list_values(schema: CanonicalSchema) -> list[Any] | None:
    """All values of `schema`, if it lists them, and JSON can write them."""
    match schema.view():
        case FalseView():
            return []
        case ConstView(value):
            values = [value]
        case EnumView(found):
            values = list(found)
        case MultiTypeView(types) if set(types) <= _FINITE.keys():
            values = [value for name in types for value in _LISTED[name]]
        case _:
            return None
    try:
        json.dumps(values)
    except TypeError:  # decimals beyond doubles
        return None
    return values


def count_values(schema: CanonicalSchema | None, part: Part, translator: Translator, depth: int = 0) -> int:
    """A number of different values that `schema` (None: any) is certain to have; at most `PLENTY`."""
    if schema is None:
        return PLENTY
    match schema.view():
        case TrueView():
            return PLENTY
        case FalseView():
            return 0
        case ConstView():
            return 1
        case EnumView(values):
            return len(values)
        case MultiTypeView(types):
            return min(sum(_FINITE.get(name, PLENTY) for name in types), PLENTY)
        case StringView() | IntegerView() | NumberView() | TypedGroupView():
            node = translator.node(schema, part)
            return count_texts(node.regex, PLENTY) if isinstance(node, Terminal) else 0
        case _ if depth >= _MAX_DEPTH:
            return 0
        case AnyOfView(branches):
            return _of_branches(branches, part, translator, depth + 1)
        case ReferenceView(uri):
            return count_values(schema.definition(uri), part, translator, depth + 1)
        case ArrayView() as view:
            return _of_arrays(view, part, translator, depth + 1)
        case ObjectView() as view:
            return _of_objects(view, part, translator, depth + 1)
    return 0


def _of_branches(branches: list[CanonicalSchema], part: Part, translator: Translator, depth: int) -> int:
    """Branches of one kind may overlap, so only the largest of each kind counts."""
    largest: Counter[CanonicalKind] = Counter()
    for branch in branches:
        largest[branch.kind] = max(largest[branch.kind], count_values(branch, part, translator, depth))
    plain = max((count for kind, count in largest.items()), default=0)
    apart = {CanonicalKind.ARRAY, CanonicalKind.OBJECT, CanonicalKind.STRING}
    return min(max(plain, sum(count for kind, count in largest.items() if kind in apart)), PLENTY)


def _of_arrays(view: ArrayView, part: Part, translator: Translator, depth: int) -> int:
    if view.contains or view.distinctness == Distinctness.SOME_REPEATED:
        return 0
    different = view.distinctness == Distinctness.ALL_DISTINCT
    least, most = view.min_items or 0, LARGEST if view.max_items is None else view.max_items
    counts = [count_values(item, part.item(i), translator, depth) for i, item in enumerate(view.prefix_items)]
    counts = [count - i * different for i, count in enumerate(counts)]
    rest = 0 if most <= len(counts) else count_values(view.items, part.item(None), translator, depth)
    longest = next((i for i, count in enumerate(counts) if count <= 0), len(counts))
    if longest == len(counts) and rest > 0:
        longest = max(longest, rest) if different else LARGEST
    return _of_lengths(counts, rest, different, least, min(most, longest))


def _of_lengths(counts: list[int], rest: int, different: bool, least: int, most: int) -> int:
    """How many sequences of some lengths there are: `counts` choices at the first places, `rest` at each of the others."""
    length, ways, total = 0, 1, 0
    while most >= least:
        total += ways if length >= least else 0
        if max(ways, total) >= PLENTY:
            return PLENTY
        if length == most:
            return total
        if length >= len(counts) and rest == 1:  # one way to go on, whatever the length
            return min(total + ways * (most - max(length, least - 1)), PLENTY)
        ways *= counts[length] if length < len(counts) else rest - length * different
        length += 1
    return 0


def _of_objects(view: ObjectView, part: Part, translator: Translator, depth: int) -> int:
    required = set(view.required)
    if view.violations or (view.min_properties or 0) > len(required):
        return 0
    open_ended = view.property_names is None and not view.pattern_properties
    if open_ended and (view.max_properties is None or view.max_properties > len(required)):
        more = count_values(view.additional_properties, part.extra([]), translator, depth)
        if more > 0 and _can_be_made(view, part, translator, depth):
            return PLENTY
    if view.max_properties is not None or view.pattern_properties:
        names = [name for name in view.properties if name in required]
    else:
        names = list(view.properties)
    counts = [_of_member(name, view, part, translator, depth) + (name not in required) for name in names]
    undeclared = [name for name in required if name not in view.properties]
    if undeclared and not open_ended:
        return 0
    return min(prod(counts), PLENTY)


def _of_member(name: str, view: ObjectView, part: Part, translator: Translator, depth: int) -> int:
    return count_values(view.properties[name], part.member(name), translator, depth)


def _can_be_made(view: ObjectView, part: Part, translator: Translator, depth: int) -> bool:
    return all(
        name not in view.properties or _of_member(name, view, part, translator, depth) > 0 for name in view.required
    )


def list_texts(regex: Regex, most: int) -> list[str] | None:
    """The texts of an expression, shorter ones first; None if there are more than `most`, or it takes too many steps."""
    grammar = _automaton(regex)
    if grammar is not None and _counted(grammar, most + 1) > most:
        return None
    texts: list[str] = []
    ways = [] if grammar is None else [(grammar.start, b"")]
    for steps, (state, text) in enumerate(ways):
        assert grammar is not None
        if grammar.is_accepting(state):
            texts.append(text.decode())
        if len(texts) > most or steps > _MAX_STEPS // 10:
            return None
        ways += [(grammar.step_bytes(state, bytes([b])), text + bytes([b])) for b in grammar.next_bytes(state)]
    return texts


def _automaton(regex: Regex) -> _native.CompiledGrammar | None:
    """An automaton over bytes; None for no texts."""
    try:
        return _native.CompiledGrammar(_BYTES, *lower(Grammar(Terminal(regex))), DEFAULT_LIMITS.of_automaton())
    except UnsatisfiableSchemaError:
        return None


def count_texts(regex: Regex, enough: int) -> int:
    """How many texts an expression has, counted up to `enough`, by their lengths.

    Fewer may be found than there are where the shorter ones take too many steps to count.
    """
    grammar = _automaton(regex)
    if grammar is None or enough <= 1:  # an automaton has a text, or it would not be
        return 0 if grammar is None else enough
    return _counted(grammar, enough)


def _counted(grammar: _native.CompiledGrammar, enough: int) -> int:
    texts, total, steps = Counter({grammar.start: 1}), 0, 0
    while texts and total < enough and steps < _MAX_STEPS:
        longer: Counter[int] = Counter()
        total += sum(count for state, count in texts.items() if grammar.is_accepting(state))
        if total >= enough:
            break
        for state, count in texts.items():
            for byte in grammar.next_bytes(state):
                longer[grammar.step_bytes(state, bytes([byte]))] += min(count, enough)
                steps += 1
        texts = longer
    return min(total, enough)

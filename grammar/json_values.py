"""Given values as text: `enum` and `const`, and the languages of whole types.

A number is written as `json.dumps` writes it, an integer as an integer; a value that the schema spells as a float with
an integral value (`1.0`) may be written both ways, and so may all where the option `integers` says so. Strings and member names are written canonically, members of an
object in the order of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final

from .ir import (
    ANY_TEXT,
    Array,
    Choice,
    ExtraFields,
    Field,
    JsonLayout,
    JsonString,
    Node,
    Record,
    Reference,
    Regex,
    Terminal,
    Text,
    TextSet,
)
from .json_number_terminals import ANY_BROKEN_INTEGER, ANY_INTEGER, is_number, takes_fractions, with_fractions
from .json_numbers import NUMBER
from .json_places import Part
from .json_translator import PropertyOrder, Translator
from .json_unique import UNIQUE_INTEGER, UNIQUE_NUMBER, UNIQUE_TEXT
from .lower_regex import share

_FEW: Final = 64
_NO_FLOATS: Final[Mapping[int, float]] = MappingProxyType({})

NO_VALUE = Choice(())
ANY_VALUE = Reference("any value")
ANY_UNIQUE_VALUE = Reference("any value, spelled uniquely")
STRING = Terminal(share(JsonString(ANY_TEXT)))
NULL = Terminal(Text("null"))
BOOLEAN = Terminal(share(TextSet(("true", "false"))))
_SCALARS: dict[str, Node] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "integer": ANY_INTEGER,
    "number": Terminal(NUMBER),
    "string": STRING,
}


_UNIQUE_SCALARS: dict[str, Node] = _SCALARS | {
    "integer": Terminal(UNIQUE_INTEGER),
    "number": Terminal(UNIQUE_NUMBER),
    "string": Terminal(share(JsonString(UNIQUE_TEXT))),
}


@lru_cache(maxsize=64)
def any_of_type(name: str, layout: JsonLayout, unique: bool = False) -> Node:
    """Every value of a JSON type; `unique`: in one spelling."""
    value = ANY_UNIQUE_VALUE if unique else ANY_VALUE
    if name == "array":
        return Array(rest=value, layout=layout)
    if name == "object":
        return Record((), (ExtraFields(UNIQUE_TEXT if unique else ANY_TEXT, value),), layout=layout)
    return _UNIQUE_SCALARS[name] if unique else _SCALARS[name]


@lru_cache(maxsize=64)
def any_value(layout: JsonLayout, unique: bool = False) -> Node:
    """The rule behind `ANY_VALUE`, or `ANY_UNIQUE_VALUE`."""
    names = ("object", "array", "string", "number", "boolean", "null")
    return Choice(tuple(any_of_type(name, layout, unique) for name in names))


def any_of_types(names: Sequence[str], draft: int, translator: Translator) -> Node:
    """Every value of some JSON types, as a run spells them."""
    layout, unique = translator.layout, translator.unique
    broken = takes_fractions(translator, draft)
    parts = [ANY_BROKEN_INTEGER if broken and n == "integer" else any_of_type(n, layout, unique) for n in names]
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))


def values_node(values: list[Any], part: Part, translator: Translator) -> Node:
    """One of `values`, which are JSON values."""
    match values:
        case [None]:
            return NULL
        case [False, True]:
            return BOOLEAN
    return _Writer(part, translator).one_of(values)


class _Writer:
    """The values that a schema gives for a part, as nodes. There may be thousands of them."""

    def __init__(self, part: Part, translator: Translator) -> None:
        self._written = _Written(part)
        self._translator = translator
        self._layout = translator.layout
        # one spelling of a value is enough where spellings are unique
        self._order: PropertyOrder = "declared" if translator.unique else translator.property_order
        self._strings: dict[str, Node] = {}

    def one_of(self, values: list[Any]) -> Node:
        """A node for all of them."""
        if len(values) == 1 and not isinstance(values[0], str):
            return self._exactly(values[0])
        strings = tuple([value for value in values if isinstance(value, str)])
        parts: list[Node] = []
        if strings:
            parts.append(_strings(strings) if len(strings) <= _FEW else Terminal(JsonString(_texts(strings))))
        if len(strings) < len(values):
            others = [value for value in values if not isinstance(value, (str, list, dict))]
            parts += [self._scalars(others)] if others else []
            parts += [self._container(value) for value in values if isinstance(value, (list, dict))]
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _exactly(self, value: Any) -> Node:
        kind = type(value)
        if kind is str:
            node = self._strings.get(value)
            if node is None:
                node = self._strings[value] = Terminal(JsonString(Text(value)))
            return node
        if value is None:
            return NULL
        if kind is int and self._is_plain:
            return Terminal(Text(str(value)))
        return self._container(value) if kind is list or kind is dict else self._scalars([value])

    @cached_property
    def _is_plain(self) -> bool:
        """Whether an integer is written in its digits, and nothing else."""
        return not self._translator.fractions and (self._translator.unique or not self._written.floats)

    def _scalars(self, values: list[Any]) -> Node:
        """Values that are neither strings nor containers."""
        has_numbers = not self._translator.unique and any(map(is_number, values))
        floats = self._written.floats if has_numbers else _NO_FLOATS
        texts = _texts([text for value in values for text in _spellings(value, floats)])
        return Terminal(with_fractions(texts, values) if self._translator.fractions else texts)

    def _container(self, value: list[Any] | dict[str, Any]) -> Node:
        if isinstance(value, list):
            items = tuple([self._exactly(item) for item in value])
            return Array(items, None, len(items), len(items), self._layout)
        names = self._written.order(value)
        fields = tuple([Field(name, self._exactly(value[name]), True) for name in names])
        return Record(fields, (), self._order, 0, None, self._layout)


@lru_cache(maxsize=256)
def _strings(texts: tuple[str, ...]) -> Node:
    """The same node for the same few strings: many a schema repeats them, and a node is lowered once."""
    return Terminal(JsonString(_texts(texts)))


class _Written:
    """How the schema writes the values it gives for a part, which the canonical form forgets."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def order(self, value: dict[str, Any]) -> Iterable[str]:
        """The names of an object in the order of the schema; the canonical form sorts them."""
        names = self._orders.get(frozenset(value), value)
        return self._orders_of_values.get(_frozen(value), value) if names is None else names

    @cached_property
    def _orders(self) -> dict[frozenset[str], list[str] | None]:
        """The order of each set of names, as almost always there is one; None if it depends on the values."""
        found: dict[frozenset[str], list[str] | None] = {}
        for value in self._objects:
            names = frozenset(value)
            if found.setdefault(names, order := list(value)) != order:
                found[names] = None
        return found

    @cached_property
    def _orders_of_values(self) -> dict[object, list[str]]:
        found: dict[object, list[str]] = {}
        for value in self._objects:
            found.setdefault(_frozen(value), list(value))
        return found

    @cached_property
    def floats(self) -> dict[int, float]:
        """What the schema spells as a float, by the whole number that its digits say."""
        given = [value for value in self._given if type(value) is float and value.is_integer()]
        return {int(Decimal(repr(value))): value for value in given}

    @cached_property
    def _objects(self) -> list[dict[str, Any]]:
        return [value for value in self._given if type(value) is dict]

    @cached_property
    def _given(self) -> list[Any]:
        """The objects and floats within the given values, outermost first."""
        found: list[Any] = []
        for place in self._part.places:
            pending: list[Any] = [place.schema.get("enum"), place.schema.get("const")]
            while pending:
                value = pending.pop()
                kind = type(value)
                if kind is list:
                    pending += value[::-1]
                elif kind is dict or kind is float:
                    found.append(value)
                    pending += reversed(value.values()) if kind is dict else ()
        return found


def _frozen(value: Any) -> object:
    """Something to look up a JSON value by, whatever the order of its members."""
    if isinstance(value, dict):
        return frozenset([(name, _frozen(item)) for name, item in value.items()])
    return tuple([_frozen(item) for item in value]) if isinstance(value, list) else value


def _texts(texts: Sequence[str]) -> Regex:
    return Text(texts[0]) if len(texts) == 1 else TextSet(tuple(texts))


# ------------------------------------------------------------------------------------------------------------- scalars


def _spellings(value: Any, floats: Mapping[int, float]) -> list[str]:
    """The texts of null, true, false or a number. Beyond 2**53 a float may have another value than its digits say."""
    if type(value) is int and not floats:
        return [str(value)]
    if isinstance(value, Decimal) and value != int(value):
        return [format(value, "f")]
    if not is_number(value) or value != int(value):
        return [json.dumps(value)]
    whole = int(value)
    given = floats.get(whole)
    if given is None:
        return [str(whole)]
    return [str(whole), json.dumps(given)] if given == whole else [json.dumps(given)]

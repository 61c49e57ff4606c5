"""Given values as text: `enum` and `const`, and the languages of whole types.

A number is written as `json.dumps` writes it, an integer as an integer; a value that the schema spells as a float with
an integral value (`1.0`) may be written both ways. Strings and member names are written canonically, members of an
object in the order of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache
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
from .json_numbers import INTEGER, NUMBER
from .json_places import Part
from .json_translator import Translator
from .json_unique import UNIQUE_INTEGER, UNIQUE_NUMBER, UNIQUE_TEXT
from .lower_regex import share

_FEW: Final = 64
_NO_FLOATS: Final[frozenset[float]] = frozenset()

NO_VALUE = Choice(())
ANY_VALUE = Reference("any value")
ANY_UNIQUE_VALUE = Reference("any value, spelled uniquely")
STRING = Terminal(share(JsonString(ANY_TEXT)))
NULL = Terminal(Text("null"))
BOOLEAN = Terminal(share(TextSet(("true", "false"))))
_SCALARS: dict[str, Node] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "integer": Terminal(INTEGER),
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


def values_node(values: list[Any], part: Part, translator: Translator) -> Node:
    """One of `values`, which are JSON values."""
    match values:
        case [None]:
            return NULL
        case [False, True]:
            return BOOLEAN
    return _one_of(values, _Written(part), translator)


def _one_of(values: list[Any], written: _Written, translator: Translator) -> Node:
    strings = tuple([value for value in values if isinstance(value, str)])
    parts: list[Node] = []
    if strings:
        parts.append(_strings(strings) if len(strings) <= _FEW else Terminal(JsonString(_texts(strings))))
    others = (
        [value for value in values if not isinstance(value, (str, list, dict))] if len(strings) < len(values) else []
    )
    if others:
        floats = _NO_FLOATS if translator.unique or not any(map(_is_number, others)) else written.floats
        parts.append(Terminal(_texts([text for value in others for text in _spellings(value, floats)])))
    if len(strings) + len(others) < len(values):
        parts += [_container(value, written, translator) for value in values if isinstance(value, (list, dict))]
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))


@lru_cache(maxsize=256)
def _strings(texts: tuple[str, ...]) -> Node:
    """The same node for the same few strings: many a schema repeats them, and a node is lowered once."""
    return Terminal(JsonString(_texts(texts)))


def _container(value: list[Any] | dict[str, Any], written: _Written, translator: Translator) -> Node:
    layout = translator.layout
    if isinstance(value, list):
        items = tuple(_one_of([item], written, translator) for item in value)
        return Array(items, None, len(items), len(items), layout)
    names = written.orders.get(_frozen(value), value)
    fields = tuple(Field(name, _one_of([value[name]], written, translator), True) for name in names)
    order = "declared" if translator.unique else translator.property_order  # one spelling of a value is enough there
    return Record(fields, order=order, layout=layout)


class _Written:
    """How the schema writes the values it gives for a part, which the canonical form forgets."""

    def __init__(self, part: Part) -> None:
        self._part = part

    @cached_property
    def orders(self) -> dict[object, list[str]]:
        """The names of each object in the order of the schema; the canonical form sorts them."""
        found: dict[object, list[str]] = {}
        for value in self._all():
            if isinstance(value, dict):
                found.setdefault(_frozen(value), list(value))
        return found

    @cached_property
    def floats(self) -> frozenset[float]:
        """The floats with an integral value that the schema spells as floats."""
        return frozenset([value for value in self._all() if isinstance(value, float) and value.is_integer()])

    def _all(self) -> Iterator[Any]:
        """All values within the given ones, outermost first."""
        for place in self._part.places:
            pending = [place.schema.get("enum"), place.schema.get("const")]
            while pending:
                value = pending.pop()
                yield value
                if isinstance(value, (list, dict)):
                    pending += reversed(value if isinstance(value, list) else value.values())


def _frozen(value: Any) -> object:
    """Something to look up a JSON value by, whatever the order of its members."""
    if isinstance(value, dict):
        return frozenset([(name, _frozen(item)) for name, item in value.items()])
    return tuple([_frozen(item) for item in value]) if isinstance(value, list) else value


def _texts(texts: Sequence[str]) -> Regex:
    return Text(texts[0]) if len(texts) == 1 else TextSet(tuple(texts))


# ------------------------------------------------------------------------------------------------------------- scalars


def _spellings(value: Any, floats: frozenset[float]) -> list[str]:
    """The texts of null, true, false or a number."""
    if isinstance(value, Decimal) and value != int(value):
        return [format(value, "f")]
    if not _is_number(value) or value != int(value):
        return [json.dumps(value)]
    return [str(int(value)), json.dumps(float(value))] if value in floats else [str(int(value))]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)

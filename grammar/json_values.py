"""Given values as text: `enum` and `const`, and the languages of whole types.

A number is written as `json.dumps` writes it, an integer as an integer; a value that the schema spells as a float with
an integral value (`1.0`) may be written both ways. Strings and member names are written canonically, members of an
object in the order of the schema.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import Any

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
from .lower import share

NO_VALUE = Choice(())
ANY_VALUE = Reference("any value")
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


@lru_cache(maxsize=64)
def any_of_type(name: str, layout: JsonLayout) -> Node:
    """Every value of a JSON type."""
    if name == "array":
        return Array(rest=ANY_VALUE, layout=layout)
    if name == "object":
        return Record((), (ExtraFields(ANY_TEXT, ANY_VALUE),), layout=layout)
    return _SCALARS[name]


@lru_cache(maxsize=64)
def any_value(layout: JsonLayout) -> Node:
    """The rule behind `ANY_VALUE`."""
    return Choice(
        tuple(any_of_type(name, layout) for name in ("object", "array", "string", "number", "boolean", "null"))
    )


def values_node(values: list[Any], part: Part, translator: Translator) -> Node:
    """One of `values`, which are JSON values."""
    strings = [value for value in values if isinstance(value, str)]
    parts: list[Node] = [Terminal(JsonString(_texts(strings)))] if strings else []
    written = [value for value in values if not isinstance(value, (str, list, dict))]
    if written:
        floats = _written_floats(part) if any(_is_number(value) for value in written) else frozenset()
        parts.append(Terminal(_texts([text for value in written for text in _spellings(value, floats)])))
    parts += [_container(value, part, translator) for value in values if isinstance(value, (list, dict))]
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))


def _container(value: list[Any] | dict[str, Any], part: Part, translator: Translator) -> Node:
    layout = translator.layout
    if isinstance(value, list):
        items = tuple(values_node([item], part, translator) for item in value)
        return Array(items, None, len(items), len(items), layout)
    names = _written_order(value, part)
    fields = tuple(Field(name, values_node([value[name]], part, translator), True) for name in names)
    return Record(fields, order=translator.property_order, layout=layout)


def _written_order(value: dict[str, Any], part: Part) -> list[str]:
    """The names of an object in the order of the schema, which the canonical form sorts."""
    for place in part.places:
        for candidate in _objects([place.schema.get("const"), place.schema.get("enum")]):
            if candidate == value:
                return list(candidate)
    return list(value)


def _objects(values: list[Any]) -> list[dict[str, Any]]:
    """All objects within values, outermost first."""
    found: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, dict):
            found += [value, *_objects(list(value.values()))]
        elif isinstance(value, list):
            found += _objects(value)
    return found


def _texts(texts: list[str]) -> Regex:
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


def _written_floats(part: Part) -> frozenset[float]:
    """The floats with an integral value that the schema spells as floats."""
    found: set[float] = set()
    for place in part.places:
        pending = [place.schema.get("const"), place.schema.get("enum")]
        while pending:
            value = pending.pop()
            if isinstance(value, float) and value.is_integer():
                found.add(value)
            elif isinstance(value, (list, dict)):
                pending += value if isinstance(value, list) else value.values()
    return frozenset(found)

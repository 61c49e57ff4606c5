"""Values of arguments between two marks: a string as it is, everything else as JSON.

What is written must be read as what was meant. A reader takes the text up to the mark behind it; where an argument may be
a string or something else, it takes for something else what looks like it. So no string looks like it, and none holds
the mark, nor what else readers of the format look for. Where a schema lists such a string, it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .composition_rules import matching, spelled
from .composition_texts import ending_with
from .errors import UnsupportedSchemaError
from .ir import (
    ANY_TEXT,
    Array,
    Choice,
    Complement,
    Concat,
    Intersection,
    JsonString,
    Node,
    Record,
    Reference,
    Regex,
    Sequence,
    Terminal,
    Text,
    TextSet,
    Union,
)
from .json_counts import count_texts, list_texts
from .regex import from_regex
from .tool_formats import ToolFormat

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_IS_NUMBER = re.compile(_NUMBER)
_WORDS = {"true": "boolean", "false": "boolean", "null": "null"}
_HEADS = {"object": "{", "array": "["}
_LISTED = 256
_DECODER = json.JSONDecoder()


def kinds_of(node: Node, rules: Mapping[str, Node]) -> frozenset[str]:
    """The types of JSON that the values of a node may have; integers are numbers."""
    return frozenset(kind for kind, _ in _ways(node, rules))


def _ways(node: Node, rules: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    """What a value may be, each with its type: a container, or a terminal of one type."""
    seen: set[str] = set()
    stack = [node]
    while stack:
        node = stack.pop()
        match node:
            case Choice(parts):
                stack += reversed(parts)
            case Reference(rule):
                stack += [] if rule in seen else [rules[rule]]
                seen.add(rule)
            case Record():
                yield "object", node
            case Array():
                yield "array", node
            case Terminal(Union(parts)):
                stack += [Terminal(part) for part in reversed(parts)]
            case Terminal(TextSet(texts)):
                for text in texts:
                    yield _WORDS.get(text, "number"), matching(Text(text))
            case Terminal(Text(text)):
                yield _WORDS.get(text, "number"), node
            case Terminal(JsonString()):
                yield "string", node
            case _:
                yield "number", node


class TextValue:
    """The value of one argument, and what stands behind it."""

    def __init__(self, form: ToolFormat, kinds: frozenset[str], pointer: str) -> None:
        self._form = form
        self._after = form.argument_pieces[2]
        self._pointer = pointer
        self._refused = Union(tuple(_refused(form, kinds)))

    def node(self, value: Node, rules: Mapping[str, Node]) -> Node:
        """What the JSON value becomes. Raises `UnsupportedSchemaError` for strings that cannot be written."""
        strings, others = [], []
        for kind, way in _ways(value, rules):
            if kind == "string" and isinstance(way, Terminal) and isinstance(way.regex, JsonString):
                strings.append(way.regex.content)
            else:
                others.append(way)
        ways: list[Node] = [self._string(Union(tuple(strings)))] if strings else []
        if others:
            written = value if not strings else Choice(tuple(others))
            ways.append(Sequence((written, spelled(self._after, self._form.special))))
        return Choice(tuple(ways))

    def _string(self, content: Regex) -> Node:
        listed = list_texts(content, _LISTED)
        written = Intersection((content, Complement(self._refused)))
        lost = listed is not None and (list_texts(written, _LISTED) or []) != listed
        whole = Intersection((Concat((written, Text(self._after))), ending_with((self._after,))))
        if lost or count_texts(whole, 1) == 0:
            example = next((text for text in listed or () if text not in (list_texts(written, _LISTED) or ())), None)
            what = "these strings" if example is None else f"the string {example!r}"
            reason = f"{what} cannot be written as plain text in this style: it would be read as something else"
            raise UnsupportedSchemaError(self._pointer, "", reason)
        return matching(whole)


def _refused(form: ToolFormat, kinds: frozenset[str]) -> Iterator[Regex]:
    """The strings that are not written: those that hold what is reserved, and those that look like another value."""
    if form.reserved:
        yield Concat((ANY_TEXT, TextSet(form.reserved), ANY_TEXT))
    if "number" in kinds:
        yield from_regex(_NUMBER)
    words = tuple(word for word, kind in _WORDS.items() if kind in kinds)
    if words:
        yield TextSet(words)
    for kind in kinds & _HEADS.keys():
        yield Concat((Text(_HEADS[kind]), ANY_TEXT))


def read_text(text: str, place: int, after: str, kinds: frozenset[str]) -> tuple[Any, int]:
    """The value at this place, and where it ends. Raises `ValueError` if there is none."""
    for kind in kinds & _HEADS.keys():
        if text.startswith(_HEADS[kind], place):
            return _DECODER.raw_decode(text, place)
    end = text.find(after, place)
    if end < 0:
        raise ValueError(f"the argument at position {place} does not end")
    found = text[place:end]
    is_other = "string" not in kinds or _WORDS.get(found, "") in kinds
    if is_other or ("number" in kinds and _IS_NUMBER.fullmatch(found)):
        return json.loads(found), end
    return found, end

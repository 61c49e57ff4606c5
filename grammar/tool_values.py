"""JSON values in the spelling of Python: the grammar of a schema with `True`, `False` and `None`, and plain strings.

Everything else is the same in both: numbers, lists, and strings, if no `\\/` and no pair of surrogates is in them, so
these are always spelled canonically (`ir.JsonString`).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from .ir import Grammar, JsonString, Node, Record, Regex, Terminal, Text, TextSet, Union
from .json_unique import unique_content
from .node_parts import children, with_parts

_WORDS = {"true": "True", "false": "False", "null": "None"}
_JSON = {python: text for text, python in _WORDS.items()}
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|True|False|None|[^"TFN]+')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.0-9A-Za-z]+|.', re.DOTALL)


def in_python(grammar: Grammar) -> Grammar:
    """The same values as Python's `repr` spells them, but for the quotes of strings."""
    done: dict[int, Node] = {}
    stack = [grammar.start, *grammar.rules.values()]
    while stack:
        node = stack[-1]
        missing = [child for child in children(node) if id(child) not in done]
        if missing:
            stack += missing
            continue
        stack.pop()
        if id(node) not in done:
            done[id(node)] = _python_node(node, done)
    return Grammar(done[id(grammar.start)], {name: done[id(node)] for name, node in grammar.rules.items()})


def _python_node(node: Node, done: dict[int, Node]) -> Node:
    if isinstance(node, Terminal):
        return Terminal(_python_scalar(node.regex))
    made = with_parts(node, done)
    if isinstance(made, Record):
        extras = tuple(replace(extra, name=unique_content(extra.name)) for extra in made.extras)
        return replace(made, extras=extras)
    return made


def _python_scalar(regex: Regex) -> Regex:
    """A scalar: a string, a word, or else a number, which stays as it is."""
    match regex:
        case JsonString(content):
            return JsonString(unique_content(content))
        case Text(text):
            return Text(_WORDS.get(text, text))
        case TextSet(texts):
            return TextSet(tuple(_WORDS.get(text, text) for text in texts))
        case Union(parts):
            return Union(tuple(map(_python_scalar, parts)))
    return regex


def read_python(text: str, place: int) -> tuple[object, int]:
    """The value that `in_python` spells at this place, and where it ends. Raises `ValueError` if there is none."""
    end = _end(text, place)
    pieces = [piece[0] for piece in _PIECE.finditer(text, place, end)]
    if sum(map(len, pieces)) != end - place:
        raise ValueError(f"no value of Python at position {place}")
    return json.loads("".join(_JSON.get(piece, piece) for piece in pieces)), end


def _end(text: str, place: int) -> int:
    """Behind the value: what is open there is closed."""
    depth = 0
    for piece in _TOKEN.finditer(text, place):
        depth += (piece[0] in "[{") - (piece[0] in "]}")
        if depth <= 0:
            return piece.end()
    return len(text)

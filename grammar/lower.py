"""Lowering: a `Grammar` of the IR as the flat program that the native automaton reads.

In comes a tree (or graph) of nodes; out come an array of int32 operations and a blob of text that they point into. Every
regex operation defines the next regex number, every node operation the next node number. A regex refers to earlier
numbers, a node to any. Regular expressions of `JsonString` content are lowered in JSON spelling. No step recurses over
the input, so its depth is not bounded by Python's stack.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from typing import Final

from . import ir
from .errors import GrammarError

# The operations of grammar/native/program.cpp, in the same order.
LITERAL, CHARS, JSON_CHARS, JSON_ANY, CONCAT, UNION, INTERSECTION, COMPLEMENT, REPEAT, MODULO, TEXTS = range(1, 12)
TERMINAL, SEQUENCE, CHOICE, ALIAS, RECORD, ARRAY = range(20, 26)
START: Final = 30

_STYLES: Final = {"flexible": 0, "compact": 1, "indent": 2}
_MAX_INT: Final = 2**31 - 1


def lower(grammar: ir.Grammar) -> tuple[bytes, bytes]:
    """The program (int32 in native byte order) and its text.

    Raises:
        GrammarError: an undefined rule, a number beyond 32 bits, or a `JsonString` where it may not stand.
    """
    return _Lowering(grammar).run()


class _Lowering:
    def __init__(self, grammar: ir.Grammar) -> None:
        self._grammar = grammar
        self._regex_code = array("i")
        self._text = bytearray()
        self._offsets: dict[bytes, int] = {}
        self._regexes: dict[tuple[int, bool], int] = {}
        self._regex_count = 0
        self._nodes: dict[int, int] = {}
        self._node_queue: list[ir.Node] = []
        self._keep: list[object] = []  # ids are only unique while the objects live
        self._any_char: dict[bool, int] = {}

    def run(self) -> tuple[bytes, bytes]:
        start = self._node(self._grammar.start)
        node_code = array("i")
        at = 0
        while at < len(self._node_queue):  # nodes are numbered as they are met
            node_code.extend(self._lower_node(self._node_queue[at]))
            at += 1
        program = self._regex_code + node_code + array("i", (START, start))
        return program.tobytes(), bytes(self._text)

    # ------------------------------------------------------------------------------------------------------- nodes

    def _node(self, node: ir.Node) -> int:
        number = self._nodes.get(id(node))
        if number is None:
            number = self._nodes[id(node)] = len(self._node_queue)
            self._node_queue.append(node)
        return number

    def _lower_node(self, node: ir.Node) -> list[int]:
        match node:
            case ir.Terminal(regex):
                return [TERMINAL, self._regex(regex, False)]
            case ir.Sequence(parts):
                return [SEQUENCE, len(parts), *map(self._node, parts)]
            case ir.Choice(parts):
                return [CHOICE, len(parts), *map(self._node, parts)]
            case ir.Reference(rule):
                if rule not in self._grammar.rules:
                    raise GrammarError(f"rule {rule!r} is not defined")
                return [ALIAS, self._node(self._grammar.rules[rule])]
            case ir.Record():
                return self._lower_record(node)
            case ir.Array():
                return self._lower_array(node)
        raise TypeError(f"{type(node).__name__} is not a grammar node")

    def _lower_record(self, node: ir.Record) -> list[int]:
        code = [RECORD, *_layout(node.layout), int(node.order == "any"), *_bounds(node.minimum, node.maximum)]
        code.append(len(node.fields))
        for declared in node.fields:
            key = self._literal(json.dumps(declared.name, ensure_ascii=False).encode("utf-8", "strict"))
            code += (key, self._node(declared.value), int(declared.required))
        code.append(len(node.extras))
        for extra in node.extras:
            code += (self._regex(ir.JsonString(extra.name), False), self._node(extra.value))
        return code

    def _lower_array(self, node: ir.Array) -> list[int]:
        code = [ARRAY, *_layout(node.layout), *_bounds(node.minimum, node.maximum)]
        code += (len(node.prefix), *map(self._node, node.prefix))
        code.append(-1 if node.rest is None else self._node(node.rest))
        return code

    # ------------------------------------------------------------------------------------------------- expressions

    def _regex(self, regex: ir.Regex, in_json: bool) -> int:
        """The number of `regex`; parts first, with a stack of our own."""
        stack = [(regex, in_json, False)]
        while stack:
            node, spelled, ready = stack.pop()
            key = (id(node), spelled)
            if key in self._regexes:
                continue
            parts = [] if ready else list(_parts(node, spelled))
            if ready or not parts:
                self._keep.append(node)
                self._regexes[key] = self._lower_regex(node, spelled)
                continue
            stack.append((node, spelled, True))
            stack.extend((part, part_spelled, False) for part, part_spelled in parts)
        return self._regexes[(id(regex), in_json)]

    def _lower_regex(self, node: ir.Regex, spelled: bool) -> int:
        def number(part: ir.Regex) -> int:
            return self._regexes[(id(part), spelled)]

        match node:
            case ir.Text(text):
                return self._lower_text(text, spelled)
            case ir.Chars(ranges):
                flat = [bound for pair in ranges for bound in pair]
                return self._emit(JSON_CHARS if spelled else CHARS, len(ranges), *flat)
            case ir.Concat(parts):
                return self._emit(CONCAT, len(parts), *map(number, parts))
            case ir.Union(parts):
                return self._emit(UNION, len(parts), *map(number, parts))
            case ir.Intersection(parts):
                return self._emit(INTERSECTION, len(parts), *map(number, parts))
            case ir.Complement(inner):
                return self._emit(INTERSECTION, 2, self._any_text(spelled), self._emit(COMPLEMENT, number(inner)))
            case ir.Repeat(inner, minimum, maximum):
                return self._emit(REPEAT, number(inner), *_bounds(minimum, maximum))
            case ir.DigitsModulo(modulus, remainder):
                return self._emit(MODULO, _int32(modulus), remainder % modulus)
            case ir.TextSet(texts):
                return self._lower_texts(texts, spelled)
            case ir.JsonString(content):
                return self._lower_string(content)
        raise TypeError(f"{type(node).__name__} is not a regular expression")

    def _lower_text(self, text: str, spelled: bool) -> int:
        if spelled and _has_control(text):
            parts = [self._emit(JSON_CHARS, 1, ord(char), ord(char)) for char in text]
            return self._emit(CONCAT, len(parts), *parts)
        return self._literal(_spell(text) if spelled else text.encode("utf-8", "strict"))

    def _lower_texts(self, texts: tuple[str, ...], spelled: bool) -> int:
        plain = [text for text in texts if not (spelled and _has_control(text))]
        places = [self._place(_spell(text) if spelled else text.encode()) for text in plain]
        simple = self._emit(TEXTS, len(plain), *(bound for place in places for bound in place))
        others = [self._lower_text(text, True) for text in texts if spelled and _has_control(text)]
        return self._emit(UNION, 1 + len(others), simple, *others) if others else simple

    def _lower_string(self, content: ir.Regex) -> int:
        quote = self._literal(b'"')
        bounds = _free_bounds(content)
        if bounds is None:
            inside = self._regexes[(id(content), True)]
        else:
            if False not in self._any_char:
                self._any_char[False] = self._emit(JSON_ANY)
            inside = self._emit(REPEAT, self._any_char[False], *bounds)
        return self._emit(CONCAT, 3, quote, inside, quote)

    def _any_text(self, spelled: bool) -> int:
        if spelled not in self._any_char or not spelled:
            char = self._emit(JSON_CHARS if spelled else CHARS, 1, 0, ir.MAX_CODE_POINT)
            if spelled:
                self._any_char[True] = char
            return self._emit(REPEAT, char, 0, -1)
        return self._emit(REPEAT, self._any_char[True], 0, -1)

    # ------------------------------------------------------------------------------------------------------ output

    def _emit(self, *operation: int) -> int:
        self._regex_code.extend(operation)
        self._regex_count += 1
        return self._regex_count - 1

    def _literal(self, data: bytes) -> int:
        return self._emit(LITERAL, *self._place(data))

    def _place(self, data: bytes) -> tuple[int, int]:
        offset = self._offsets.get(data)
        if offset is None:
            offset = self._offsets[data] = len(self._text)
            self._text += data
        return offset, len(data)


def _parts(node: ir.Regex, spelled: bool) -> Iterator[tuple[ir.Regex, bool]]:
    """What must be lowered before `node`, and in which spelling."""
    match node:
        case ir.Concat(parts) | ir.Union(parts) | ir.Intersection(parts):
            for part in parts:
                yield part, spelled
        case ir.Complement(inner) | ir.Repeat(inner):
            yield inner, spelled
        case ir.JsonString(content):
            if spelled:
                raise GrammarError("a JSON string cannot be nested in the content of another")
            if _free_bounds(content) is None:
                yield content, True


def _free_bounds(content: ir.Regex) -> tuple[int, int] | None:
    """The length bounds of a content that is any text of bounded length: it may be spelled freely."""
    match content:
        case ir.Repeat(ir.Chars(((0, ir.MAX_CODE_POINT),)), minimum, maximum):
            return _bounds(minimum, maximum)
    return None


def _has_control(text: str) -> bool:
    return any(char < " " for char in text)


def _spell(text: str) -> bytes:
    return text.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "strict")


def _layout(layout: ir.JsonLayout) -> tuple[int, int, int]:
    return _STYLES[layout.style], layout.max_whitespace, layout.indent


def _bounds(minimum: int, maximum: int | None) -> tuple[int, int]:
    return _int32(minimum), -1 if maximum is None else _int32(maximum)


def _int32(value: int) -> int:
    if not 0 <= value <= _MAX_INT:
        raise GrammarError(f"the bound {value} is out of range; bounds go up to {_MAX_INT}")
    return value



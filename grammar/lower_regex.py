"""Lowering of regular expressions: `ir.Regex` as operations of the flat program that the native automaton reads.

Every operation defines the next regex number, and refers to earlier ones. Expressions of `JsonString` content are
lowered in JSON spelling.

Lowering is a large part of the time to the first mask, and much of what it meets is the same in every grammar: numbers,
strings, formats. What is marked by `share` is lowered once, and its operations are pasted with their numbers shifted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from typing import Final, TypeVar

from . import ir
from .errors import GrammarError

# The operations of grammar/native/program.cpp, in the same order.
LITERAL, CHARS, JSON_CHARS, JSON_ANY, CONCAT, UNION, INTERSECTION, COMPLEMENT, REPEAT, MODULO, TEXTS = range(1, 12)

_MAX_INT: Final = 2**31 - 1
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_SPELLED: Final = re.compile(r"[\x00-\x1f\"\\]")
_LISTS: Final = {ir.Concat: CONCAT, ir.Union: UNION, ir.Intersection: INTERSECTION}

_R = TypeVar("_R", bound=ir.Regex)


def share(regex: _R) -> _R:
    """Mark an expression that stands in many grammars and lives as long as the program; returns it."""
    _SHARED[id(regex)] = _Shared(regex)
    return regex


class Regexes:
    """The expressions of one grammar: their code, and the text that it points into.

    The nodes must live as long as this object, which knows them by their ids.
    """

    def __init__(self) -> None:
        self.code: list[int] = []
        self.text = bytearray()
        self.count = 0
        self._numbers: tuple[dict[int, int], dict[int, int]] = ({}, {})  # plain, and in JSON spelling
        self._offsets: dict[bytes, int] = {}
        self._literals: dict[bytes, int] = {}
        self._strings: dict[tuple[int, int], int] = {}
        self._once: dict[tuple[int, ...], int] = {}

    def number(self, regex: ir.Regex, spelled: bool = False) -> int:
        """The number of `regex`; parts come first, with a stack of our own."""
        numbers = self._numbers
        if not spelled:
            direct = None
            if type(regex) is ir.Text:
                direct = self.literal(regex.text.encode())
            elif type(regex) is ir.JsonString:
                direct = self._direct(regex.content)
            if direct is not None:
                numbers[False][id(regex)] = direct
                return direct
        stack = [(regex, spelled)]
        while stack:
            node, in_json = stack[-1]
            if id(node) in numbers[in_json]:
                stack.pop()
            elif id(node) in _SHARED:
                numbers[in_json][id(node)] = self._paste(_SHARED[id(node)], in_json)
            elif missing := self.missing(node, in_json):
                stack += reversed(missing)
            else:
                numbers[in_json][id(node)] = self.write(node, in_json)
        return numbers[spelled][id(regex)]

    def string(self, content: ir.Regex) -> int:
        """The number of the JSON string with this content, which any text of bounded length may spell freely."""
        direct = self._direct(content)
        if direct is not None:
            return direct
        quote = self.literal(b'"')
        return self._emit(CONCAT, 3, quote, self.number(content, True), quote)

    def literal(self, data: bytes) -> int:
        """The number of exactly these bytes."""
        number = self._literals.get(data)
        if number is None:
            number = self._literals[data] = self.count
            self.code += (LITERAL, len(self.text), len(data))
            self.text += data
            self.count += 1
        return number

    def free_chars(self, content: ir.Regex) -> int:
        """The number of what stands between the quotes of a string of any text of bounded length."""
        bounds = free_bounds(content)
        assert bounds is not None
        return self._unique(REPEAT, self._unique(JSON_ANY), *bounds)

    def literals(self, texts: Iterable[bytes]) -> list[int]:
        """The numbers of all of them, of which there may be thousands."""
        known, code, count, at = self._literals, self.code, self.count, len(self.text)
        numbers: list[int] = []
        new: list[bytes] = []
        for data in texts:
            number = known.get(data)
            if number is None:
                known[data] = number = count
                count += 1
                code += (LITERAL, at, len(data))
                at += len(data)
                new.append(data)
            numbers.append(number)
        self.text += b"".join(new)
        self.count = count
        return numbers

    def _direct(self, content: ir.Regex) -> int | None:
        """The number of a JSON string of which nothing else is made of: any text of bounded length, or a plain one."""
        if type(content) is ir.Text:
            return None if _has_control(content.text) else self.literal(b'"' + _spell(content.text) + b'"')
        bounds = free_bounds(content)
        return None if bounds is None else self.free_string(bounds)

    def free_string(self, bounds: tuple[int, int]) -> int:
        """The number of the JSON strings of any text between two bounds, as `free_bounds` has them."""
        number = self._strings.get(bounds)
        if number is None:
            quote, char = self.literal(b'"'), self._unique(JSON_ANY)
            inside = self.count
            self.code += (REPEAT, char, *bounds, CONCAT, 3, quote, inside, quote)
            self.count = inside + 2
            number = self._strings[bounds] = inside + 1
        return number

    def write(self, node: ir.Regex, spelled: bool) -> int:
        """Write the code of `node`, all parts of which have been written."""
        numbers = self._numbers[spelled]
        match node:
            case ir.JsonString(content):
                return self.string(content)
            case ir.Text(text):
                return self._text(text, spelled)
            case ir.Chars(ranges):
                _check_ranges(ranges)
                return self._emit(JSON_CHARS if spelled else CHARS, len(ranges), *chain.from_iterable(ranges))
            case ir.Intersection(()):
                raise GrammarError("an intersection needs at least one part")
            case ir.Concat(parts) | ir.Union(parts) | ir.Intersection(parts):
                return self._emit(_LISTS[type(node)], len(parts), *[numbers[id(part)] for part in parts])
            case ir.Repeat(inner, minimum, maximum):
                if maximum is not None and maximum < minimum:
                    raise GrammarError(f"a repetition cannot have bounds of {minimum} to {maximum}")
                return self._emit(REPEAT, numbers[id(inner)], *bounds(minimum, maximum))
            case ir.Complement(inner):
                any_char = self._unique(JSON_CHARS if spelled else CHARS, 1, 0, ir.MAX_CODE_POINT)
                outside = self._emit(COMPLEMENT, numbers[id(inner)])
                return self._emit(INTERSECTION, 2, self._unique(REPEAT, any_char, 0, -1), outside)
            case ir.TextSet(texts):
                return self._texts(texts, spelled)
            case ir.DigitsModulo(modulus, remainder):
                if modulus < 1:
                    raise GrammarError(f"the modulus {modulus} must be positive")
                return self._emit(MODULO, int32(modulus), remainder % modulus)
        raise TypeError(f"{type(node).__name__} is not a regular expression")

    def missing(self, node: ir.Regex, spelled: bool) -> list[tuple[ir.Regex, bool]]:
        """The parts of `node` that must be written before it."""
        numbers = self._numbers[spelled]
        match node:
            case ir.JsonString(content):
                if spelled:
                    raise GrammarError("a JSON string cannot be nested in the content of another")
                known = id(content) in self._numbers[True] or self._direct(content) is not None
                return [] if known else [(content, True)]
            case ir.Text() | ir.Chars() | ir.TextSet():
                return []
            case ir.Concat(parts) | ir.Union(parts) | ir.Intersection(parts):
                return [(part, spelled) for part in parts if id(part) not in numbers]
            case ir.Complement(inner) | ir.Repeat(inner):
                return [] if id(inner) in numbers else [(inner, spelled)]
        return []

    def _text(self, text: str, spelled: bool) -> int:
        if spelled and _has_control(text):
            parts = [self._emit(JSON_CHARS, 1, ord(char), ord(char)) for char in text]
            return self._emit(CONCAT, len(parts), *parts)
        return self.literal(_spell(text) if spelled else text.encode())

    def _texts(self, texts: tuple[str, ...], spelled: bool) -> int:
        if spelled and _SPELLED.search("".join(texts)):
            simple = self._set([_spell(text) for text in texts if not _has_control(text)])
        else:
            simple = self._set([text.encode() for text in texts])
        if not (spelled and _has_control("".join(texts))):
            return simple
        others = [self._text(text, True) for text in texts if _has_control(text)]
        return self._emit(UNION, 1 + len(others), simple, *others)

    def _set(self, texts: list[bytes]) -> int:
        lengths = [len(data) for data in texts]
        offsets = accumulate(lengths, initial=len(self.text))
        self.text += b"".join(texts)
        return self._emit(TEXTS, len(texts), *chain.from_iterable(zip(offsets, lengths, strict=False)))

    # ------------------------------------------------------------------------------------------------------ output

    def _emit(self, *operation: int) -> int:
        self.code += operation
        self.count += 1
        return self.count - 1

    def _unique(self, *operation: int) -> int:
        number = self._once.get(operation)
        if number is None:
            number = self._once[operation] = self._emit(*operation)
        return number

    def _place(self, data: bytes) -> int:
        """Where these bytes stand in the text."""
        offset = self._offsets.get(data)
        if offset is None:
            offset = self._offsets[data] = len(self.text)
            self.text += data
        return offset

    def _paste(self, shared: _Shared, spelled: bool) -> int:
        fragment = shared.spelled if spelled else shared.plain
        code, first = fragment.code[:], self.count
        for at in fragment.numbers:
            code[at] += first
        if fragment.text:
            offset = self._place(fragment.text)
            for at in fragment.offsets:
                code[at] += offset
        self.code += code
        self.count += fragment.count
        return first + fragment.result


# -------------------------------------------------------------------------------------------------------------- shared


@dataclass(frozen=True, slots=True)
class _Fragment:
    """Code and text of one expression on its own, and where in the code numbers of regexes and offsets of text are."""

    code: list[int]
    text: bytes
    count: int
    result: int
    numbers: list[int]
    offsets: list[int]


class _Shared:
    """A shared expression, and its code in both spellings, each made when it is first asked for."""

    def __init__(self, regex: ir.Regex) -> None:
        self._regex = regex

    @cached_property
    def plain(self) -> _Fragment:
        """As it is."""
        return self._lowered(False)

    @cached_property
    def spelled(self) -> _Fragment:
        """As content of a JSON string."""
        return self._lowered(True)

    def _lowered(self, spelled: bool) -> _Fragment:
        regexes = Regexes()
        for part, in_json in regexes.missing(self._regex, spelled):
            regexes.number(part, in_json)
        result = regexes.write(self._regex, spelled)
        operands = list(_operands(regexes.code))
        numbers = [at for at, is_number in operands if is_number]
        offsets = [at for at, is_number in operands if not is_number]
        return _Fragment(regexes.code, bytes(regexes.text), regexes.count, result, numbers, offsets)


_SHARED: Final[dict[int, _Shared]] = {}


def _operands(code: list[int]) -> Iterator[tuple[int, bool]]:
    """Where the operands of regex code are that change with their surroundings: numbers (True) and offsets of text."""
    at = 0
    while at < len(code):
        operation, at = code[at], at + 1
        if operation in (CONCAT, UNION, INTERSECTION):
            yield from ((place, True) for place in range(at + 1, at + 1 + code[at]))
            at += 1 + code[at]
        elif operation in (COMPLEMENT, REPEAT):
            yield at, True
            at += 1 if operation == COMPLEMENT else 3
        elif operation == TEXTS:
            yield from ((place, False) for place in range(at + 1, at + 1 + 2 * code[at], 2))
            at += 1 + 2 * code[at]
        elif operation == LITERAL:
            yield at, False
            at += 2
        elif operation in (CHARS, JSON_CHARS):
            at += 1 + 2 * code[at]
        elif operation == MODULO:
            at += 2


# ------------------------------------------------------------------------------------------------------------ spelling


def free_bounds(content: ir.Regex) -> tuple[int, int] | None:
    """The length bounds of a content that is any text of bounded length: it may be spelled freely."""
    if type(content) is not ir.Repeat:
        return None
    inner = content.inner
    if inner is ir.ANY_CHAR or (type(inner) is ir.Chars and inner.ranges == ir.ANY_CHAR.ranges):
        return bounds(content.minimum, content.maximum)
    return None


def _has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def _spell(text: str) -> bytes:
    return text.replace("\\", "\\\\").replace('"', '\\"').encode()


def _check_ranges(ranges: tuple[ir.Range, ...]) -> None:
    for low, high in ranges:
        if not 0 <= low <= high <= ir.MAX_CODE_POINT:
            raise GrammarError(f"{low:#x} to {high:#x} is no range of code points")


def bounds(minimum: int, maximum: int | None) -> tuple[int, int]:
    """The two bounds as the program has them: -1 for none."""
    if 0 <= minimum <= _MAX_INT and (maximum is None or 0 <= maximum <= _MAX_INT):
        return minimum, -1 if maximum is None else maximum
    return int32(minimum), -1 if maximum is None else int32(maximum)


def int32(value: int) -> int:
    """The value. Raises `GrammarError` if it is negative or has more than 31 bits."""
    if not 0 <= value <= _MAX_INT:
        raise GrammarError(f"the bound {value} is out of range; bounds go up to {_MAX_INT}")
    return value

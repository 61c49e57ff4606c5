"""Smart constructors for regular languages: they return the smallest equal node that is found at once.

Small results matter because the automaton explores a regex by derivatives: one `Chars` in place of a union of ten
characters is ten times less to derive.
"""

from __future__ import annotations

from collections.abc import Iterable

from .ir import (
    ANY_CHAR,
    ANY_TEXT,
    EMPTY_TEXT,
    NOTHING,
    Chars,
    Complement,
    Concat,
    Intersection,
    Regex,
    Repeat,
    Text,
    TextSet,
    Union,
)
from .regex_sets import EVERY_CODE_POINT, SURROGATES, CodePoints, contains, intersection, inverted, normalised
from .rule_analysis import nullable_regex


def char(code: int) -> Regex:
    """One code point."""
    return NOTHING if 0xD800 <= code <= 0xDFFF else Text(chr(code))


def chars(ranges: CodePoints) -> Regex:
    """One code point of the set."""
    if ranges == EVERY_CODE_POINT:
        return ANY_CHAR
    if all(low >= SURROGATES[0] and high <= SURROGATES[1] for low, high in ranges):
        return NOTHING
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return Text(chr(ranges[0][0]))
    return Chars(ranges)


def single_characters(regex: Regex) -> CodePoints | None:
    """The set, if the language consists of one-character texts by its form."""
    if isinstance(regex, Chars):
        return regex.ranges
    if isinstance(regex, Text) and len(regex.text) == 1:
        return ((ord(regex.text), ord(regex.text)),)
    return None


def concat(parts: Iterable[Regex]) -> Regex:
    """Concatenation: nested ones flattened, neighbouring texts joined, `ab*` + `b*` left alone."""
    result: list[Regex] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Concat) else (part,):
            if piece is NOTHING:
                return NOTHING
            if isinstance(piece, Text):
                if not piece.text:
                    continue
                if result and isinstance(result[-1], Text):
                    result[-1] = Text(result[-1].text + piece.text)
                    continue
            elif piece is ANY_TEXT and result and result[-1] is ANY_TEXT:
                continue
            result.append(piece)
    if not result:
        return EMPTY_TEXT
    return result[0] if len(result) == 1 else Concat(tuple(result))


def union(parts: Iterable[Regex]) -> Regex:
    """Alternation: nested ones flattened, characters merged into one set, texts gathered into one trie."""
    ranges: list[tuple[int, int]] = []
    texts: dict[str, None] = {}
    others: dict[int, Regex] = {}
    for piece in _alternatives(parts):
        if isinstance(piece, Chars):
            ranges += piece.ranges
        elif isinstance(piece, Text):
            texts[piece.text] = None
        elif isinstance(piece, TextSet):
            texts.update(dict.fromkeys(piece.texts))
        elif piece is ANY_TEXT:
            return ANY_TEXT
        else:
            others[id(piece)] = piece
    return _assembled(ranges, texts, list(others.values()))


def _alternatives(parts: Iterable[Regex]) -> Iterable[Regex]:
    for part in parts:
        if isinstance(part, Union):
            yield from part.parts
        else:
            yield part


def _assembled(ranges: list[tuple[int, int]], texts: dict[str, None], others: list[Regex]) -> Regex:
    if ranges or all(len(text) == 1 for text in texts):
        ranges += [(ord(text), ord(text)) for text in texts if len(text) == 1]
        texts = {text: None for text in texts if len(text) != 1}
    optional = "" in texts and bool(ranges or others)
    if optional:
        del texts[""]
    found = [chars(normalised(ranges))] if ranges else []
    if texts:
        found.append(TextSet(tuple(texts)) if len(texts) > 1 else Text(next(iter(texts))))
    found += others
    if not found:
        return NOTHING
    result = found[0] if len(found) == 1 else Union(tuple(found))
    return repeat(result, 0, 1) if optional else result


def repeat(inner: Regex, minimum: int, maximum: int | None) -> Regex:
    """Repetition; `(x?)*` and its like become one `Repeat`."""
    if maximum == 0 or inner is EMPTY_TEXT:
        return EMPTY_TEXT
    if inner is NOTHING:
        return NOTHING if minimum else EMPTY_TEXT
    if (minimum, maximum) == (1, 1):
        return inner
    if inner is ANY_CHAR and (minimum, maximum) == (0, None):
        return ANY_TEXT
    if isinstance(inner, Text) and minimum == maximum and len(inner.text) * minimum <= 64:
        return Text(inner.text * minimum)
    if isinstance(inner, Repeat) and inner.minimum <= 1 and inner.maximum in (1, None):
        simpler = _repeat_of_repeat(inner, minimum, maximum)
        if simpler is not None:
            return simpler
    return Repeat(inner, minimum, maximum)


def _repeat_of_repeat(inner: Repeat, minimum: int, maximum: int | None) -> Regex | None:
    """`(x?){m,n}` -> `x{0,n}`; `(x*){m,n}` -> `x*`; `(x+){m,n}` -> `x{m,}`, where the counts leave no gap."""
    if inner.minimum == 0:
        return repeat(inner.inner, 0, maximum if inner.maximum == 1 else None)
    return repeat(inner.inner, minimum, None)


def complement(regex: Regex) -> Regex:
    """Every text that is not in the language."""
    if isinstance(regex, Complement):
        return regex.inner
    if regex is ANY_TEXT:
        return NOTHING
    return ANY_TEXT if regex is NOTHING else Complement(regex)


def intersect(left: Regex, right: Regex) -> Regex:
    """Intersection; a condition on the first character alone is worked into the other side."""
    if left is right or right is ANY_TEXT:
        return left
    if left is ANY_TEXT:
        return right
    if left is NOTHING or right is NOTHING:
        return NOTHING
    for one, other in ((left, right), (right, left)):
        if one is EMPTY_TEXT:
            return EMPTY_TEXT if nullable_regex(other) else NOTHING
        condition = _first_character_condition(one)
        if condition is not None:
            return starting_with(other, *condition)
    return Intersection((*_conjuncts(left), *_conjuncts(right)))


def _conjuncts(regex: Regex) -> tuple[Regex, ...]:
    return regex.parts if isinstance(regex, Intersection) else (regex,)


def _first_character_condition(regex: Regex) -> tuple[CodePoints, bool] | None:
    """(ranges, empty allowed) if the language is "a character of ranges, then anything" or its complement."""
    if isinstance(regex, Complement):
        inner = _first_character_condition(regex.inner)
        return None if inner is None else (inverted(inner[0]), not inner[1])
    if isinstance(regex, Concat) and len(regex.parts) == 2 and regex.parts[1] is ANY_TEXT:
        ranges = single_characters(regex.parts[0])
        return None if ranges is None else (ranges, False)
    return None


def starting_with(regex: Regex, ranges: CodePoints, empty: bool) -> Regex:
    """The texts whose first character is in `ranges`, and the empty one if `empty`."""
    if not ranges:
        return EMPTY_TEXT if empty and nullable_regex(regex) else NOTHING
    match regex:
        case Text(text):
            return regex if (contains(ranges, ord(text[0])) if text else empty) else NOTHING
        case Chars(own):
            return chars(intersection(own, ranges))
        case TextSet(texts):
            return union(Text(t) for t in texts if (contains(ranges, ord(t[0])) if t else empty))
        case Union(parts):
            return union(starting_with(part, ranges, empty) for part in parts)
        case Concat(parts):
            return _concat_starting_with(parts, ranges, empty)
        case Repeat(inner, minimum, maximum):
            return _repeat_starting_with(inner, minimum, maximum, ranges, empty)
    first = concat((chars(ranges), ANY_TEXT))
    return Intersection((regex, union((EMPTY_TEXT, first)) if empty else first))


def _concat_starting_with(parts: tuple[Regex, ...], ranges: CodePoints, empty: bool) -> Regex:
    if not parts:
        return EMPTY_TEXT if empty else NOTHING
    head, rest = parts[0], parts[1:]
    if not nullable_regex(head):
        return concat((starting_with(head, ranges, False), *rest))
    if len(parts) == 1:
        return starting_with(head, ranges, empty)
    skipped = _concat_starting_with(rest, ranges, empty)
    return union((concat((starting_with(head, ranges, False), *rest)), skipped))


def _repeat_starting_with(inner: Regex, minimum: int, maximum: int | None, ranges: CodePoints, empty: bool) -> Regex:
    less = None if maximum is None else maximum - 1
    taken = concat((starting_with(inner, ranges, False), repeat(inner, max(minimum - 1, 0), less)))
    return union((EMPTY_TEXT, taken)) if empty and (minimum == 0 or nullable_regex(inner)) else taken


def ending_with(regex: Regex, ranges: CodePoints) -> Regex:
    """The non-empty texts whose last character is in `ranges`."""
    match regex:
        case Text(text):
            return regex if text and contains(ranges, ord(text[-1])) else NOTHING
        case Chars(own):
            return chars(intersection(own, ranges))
        case TextSet(texts):
            return union(Text(t) for t in texts if t and contains(ranges, ord(t[-1])))
        case Union(parts):
            return union(ending_with(part, ranges) for part in parts)
        case Concat(parts):
            return _concat_ending_with(parts, ranges)
        case Repeat(inner, minimum, maximum):
            less = None if maximum is None else maximum - 1
            return concat((repeat(inner, max(minimum - 1, 0), less), ending_with(inner, ranges)))
    return Intersection((regex, concat((ANY_TEXT, chars(ranges)))))


def _concat_ending_with(parts: tuple[Regex, ...], ranges: CodePoints) -> Regex:
    if not parts:
        return NOTHING
    rest, last = parts[:-1], parts[-1]
    ended = concat((*rest, ending_with(last, ranges)))
    if not rest or not nullable_regex(last):
        return ended
    return union((ended, _concat_ending_with(rest, ranges)))


def longest(regex: Regex) -> int | None:
    """An upper bound on the length of a text in code points; None if there is none."""
    match regex:
        case Text(text):
            return len(text)
        case Chars():
            return 1
        case TextSet(texts):
            return max(map(len, texts))
        case Concat(parts):
            return total(map(longest, parts))
        case Union(parts):
            bounds = [longest(part) for part in parts]
            return None if None in bounds else max((b for b in bounds if b is not None), default=0)
        case Intersection(parts):
            return min((b for b in map(longest, parts) if b is not None), default=None)
        case Repeat(inner, _, maximum):
            bound = longest(inner)
            return 0 if bound == 0 else None if bound is None or maximum is None else bound * maximum
    return None


def shortest(regex: Regex) -> int:
    """A lower bound on the length of a text in code points; 0 where none is seen."""
    match regex:
        case Text(text):
            return len(text)
        case Chars():
            return 1
        case TextSet(texts):
            return min(map(len, texts))
        case Concat(parts):
            return sum(map(shortest, parts))
        case Union(parts):
            return min(map(shortest, parts), default=0)
        case Intersection(parts):
            return max(map(shortest, parts))
        case Repeat(inner, minimum, _):
            return shortest(inner) * minimum
    return 0


def total(bounds: Iterable[int | None]) -> int | None:
    """The sum, or None if one of them is without bound."""
    total = 0
    for bound in bounds:
        if bound is None:
            return None
        total += bound
    return total

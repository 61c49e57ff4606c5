"""The slow, obvious truth about the JSON containers of the intermediate representation: their texts, by enumeration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import NamedTuple, Protocol, TypeAlias

from latticework.grammar.ir import (
    Alternative,
    Array,
    Field,
    JsonLayout,
    JsonString,
    Node,
    Place,
    Record,
    Regex,
    Text,
)

Language: TypeAlias = frozenset[str]
Value: TypeAlias = object
"""A JSON value as something hashable that equals another exactly if the values are equal for JSON."""
EMPTY: Language = frozenset({""})


class Denotation(Protocol):
    """What the texts of containers are made of (`oracle.py`)."""

    alphabet: str
    max_length: int

    def regex(self, regex: Regex) -> Language: ...
    def node(self, node: Node, depth: int) -> Language: ...
    def bounded(self, texts: Iterable[str]) -> Language: ...
    def joined(self, *languages: Language) -> Language: ...


@lru_cache(maxsize=100_000)
def json_value(text: str) -> Value:
    """The value of a text, such that 1 is not true, 1.0 is 1, and the order of members does not matter."""
    return _comparable(json.loads(text, parse_float=Fraction))


def _comparable(value: object) -> Value:
    match value:
        case bool():
            return "boolean", value
        case int() | Fraction():
            return "number", Fraction(value)
        case list():
            return "array", tuple(map(_comparable, value))
        case dict():
            return "object", frozenset((name, _comparable(member)) for name, member in value.items())
        case _:
            return value


@lru_cache(maxsize=64)
def all_texts(alphabet: str, max_length: int) -> Language:
    """Every text over the alphabet up to that length."""
    return frozenset("".join(letters) for n in range(max_length + 1) for letters in product(alphabet, repeat=n))


def alternatives(place: Place) -> tuple[Alternative, ...]:
    """The ways to fill a place."""
    return place if isinstance(place, tuple) else (Alternative(place),)


# -------------------------------------------------------------------------------------------------------------- arrays


class _Items(NamedTuple):
    """What is known of the items so far: how many added to each counter, and the values that may not come again."""

    counted: tuple[int, ...]
    values: frozenset[Value] = frozenset()


def array_language(owner: Denotation, array: Array, depth: int) -> Language:
    """The texts of an array that stands in `depth` containers."""
    spacing = _Spacing(owner, array.layout, depth)
    states: dict[_Items, Language] = {_Items((0,) * len(array.counters)): EMPTY}
    found: Language = frozenset()
    count = 0
    while any(states.values()) and depth <= owner.max_length:
        if array.minimum <= count and (array.maximum is None or count <= array.maximum):
            for items, bodies in states.items():
                if _is_content(array, items):
                    found |= spacing.container("[", bodies, count, "]")
        place = array.prefix[count] if count < len(array.prefix) else array.rest
        if place is None or array.maximum == count:
            break
        states = _one_more_item(owner, array, states, place, spacing.separator(count), depth)
        count += 1
    return found


def _is_content(array: Array, items: _Items) -> bool:
    return all(
        counter.minimum <= count and (counter.maximum is None or count <= counter.maximum)
        for counter, count in zip(array.counters, items.counted, strict=True)
    )


def _one_more_item(
    owner: Denotation, array: Array, states: Mapping[_Items, Language], place: Place, separator: Language, depth: int
) -> dict[_Items, Language]:
    result: dict[_Items, Language] = {}
    for alternative in alternatives(place):
        for value, texts in _by_value(owner.node(alternative.node, depth + 1), array.different):
            for items, bodies in states.items():
                if value is not None and value in items.values:
                    continue
                key = _Items(_counted(array, items.counted, alternative.counts), _with(items.values, value))
                result[key] = result.get(key, frozenset()) | owner.joined(bodies, separator, texts)
    return {items: bodies for items, bodies in result.items() if bodies}


def _by_value(texts: Language, is_compared: bool) -> Iterable[tuple[Value, Language]]:
    """The texts of each value; None stands for all of them where values are not compared."""
    if not is_compared:
        return [(None, texts)]
    found: dict[Value, set[str]] = {}
    for text in texts:
        found.setdefault(("value", json_value(text)), set()).add(text)
    return [(value, frozenset(same)) for value, same in found.items()]


def _with(values: frozenset[Value], value: Value) -> frozenset[Value]:
    return values if value is None else values | {value}


def _counted(array: Array, counted: tuple[int, ...], counts: tuple[int, ...]) -> tuple[int, ...]:
    """One more of `counts`; where more makes no difference, counting stops."""
    highest = [c.minimum if c.maximum is None else c.maximum + 1 for c in array.counters]
    return tuple(min(count + (i in counts), highest[i]) for i, count in enumerate(counted))


# ------------------------------------------------------------------------------------------------------------- objects


class _Members(NamedTuple):
    """What is known of the members so far; `names` are those of extra members, where they may not come again."""

    written: frozenset[int] = frozenset()
    extra: bool = False
    met: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()


def record_language(owner: Denotation, record: Record, depth: int) -> Language:
    """The texts of an object that stands in `depth` containers."""
    spacing = _Spacing(owner, record.layout, depth)
    required = frozenset(i for i, declared in enumerate(record.fields) if declared.required)
    known = list(_possible_members(owner, record, spacing, depth)) if depth <= owner.max_length else []
    states: dict[_Members, Language] = {_Members(): EMPTY}
    found: Language = frozenset()
    count = 0
    while states and depth <= owner.max_length:
        if record.minimum <= count and (record.maximum is None or count <= record.maximum):
            for members, bodies in states.items():
                if members.written >= required and len(members.met) == record.demands:
                    found |= spacing.container("{", bodies, count, "}")
        if record.maximum == count:
            break
        states = _one_more_member(owner, record, states, known, spacing.separator(count))
        count += 1
    return found


def _possible_members(
    owner: Denotation, record: Record, spacing: _Spacing, depth: int
) -> Iterator[tuple[int | None, str | None, frozenset[int], Language]]:
    """(declared field or None, name if names are compared, demands it meets, texts) of every member."""
    for place, name, names in _names(owner, record):
        value_of = record.fields[place].value if isinstance(place, int) else place
        for alternative in alternatives(value_of):
            texts = owner.joined(names, spacing.colon(), owner.node(alternative.node, depth + 1))
            yield place if isinstance(place, int) else None, name, frozenset(alternative.counts), texts


def _names(owner: Denotation, record: Record) -> Iterator[tuple[int | Place, str | None, Language]]:
    for index, declared in enumerate(record.fields):
        yield index, None, _declared_name(owner, declared)
    for extra in record.extras:
        spelled = owner.regex(JsonString(extra.name))
        if not record.different_names:
            yield extra.value, None, spelled
            continue
        for name in {json.loads(text) for text in spelled}:
            yield extra.value, name, frozenset(text for text in spelled if json.loads(text) == name)


def _declared_name(owner: Denotation, declared: Field) -> Language:
    return owner.regex(JsonString(Text(declared.name)))


def _one_more_member(
    owner: Denotation,
    record: Record,
    states: Mapping[_Members, Language],
    known: Iterable[tuple[int | None, str | None, frozenset[int], Language]],
    separator: Language,
) -> dict[_Members, Language]:
    result: dict[_Members, Language] = {}
    for index, name, met, texts in known:
        for members, bodies in states.items():
            if not _may_follow(record, members, index, name):
                continue
            written = members.written if index is None else members.written | {index}
            names = members.names if name is None else members.names | {name}
            key = _Members(written, members.extra or index is None, members.met | met, names)
            result[key] = result.get(key, frozenset()) | owner.joined(bodies, separator, texts)
    return {members: bodies for members, bodies in result.items() if bodies}


def _may_follow(record: Record, members: _Members, index: int | None, name: str | None) -> bool:
    if index is None:
        return name not in members.names
    in_order = record.order == "any" or (not members.extra and all(other < index for other in members.written))
    return index not in members.written and in_order


# -------------------------------------------------------------------------------------------------------------- spacing


class _Spacing:
    """What stands between the members of a container at a depth, by its layout."""

    def __init__(self, owner: Denotation, layout: JsonLayout, depth: int) -> None:
        self.owner = owner
        self.layout = layout
        self.depth = depth
        spaces = "".join(letter for letter in " \t\n\r" if letter in owner.alphabet)
        longest = min(layout.max_whitespace, owner.max_length)
        self.blank = all_texts(spaces, longest) if layout.style == "flexible" else EMPTY

    def colon(self) -> Language:
        sign = ": " if self.layout.style == "indent" else ":"
        return self.owner.joined(self.blank, self.owner.bounded((sign,)), self.blank)

    def separator(self, count: int) -> Language:
        """What stands before a member, if `count` others are written already."""
        sign = self.owner.bounded(("," if count else "",))
        before = self.blank if count else EMPTY
        return self.owner.joined(before, sign, self._line(self.depth + 1))

    def container(self, opening: str, body: Language, count: int, closing: str) -> Language:
        end = self._line(self.depth) if count else self.blank
        return self.owner.joined(self.owner.bounded((opening,)), body, end, self.owner.bounded((closing,)))

    def _line(self, depth: int) -> Language:
        if self.layout.style == "indent":
            return self.owner.bounded(("\n" + " " * (self.layout.indent * depth),))
        return self.blank

"""The slow, obvious truth about the intermediate representation, by enumeration; no production code but the nodes.

Words: a *language* here is a frozenset of texts, namely all those of a node that are made of the characters of a small
alphabet and not longer than a bound. `matches` decides single texts of any length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import product

from oracle_containers import EMPTY, Language, all_texts, array_language, record_language

from latticework.grammar.ir import (
    MAX_CODE_POINT,
    Array,
    Chars,
    Choice,
    Complement,
    Concat,
    DigitsModulo,
    Grammar,
    Intersection,
    JsonString,
    Node,
    Record,
    Reference,
    Regex,
    Repeat,
    Terminal,
    Text,
    TextSet,
    Union,
)
from latticework.grammar.ir import Sequence as NodeSequence

# ------------------------------------------------------------------------------------------------- one text, any length


def matches(regex: Regex, text: str) -> bool:
    """Whether the text is in the language of the regex."""
    return len(text) in _Spans(text).ends(regex, 0)


class _Spans:
    """For one text: the places where a match of a node that begins at a place can end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.known: dict[tuple[int, int], frozenset[int]] = {}
        self.kept: list[Regex] = []  # nodes are remembered by id, so they must stay alive

    def ends(self, node: Regex, start: int) -> frozenset[int]:
        key = id(node), start
        if key not in self.known:
            self.kept.append(node)
            self.known[key] = frozenset(self._ends(node, start))
        return self.known[key]

    def _ends(self, node: Regex, start: int) -> Iterable[int]:
        everything = range(start, len(self.text) + 1)
        match node:
            case Text(text):
                return {start + len(text)} if self.text.startswith(text, start) else ()
            case TextSet(texts):
                return {start + len(text) for text in texts if self.text.startswith(text, start)}
            case Chars(ranges):
                code = ord(self.text[start]) if start < len(self.text) else -1
                return {start + 1} if any(low <= code <= high for low, high in ranges) else ()
            case Concat(parts):
                places = frozenset({start})
                for part in parts:
                    places = self._after(part, places)
                return places
            case Union(parts):
                return frozenset[int]().union(*(self.ends(part, start) for part in parts))
            case Intersection(parts):
                return frozenset(everything).intersection(*(self.ends(part, start) for part in parts))
            case Complement(inner):
                return set(everything) - self.ends(inner, start)
            case Repeat(inner, minimum, maximum):
                return self._repeated(inner, minimum, maximum, start)
            case DigitsModulo(modulus, remainder):
                return (end for end in everything if is_congruent(self.text[start:end], modulus, remainder))
            case JsonString(content):
                found = _JSON_STRING.match(self.text, start)
                return {found.end()} if found and is_spelling(found[0], content) else ()

    def _after(self, node: Regex, places: frozenset[int]) -> frozenset[int]:
        return frozenset(end for place in places for end in self.ends(node, place))

    def _repeated(self, inner: Regex, minimum: int, maximum: int | None, start: int) -> frozenset[int]:
        places = frozenset({start})
        for _ in range(minimum):
            before, places = places, self._after(inner, places)
            if places == before:  # it will not change any more
                break
        reached = places
        for _ in range(len(self.text) + 1 if maximum is None else maximum - minimum):
            places = self._after(inner, places) - reached
            if not places:
                break
            reached |= places
        return reached


def is_congruent(digits: str, modulus: int, remainder: int) -> bool:
    return (digits == "" or (digits.isascii() and digits.isdigit())) and int(digits or "0") % modulus == remainder


# --------------------------------------------------------------------------------------------------------- JSON strings

_JSON_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_CANONICAL = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\bfnrt]|\\u00(?:0[0-7bBeEfF]|1[0-9a-fA-F]))*"')


def is_spelling(text: str, content: Regex) -> bool:
    """Whether the text is a JSON string of this content, spelled as the docstring of `JsonString` says."""
    if not (_JSON_STRING if _is_any_string(content) else _CANONICAL).fullmatch(text):
        return False
    decoded = json.loads(text)
    return not re.search("[\ud800-\udfff]", decoded) and matches(content, decoded)


def _is_any_string(content: Regex) -> bool:
    return isinstance(content, Repeat) and getattr(content.inner, "ranges", ()) == ((0, MAX_CODE_POINT),)


# ---------------------------------------------------------------------------------------------------- all texts, bounded


def grammar_language(grammar: Grammar, alphabet: str, max_length: int) -> Language:
    """The language of a whole grammar."""
    return language(grammar.start, grammar.rules, alphabet, max_length)


def language(
    node: Node | Regex, rules: Mapping[str, Node] | None = None, alphabet: str = "ab", max_length: int = 4
) -> Language:
    """All texts of the node over the alphabet, up to that length; references are looked up in `rules`."""
    denotation = _Denotation(rules or {}, alphabet, max_length)
    if isinstance(node, Terminal | NodeSequence | Choice | Reference | Record | Array):
        return denotation.least(node)
    return denotation.regex(node)


class _Denotation:
    """The set of texts of every node; rules are iterated from the empty set until nothing is added."""

    def __init__(self, rules: Mapping[str, Node], alphabet: str, max_length: int) -> None:
        self.rules = rules
        self.alphabet = alphabet
        self.max_length = max_length
        self.table: dict[tuple[str, int], Language] = {}

    def least(self, start: Node) -> Language:
        while True:
            before = dict(self.table)
            result = self.node(start, 0)
            for rule, depth in list(self.table):
                self.table[rule, depth] = self.node(self.rules[rule], depth)
            if self.table == before:
                return result

    def bounded(self, texts: Iterable[str]) -> Language:
        letters = set(self.alphabet)
        return frozenset(text for text in texts if len(text) <= self.max_length and letters.issuperset(text))

    def joined(self, *languages: Language) -> Language:
        result = EMPTY
        for texts in languages:
            result = frozenset(a + b for a in result for b in texts if len(a) + len(b) <= self.max_length)
        return result

    # ---------------------------------------------------------------------------------------------------------- regex

    def regex(self, regex: Regex) -> Language:
        match regex:
            case Text(text):
                return self.bounded((text,))
            case TextSet(texts):
                return self.bounded(texts)
            case Chars(ranges):
                return self.bounded(c for c in self.alphabet if any(low <= ord(c) <= high for low, high in ranges))
            case Concat(parts):
                return self.joined(*map(self.regex, parts))
            case Union(parts):
                return frozenset[str]().union(*map(self.regex, parts))
            case Intersection(parts):
                return frozenset.intersection(*map(self.regex, parts))
            case Complement(inner):
                return all_texts(self.alphabet, self.max_length) - self.regex(inner)
            case Repeat(inner, minimum, maximum):
                return self._repeat(self.regex(inner), minimum, maximum)
            case DigitsModulo(modulus, remainder):
                return self._filtered(lambda text: is_congruent(text, modulus, remainder), "0123456789")
            case JsonString(content):
                return self._json_string(content)

    def _filtered(self, keep: Callable[[str], bool], letters: str) -> Language:
        alphabet = "".join(letter for letter in self.alphabet if letter in letters)
        return frozenset(filter(keep, all_texts(alphabet, self.max_length)))

    def _json_string(self, content: Regex) -> Language:
        """Every content that the characters of the alphabet can spell, in every spelling."""
        spellings = _spellings(self.alphabet, self.max_length, _is_any_string(content))
        contents = _Denotation({}, "".join(spellings), self.max_length - 2).regex(content)
        quote = self.bounded('"')
        spelled = (self.joined(quote, *(spellings[letter] for letter in text), quote) for text in contents)
        return frozenset[str]().union(*spelled)

    def _repeat(self, inner: Language, minimum: int, maximum: int | None) -> Language:
        result = power = self._power(inner, minimum)
        for _ in range(self.max_length if maximum is None else min(maximum - minimum, self.max_length)):
            power = self.joined(power, inner)
            result |= power
        return result

    def _power(self, inner: Language, exponent: int) -> Language:
        power = EMPTY
        for _ in range(exponent):
            before, power = power, self.joined(power, inner)
            if power == before:
                break
        return power

    # ---------------------------------------------------------------------------------------------------------- nodes

    def node(self, node: Node, depth: int) -> Language:
        """`depth`: in how many containers the node stands, for the indentation."""
        match node:
            case Terminal(regex):
                return self.regex(regex)
            case NodeSequence(parts):
                return self.joined(*(self.node(part, depth) for part in parts))
            case Choice(parts):
                return frozenset[str]().union(*(self.node(part, depth) for part in parts))
            case Reference(rule):
                return self.table.setdefault((rule, depth), frozenset())
            case Record():
                return record_language(self, node, depth)
            case Array():
                return array_language(self, node, depth)


@lru_cache(maxsize=64)
def _spellings(alphabet: str, max_length: int, every: bool) -> dict[str, Language]:
    """Character -> how it may be written inside a JSON string with the letters of the alphabet."""
    digits = [letter for letter in alphabet if letter in "0123456789abcdefABCDEF"]
    units = ["\\u" + "".join(four) for four in product(digits, repeat=4)] if {"\\", "u"} <= set(alphabet) else []
    pieces = [*alphabet, *("\\" + letter for letter in alphabet), *units]
    if max_length >= 14:  # room for a surrogate pair
        pieces += [
            high + low
            for high in units
            for low in units
            if re.match("..[dD][89abAB]", high) and re.match("..[dD][c-fC-F]", low)
        ]
    found: dict[str, set[str]] = {}
    for piece in pieces:
        text = f'"{piece}"'
        if (_JSON_STRING if every else _CANONICAL).fullmatch(text) and set(piece) <= set(alphabet):
            decoded = json.loads(text)
            if len(decoded) == 1 and not "\ud800" <= decoded <= "\udfff":
                found.setdefault(decoded, set()).add(piece)
    return {letter: frozenset(written) for letter, written in found.items()}


# ------------------------------------------------------------------------------------------------- prefixes and bitmasks


def prefix_closed(texts: Iterable[str]) -> Language:
    """Every text that some text begins with: the viable prefixes."""
    return frozenset(text[:i] for text in texts for i in range(len(text) + 1))


def bitmask(
    texts: Language, prefix: bytes, token_bytes: Sequence[bytes | None], eos_token_ids: Iterable[int] = ()
) -> set[int]:
    """The tokens that may come after `prefix`: those from which a text can be completed with tokens of the vocabulary.

    End tokens are in it if and only if `prefix` is a text. Where the language was cut off by a length, this is the truth
    only for prefixes whose completions are not cut off.
    """
    ends = set(eos_token_ids)
    tokens = {i: data for i, data in enumerate(token_bytes) if data and i not in ends}
    encoded = {text.encode() for text in texts}
    rests = {text[len(prefix) :] for text in encoded if text.startswith(prefix)}
    allowed = {i for i, data in tokens.items() if _leads_to(data, rests, frozenset(tokens.values()))}
    return allowed | (ends if prefix in encoded else set())


def _leads_to(token: bytes, rests: Iterable[bytes], tokens: frozenset[bytes]) -> bool:
    return any(rest.startswith(token) and _can_be_spelled(rest[len(token) :], tokens) for rest in rests)


@lru_cache(maxsize=100_000)
def _can_be_spelled(text: bytes, tokens: frozenset[bytes]) -> bool:
    return not text or any(text.startswith(t) and _can_be_spelled(text[len(t) :], tokens) for t in tokens)

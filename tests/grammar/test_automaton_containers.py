"""Arrays of different items, arrays and objects that count, objects of different names: the automaton against enumeration.

Most grammars here have a finite language. Its minimal automaton (`Texts`) and the token automaton are walked together,
by bytes and by tokens, until every pair of states was met: so each mask, each step and each end is compared with the
truth, for every text there is.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_containers import alternatives, json_value

from latticework.grammar import _native
from latticework.grammar.errors import UnsatisfiableSchemaError, VocabularyError
from latticework.grammar.ir import (
    Alternative,
    Array,
    Chars,
    Choice,
    Counter,
    ExtraFields,
    Field,
    Grammar,
    JsonLayout,
    JsonString,
    Node,
    Place,
    Record,
    Reference,
    Repeat,
    Terminal,
    Text,
    TextSet,
)
from latticework.grammar.lower import lower
from tests import oracle

COMPACT = JsonLayout("compact")
ALPHABET = '[]{}:", 12abcetru'
CONTROL_ALPHABET = '[],"\\u01eEn'
LONGEST = 150  # longer than any text of a finite language here

CROSSING = [text.encode() for text in '1,1 12, 2,1 ],[ [[1],[1 [1],[ ]] [1,2],[1 1],[1] {"a":1},{"a":1} "," ","a'.split()]
CROSSING += [text.encode() for text in '"a"," b"," ":1 ":1, ":1}, 1} 2},{" "b":1,"a":1} },{" ,"a": ,"b":1}] {"a":[1'.split()]
CROSSING += [text.encode() for text in 'true 1,true \\u001 \\u001E","\\u E" e","\\n"'.split()]
CROSSING += [b"1, ", b" ,1", b", ", b"\n ", b"1\n", b",\n ", b",\n", b'": ', b'": 1', b" ]", b"[ ", b"ab"]
EVERY_BYTE = [*(bytes([value]) for value in range(256)), *CROSSING]
LETTERS = [letter.encode() for letter in ALPHABET]
VOCABULARIES: dict[str, list[bytes]] = {
    "every byte": EVERY_BYTE,
    "the letters only": LETTERS,
    "no comma of its own": [token for token in (*LETTERS, *CROSSING) if token != b","],
    "no one, no quote": [token for token in (*LETTERS, *CROSSING) if token not in (b"1", b'"')],
}


class Texts:
    """A finite language as its minimal automaton: `edges[state][byte]` is the next state, `ends[state]` whether it may end."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.edges: list[dict[int, int]] = []
        self.ends: list[bool] = []
        self._known: dict[tuple[bool, tuple[tuple[int, int], ...]], int] = {}
        self.start = self._state(sorted(text.encode() for text in texts), 0)

    def _state(self, texts: list[bytes], depth: int) -> int:
        """The state of texts that agree up to `depth`."""
        rest = [text for text in texts if len(text) > depth]
        groups = itertools.groupby(rest, key=lambda text: text[depth])
        edges = {byte: self._state(list(group), depth + 1) for byte, group in groups}
        key = len(rest) < len(texts), tuple(edges.items())
        if key not in self._known:
            self._known[key] = len(self.edges)
            self.edges.append(edges)
            self.ends.append(key[0])
        return self._known[key]

    def step(self, state: int, data: bytes) -> int:
        """The state after some bytes, -1 if there is none."""
        for byte in data:
            state = self.edges[state].get(byte, -1)
            if state < 0:
                break
        return state

    def spellable(self, tokens: Sequence[bytes]) -> list[bool]:
        """By state: whether tokens lead from it to an end. A state was made after those that it leads to."""
        found: list[bool] = []
        for state, end in enumerate(self.ends):
            afters = (self.step(state, token) for token in tokens)
            found.append(end or any(after >= 0 and found[after] for after in afters))
        return found

    def forced(self, state: int) -> bytes:
        """What all texts go on with."""
        written = bytearray()
        while not self.ends[state] and len(self.edges[state]) == 1:
            ((byte, state),) = self.edges[state].items()
            written.append(byte)
        return bytes(written)


def compiled(grammar: Grammar, tokens: Sequence[bytes], **limits: int) -> _native.CompiledGrammar:
    vocabulary = _native.Vocabulary([*tokens, None], [len(tokens)])
    return _native.CompiledGrammar(vocabulary, *lower(grammar), limits)


def check(node: Node, tokens: Sequence[bytes] = EVERY_BYTE, alphabet: str = ALPHABET) -> None:
    """Every mask, step, end and forced text is the truth, in every state that bytes or tokens lead to."""
    texts = oracle.language(node, {}, alphabet, LONGEST)
    assert all(len(text) < LONGEST for text in texts), "the language was cut off"
    walk = Walk(Texts(texts), tokens, alphabet)
    try:
        automaton = compiled(Grammar(node), tokens)
    except (UnsatisfiableSchemaError, VocabularyError):
        assert not walk.alive[walk.truth.start], "refused, but some text can be spelled"
        return
    assert walk.alive[walk.truth.start], "accepted, but no text can be spelled"
    met = {(automaton.start, walk.truth.start)}
    waiting = [(automaton.start, walk.truth.start, b"")]
    while waiting:
        for state, expected, text in walk.check_state(automaton, *waiting.pop()):
            if (state, expected) not in met:
                met.add((state, expected))
                waiting.append((state, expected, text))


class Walk:
    """What is compared in each pair of states. The truth is told with the space as the only white space of a flexible
    layout; the others must lead where it leads."""

    def __init__(self, truth: Texts, tokens: Sequence[bytes], alphabet: str) -> None:
        self.truth = truth
        self.alive = truth.spellable(tokens)
        self.end_token = len(tokens)
        self.spaces = set(b"\t\n\r") - set(alphabet.encode())
        self.tokens = [(token, data) for token, data in enumerate(tokens) if not self.spaces & set(data)]

    def check_state(
        self, automaton: _native.CompiledGrammar, state: int, expected: int, text: bytes
    ) -> Iterator[tuple[int, int, bytes]]:
        """One pair of states, behind `text`; yields the pairs that it leads to."""
        edges = self.truth.edges[expected]
        following = set(automaton.next_bytes(state))
        assert automaton.is_accepting(state) == self.truth.ends[expected], text
        assert following - self.spaces == set(edges), text
        assert automaton.forced_bytes(state) == self.truth.forced(expected), text
        for byte in following & self.spaces:
            assert automaton.step_bytes(state, bytes([byte])) == automaton.step_bytes(state, b" "), text
        for byte, after in edges.items():
            yield automaton.step_bytes(state, bytes([byte])), after, text + bytes([byte])
        allowed = set(automaton.allowed_tokens(state))
        assert allowed or not self.alive[expected], (text, "a dead end")
        assert (self.end_token in allowed) == self.truth.ends[expected], (text, "the end token")
        for token, data in self.tokens:
            after = self.truth.step(expected, data)
            right = after >= 0 and self.alive[after]
            assert (token in allowed) == right, (text, data, "the mask")
            assert (automaton.step(state, token) >= 0) == right, (text, data, "the step")
            if right:
                yield automaton.step(state, token), after, text + data


# -------------------------------------------------------------------------------------------------- items and containers


def strings(*contents: str) -> Node:
    return Terminal(JsonString(TextSet(contents)))


def numbers(*texts: str) -> Node:
    return Terminal(TextSet(texts))


def different_values(place: Place) -> int:
    """How many different values a place may have."""
    languages = [oracle.language(one.node, {}, ALPHABET, LONGEST) for one in alternatives(place)]
    return len({json_value(text) for texts in languages for text in texts})


def different(
    prefix: tuple[Node, ...], rest: Node | None, minimum: int, maximum: int | None, layout: JsonLayout
) -> Array:
    """An array of different items, its `minimum` lowered until there are enough of them, as the node demands."""
    places = [*prefix, *([] if rest is None else [rest] * minimum)]
    is_enough = [different_values(place) > index for index, place in enumerate(places[:minimum])]
    enough = len(list(itertools.takewhile(bool, is_enough)))
    return Array(prefix, rest, min(minimum, enough), maximum, layout, different=True)


def members(layout: JsonLayout, order: str, *required: bool) -> Record:
    fields = tuple(Field(name, numbers("1", "2"), needed) for name, needed in zip("ab", required, strict=False))
    return Record(fields, order=order, layout=layout)  # type: ignore[arg-type]


ITEMS: dict[str, Callable[[JsonLayout], Node]] = {
    "one number": lambda _: numbers("1"),
    "numbers": lambda _: numbers("1", "12", "2"),
    "strings": lambda _: strings("a", "ab", "", "1,1"),
    "number or string": lambda _: Choice((numbers("1", "2"), strings("1"), Terminal(Text("true")))),
    "spelled twice": lambda _: Choice((numbers("1", "2"), numbers("1", "21"))),
    "arrays": lambda layout: Array((), numbers("1", "2"), 0, 2, layout),
    "pairs": lambda layout: Array((numbers("1"), numbers("1", "12")), None, 2, None, layout),
    "different arrays": lambda layout: different((), numbers("1", "12"), 0, None, layout),
    "full arrays": lambda layout: different((), numbers("1", "2"), 2, None, layout),
    "different or not": lambda layout: Choice(
        (different((), numbers("1", "2"), 2, 2, layout), Array((), numbers("1"), 0, 2, layout))
    ),
    "arrays of arrays": lambda layout: different((), Array((), numbers("1"), 0, 1, layout), 0, 2, layout),
    "constant arrays": lambda layout: Choice((numbers("[1,1]", "[2]"), different((), numbers("1", "2"), 0, 2, layout))),
    "objects": lambda layout: members(layout, "declared", True, False),
    "objects of any order": lambda layout: members(layout, "any", True, False),
    "full objects of any order": lambda layout: Record(
        (Field("a", numbers("1", "12"), True), Field("b", numbers("1"), True)), order="any", layout=layout
    ),
    "nested objects of any order": lambda layout: Record(
        (Field("a", Record((Field("b", numbers("1")),), layout=layout)), Field("b", numbers("1"))),
        order="any",
        layout=layout,
    ),
    "objects of different names": lambda layout: Record(
        (), (ExtraFields(TextSet(("a", "ab")), numbers("1")),), layout=layout, different_names=True, maximum=2
    ),
    "objects of different arrays": lambda layout: Record(
        (Field("a", different((), numbers("1", "2"), 0, None, layout), True),), layout=layout
    ),
    "arrays of objects": lambda layout: Array((), members(layout, "any", True, True), 0, 1, layout),
}
SMALL = [name for name in ITEMS if "object" not in name]
SMALLEST = ["numbers", "strings", "number or string", "spelled twice", "full arrays", "constant arrays"]


# ------------------------------------------------------------------------------------------------------- different items


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("item", ITEMS)
def test_compact_arrays_of_different_items(item: str, vocabulary: str) -> None:
    node = ITEMS[item](COMPACT)
    many = different_values(node) > 4
    for minimum, maximum in [(0, 2), (2, 2 if many else None), (1, 1), (3, None if item in SMALLEST else 3)]:
        if many and maximum == 3 and vocabulary != "every byte":
            continue
        check(different((), node, minimum, maximum, COMPACT), VOCABULARIES[vocabulary])


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("item", ITEMS)
def test_flexible_arrays_of_different_items(item: str, most: int) -> None:
    layout = JsonLayout("flexible", most)
    for minimum in (0, 2):
        check(different((), ITEMS[item](COMPACT), minimum, 2, layout))
        check(different((), ITEMS[item](layout), minimum, 2 if item in SMALLEST else 1, layout))


@pytest.mark.parametrize("indent", [0, 2])
@pytest.mark.parametrize("item", ITEMS)
def test_indented_arrays_of_different_items(item: str, indent: int) -> None:
    layout = JsonLayout("indent", indent=indent)
    for minimum, maximum in [(0, 2), (2, 3 if item in SMALLEST else 2)]:
        check(different((), ITEMS[item](layout), minimum, maximum, layout), alphabet=ALPHABET + "\n")


def test_hexadecimal_digits_of_either_case_are_one_value() -> None:
    spellings = numbers('"\\u001e"', '"\\u001E"', '"\\n"')
    for layout in (COMPACT, JsonLayout("flexible", 1)):
        check(different((), spellings, 2, None, layout), alphabet=CONTROL_ALPHABET)
        check(different((), Array((spellings,), None, 1, None, layout), 0, 2, layout), alphabet=CONTROL_ALPHABET)


@pytest.mark.parametrize("layout", [COMPACT, JsonLayout("indent", indent=1)], ids=["compact", "indent"])
def test_prefixes_of_different_items(layout: JsonLayout) -> None:
    names = ["one number", "numbers", "full arrays", "different or not"]
    for first, second, rest in itertools.product(names, names, [None, *names]):
        prefix = ITEMS[first](layout), ITEMS[second](layout)
        following = ITEMS[rest](layout) if rest else None
        for minimum, maximum in [(0, 3), (2, 3), (3, 3)]:
            check(different(prefix, following, minimum, maximum, layout), alphabet=ALPHABET + "\n")

"""Arrays of different items, arrays and objects that count, objects of different names: the automaton against enumeration.

Most grammars here have a finite language, so that each mask, each step and each end is compared with the truth, for
every text there is (`automaton_walk.py`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from automaton_walk import (
    ALPHABET,
    CROSSING,
    EVERY_BYTE,
    LETTERS,
    LETTERS_AND_LINE,
    LONGEST,
    VOCABULARIES,
    check,
    compiled,
)
from hypothesis import given
from hypothesis import strategies as st
from oracle_containers import alternatives, json_value

from latticework.grammar import _native
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
from tests import oracle

COMPACT = JsonLayout("compact")
CONTROL_ALPHABET = '[]," \\u01eEn'

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
        (Field("a", Record((Field("b", numbers("1")),), layout=layout), True), Field("b", numbers("1"))),
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


@pytest.mark.parametrize("item", ITEMS)
def test_flexible_arrays_of_different_items(item: str) -> None:
    node = ITEMS[item]
    for most, minimum in [(1, 0), (2, 2)]:
        layout = JsonLayout("flexible", most)
        check(different((), node(COMPACT), minimum, 2, layout))
        if item in SMALLEST and most == 1:
            check(different((), node(layout), minimum, 2, layout))


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
    names = ["one number", "numbers", "full arrays"]
    for first, second, rest in itertools.product(names, names, [None, *names]):
        prefix = ITEMS[first](layout), ITEMS[second](layout)
        following = ITEMS[rest](layout) if rest else None
        for minimum in (0, 3):
            check(different(prefix, following, minimum, 3, layout), LETTERS_AND_LINE, ALPHABET + "\n")


# ---------------------------------------------------------------------------------------------------- counters and demands

COUNTERS = [
    Counter(),
    Counter(1),
    Counter(2),
    Counter(0, 0),
    Counter(0, 1),
    Counter(1, 2),
    Counter(2, 2),
    Counter(2, 1),
]
OVERLAPPING: tuple[Alternative, ...] = (Alternative(numbers("1", "2"), (0,)), Alternative(numbers("1", "12")))


@pytest.mark.parametrize("layout", [COMPACT, JsonLayout("indent", indent=1)], ids=["compact", "indent"])
def test_arrays_that_count(layout: JsonLayout) -> None:
    rests: list[Place | None] = [None, OVERLAPPING, numbers("1"), (Alternative(numbers("1"), (0,)),)]
    for counter, rest, prefix in itertools.product(COUNTERS, rests, [(), (OVERLAPPING,), (numbers("2"),)]):
        for minimum in (0, 2):
            node = Array(prefix, rest, minimum, 3, layout, counters=(counter,))
            check(node, LETTERS_AND_LINE, ALPHABET + "\n")


def test_arrays_with_several_counters() -> None:
    place = (Alternative(numbers("1"), (0,)), Alternative(numbers("1", "2"), (1,)), Alternative(numbers("12"), (0, 1)))
    for one, other in itertools.product(COUNTERS, COUNTERS):
        for tokens in (EVERY_BYTE, VOCABULARIES["no one, no quote"]):
            check(Array((), place, 0, 3, COMPACT, counters=(one, other)), tokens)


@pytest.mark.parametrize("order", ["declared", "any"])
def test_objects_with_demands(order: str) -> None:
    first = Alternative(numbers("1"), (0,)), Alternative(numbers("1", "2"), (1,))
    second = Alternative(numbers("2"), (0, 1)), Alternative(numbers("1"))
    extras = ((), (ExtraFields(Text("c"), first),))
    for required, extra, demands in itertools.product([(True, False), (False, False)], extras, (2, 3)):
        fields = Field("a", first, required[0]), Field("b", second, required[1])
        for minimum, maximum in [(0, 2), (2, 2), (0, 1), (0, 3 if extra else None)]:
            node = Record(fields, extra, order, minimum, maximum, COMPACT, demands=demands)  # type: ignore[arg-type]
            check(node, [*LETTERS, *CROSSING])


@pytest.mark.parametrize("order", ["declared", "any"])
def test_different_names_beside_declared_ones(order: str) -> None:
    extras = ExtraFields(TextSet(("b", "ab", "c")), numbers("1")), ExtraFields(Text("bc"), numbers("2"))
    for required, most in itertools.product([True, False], [2, 3]):
        fields = (Field("a", numbers("1"), required),)
        node = Record(fields, extras, order, 0, most, COMPACT, different_names=True)  # type: ignore[arg-type]
        check(node)
        check(different((), node, 0, 1, COMPACT), LETTERS)


def test_different_items_that_are_counted() -> None:
    counted = Alternative(numbers("1", "2", "21"), (0,))
    for counter in (Counter(1), Counter(2), Counter(0, 1), Counter(1, 1), Counter(2, 2)):
        others = Alternative(numbers("12", "22") if counter.maximum is not None else numbers("1", "12"))
        for minimum, maximum in [(0, 3), (2, 3), (0, 2)]:
            check(Array((), (counted, others), minimum, maximum, COMPACT, True, (counter,)), [*EVERY_BYTE])


# -------------------------------------------------------------------------------------------- infinite and long languages


def check_beginnings(grammar: Grammar, tokens: Sequence[bytes], alphabet: str, longest: int) -> None:
    """All texts up to a length are the truth; behind each beginning a mask agrees with its steps and is not empty."""
    automaton = compiled(grammar, tokens)
    found = set()
    waiting = [(automaton.start, "")]
    met = set()
    while waiting:
        state, text = waiting.pop()
        if automaton.is_accepting(state):
            found.add(text)
        if state not in met:
            met.add(state)
            stepping = {token for token in range(len(tokens)) if automaton.step(state, token) >= 0}
            allowed = set(automaton.allowed_tokens(state))
            assert allowed - {len(tokens)} == stepping and allowed, text
        if len(text) < longest:
            following = automaton.next_bytes(state)
            waiting += [(automaton.step_bytes(state, bytes([byte])), text + chr(byte)) for byte in following]
    assert found == oracle.grammar_language(grammar, alphabet, longest)


one_or_two = Terminal(TextSet(("1", "2")))
RECURSIVE: dict[str, tuple[Node, str, int]] = {
    "any depth": (Choice((one_or_two, Array((), Reference("r"), layout=COMPACT, different=True))), "[],12", 6),
    "two at least": (Choice((one_or_two, Array((), Reference("r"), 2, None, COMPACT, different=True))), "[],12", 9),
    "different or not": (
        Choice(
            (
                numbers("1"),
                Array((), Reference("r"), 0, 2, COMPACT, different=True),
                Array((), numbers("1"), 0, 2, COMPACT),
            )
        ),
        "[],1",
        8,
    ),
    "through objects": (
        Record(
            (Field("a", Array((), Reference("r"), 0, 2, COMPACT, different=True)), Field("b", numbers("1"))),
            order="any",
            layout=COMPACT,
        ),
        '[]{}":,ab1',
        19,
    ),
    "counting": (
        Choice(
            (
                numbers("1"),
                Array(
                    (),
                    (Alternative(Reference("r"), (0,)), Alternative(numbers("1", "2"))),
                    layout=COMPACT,
                    counters=(Counter(1, 2),),
                ),
            )
        ),
        "[],12",
        8,
    ),
}


@pytest.mark.parametrize("vocabulary", ["every byte", "the letters only"])
@pytest.mark.parametrize("name", RECURSIVE)
def test_recursion(name: str, vocabulary: str) -> None:
    if (name, vocabulary) == ("two at least", "the letters only"):
        pytest.skip("too many tokens lead to a text for the search that such a vocabulary takes (a LimitError)")
    rule, alphabet, longest = RECURSIVE[name]
    check_beginnings(Grammar(Reference("r"), {"r": rule}), VOCABULARIES[vocabulary], alphabet, longest)


def test_infinitely_many_items_and_names() -> None:
    digits = Terminal(Repeat(Chars(((49, 50),)), 1))
    names = ExtraFields(Repeat(Chars(((97, 97),))), numbers("1"))
    check_beginnings(Grammar(Array((), digits, 2, None, COMPACT, different=True)), EVERY_BYTE, "[],12", 6)
    record = Record((), (names,), minimum=2, layout=COMPACT, different_names=True)
    check_beginnings(Grammar(record), EVERY_BYTE, '{}":,a1', 15)
    node = Array((), record, 1, 2, COMPACT, different=True)
    check_beginnings(Grammar(node), VOCABULARIES["the letters only"], '[]{}":,a1', 16)


def row(source: _native.CompiledGrammar, state: int) -> list[int]:
    bitmask = np.zeros((1, source.vocabulary.bitmask_words), dtype=np.int32)
    source.fill_bitmask([state], bitmask)
    return bitmask[0].tolist()


GROWING: dict[str, Node] = {
    "numbers": Array((), Terminal(Repeat(Chars(((49, 50),)), 1, 3)), 2, None, COMPACT, different=True),
    "objects": Array(
        (),
        Record(
            (Field("a", one_or_two),),
            (ExtraFields(Repeat(Chars(((98, 99),)), 1), numbers("1")),),
            "any",
            layout=COMPACT,
            different_names=True,
        ),
        layout=JsonLayout("flexible", 2),
        different=True,
    ),
    "arrays": Array(
        (),
        Array((), (Alternative(strings("a", "b", "ab"), (0,)), Alternative(one_or_two)), counters=(Counter(1),)),
        different=True,
    ),
}


@given(st.sampled_from(sorted(GROWING)), st.randoms(use_true_random=False))
def test_masks_survive_dropped_states_rollback_and_forks(name: str, draw: random.Random) -> None:
    """With next to no memory everything is dropped and made again; a twin with plenty, fed anew, tells what is right."""
    grammar = Grammar(GROWING[name])
    poor, rich = compiled(grammar, EVERY_BYTE, grammar_bytes=6000), compiled(grammar, EVERY_BYTE)
    matcher = _native.Matcher(poor)
    for _ in range(25):
        allowed = poor.allowed_tokens(matcher.state)
        if allowed == [len(EVERY_BYTE)]:
            break
        long_ones = [token for token in allowed if 256 < token < len(EVERY_BYTE)]
        choice = draw.choice(long_ones if long_ones and draw.random() < 0.6 else allowed)
        if choice == len(EVERY_BYTE):
            continue
        matcher.accept_token(choice)
        if draw.random() < 0.2:
            matcher.rollback(draw.randrange(len(matcher.token_ids) + 1))
        if draw.random() < 0.2:
            matcher = matcher.fork()
        fresh = _native.Matcher(rich, matcher.token_ids)
        assert row(poor, matcher.state) == row(rich, fresh.state)
        assert matcher.forced_bytes() == fresh.forced_bytes()
        assert poor.next_bytes(matcher.state) == rich.next_bytes(fresh.state)


@pytest.mark.parametrize("kind", ["numbers", "strings"])
def test_thousands_of_different_items(kind: str) -> None:
    content = Repeat(Chars(((97, 122),)), 1, 3)
    item: Node = Terminal(Repeat(Chars(((48, 57),)), 1)) if kind == "numbers" else Terminal(JsonString(content))
    letters = "abcdefghijklmnopqrst"
    words = [f'"{a}{b}{c}"' for a, b, c in itertools.islice(itertools.product(letters, repeat=3), 3000)]
    items = [str(value) for value in range(3000)] if kind == "numbers" else words
    automaton = compiled(Grammar(Array((), item, 3000, None, COMPACT, different=5000)), EVERY_BYTE)
    state = automaton.step_bytes(automaton.start, ("[" + ",".join(items)).encode())
    assert set(automaton.next_bytes(state)) >= set(b",]" if kind == "strings" else b"0,]")
    assert automaton.step_bytes(state, f",{items[17]},".encode()) < 0
    assert automaton.step_bytes(state, f",{items[17]}]".encode()) < 0
    new = "3000" if kind == "numbers" else '"zzz"'
    assert automaton.is_accepting(automaton.step_bytes(state, f",{new}]".encode()))
    assert automaton.statistics()["state_bytes"] < 256 << 20


def test_hundreds_of_nested_arrays_in_an_array_of_different_items() -> None:
    values = Choice((one_or_two, Array((), Reference("r"), layout=COMPACT, different=True)))
    grammar = Grammar(Array((), Reference("r"), layout=COMPACT, different=True), {"r": values})
    automaton = compiled(grammar, EVERY_BYTE)
    nested = ["[" * depth + "]" * depth for depth in range(1, 201)]
    state = automaton.step_bytes(automaton.start, ("[" + ",".join(nested)).encode())
    assert automaton.next_bytes(state) == b",]"
    assert automaton.step_bytes(state, f",{nested[7]},".encode()) < 0
    deeper = f",[{nested[-1]}]]"
    assert automaton.is_accepting(automaton.step_bytes(state, deeper.encode()))

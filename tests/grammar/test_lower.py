"""Lowering of shared expressions: pasted code means what it meant, whatever stands before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import Language

from latticework.grammar.errors import GrammarError
from latticework.grammar.ir import (
    Chars,
    Choice,
    Complement,
    Concat,
    DigitsModulo,
    Grammar,
    Intersection,
    JsonString,
    Node,
    Regex,
    Repeat,
    Terminal,
    Text,
    TextSet,
    Union,
)
from latticework.grammar.lower import lower
from latticework.grammar.lower_regex import Regexes, share

LETTER = Chars(((97, 99),))
CONTENT = share(
    Union(
        (
            TextSet(("ab", 'a"', "", "\n")),
            Intersection((Repeat(LETTER, 3, 4), Complement(Concat((Text("ab"), LETTER))))),
        )
    )
)
NUMBER = share(Intersection((Repeat(Chars(((48, 57),)), 1, 3), DigitsModulo(7))))
EXAMPLES: list[Regex] = [CONTENT, NUMBER, Text("ab"), TextSet(("x", "ab")), JsonString(CONTENT), JsonString(Text("ab"))]
PLAIN = {"ab", 'a"', "", "\n", "abaa", "aaa", "cbab", "abb", "aab"}
DIGITS = {"7", "014", "8", "99", "994"}
TEXTS = sorted(PLAIN | DIGITS | {"x", '"ab"', '"a\\""', '""', '"\\n"', '"aaa"', '"abb"', '"a', "xab"})


def accepted(node: Node) -> set[str]:
    language = Language(Grammar(node))
    return {text for text in TEXTS if text in language}


def test_what_shared_expressions_mean() -> None:
    assert accepted(Terminal(CONTENT)) == PLAIN - {"abb"}
    assert accepted(Terminal(NUMBER)) == {"7", "014", "994"}
    assert accepted(Terminal(JsonString(CONTENT))) == {'"ab"', '"a\\""', '""', '"\\n"', '"aaa"'}


@given(st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=8))
def test_a_choice_is_the_union_of_its_parts(parts: list[Regex]) -> None:
    expected = set().union(*(accepted(Terminal(part)) for part in parts))
    assert accepted(Choice(tuple(map(Terminal, parts)))) == expected
    if not any(isinstance(part, JsonString) for part in parts):
        assert accepted(Terminal(Union(tuple(parts)))) == expected


@pytest.mark.parametrize("parts", [(Text("ab"), Text("c")), (JsonString(Text("a")), JsonString(Repeat(LETTER, 1)))])
def test_parts_of_a_shared_expression_that_are_one_operation(parts: tuple[Regex, ...]) -> None:
    shared = Language(Grammar(Terminal(Concat((share(Union(parts)), Text("!"))))))
    for text in ("ab!", "c!", '"a"!', '"bb"!', "a!", "ab"):
        assert (text in shared) is (text in Language(Grammar(Terminal(Concat((Union(parts), Text("!")))))))


def test_a_shared_expression_is_written_once() -> None:
    once = lower(Grammar(Choice((Terminal(CONTENT),))))
    twice = lower(Grammar(Choice((Terminal(CONTENT), Terminal(Concat((CONTENT,)))))))
    assert twice[1] == once[1]
    assert len(twice[0]) - len(once[0]) < 12 * 4


def test_sharing_changes_nothing() -> None:
    def build() -> Regex:
        return Concat((Repeat(LETTER, 1), TextSet(("1", "22")), Complement(Text("x"))))

    assert lower(Grammar(Terminal(share(build())))) == lower(Grammar(Terminal(build())))


@pytest.mark.parametrize(
    "regex",
    [
        Intersection(()),
        DigitsModulo(0),
        Repeat(LETTER, 3, 2),
        Repeat(LETTER, 0, 2**31),
        Chars(((98, 97),)),
        Chars(((0, 0x110000),)),
        JsonString(JsonString(Text("a"))),
    ],
    ids=str,
)
def test_what_has_no_meaning_is_refused(regex: Regex) -> None:
    with pytest.raises(GrammarError):
        lower(Grammar(Terminal(regex)))


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"", b'"a"']), max_size=8))
def test_a_literal_is_written_once(texts: list[bytes]) -> None:
    regexes = Regexes()
    numbers = [*regexes.literals(texts), *map(regexes.literal, texts)]
    assert regexes.count == len(set(texts))
    assert numbers == regexes.literals(texts + texts)
    for text, number in zip(texts, numbers, strict=False):
        _, offset, length = regexes.code[3 * number : 3 * number + 3]
        assert regexes.text[offset : offset + length] == text

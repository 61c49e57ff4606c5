"""Tokens in GBNF: each grammar against the same one with a character of its own in place of every special token."""

from __future__ import annotations

import itertools

import pytest

from latticework.grammar import CompiledGrammar, Compiler, Vocabulary, VocabularyError, gbnf

LETTERS = ["a", "b", "<", "x", ">", "<x", "x>"]
SPECIAL = ["<x>", "<y>"]
STAND_INS = {"<x>": "\ue000", "<y>": "\ue001"}
WITH_TOKENS = Vocabulary(
    [*(text.encode() for text in LETTERS), None, None, None], [9], special_tokens={"<x>": 7, "<y>": 8}
)
WITHOUT = Vocabulary([*(text.encode() for text in [*LETTERS, *STAND_INS.values()]), None], [9])
ANY = "[^\ue000\ue001]"

# Each: the grammar, and the same one with stand-ins where that is not written the same way.
GRAMMARS = [
    ("root ::= <x>", ""),
    ('root ::= "a"* <x> "b" <y>?', ""),
    ('root ::= (<x> | "a" <y>)+ "<x"?', ""),
    ('root ::= root <x> | root "b" | "a"', ""),
    ('root ::= <x> root <y> | "a"*', ""),
    ("root ::= <x>{2,3} ", ""),
    ("root ::= a a\na ::= (<x> a)?", ""),
    ('root ::= <x> !<y>* <y> "a"', f'root ::= "\ue000" {ANY}* "\ue001" "a"'),
    ('root ::= ("a" | <y>) !<y>+', f'root ::= ("a" | "\ue001") {ANY}+'),
]  # fmt: skip


def words(automaton: CompiledGrammar, size: int) -> dict[tuple[int, ...], list[int]]:
    """What may follow all sequences of so many tokens."""
    states, found = {(): automaton.start}, {}
    for _ in range(size):
        found |= {path: automaton.allowed_tokens(state) for path, state in states.items()}
        states = {
            (*path, token): automaton.step(state, token)
            for path, state in states.items()
            for token in found[path]
            if token < 9
        }
    return found


@pytest.mark.parametrize(("text", "other"), GRAMMARS)
def test_tokens_are_symbols_of_their_own(text: str, other: str) -> None:
    for name, stand_in in STAND_INS.items():
        other = other or text
        other = other.replace(name, f'"{stand_in}"') if "!" not in text else other
    assert words(Compiler(WITH_TOKENS).compile(gbnf(text)), 5) == words(Compiler(WITHOUT).compile(gbnf(other)), 5)


def test_other_tokens_hold_no_name() -> None:
    """`!<x>*` is any text without the name, in a vocabulary that has the token and in one that does not."""
    plain = Vocabulary([*(text.encode() for text in LETTERS), b"<x>", None], [8])
    for vocabulary in (WITH_TOKENS, plain):
        automaton = Compiler(vocabulary).compile(gbnf('root ::= !<x>* "b"'))
        for size in range(5):
            for path in itertools.product("ax<>", repeat=size):
                text = "".join(path)
                state = automaton.step_bytes(automaton.start, text.encode())
                assert (state >= 0) == ("<x>" not in text), text
                if state >= 0:
                    right = {i for i in range(7) if "<x>" not in text + LETTERS[i]}
                    assert set(automaton.allowed_tokens(state)) == right, text


def test_a_vocabulary_without_the_token() -> None:
    with pytest.raises(VocabularyError, match="'<x>'"):
        Compiler(WITHOUT).compile(gbnf("root ::= <x> !<x>*"))
    automaton = Compiler(WITHOUT).compile(gbnf('root ::= <x> | "a"'))
    assert automaton.allowed_tokens(automaton.start) == [0]

"""Lexemes against a plain lexer: every state of small random grammars, whose texts are all enumerated."""

from __future__ import annotations

from pathlib import Path

import lexing
import pytest
from automaton_walk import compare, compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from lexing import Kind

from latticework.grammar import Compiler, Vocabulary
from latticework.grammar.errors import GrammarError, UnsatisfiableSchemaError
from latticework.grammar.ir import Choice, Grammar, Lexeme, Lexer, LexerTerminal, Reference, Scope, Terminal, Text
from latticework.grammar.ir import Sequence as NodeSequence
from latticework.grammar.regex import from_regex

TOKENS = [text.encode() for text in "a b c aa ab ba bb ca ac aab aba bab abc bca".split()]
TEXT = st.text("abc", min_size=1, max_size=3)


@st.composite
def grammars(draw: st.DrawFn) -> tuple[list[Kind], set[tuple[int, ...]], bool]:
    count = draw(st.integers(2, 4))
    kinds = []
    for index in range(count):
        found = draw(st.sets(TEXT, min_size=1, max_size=4))
        others = [i for i in range(count) if i != index]
        keyword_of = draw(st.sets(st.sampled_from(others), max_size=1)) if draw(st.booleans()) else set()
        kinds.append(Kind(tuple(sorted(found)), draw(st.booleans()), tuple(keyword_of)))
    sentence = st.lists(st.integers(0, count - 1), min_size=1, max_size=4).map(tuple)
    return unchained(kinds), draw(st.sets(sentence, min_size=1, max_size=5)), draw(st.booleans())


def unchained(kinds: list[Kind]) -> list[Kind]:
    """Without keywords of keywords, and without two keywords of the same text: no front end makes them."""
    out: list[Kind] = []
    taken: set[str] = set()
    for kind in kinds:
        is_base = any(kinds.index(kind) in other.keyword_of for other in kinds)
        is_new = not taken & set(kind.texts)
        keep = kind.keyword_of and not is_base and is_new
        taken |= set(kind.texts) if keep else set()
        out.append(kind if keep else Kind(kind.texts, kind.shortest))
    return out


def check(kinds: list[Kind], sentences: set[tuple[int, ...]], contextual: bool) -> None:
    """Every mask, step, end and forced text is the truth in every state that bytes or tokens lead to."""
    compare(lexing.grammar(kinds, sentences, contextual), lexing.texts(kinds, sentences, contextual), TOKENS, "abc")


@settings(max_examples=400)
@given(grammars())
def test_random_lexers_cut_as_a_plain_lexer_does(given_grammar: tuple[list[Kind], set[tuple[int, ...]], bool]) -> None:
    check(*given_grammar)


A, AB, ABC, B = Kind(("a",)), Kind(("ab",)), Kind(("abc",)), Kind(("b",))
WORD = Kind(("a", "aa", "aaa", "ab", "aab"))


@pytest.mark.parametrize(
    ("kinds", "sentences"),
    [
        pytest.param([ABC, A, B], {(1, 2), (1, 2, 1), (0,)}, id="a longer one would have been taken"),
        pytest.param([AB, A, B, Kind(("c",))], {(1, 2, 3), (0, 3)}, id="one in the way of two"),
        pytest.param([WORD, Kind(("b",))], {(0, 1), (0, 0), (0, 1, 0)}, id="words side by side never end"),
        pytest.param([WORD, Kind(("aa",), keyword_of=(0,)), B], {(0, 2), (1,), (1, 2, 0)}, id="a keyword"),
        pytest.param([Kind(("ab", "abab"), shortest=True), A], {(0, 1), (0, 0)}, id="the shortest match"),
        pytest.param([Kind(("aaa",)), Kind(("a",))], {(1, 1), (1, 1, 1)}, id="three make one"),
    ],
)
@pytest.mark.parametrize("contextual", [True, False])
def test_what_a_lexer_takes(kinds: list[Kind], sentences: set[tuple[int, ...]], contextual: bool) -> None:
    check(kinds, sentences, contextual)


# ------------------------------------------------------------------------------------------ unbounded lexemes and ignored

EVERY_BYTE = [bytes([value]) for value in range(256)]


def words_and_numbers(contextual: bool = True) -> Grammar:
    """`if NAME = NUMBER`, again and again, with white space anywhere."""
    patterns = ["[a-z_][a-z_0-9]*", r"[0-9]+\.[0-9]+", r"[0-9]+", " +", "if", "==", "=", r"\.\.\.", r"\."]
    terminals = [LexerTerminal(from_regex(pattern), keyword_of=(0,) if pattern == "if" else ()) for pattern in patterns]
    lexer = Lexer(tuple(terminals), contextual, ignored=(3,))
    name, real, whole, space, if_, equal, assign, dots, dot = (Lexeme(lexer, i) for i in range(len(patterns)))
    ignored = Choice((NodeSequence(()), NodeSequence((space, Reference("ignored")))))
    operator = Choice((equal, assign, dots, dot))
    value = Choice((name, real, whole))
    parts = [part for lexeme in (if_, value, operator, value) for part in (lexeme, Reference("ignored"))]
    statements = Choice((NodeSequence(()), NodeSequence((*parts, Reference("statements")))))
    return Grammar(
        NodeSequence((Reference("ignored"), Reference("statements"))), {"ignored": ignored, "statements": statements}
    )


@pytest.mark.parametrize(
    ("text", "contextual", "basic"),
    [
        ("if a=1", "accepted", "accepted"),
        ("ifa=1", "accepted", "dead"),  # no name can be read at the beginning, so none competes
        ("if if=1", "accepted", "dead"),  # the second `if` is no name
        ("if if", "begun", "begun"),  # yet
        ("if if_=1", "accepted", "accepted"),
        ("if ifs==if_", "accepted", "accepted"),
        ("if a==1 if b=2", "accepted", "accepted"),
        ("if a=1if", "begun", "begun"),
        ("if a=1ifa=b", "accepted", "dead"),
        ("if a=1.", "begun", "begun"),
        ("if a=1.5", "accepted", "accepted"),
        ("if 1...2", "accepted", "accepted"),
        ("if a...2", "accepted", "accepted"),
        ("if a....", "dead", "dead"),
        ("if a.5", "accepted", "accepted"),
        ("if 1 .5", "accepted", "accepted"),
        ("if a= =b", "dead", "dead"),
        ("  if  a  =  b  ", "accepted", "accepted"),
    ],
)
@pytest.mark.parametrize("is_contextual", [True, False])
def test_texts_of_a_small_language(text: str, contextual: str, basic: str, is_contextual: bool) -> None:
    automaton = compiled(words_and_numbers(is_contextual), EVERY_BYTE)
    state = automaton.step_bytes(automaton.start, text.encode())
    verdict = "dead" if state < 0 else "accepted" if automaton.is_accepting(state) else "begun"
    assert verdict == (contextual if is_contextual else basic)


def test_a_scope_ends_what_its_lexers_wait_for() -> None:
    lexer = Lexer((LexerTerminal(from_regex("a+")),))
    word = Lexeme(lexer, 0)
    with pytest.raises(UnsatisfiableSchemaError):
        compiled(Grammar(NodeSequence((word, Terminal(Text("ab"))))), EVERY_BYTE)
    scoped = compiled(Grammar(NodeSequence((Scope(word), Terminal(Text("ab"))))), EVERY_BYTE)
    assert scoped.is_accepting(scoped.step_bytes(scoped.start, b"aab"))


def test_words_that_nothing_keeps_apart_are_no_language() -> None:
    word = Lexeme(Lexer((LexerTerminal(from_regex("a+")),)), 0)
    with pytest.raises(UnsatisfiableSchemaError):
        compiled(Grammar(NodeSequence((word, word))), EVERY_BYTE)


def test_a_terminal_of_no_length_is_refused() -> None:
    with pytest.raises(GrammarError, match="empty text"):
        compiled(Grammar(Lexeme(Lexer((LexerTerminal(from_regex("a*")),)), 0)), EVERY_BYTE)


def test_masks_of_a_large_vocabulary_equal_stepping(data_dir: Path) -> None:
    llama3 = Vocabulary.from_tokenizers(data_dir / "tokenizers" / "llama3.tokenizer.json", eos_token_ids=[128009])
    automaton = Compiler(llama3).compile(words_and_numbers())
    for text in (b"", b"if ", b"if a", b"if a=", b"if a=1", b"if a=1.", b"if a = 2.5", b"if i", b"i"):
        state = automaton.step_bytes(automaton.start, text)
        allowed = set(automaton.allowed_tokens(state))
        stepped = {token for token in range(llama3.size) if automaton.step(state, token) >= 0}
        assert allowed == stepped, text

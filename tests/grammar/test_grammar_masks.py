"""Masks of grammars read from Lark, GBNF and EBNF equal brute force, and what they allow comes to an end."""

from __future__ import annotations

import itertools
import json
import random
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
from grammar_sampler import accepts, lalr, texts
from grammar_texts import INVALID, VALID
from lark import Lark
from mask_truth import MaskTruth, pieces, toy_vocabulary
from random_grammars import random_grammar

from latticework.grammar import CompiledGrammar, Compiler, Limits, UnsatisfiableSchemaError, Vocabulary, library
from latticework.grammar.ebnf import from_ebnf
from latticework.grammar.gbnf import from_gbnf
from latticework.grammar.ir import Grammar
from latticework.grammar.lark_reader import from_lark

NAMES = library.names()
ROOM = Limits(grammar_bytes=1 << 30, lexer_bytes=1 << 30)  # nothing may be dropped that a test will ask about again
STATES = 16  # of each library grammar
JUDGED = 150  # finished texts of each library grammar that lark is shown
GRAMMARS = 50


def truth_of(grammar: Grammar, samples: Iterable[str], seed: int) -> MaskTruth:
    """The automaton over all bytes and pieces of the samples."""
    vocabulary = toy_vocabulary(pieces(samples, random.Random(seed)))
    return MaskTruth(Compiler(vocabulary, limits=ROOM).compile(grammar))


def places(truth: MaskTruth, samples: Iterable[str]) -> list[tuple[bytes, int]]:
    """Each state along these texts of the language, once, with the bytes before it."""
    found: dict[int, bytes] = {}
    for sample in samples:
        data = sample.encode()
        for at, state in enumerate(truth.walk(data)):
            found.setdefault(state, data[:at])
    return [(before, state) for state, before in found.items()]


def endings(truth: MaskTruth, before: bytes, state: int, tokens: Iterable[int]) -> list[bytes | None]:
    """A finished text behind each of the tokens that are allowed; None where the search found none."""
    found: list[bytes | None] = []
    for token in tokens:
        rest = truth.rest(truth.automaton.step(state, token))
        found.append(None if rest is None else before + truth.vocabulary.token_bytes(token) + rest)
    return found


def assert_finished(found: list[bytes | None], judge: Callable[[str], bool], rng: random.Random, judged: int) -> None:
    """Nearly all come to an end, and an independent reader takes those it is shown."""
    texts_ = [text for text in found if text is not None]
    assert len(texts_) > 0.8 * len(found)
    for text in rng.sample(texts_, min(judged, len(texts_))):
        assert judge(text.decode()), text


# ------------------------------------------------------------------------------------------ the grammars that come along


@cache
def parser(name: str) -> Lark:
    return lalr(library.text(name), library.lexer(name))


@pytest.mark.parametrize("name", NAMES)
def test_library_masks(name: str) -> None:
    rng = random.Random(name)
    truth = truth_of(library.grammar(name), [*VALID[name], *INVALID[name]], 1)
    there = places(truth, VALID[name])
    found: list[bytes | None] = []
    for before, state in rng.sample(there, min(STATES, len(there))):
        found += endings(truth, before, state, truth.check(state))
    assert_finished(found, lambda text: accepts(parser(name), text), rng, JUDGED)


@pytest.mark.parametrize("name", NAMES)
def test_library_masks_before_a_mistake(name: str) -> None:
    """A text outside the language is followed as far as it could still become one of the language, and no further."""
    truth = truth_of(library.grammar(name), [*VALID[name], *INVALID[name]], 2)
    places(truth, VALID[name])
    found = []
    for sample in INVALID[name]:
        state, read = truth.automaton.start, b""
        for byte in sample.encode():
            after = truth.automaton.step_bytes(state, bytes([byte]))
            if after < 0:
                assert byte not in truth.automaton.next_bytes(state)
                break
            state, read = after, read + bytes([byte])
        truth.check(state)
        rest = truth.rest(state)
        found.append(None if rest is None else read + rest)
    assert_finished(found, lambda text: accepts(parser(name), text), random.Random(0), len(found))


# ----------------------------------------------------------------------------------------------- a vocabulary of a model


@pytest.fixture(scope="module")
def llama3(data_dir: Path) -> Vocabulary:
    file = data_dir / "tokenizers" / "llama3.tokenizer.json"
    return Vocabulary.from_tokenizers(file, eos_token_ids="<|eot_id|>")


@pytest.mark.parametrize("name", NAMES)
def test_library_masks_with_the_tokens_of_llama3(name: str, llama3: Vocabulary) -> None:
    rng = random.Random(name)
    truth = MaskTruth(Compiler(llama3, limits=ROOM).compile(library.grammar(name)))
    there = places(truth, VALID[name])
    chosen = rng.sample(there, min(24, len(there)))
    for index, (_, state) in enumerate(chosen):
        if index < 2:
            assert {*truth.check(state)} == {*truth.automaton.allowed_tokens(state)} - truth.ends
            continue
        allowed = truth.automaton.allowed_tokens(state)
        tokens = {*rng.sample(range(llama3.size), 3_000), *rng.sample(allowed, min(300, len(allowed))), *truth.ends}
        truth.check(state, sorted(tokens))


NUMBERS = [f"{number:0{digits}}".encode() for digits in (2, 3, 4) for number in range(10**digits)]
WORDS = ["_" + "".join(letters) for letters in itertools.product("abcdefghijklmn", repeat=3)]
CROWDED: dict[str, tuple[list[Grammar], list[bytes]]] = {
    "counted runs that end within a token": (
        [
            from_lark('start: (R | "C")+\nR: /%[0-9][0-9]/ | /[0-9]/'),
            from_lark('start: "a" R\nR: /[0-9]{3}/'),
            from_gbnf('root ::= "a" [0-9] [0-9] r\nr ::= "" | "(" r ")"'),
            from_gbnf('root ::= ("%" [0-9] [0-9] | [0-9] | "C" | "(" root ")")+'),
        ],
        NUMBERS,
    ),
    "words that end at many places": (
        [from_lark('start: N "(" (N | D)\nN: /[A-Za-z_][0-9A-Za-z_]*/\nD: /[0-9]+/\n')],
        [word.encode() + end for word in WORDS for end in (b"", b"(", b"(_a")],
    ),
}


@pytest.mark.parametrize("name", CROWDED)
def test_masks_with_many_tokens_of_a_kind(name: str) -> None:
    grammars, tokens = CROWDED[name]
    compiler = Compiler(toy_vocabulary(tokens), limits=ROOM)  # the grammars share the tables of the vocabulary
    for grammar in grammars:
        truth = MaskTruth(compiler.compile(grammar))
        for text in (b"", b"a", b"a1", b"%", b"%1", b"%12", b"(", b"x", b"x(", b"x(1"):
            state = _walk(truth.automaton, text)
            if state >= 0:
                truth.check(state)


# ----------------------------------------------------------------------------------------------------------- GBNF, EBNF

GBNF_JSON = r"""
root   ::= ws value ws
value  ::= "{" ws (member ("," ws member)*)? "}" | "[" ws (value ws ("," ws value ws)*)? "]" | string | number | word
member ::= string ws ":" ws value ws
word   ::= "true" | "false" | "null"
string ::= "\"" ([^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
ws     ::= [ \t\n\r]*
"""
GBNF_SUMS = r"""
root ::= sum
sum  ::= sum ("+" | "-") product | product
product ::= product "*" leaf | leaf
leaf ::= [a-z] | "λé" | "(" sum ")" | call
call ::= "f" "(" (sum ("," sum)*)? ")"
"""
LARK_SUMS = """
start: sum
sum: sum ("+" | "-") product | product
product: product "*" leaf | leaf
leaf: "a".."z" | "λ" "é" | "(" sum ")" | "f" "(" (sum ("," sum)*)? ")"
"""
W3C_LISTS = """
list  ::= '(' S? (item (S item)*)? S? ')'
item  ::= Name | list | "'" item | '"' [^"#xA]* '"'
Name  ::= (Letter (Letter | [0-9])*) - 'nil'
Letter ::= [a-z] | [#xE9-#x3BB]
S     ::= #x20+
"""
ISO_LISTS = """
list = '(', [space], [item, {space, item}], [space], ')';
item = name | list | "'", item;
name = letter, {letter | '0'} ;
letter = 'a' | 'b' | 'é' ;
space = ' ', {' '} ;
"""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@cache
def _earley(text: str) -> Lark:
    return Lark(text, parser="earley", lexer="dynamic")


LARK_LISTS = r"""
start: list
list: "(" S? (item (S item)*)? S? ")"
item: NAME | list | "'" item | /"[^"\n]*"/
NAME: /(?!nil(?![a-zé-λ0-9]))[a-zé-λ][a-zé-λ0-9]*/
S: / +/
"""

NOTATIONS: dict[str, tuple[Grammar, list[str], Callable[[str], bool]]] = {
    "GBNF: JSON": (
        from_gbnf(GBNF_JSON),
        [*VALID["json"], '{"a" : [ 1.5e-3 , "\\u00e9日" ], "b": {}}\n'],
        _is_json,
    ),
    "GBNF: sums": (
        from_gbnf(GBNF_SUMS),
        ["a+b*(c-d)", "f(a,f(),(b*λé))*f-λé", "((((a))))"],
        lambda text: accepts(_earley(LARK_SUMS), text),
    ),
    "W3C: lists": (
        from_ebnf(W3C_LISTS),
        ["( a b1 (λx 'é) )", "()", "(nill ni nil1 \"a'(\" ''(b))"],
        lambda text: accepts(_earley(LARK_LISTS), text),
    ),
    "ISO: lists": (
        from_ebnf(ISO_LISTS, notation="iso"),
        ["( a b0 (éa 'b) )", "()", "(a  ''(b))"],
        lambda text: accepts(_earley(LARK_LISTS), text),
    ),
}


@pytest.mark.parametrize("name", NOTATIONS)
def test_masks_of_other_notations(name: str) -> None:
    grammar, samples, judge = NOTATIONS[name]
    truth = truth_of(grammar, samples, 3)
    found: list[bytes | None] = []
    for before, state in places(truth, samples):
        found += endings(truth, before, state, truth.check(state))
    assert len(found) > 300
    assert None not in found
    assert_finished(found, judge, random.Random(4), 1_000)


# ------------------------------------------------------------------------------------------------------- random grammars


def read_random(seed: int) -> tuple[Grammar, Lark]:
    """A random grammar, and what judges it."""
    source, oracle = random_grammar(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return from_lark(source, lexer="basic" if oracle.options.lexer == "basic" else "contextual"), oracle


@pytest.mark.parametrize("seed", range(GRAMMARS))
def test_random_masks(seed: int) -> None:
    grammar, oracle = read_random(seed)
    samples = list(texts(oracle, 60, seed, budget=8))
    good = [text for text in samples if accepts(oracle, text)]
    try:
        truth = truth_of(grammar, [*samples, "==+"], seed)
    except UnsatisfiableSchemaError:
        assert not good
        return
    there = places(truth, good)
    rng = random.Random(seed)
    found: list[bytes | None] = []
    for before, state in rng.sample(there, min(15, len(there))):
        found += endings(truth, before, state, truth.check(state))
    if found:
        assert_finished(found, lambda text: accepts(oracle, text), rng, 150)


def short_texts(oracle: Lark, number: int = 2_500) -> list[str]:
    """All short texts over a few letters of the terminals."""
    written = "".join(texts(oracle, 40, 5, budget=4))
    letters = sorted(dict.fromkeys(written), key=lambda letter: -written.count(letter))[:6]
    longest = next(n for n in itertools.count(1) if len(letters) ** (n + 1) > number)
    return ["".join(some) for n in range(longest + 1) for some in itertools.product(letters, repeat=n)]


@pytest.mark.parametrize("seed", range(GRAMMARS))
def test_prefixes_of_random_grammars(seed: int) -> None:
    """A beginning is alive if lark accepts one of the short texts with it, and only if lark accepts a text with it."""
    grammar, oracle = read_random(seed)
    samples = short_texts(oracle)
    prefixes = {text[:length] for text in samples if accepts(oracle, text) for length in range(len(text) + 1)}
    try:
        truth = truth_of(grammar, ["ab"], seed)
    except UnsatisfiableSchemaError:
        assert not prefixes
        return
    found = []
    for text in samples:
        state = _walk(truth.automaton, text.encode())
        assert state >= 0 or text not in prefixes, text
        if state >= 0 and text not in prefixes:
            rest = truth.rest(state)
            found.append(None if rest is None else text.encode() + rest)
    if found:
        assert_finished(found, lambda text: accepts(oracle, text), random.Random(seed), 200)


def _walk(automaton: CompiledGrammar, data: bytes) -> int:
    return automaton.step_bytes(automaton.start, data)

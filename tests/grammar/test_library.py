"""The grammars that come along, against lark: the samples, and random texts in and near each language."""

from __future__ import annotations

import ast
import datetime as dt
import json
import os
import re
import warnings
from collections.abc import Callable
from functools import cache
from xml.parsers import expat

import pytest
from grammar_sampler import accepts, lalr, texts
from grammar_texts import INVALID, VALID
from lark import Lark
from random_grammars import random_grammar

from latticework.grammar import CompiledGrammar, Compiler, UnsatisfiableSchemaError, Vocabulary, library
from latticework.grammar.lark_reader import from_lark

NAMES = library.names()
TEXTS = int(os.environ.get("LATTICEWORK_GRAMMAR_TEXTS", "150"))  # 2000 for the full comparison
GRAMMARS = 50


@cache
def parser(name: str) -> Lark:
    return lalr(library.text(name), library.lexer(name))


@pytest.fixture(scope="module")
def automata(byte_vocabulary: Vocabulary) -> Callable[[str], CompiledGrammar]:
    compiler = Compiler(byte_vocabulary)
    return cache(lambda name: compiler.compile(library.grammar(name)))


def takes(automaton: CompiledGrammar, text: str) -> bool:
    """Byte by byte."""
    state = automaton.start
    for byte in text.encode():
        state = automaton.step(state, byte)
        if state < 0:
            return False
    return automaton.is_accepting(state)


def test_names() -> None:
    assert set(NAMES) == set(VALID) == set(INVALID)
    assert "json" in NAMES
    with pytest.raises(KeyError, match="no grammar 'cobol' comes along; there are arithmetic, "):
        library.text("cobol")


@pytest.mark.parametrize("name", NAMES)
def test_samples(name: str, automata: Callable[[str], CompiledGrammar]) -> None:
    automaton = automata(name)
    for text in VALID[name]:
        assert accepts(parser(name), text), text
        assert takes(automaton, text), text
    for text in INVALID[name]:
        assert not accepts(parser(name), text), text
        assert not takes(automaton, text), text


@pytest.mark.parametrize("name", NAMES)
def test_same_language_as_lark(name: str, automata: Callable[[str], CompiledGrammar]) -> None:
    automaton = automata(name)
    verdicts = set()
    for text in texts(parser(name), TEXTS, seed=1):
        expected = accepts(parser(name), text)
        assert takes(automaton, text) == expected, text
        verdicts.add(expected)
    assert verdicts == {True, False}


# ------------------------------------------------------------------------------- other readers of the same languages


def _reads(read: Callable[[str], object], *errors: type[Exception]) -> Callable[[str], bool]:
    def whether(text: str) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(text)
        except errors:
            return False
        return True

    return whether


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _expat(text: str) -> None:
    parser_ = expat.ParserCreate("utf-8")
    parser_.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser_.Parse(text.encode(), True)


_READERS = {
    "json": _reads(lambda text: json.loads(text, parse_constant=_no_constant), ValueError),
    "python": _reads(ast.parse, SyntaxError, ValueError),
    "regex": _reads(re.compile, re.error, OverflowError),
    "xml": _reads(_expat, expat.ExpatError),
}
# What the heads of the files say that a grammar does not see.
_BEYOND = {
    "json": re.compile(r"(?!)"),
    # And what only CPython refuses: (a).b: c
    "python": re.compile(
        r"\A\s*[ \t]|\\\r?\n\s*\Z|(?:\A|[;\n])\s*\([^;]*:|\b(?:async|await|break|class|continue|def|elif|except|finally|nonlocal|return|try|while|with|yield)\b"
    ),
    "regex": re.compile(r"\{\d+,\d+|[^\[]-"),
    # End tags, attributes twice; encodings; letters, since expat has those of the fourth edition; another version.
    "xml": re.compile(r"</|(\s[\w:.-]+)\s*=[^>]*\1\s*=|encoding|[^\x00-\x7f]|version\s*=\s*.1\.(?!0['\"])"),
}


@pytest.mark.parametrize("name", sorted(_READERS))
def test_others_read_what_is_accepted(name: str) -> None:
    judged = 0
    for text in texts(parser(name), 2 * TEXTS, seed=2):
        if accepts(parser(name), text) and not _BEYOND[name].search(text):
            assert _READERS[name](text), text
            judged += 1
    assert judged > TEXTS / 20


def test_json_is_exactly_json() -> None:
    for text in texts(parser("json"), 4 * TEXTS, seed=3):
        assert accepts(parser("json"), text) == _READERS["json"](text), text


def test_days_are_those_of_the_calendar(automata: Callable[[str], CompiledGrammar]) -> None:
    automaton = automata("iso_date")
    for year in [4, 100, 1899, 1900, 2000, 2015, 2020, 2023, 2024, 2026, 9999]:
        days = [dt.date(year, 1, 1) + dt.timedelta(days) for days in range(365)]
        exists = {day.isoformat() for day in days} | {day.strftime("%Y-%j").zfill(8) for day in days}
        last = dt.date(year, 12, 31)
        exists |= {last.isoformat(), f"{year:04}-{last.timetuple().tm_yday}"}
        weeks = dt.date(year, 12, 28).isocalendar().week
        exists |= {f"{year:04}-W{week:02}" for week in range(1, weeks + 1)}
        tried = {f"{year:04}-{month:02}-{day:02}" for month in range(14) for day in range(33)}
        tried |= {f"{year:04}-{day:03}" for day in range(370)} | {f"{year:04}-W{week:02}" for week in range(55)}
        assert {text for text in tried if takes(automaton, text)} == exists


# ------------------------------------------------------------------------------------------------- generated grammars


@pytest.mark.parametrize("seed", range(GRAMMARS))
def test_generated_grammars(seed: int, byte_vocabulary: Vocabulary) -> None:
    source, oracle = random_grammar(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grammar = from_lark(source, lexer="basic" if oracle.options.lexer == "basic" else "contextual")
    samples = list(texts(oracle, TEXTS, seed, budget=12))
    try:
        automaton = Compiler(byte_vocabulary).compile(grammar)
    except UnsatisfiableSchemaError:  # a terminal may never get its turn
        assert not any(accepts(oracle, text) for text in samples), source
        return
    for text in samples:
        assert takes(automaton, text) == accepts(oracle, text), (source, text)

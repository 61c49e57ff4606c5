"""Grammar texts as constraints: their wiring, what declared terminals stand for, and lexers beside each other."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lark import Lark
from lark.exceptions import LarkError
from small_languages import accepts, check

from latticework.grammar import (
    Compiler,
    Constraint,
    GrammarError,
    GrammarSyntaxError,
    GrammarWarning,
    Vocabulary,
    choice,
    ebnf,
    either,
    gbnf,
    json_schema,
    lark,
    regex,
    repeat,
    sequence,
    tags,
)

LISTS = 'start: "(" start* ")" | NAME\nNAME: /[ab]+/'
KEYWORDS = 'start: "ab" NAME | NAME+ "b"\nNAME: /[ab]+/\n%ignore " "'
SHORT = 'start: A B?\nA: "a" | "ab"\nB: "b"+'
PARENTHESES = re.compile(r"(?:a*b)*\((?:(?:a*b)*\(\))?\)")  # of start: "(" start? ")" | X start, for short texts


def by_lark(text: str) -> Callable[[str], bool]:
    """The decision of lark itself."""
    parser = Lark(text, parser="lalr", lexer="contextual")

    @cache
    def accepts(piece: str) -> bool:
        try:
            parser.parse(piece)
        except LarkError:
            return False
        return True

    return accepts


def split_by(*deciders: Callable[[str], bool]) -> Callable[[str], bool]:
    """Whether a text can be cut into one text of each."""

    def is_right(text: str) -> bool:
        first, *others = deciders
        if not others:
            return first(text)
        return any(first(text[:i]) and split_by(*others)(text[i:]) for i in range(len(text) + 1))

    return is_right


@pytest.mark.parametrize("text", [LISTS, KEYWORDS, SHORT])
def test_one_grammar(text: str) -> None:
    check(lark(text), by_lark(text), "ab( )", 5, 9)


@pytest.mark.parametrize("first", [LISTS, KEYWORDS, SHORT])
@pytest.mark.parametrize("second", [LISTS, KEYWORDS, SHORT])
def test_lexers_do_not_see_beyond_their_grammar(first: str, second: str) -> None:
    check(sequence(lark(first), lark(second)), split_by(by_lark(first), by_lark(second)), "ab( )", 4, 9)
    check(sequence(lark(first), "b", lark(second)), split_by(by_lark(first), "b".__eq__, by_lark(second)), "ab ", 5, 9)


def test_loops_and_choices_of_lexers() -> None:
    inside = by_lark(SHORT)

    def several(text: str) -> bool:
        return text == "" or any(inside(text[:i]) and several(text[i:]) for i in range(1, len(text) + 1))

    check(repeat(lark(SHORT)), several, "ab", 7, 2)
    check(either(lark(SHORT), lark(LISTS), "bb"), lambda t: inside(t) or by_lark(LISTS)(t) or t == "bb", "ab(", 5, 9)


def test_a_grammar_in_tags(byte_vocabulary: Vocabulary) -> None:
    sum_of = lark('start: start "+" N | N\nN: /[0-9]+/\n%ignore " "')
    automaton = Compiler(byte_vocabulary).compile(tags([("<", sum_of, ">")], between=False, after="."))
    assert accepts(automaton, "one: <1 + 22><3>.")
    for text in ("one: <1 +><3>.", "one: <1> <3>.", "one: <1 2>."):
        assert not accepts(automaton, text)


# ----------------------------------------------------------------------------------------------- declared terminals


def test_a_schema_in_a_grammar(byte_vocabulary: Vocabulary) -> None:
    text = 'start: (NAME "=" VALUE ";")+\nNAME: /[a-z]+/\n%declare VALUE\n%ignore " "'
    point = json_schema({"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False})
    automaton = Compiler(byte_vocabulary).compile(lark(text, terminals={"VALUE": point}))
    assert accepts(automaton, 'a = {"x": 3} ;bc={};')
    for wrong in ('a = {"y": 3};', "a = 3;", "a = {}", "={};"):
        assert not accepts(automaton, wrong)


def test_terminals_of_every_kind() -> None:
    text = 'start: "(" start? ")" | X start\n%declare X'
    named_alike = gbnf('root ::= "a" start | "b"\nstart ::= root')
    nested = lark('start: "a" start | "b"')
    for part in (regex("a*b"), named_alike, nested, sequence(repeat("a"), "b")):
        check(lark(text, terminals={"X": part}), lambda t: PARENTHESES.fullmatch(t) is not None, "ab()", 5, 9)


def test_two_terminals_with_rules_of_the_same_name() -> None:
    parts = {"X": gbnf('root ::= "a" root | "b"'), "Y": gbnf('root ::= "b" root | "a"')}
    made = lark("start: X Y\n%declare X Y", terminals=parts)
    check(made, lambda text: re.fullmatch("a*bb*a", text) is not None, "ab", 6, 2)


def test_terminals_that_cannot_be() -> None:
    text = "start: X\n%declare X"
    with pytest.raises(GrammarError, match="empty text"):
        lark(text, terminals={"X": regex("a*")}).grammar()
    with pytest.raises(GrammarSyntaxError, match="X"):
        lark(text).grammar()
    with pytest.raises(GrammarError, match="Y"):
        lark(text, terminals={"X": "a", "Y": "b"}).grammar()
    with pytest.raises(TypeError, match=r"terminals\['X'\]"):
        lark(text, terminals={"X": 3})  # type: ignore[dict-item]


# ------------------------------------------------------------------------------------------------- options and values


def test_starts_and_notations() -> None:
    rules = 'one: "a"\ntwo: one one'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GrammarWarning)
        check(lark(rules, start="one"), "a".__eq__, "ab", 3)
        check(lark(rules, start="two"), "aa".__eq__, "ab", 3, 1)
        check(gbnf('root ::= "a"\ntwo ::= root root', start="two"), "aa".__eq__, "ab", 3, 1)
        check(ebnf("one ::= 'a'\ntwo ::= one one", start="two"), "aa".__eq__, "ab", 3, 1)
        check(ebnf("one = 'a'; two = one, one;", start="two", notation="iso"), "aa".__eq__, "ab", 3, 1)
    check(ebnf("expr ::= expr '+' 'a' | 'a'"), lambda t: re.fullmatch(r"a(\+a)*", t) is not None, "a+", 5, 1)


def test_imports_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "words.lark").write_text("WORD: /[ab]+/")
    made = lark('start: WORD ";"\n%import words.WORD', import_paths=(str(tmp_path),))
    check(made, lambda text: re.fullmatch("[ab]+;", text) is not None, "ab;", 4, 2)


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (lark('start: "a"\n  | (b'), 2),
        (gbnf('root ::= "a"\nroot2 ::= ('), 2),
        (ebnf("a ::= 'a' |\n| ("), 2),
        (lark('start: "a"\nb: c'), 2),
    ],
)
def test_mistakes_have_a_place(made: Constraint, line: int) -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        made.grammar()
    assert caught.value.line == line


def test_what_is_not_used_is_a_warning() -> None:
    with pytest.warns(GrammarWarning, match=r"b.*line 2"):
        lark('start: "a"\nb: "b"').grammar()
    warning = GrammarWarning("it is odd", text="a\nbc", offset=3)
    assert str(pickle.loads(pickle.dumps(warning))) == str(warning) == "it is odd (line 2, column 2)\n  bc\n   ^"


def test_values() -> None:
    a, b = 'start: "a"', "start: X\n%declare X"
    made = [
        lark(a), lark('start: "b"'), lark(a, start="x"), lark(a, lexer="basic"), lark(a, import_paths=("x",)),
        lark(b, terminals={"X": "a"}), lark(b, terminals={"X": "b"}), lark(b, terminals={"Y": "a"}), gbnf(a), ebnf(a),
        gbnf(a, start="x"), ebnf(a, start="x"), ebnf(a, notation="iso"),
    ]  # fmt: skip
    assert len({constraint.key for constraint in made}) == len(set(made)) == len(made)
    for constraint in made:
        assert pickle.loads(pickle.dumps(constraint)) == constraint
        assert constraint.parse("a") == "a"
    assert lark(b, terminals={"X": "a"}) == lark(b, terminals={"X": choice(["a"])})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lark(3), TypeError, "grammar"),  # type: ignore[arg-type]
        (lambda: gbnf(b"a"), TypeError, "grammar"),  # type: ignore[arg-type]
        (lambda: lark("", lexer="dynamic"), ValueError, "lexer"),  # type: ignore[arg-type]
        (lambda: lark("", import_paths="x"), TypeError, "import_paths"),
        (lambda: lark("", start=3), TypeError, "start"),  # type: ignore[arg-type]
        (lambda: ebnf("", notation="abnf"), ValueError, "notation"),  # type: ignore[arg-type]
    ],
)
def test_wrong_options_are_named(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_json_is_json(byte_vocabulary: Vocabulary) -> None:
    """The same values by three notations and by a schema."""
    texts = {
        "lark": lark('start: v\nv: "[" [v ("," v)*] "]" | N\nN: "0" | /[1-9][0-9]*/'),
        "gbnf": gbnf('root ::= "[" (root ("," root)*)? "]" | "0" | [1-9] [0-9]*'),
        "ebnf": ebnf("v ::= '[' (v (',' v)*)? ']' | '0' | [1-9] [0-9]*"),
    }
    automata = {name: Compiler(byte_vocabulary).compile(made) for name, made in texts.items()}
    for value in ([], [1, [0, 23], []], 7, [[[[]]]], [0, 0]):
        text = json.dumps(value, separators=(",", ":"))
        for wrong in (text + "]", "[" + text, text.replace("]", ",]", 1), text + "x", "0" + text):
            for name, automaton in automata.items():
                assert accepts(automaton, text), (name, text)
                assert accepts(automaton, wrong) == (wrong == text), (name, wrong)

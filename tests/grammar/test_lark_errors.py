"""Mistakes in Lark grammars: each is a typed error at its place, and so is hostile text."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticework.grammar.errors import GrammarError, GrammarSyntaxError, GrammarWarning
from latticework.grammar.ir import Terminal, Text
from latticework.grammar.lark_reader import from_lark

# ‸ stands before the place of the mistake.
MISTAKES = [
    # syntax
    ('start: "a" ‸)\n', "')' cannot stand here"),
    ("start: ‸'a'\n", "double quotes"),
    ('start: ‸"a\n', "not closed"),
    ('start ‸"a"\n', "cannot stand here"),
    ("start: (‸\n", "a new line cannot stand here"),
    ('start: "a"+‸?\n', "cannot stand here"),
    ('‸%json {"type": "string"}\n', "%import"),
    ('‸1: "a"\n', "'1' cannot stand here"),
    ("a: b -> ‸A\n", "'A' cannot stand here"),
    # names
    ("start: ‸fo\nfoo: start\n", "the rule fo is not defined; is foo meant?"),
    ("start: ‸FOO\n", "the terminal FOO is not defined"),
    ("start: A\nA: ‸B\n", "the terminal B is not defined"),
    ('start: "a"\n%ignore ‸WS\n', "the terminal WS is not defined"),
    ('start: "a"\n‸start: "b"\n', "defined in line 1 already"),
    ('start: A\nA: "a"\n‸A: "b"\n', "defined in line 2 already"),
    ('‸__a: "b"\nstart: __a\n', "cannot stand here"),
    ('start: A\n%override ‸A: "b"\n', "not defined yet"),
    ('start: A\n%extend ‸A: "b"\n', "not defined yet"),
    ('%import common.INT\n‸INT: "1"\nstart: INT\n', "imported as well"),
    ('start: sep{‸AA, ","}\nsep{x, y}: x (y x)*\nA: "a"\n', "the terminal AA is not defined; is A meant?"),
    ('start: "x"\n‸sep{x}: x sep{x, x} | "y"\nother: sep{"a"}\n', "template arguments"),
    # terminals
    ('start: A\n‸A: "x" B\nB: A | "y"\n', "made of itself"),
    ('start: A\n‸A: A? "x"\n', "made of itself"),
    ('start: A\nA: ‸b\nb: "c"\n', "cannot be made of rules"),
    ('start: "a"\n%ignore ‸start\n', "only terminals can be ignored"),
    ('start: A\nA: "b" -> ‸c\n', "an alias names a tree"),
    ('start: ‸""\n', "empty text"),
    ('start: A\n‸A: "a"*\n', "matches the empty text"),
    ('start: A "b"\n‸A: /a*/ | "b"\n', "matches the empty text"),
    ('start: "a"\n%ignore ‸/ */\n', "matches the empty text"),
    ("start: A\n‸A: /a(?!.)b/ \n", "matches no text"),
    ('start: A "b"\nA: "x" /a(b‸[c/\n', "unterminated character class"),
    ('start: A "b"\nA: "x" /\\n\\/a(?P<x>a)(?P<‸x>b)/\n', "second group named 'x'"),
    ("start: A\nA: /(a)‸\\1/\n", "reference"),
    ("start: A\nA: /ab/i‸l\n", "locale"),
    ("start: A\nA: /ab‸(?=c)/i\n", "after the terminal's own text"),
    ("start: /‸(?<!x)a/\n", "before the terminal's own text"),
    ('start: A\n‸A: "a" /(?=b)/\n', "after the terminal's own text"),
    ("start: A\nA: ‸/a\nb/\n", "flag x"),
    ('start: ‸"\\x4"\n', "bad escape"),
    ('start: ‸"ab".."c"\n', "one character"),
    ('start: ‸"c".."a"\n', "empty"),
    ('start: "a"~3..‸2\n', "below the least"),
    ('start: "a"~‸99999999\n', "count"),
    ('start: NAME "\\n"\nNAME: /[a-z]/\n%ignore /\\s+/\n', "never reads this text"),
    ('start: NAME\nNAME: /[a-z ]+/\n%ignore ‸" "\n', "does not ignore this text"),
    ('start: A ‸WS? A\nA: "a"\nWS: " "\n%ignore WS\n', "WS is ignored, so no rule can read it"),
    ('start: "a" ‸"b"\n%ignore "b"\n', '"b" is ignored, so no rule can read it'),
    # meaning
    ("‸start: start\n", "never comes to an end"),
    ('start: "a" b\n‸b: "b" b | c b\nc: "c"\n', "the rule b never comes to an end"),
    ('start: a{"x"}\n‸a{x}: a{b{x}} | x\nb{x}: x x\n', "ever new arguments"),
    ('‸start: sep\nsep{x}: x "," x\n', "without its arguments"),
    ('‸start_: "a"\n', "no rule 'start'"),
    # other files, other terminals
    ("%import common.‸NOPE\nstart: NOPE\n", "common defines no NOPE"),
    ("%import common.‸NOPE\nstart: /a/\n", "common defines no NOPE"),
    ("%import ‸foo.bar.X\nstart: X\n", "no grammar foo/bar.lark"),
    ("%import .‸foo.X\nstart: X\n", "import_paths"),
    ("%import ‸X\nstart: X\n", "which name"),
    ("%declare ‸X\nstart: X\n", "terminals={'X': ...}"),
    ("%declare ‸x\nstart: x\n", "only terminals can be declared"),
]


@pytest.mark.filterwarnings("ignore::latticework.grammar.errors.GrammarWarning")
@pytest.mark.parametrize(("marked", "message"), MISTAKES)
def test_place_and_message(marked: str, message: str) -> None:
    place = marked.find("‸")
    with pytest.raises(GrammarSyntaxError) as info:
        from_lark(marked.replace("‸", ""))
    assert message in str(info.value)
    assert "^" in str(info.value)
    if place >= 0:
        before = marked[:place]
        assert (info.value.line, info.value.column) == (before.count("\n") + 1, place - before.rfind("\n"))


def test_expected() -> None:
    with pytest.raises(GrammarSyntaxError) as info:
        from_lark('start "a"\n')
    assert info.value.expected == (".", ":", "{")


def test_literals_of_rules_that_are_keywords() -> None:
    text = 'start: NAME "if"\nNAME: /[a-z]+/\n%ignore /i./\n'
    with pytest.raises(GrammarSyntaxError, match="never reads this text") as info:
        from_lark(text)
    assert text[info.value.offset :].startswith('"if"')


def test_bound_terminals() -> None:
    text = 'start: X | "a"\n%declare X\n'
    node = Terminal(Text("x"))
    from_lark(text, terminals={"X": node})
    with pytest.raises(GrammarSyntaxError, match="not declared"):
        from_lark(text, terminals={"X": node, "Y": node})
    for more, message in (("Y: X\n", "not in terminals"), ("%ignore X\n", "cannot be ignored")):
        with pytest.raises(GrammarSyntaxError, match=message):
            from_lark(text + more, terminals={"X": node})
    with pytest.raises(GrammarSyntaxError, match="what lark calls a string"):
        from_lark('start: IF "if"\n%declare IF\n', terminals={"IF": node})


def test_options() -> None:
    with pytest.raises(TypeError, match="grammar: str expected"):
        from_lark(b'start: "a"')  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lexer must be"):
        from_lark('start: "a"', lexer="dynamic")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="import_paths"):
        from_lark('start: "a"', import_paths="folder")
    with pytest.raises(GrammarSyntaxError, match="'other' to start from") as info:
        from_lark('start: b\nb: "a"', start="other")
    assert info.value.expected == ("start", "b")


def test_mistakes_in_imported_files(tmp_path: Path) -> None:
    (tmp_path / "bad.lark").write_text("X: (\n")
    (tmp_path / "circle.lark").write_text('%import .circle.Y\nX: "x"\n')
    (tmp_path / "declares.lark").write_text('%declare _Y\nx: _Y "x"\n')
    (tmp_path / "empty.lark").write_text("X: /x*/\n")
    for name, symbol, message in (
        ("bad", "X", "lark refuses this"),
        ("circle", "X", "in a circle"),
        ("declares", "x", "declared by an imported file"),
        ("empty", "X", "matches the empty text"),
    ):
        with pytest.raises(GrammarSyntaxError, match=message) as info:
            from_lark(f'start: "a" {symbol}\n%import {name}.{symbol}\n', import_paths=(str(tmp_path),))
        assert info.value.line == 2, name


# --------------------------------------------------------------------------------------------------------- warnings


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ('start: "a"\nb: "b"\n', "the rule b is never used", 2),
        ('start: "a"\nb: c\nc: b "x" | "y"\n', "the rule b is never used", 2),
        ('start: "a"\nB: "b"\n', "the terminal B is never used", 2),
        ('start: "a"\nsep{x}: x\n', "the rule sep is never used", 2),
    ],
)
def test_warnings(text: str, message: str, line: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from_lark(text)
    warning = next(w.message for w in caught if message in str(w.message))
    assert isinstance(warning, GrammarWarning)
    assert warning.line == line
    assert caught[0].filename == __file__


def test_no_warning_without_cause() -> None:
    text = 'start: pair{A} C\npair{x}: x x\nA: B "a"\nB: "b"\nC: /c/\n%ignore WS\nWS: SPACE+\nSPACE: " "\n'
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_lark(text + "%import common.INT\n")


# ---------------------------------------------------------------------------------------------------- hostile texts

HOSTILE = {
    "open parentheses": "start: " + "(" * 20_000,
    "parentheses": "start: " + "(" * 5_000 + '"a"' + ")" * 5_000,
    "brackets": "start: " + "[" * 101 + '"a"' + "]" * 101,
    "ten megabytes": 'start: "a"\n' * 1_000_000,
    "laughs": "start: A20\nA0: /x/\n" + "".join(f"A{i}: A{i - 1} A{i - 1} A{i - 1} A{i - 1}\n" for i in range(1, 21)),
    "a pattern in a pattern": "start: /" + "(" * 1_000 + "a" + ")" * 1_000 + "/",
    "a long count": 'start: "a"~' + "9" * 5_000,
    "a surrogate": 'start: "\ud800"',
    "a null": 'start: "\0"',
    "a spelled surrogate": r'start: "\ud800"',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts(text: str) -> None:
    with pytest.raises(GrammarError):
        from_lark(text)


def test_what_is_large_but_harmless() -> None:
    """Lark multiplies optional parts out, so it would be at this for years."""
    optional = " ".join('("a" | "b")? ["c"]' for _ in range(60))
    grammar = from_lark(f'start: {optional} "d"~0..5000\n')
    assert len(grammar.rules) < 6_000


@given(st.lists(st.sampled_from(' \n"/\\:|()[]{}~.?+*->%abAB_12i,&^'), max_size=40).map("".join))
def test_any_text_is_a_grammar_or_an_error(text: str) -> None:
    for head in ("", "start: a\na: ", "start: A\nA: "):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                from_lark(head + text)
            except GrammarError as error:
                assert str(error)

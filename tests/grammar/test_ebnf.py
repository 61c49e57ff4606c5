"""EBNF, in both spellings, against `re` and brute force, with the examples of the specifications that define them."""

from __future__ import annotations

import re
import warnings
from functools import partial

import pytest
from hypothesis import given
from notation_trees import (
    accepted,
    as_iso,
    as_pattern,
    as_w3c,
    every_text,
    grammars,
    is_productive,
    languages,
    regular_trees,
    stop,
)

from latticework.grammar.ebnf import from_ebnf
from latticework.grammar.errors import ConstraintError, GrammarSyntaxError, GrammarWarning

iso = partial(from_ebnf, notation="iso")
NOTATIONS = {"w3c": as_w3c, "iso": as_iso}

# ------------------------------------------------------------------------------------------------------- random grammars


@pytest.mark.parametrize("notation", NOTATIONS)
@given(tree=regular_trees())
def test_regular_grammars_are_what_re_says(notation, tree):
    pattern = re.compile(as_pattern(tree))
    expected = {text for text in every_text(5) if pattern.fullmatch(text)}
    assert accepted(from_ebnf(NOTATIONS[notation]([tree]), notation=notation), 5) == expected


@pytest.mark.parametrize("notation", NOTATIONS)
@given(tree=regular_trees(with_exceptions=True))
def test_exceptions_are_differences(notation, tree):
    longest = 5
    expected = languages([tree], longest)[0]
    try:
        found = accepted(from_ebnf(NOTATIONS[notation]([tree]), notation=notation), longest)
    except ConstraintError:
        found = frozenset()  # no text can be written with the letters
    assert found == expected


@pytest.mark.parametrize("notation", NOTATIONS)
@given(rules=grammars())
def test_recursive_grammars_are_what_enumeration_says(notation, rules):
    text = NOTATIONS[notation](rules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GrammarWarning)
        if not is_productive(rules):
            with pytest.raises(GrammarSyntaxError, match="never comes to an end"):
                from_ebnf(text, notation=notation)
            return
        grammar = from_ebnf(text, notation=notation)
    assert accepted(grammar, 5) == languages(rules, 5)[0]


@given(rules=grammars())
def test_the_empty_text_can_be_taken_from_anything(rules):
    text = as_iso(rules).replace("root = ", "root = (").replace(";", ") - ;", 1)
    expected = languages(rules, 5)[0] - {""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GrammarWarning)
        if is_productive(rules) and expected and "root" not in text[text.index("=") :]:
            assert accepted(iso(text), 5) == expected


# ------------------------------------------------------------------------------------------------------------ the syntax

W3C = {
    "a ::= 'b' \"c\"": "bc",
    "a ::= 'b\"' | \"c'\"": "b\" c'",
    "a ::= b? c\n  b ::= 'b'  c ::= /* c */ 'c'": "c bc",
    "a /* of a */ ::= 'a'+ b*\n\n/* a ::= b\n * **/ b ::= #x62": "a aa aaa ab aab",
    "[1]   a ::= b [1]\n[2]   b ::= 'b'": "b1",
    "[1] a ::= b\n  [2a] b ::= 'b' [12] [2a]\n": "b12 b1a b22 b2a",
    "a ::= b\nb ::= 'b'\n[1]": "b1",
    "a ::= | 'b'": " b",
    "a ::= ('b' | ) 'c'": "bc c",
    'a ::= ""': "",
    "a ::= [#x41-#x43#x62-]": "A B C b -",
    "a ::= [-'()\\]": "- ' ( ) \\",
    "a ::= [#a-b]": "# a b",
    "a ::= 'b' - 'c'": "b",
    "a ::= [a-c] - 'b' [a-c]": "aa ab ac ca cb cc",
    "a ::= [a-c] - 'b' - #x63": "a",
    "a ::= [a-c]+ - ([a-c] [a-c] [a-c]* | b)\nb ::= 'b'": "a c",
    "a ::= [a-c]-b\nb ::= 'b'": "a c",
    "a-b ::= x.y-z2\nx.y-z2 ::= 'b'": "b",
    "é ::= 'é'": "é",
}


@pytest.mark.parametrize("text", W3C)
def test_spelling_of_the_w3c(text):
    expected = set(W3C[text].split(" "))
    near = {"", *"ABCabc-#x'()\\", "aa", "ab", "bc", "ac", "cc", "aaa", "aab", "cb", "ca", "b1", "b2", "bb"}
    grammar = from_ebnf(text)
    assert {written for written in near | expected if stop(grammar, written) is None} == expected


ISO = {
    "a = 'b';": "b",
    "a = 'b', \"c\".": "bc",
    "a = b c, d; b c = 'b'; d = 'c';": "bc",
    "a = bc; b  c = 'b';": "b",
    "a = 'a' | 'b' / 'c' ! 'd';": "a b c d",
    "a = ['a'], (/'b'/), 'c';": "c ac bc abc",
    "a = 'x', {'a'}; (* (* nested *) ' *)": "x xa xaa",
    "a = 'x', (:'a':);": "x xa xaa",
    "a = 'x', [{'a'} - ];": "x xa xaa",
    "a = ('a' | 'b'), 'c';": "ac bc",
    "a = 2 * 'a', 'b';": "aab",
    "a = 'x', 0 * 'a';": "x",
    "a = 2 * ['a'];": " a aa",
    "a = 2 * ('a', 2*'b');": "abbabb",
    "a = ;": "",
    "a = | 'a';": " a",
    "a = 'a', , 'b';": "ab",
    "a = b - 'c', 'd'; b = 'b' | 'c';": "bd",
    "a = b - 2 * 'c'; b = 'b' | 'cc';": "b",
    "a = b - ('b' | 'c') | 'c'; b = 'b' | 'cc';": "cc c",
    "a_1 = 'a';": "a",
    "a = ?U+0061? | ? U+0062..U+0063 ? | ? LATIN SMALL LETTER X ?;": "a b c x",
    "a = 'x', (? [b-c#x61] ? | ? /xx{0,1}/ ?);": "xa xb xc xx xxx",
}  # fmt: skip


@pytest.mark.parametrize("text", ISO)
def test_spelling_of_iso(text):
    expected = set(ISO[text].split(" "))
    near = {"", *"abcdx", "aa", "ab", "ac", "bc", "bd", "cd", "cc", "abc", "aab", "ba", "xa", "xb", "xx", "xxx", "abb"}
    grammar = iso(text)
    assert {written for written in near | expected if stop(grammar, written) is None} == expected


def test_special_sequences_of_characters():
    grammar = iso("a = ? any character ?, ? LINE FEED ?, ? tab ?, ? SPACE ?, ? [^#x0-#x20] ?;")
    assert stop(grammar, "\U0001f600\n\t x") is None
    assert stop(grammar, "\n\n\t  ") == 4


def test_the_first_rule_is_the_start():
    text = "a ::= 'a' b\nb ::= 'b'"
    assert stop(from_ebnf(text), "ab") is None
    with pytest.warns(GrammarWarning, match="'a' is not used"):
        assert stop(from_ebnf(text, start="b"), "b") is None
    with pytest.warns(GrammarWarning, match="'a' is not used"):
        assert stop(iso("a = 'a', b c; b c = 'b';", start="b c"), "b") is None
    with pytest.raises(GrammarSyntaxError, match="no rule is called 'c'"):
        from_ebnf(text, start="c")
    with pytest.raises(ValueError, match="notation"):
        from_ebnf(text, notation="bnf")


# ------------------------------------------------------------------------------------------------------ real grammars

XML = """
[1] element  ::= '<' Name (S Attribute)* S? ('/>' | '>' content '</' Name S? '>')
[2] content  ::= CharData? ((element | Comment | CDSect) CharData?)*
[3] Attribute ::= Name '=' ('"' [^<&"]* '"' | "'" [^<&']* "'")
[4] CharData ::= [^<&]+ - ([^<&]* ']]>' [^<&]*)
[5] Comment  ::= '<!--' ((Char - '-') | ('-' (Char - '-')))* '-->'
[6] CDSect   ::= '<![CDATA[' (Char* - (Char* ']]>' Char*)) ']]>'
[7] Name     ::= ([a-zA-Z_] [-a-zA-Z0-9_.]*) - (('X' | 'x') ('M' | 'm') ('L' | 'l'))
[8] Char     ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF] /* no surrogates */
[9] S        ::= (#x20 | #x9 | #xD | #xA)+
"""
EXPRESSIONS = """
(* the form of ISO/IEC 14977, with its gaps in names *)
assignment = variable, gap, ":=", gap, expression, gap, ";" ;
expression = term | expression, gap, ("+" | "-"), gap, term ;
term       = factor | term, gap, ("*" | "/"), gap, factor ;
factor     = unsigned integer | variable | "(", gap, expression, gap, ")" ;
unsigned integer = {decimal digit}- ;
variable   = letter, {letter | decimal digit} ;
letter     = ? [a-z] ? ;
decimal digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" ;
gap        = {" "} ;
"""
REAL = {
    "w3c": (
        XML,
        [
            "<a/>",
            """<a b="1" c='!'><!-- a - b -->x]]y<![CDATA[]] <a> ]>]]></a>""",
            "<a><b></b ><xmlx/>]]</a>",
            "<a>" * 30 + "\u00e9" + "</a>" * 30,
        ],
        {"<a><!-- -- -->": 10, "<a>]]></a>": 5, "<xml/>": 4, "<a b='<'>": 6, "<a><![CDATA[x]]>]]>": 18, "<1>": 1},
    ),
    "iso": (
        EXPRESSIONS,
        ["x:=1;", "ab1 := (1 + 22*c)- d / 4 ;", "x:=" + "(" * 50 + "1" + ")" * 50 + "+1" * 99 + ";"],
        {"1:=1;": 0, "x:=;": 3, "x:=1+;": 5, "x := 1 2;": 7, "x:=(1;": 5},
    ),
}


@pytest.mark.parametrize("notation", REAL)
def test_real_grammars(notation):
    text, right, wrong = REAL[notation]
    grammar = from_ebnf(text, notation=notation)
    assert {sample: stop(grammar, sample) for sample in right} == dict.fromkeys(right)
    assert {sample: stop(grammar, sample) for sample in wrong} == wrong


# ------------------------------------------------------------------------------------------------------------- mistakes

MISTAKES = {
    "w3c": [
        ("", 1, 1, "no rules"),
        ("a ::= 'b\n", 1, 7, "not closed by '"),
        ("a ::= [b\n]", 1, 7, "not closed by ]"),
        ("a ::= 'b' /* c", 1, 11, "not closed by"),
        ("'b' a ::= 'c'", 1, 1, "a rule .* expected"),
        ("a ::= 'b'\n a ::= 'b'", 2, 2, "a second time .first in line 1"),
        ("a ::= b 'c'", 1, 7, "'b' is not defined"),
        ("a ::= B\nb ::= 'c'", 1, 7, "did you mean 'b'"),
        ("a ::= b-c\nb ::= 'c' c ::= 'd'", 1, 7, "spaces around the -"),
        ("a ::= ('b'\nb ::= 'c'", 1, 7, "is not closed"),
        ("a ::= 'b')", 1, 10, "closes nothing"),
        ("a ::= b ::= 'c'", 1, 1, "says nothing"),
        ("a ::= 'b' ::= 'c'", 1, 11, "behind the name"),
        ("a ::= a 'b' | 'b' a", 1, 1, "never comes to an end"),
        ("a ::= []", 1, 7, "is empty"),
        ("a ::= [#x0-#x10FFFF] - [^a]\nb ::= [^#x0-#x10FFFF]", 2, 7, "no character is in this class"),
        ("a ::= [z-a]", 1, 8, "out of order"),
        ("a ::= [#x110000]", 1, 8, "beyond the last code point"),
        ("a ::= 'b' #x00000000000000110000", 1, 11, "beyond the last code point"),
        ("a ::= #xD800", 1, 7, "half of a surrogate pair"),
        ("a ::= 'b' #y", 1, 11, "in hexadecimal digits"),
        ("a ::= [a#x]", 1, 9, "is #x23"),
        ("a ::= 'b' [wfc: Of course]", 1, 11, "in words, which nothing can enforce"),
        ("a ::= 'b' [ VC : Of course]", 1, 11, "in words, which nothing can enforce"),
        ("a ::= 'b' | [a-c] - [^d]", 1, 19, "leaves no text"),
        ("a ::= | ?", 1, 9, "nothing before it to repeat"),
        ("a ::= - 'b'", 1, 7, "nothing before it to be an exception to"),
        ("a ::= ('b' -) 'c'", 1, 12, "nothing behind it"),
        ("a ::= 'b' - | 'c'", 1, 11, "nothing behind it"),
        ("a ::= 'b' | 'c' a 'c'\nb ::= [a-z]* - a", 2, 14, "rule 'a' is recursive .* regular"),
        ("a ::= 'b' | ('c' a) - 'c'", 1, 21, "rule 'a' is recursive .* regular"),
        ("a = 'b';", 1, 1, "a rule .* expected"),
        ("a ::= 'b', 'c'", 1, 10, 'notation="iso"'),
        ("a ::= {'b'}", 1, 7, 'notation="iso"'),
        ("<a> ::= 'b'", 1, 1, "without < >"),
    ],
    "iso": [
        ("(* nothing *)", 1, 1, "no rules"),
        ("(* (* *)", 1, 1, "comment is not closed"),
        ("a = 'b\n';", 1, 5, "not closed by '"),
        ("a = ? b ;", 1, 5, "special sequence is not closed"),
        ("a = 'b'", 1, 1, "not ended by ;"),
        ("a = 'b'\nc = 'c';", 2, 1, "a comma is missing before 'c'"),
        ("a = 'b',\nc = 'c';", 2, 3, "not ended by ;"),
        ("a = ('b'", 1, 5, "is not closed"),
        ("a = ('b';", 1, 5, "is not closed"),
        ("a = ['b'};", 1, 9, "'}' does not close '\\['"),
        ("a = 'b');", 1, 8, "closes nothing"),
        ("a b;", 1, 4, "= expected"),
        ("= 'b';", 1, 1, "the name of a rule expected"),
        ("a", 1, 2, "= expected, but the end of the grammar"),
        ("a = 'b' 'c';", 1, 9, "a comma is missing before \"'c'\""),
        ("a = ('b') ['c'];", 1, 11, "a comma is missing"),
        ("a = b c; b = 'b'; c = 'c';", 1, 5, "a comma stands between"),
        ("a = b; a = 'c'; b = 'b';", 1, 8, "a second time"),
        ("a = 'b', c;", 1, 10, "'c' is not defined"),
        ("a = 'b', a;", 1, 1, "never comes to an end"),
        ("a = 2 3 * 'b';", 1, 5, "means nothing here"),
        ("a = 2 * 3 * 'b';", 1, 9, "two counts"),
        ("a = 'b' 2 * 'b';", 1, 9, "a comma is missing"),
        ("a = 3000000000 * 'b';", 1, 5, "up to 2147483647"),
        ("a = 'b' - 'c' - 'd';", 1, 15, "one exception"),
        ("a = 'b' | 'c', a, 'c' - a;", 1, 23, "rule 'a' is recursive"),
        ("a = 'b'*;", 1, 8, "repetition is written { }"),
        ("a ::= 'b';", 1, 3, 'notation="w3c"'),
        ("<a> = 'b';", 1, 1, "without < >"),
        ("a = 'b', ? white space ?;", 1, 10, "has no meaning here"),
        ("a = ? /b(c/ ?;", 1, 9, "."),
        ("a = ? /b\\1/ ?;", 1, 9, "back-references"),
        ("a = ? [b-a] ?;", 1, 8, "out of order"),
        ("a = ? U+0062..U+0061 ?;", 1, 7, "out of order"),
        ("a = ? U+110000 ?;", 1, 7, "beyond the last code point"),
        ("a = ? U+D800 ?;", 1, 7, "half of a surrogate pair"),
    ],
}


@pytest.mark.parametrize(
    ("notation", "text", "line", "column", "message"), [(name, *row) for name, rows in MISTAKES.items() for row in rows]
)
def test_mistakes_have_a_place(notation, text, line, column, message):
    with pytest.raises(GrammarSyntaxError, match=message) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore", GrammarWarning)
        from_ebnf(text, notation=notation)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert not text or str(error).split("\n")[2].index("^") == 2 + column - 1


# ----------------------------------------------------------------------------------------------------------- large texts


def test_depth_needs_no_recursion():
    depth, nested = 3_000, 1_000  # repetitions in each other take cubic time
    for grammar in (
        from_ebnf(f"a ::= {'(' * depth}'a'{')' * depth}"),
        from_ebnf(f"a ::= {'(b ' * depth}{')?' * depth} b ::= 'a'"),
        iso(f"a = {'[(' * depth}'a'{')]' * depth};"),
        iso(f"a = {'{' * nested}'a'{'}-' * nested};"),
        iso(f"a = 'b' | {'{' * nested}'(', a, ')' | 'a'{'}-' * nested};"),
    ):
        assert stop(grammar, "a") is None
        assert stop(grammar, "ac") == 1
    with pytest.raises(GrammarSyntaxError, match="cannot be computed"):
        from_ebnf("a ::= " + "[a-z] - (" * depth + "'a'" + ")" * depth)
    with pytest.raises(GrammarSyntaxError, match="comment is not closed"):
        iso("(*" * depth)

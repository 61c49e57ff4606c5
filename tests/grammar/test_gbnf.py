"""GBNF against `re`, against brute force on small languages, and on grammars of a real size."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from notation_trees import (
    accepted,
    as_gbnf,
    as_pattern,
    every_text,
    grammars,
    is_productive,
    languages,
    regular_trees,
    stop,
)

from latticework.grammar.errors import GrammarSyntaxError, GrammarWarning
from latticework.grammar.gbnf import from_gbnf

# ------------------------------------------------------------------------------------------------------- random grammars


@given(regular_trees())
def test_regular_grammars_are_what_re_says(tree):
    pattern = re.compile(as_pattern(tree))
    expected = {text for text in every_text(5) if pattern.fullmatch(text)}
    assert accepted(from_gbnf(as_gbnf([tree])), 5) == expected


@given(grammars())
def test_recursive_grammars_are_what_enumeration_says(rules):
    text = as_gbnf(rules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GrammarWarning)
        if not is_productive(rules):
            with pytest.raises(GrammarSyntaxError, match="never comes to an end"):
                from_gbnf(text)
            return
        grammar = from_gbnf(text)
    assert accepted(grammar, 5) == languages(rules, 5)[0]


# ------------------------------------------------------------------------------------------------------------ the syntax

SPELLINGS = {
    'root ::= "a" | "b"': "a b",
    'root ::= ("a"\n | "b")\n': "a b",
    'root ::= "a" |\n\n # a remark\n "b"\n': "a b",
    'root ::=\n  "a"\n  | "b" # with | at the beginning\n\n  # a remark\n  | "c"\n': "a b c",
    'root ::= | "a"\n': " a",
    'root ::= "a" |': " a",
    'root ::= ("a" | ) "b"': "b ab",
    'root ::= () "a"': "a",
    'root ::= ""': "",
    "root ::= a-b b_2 3x\na-b ::= [a]\nb_2\t::= [b]\n3x::=[c]": "abc",
    'root ::= "a"{2}': "aa",
    'root ::= "a" { 1 , 2 }': "a aa",
    'root ::= "ab"{0,1}': " ab",
    'root ::= "a"{0}': "",
    'root ::= "a"{2}{2}': "aaaa",
    'root ::= "a"?{2}': " a aa",
    'root ::= "b" "a"{0,0}': "b",
    'root ::= [a-]': "a -",
    'root ::= [-a]': "a -",
    'root ::= [+--]': "+ , -",
    'root ::= [a\\-c]': "a - c",
    'root ::= [\\]\\[^\\\\]': "] [ ^ \\",
    'root ::= [[a]': "[ a",
    'root ::= "a#b" # "c"': "a#b",
    "\r\nroot ::= a\r\n\r\na ::= \"b\"\r\n": "b",
    'root ::= a\ra ::= "b"': "b",
    'root ::= ("a" #)\n)': "a",
    'root ::= "\\[\\]\\-"': "[]-",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_spelling(text):
    expected = set(SPELLINGS[text].split(" "))
    grammar = from_gbnf(text)
    near = {"", *"abc-+,.[]^\\#", "aa", "ab", "ba", "aaa", "aaaa", "aaaaa", "abc", "abab", "a#b", "a#", "[]-"}
    assert {written for written in near | expected if stop(grammar, written) is None} == expected


def test_any_character():
    grammar = from_gbnf("root ::= . .")
    for text in ("ab", "\n\n", "\x00é", "\U0010ffff\ud7ff"):
        assert stop(grammar, text) is None
    assert stop(grammar, "é") == 2
    assert stop(grammar, "abc") == 2


CODES = [*range(0x180), 0x7FF, 0x800, 0x3041, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF]


def forms(code):
    """Every way to write the character."""
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    char = chr(code)
    yield named.get(char, char if char not in '\\"[]-^' else "\\" + char if char != "^" else "\\x5e")
    yield f"\\U{code:08x}"
    if code < 0x100:
        yield f"\\x{code:02X}"
    if code < 0x10000:
        yield f"\\u{code:04x}"


def test_every_character_in_every_spelling():
    for spelling in zip(*(([*forms(code)] * 4)[:4] for code in CODES), strict=True):
        text = "".join(map(chr, CODES))
        assert stop(from_gbnf(f'root ::= "{"".join(spelling)}"'), text) is None
        classes = " ".join(f"[{written}]" for written in spelling)
        assert stop(from_gbnf(f"root ::= {classes}"), text) is None
        several = from_gbnf(f'root ::= [{"".join(spelling)}]+ "!?"')
        assert stop(several, text) == len(text.encode())
        assert stop(several, "\u3042") == 2  # as far as U+3041


def test_negation_is_of_characters():
    grammar = from_gbnf("root ::= [^a-z\\n\\u00e9]*")
    assert stop(grammar, "A1\u00e8\U0001f600") is None
    assert [stop(grammar, "A" + letter) for letter in "am\n\u00e9"] == [1, 1, 1, 2]
    assert stop(from_gbnf("root ::= [^\\uD800-\\uDFFF]"), "x") is None, "what no text contains may be left out"


def test_large_counts():
    grammar = from_gbnf('root ::= "a"{3000} ("(" root ")"){0,2500}')
    assert stop(grammar, "a" * 3000) is None
    assert stop(grammar, "a" * 2999) == 2999
    assert stop(grammar, "a" * 3001) == 3000
    tail = "(" + "a" * 3000 + ")"
    assert stop(grammar, "a" * 3000 + tail * 3 + "(") == 3000 + 3 * len(tail) + 1
    many = from_gbnf('root ::= x{2500,3000}\nx ::= "a" | "(" x ")"')
    assert stop(many, "(a)" * 2499) == 3 * 2499
    assert stop(many, "(a)" * 2500) is None
    assert stop(many, "((a))a" * 1500) is None
    assert stop(many, "(a)" * 3001) == 9000


# ------------------------------------------------------------------------------------------------------ real grammars

JSON = r"""
# written for this test
root   ::= space value
value  ::= (object | array | string | number | "true" | "false" | "null") space
object ::= "{" space (member ("," space member)*)? "}"
member ::= string space ":" space value
array  ::= "[" space (value ("," space value)*)? "]"
string ::= "\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
space  ::= [ \t\r\n]*
"""
ARITHMETIC = """
root    ::= sum
sum     ::= sum [-+] product | product       # left-recursive, as in a textbook
product ::= product ("*" | "/" | "%") power | power
power   ::= factor ("^" power)?
factor  ::= "-" factor | "(" sum ")" | [0-9]+ ("." [0-9]+)? | name "(" (sum ("," sum)*)? ")" | name
name    ::= [a-z] [a-z0-9]*
"""
CHESS = r"""
root   ::= turn{1,}
turn   ::= number ". " move " " move "\n"
number ::= [1-9] [0-9]{0,2}
move   ::= (pawn | piece | castle) [+#]?
piece  ::= [NBKQR] [a-h]? [1-8]? "x"? square
pawn   ::= ([a-h] "x")? square ("=" [NBQR])?
castle ::= "O-O" "-O"?
square ::= [a-h] [1-8]
"""
C_LIKE = r"""
root       ::= ws (function ws)+
function   ::= type ws1 name ws "(" ws (parameter (ws "," ws parameter)*)? ws ")" ws block
parameter  ::= type ws1 name
type       ::= ("int" | "char" | "void" | "struct" ws1 name) (ws "*")*
block      ::= "{" ws (statement ws)* "}"
statement  ::= block | ";" | declaration | expression ws ";"
  | "if" ws "(" ws expression ws ")" ws statement (ws "else" ([^a-zA-Z0-9_] | ws1) ws statement)?
  | "while" ws "(" ws expression ws ")" ws statement
  | "return" (ws1 expression)? ws ";"
declaration ::= type ws1 name (ws "=" ws expression)? ws ";"
expression ::= expression ws ("=" | "||" | "&&" | "==" | "<" | "+" | "-" | "*" | "/") ws unary | unary
unary      ::= [-!&*] ws unary | postfix
postfix    ::= postfix ws ("[" ws expression ws "]" | "(" ws (expression (ws "," ws expression)*)? ws ")"
    | ("." | "->") name) | name | [0-9]+ | "'" ([^'\\\n] | "\\" .) "'" | "(" ws expression ws ")"
name       ::= [a-zA-Z_] [a-zA-Z0-9_]*
ws1        ::= [ \t\n]+ | comment ws
ws         ::= ([ \t\n] | comment)*
comment    ::= "/*" ([^*] | "*"+ [^*/])* "*"+ "/"
"""
REAL = {
    "JSON": (
        JSON,
        ['{"a": [1, -2.5e+3, "x\\u00e9\\n", {}], "b": null}', " [ ]", '"\U0001f600"', "0"],
        {'{"a": 01}': 7, "[1,]": 3, '{"a" 1}': 5, '"\n"': 1, "[1": 2, '"\\x"': 2, "1 2": 2, "nul ": 3},
    ),
    "arithmetic": (
        ARITHMETIC,
        ["1+2*3-4", "-(a^b^-2)/f(x,1.5)", "((((1))))", "f()", "1" + "+1" * 400, "(" * 200 + "1" + ")" * 200],
        {"1+": 2, "(1": 2, "1)": 1, "1.": 2, "f(,": 2, "1++": 2, "a b": 1},
    ),
    "chess": (
        CHESS,
        ["1. e4 e5\n2. Nf3 Nc6\n", "12. O-O-O exd8=Q#\n", "1. Nbd7 R1xa3+\n" * 20],
        {"0. e4": 0, "1. e9": 4, "1. e4 e5": 8, "1. O-O-O-": 8, "1000.": 3},
    ),
    "C": (
        C_LIKE,
        [
            "int main(void v) { return 0; }",
            "/* a */ struct p * f(int a, char** b){int x = a+b[1]; if(x<3){f(x,g->h(2)).z='\\n';}else while(!*x) ;}",
            "void f(){;;{{}}}\nvoid g(){ /* * / ** */ return; }",
        ],
        {"int f(": 6, "int f(int){": 9, "int 1": 4, "int f(){a+;}": 10, "int f(){'ab'": 10, "int f(){/* *": 12},
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_real_grammars(name):
    text, right, wrong = REAL[name]
    grammar = from_gbnf(text)
    assert {sample: stop(grammar, sample) for sample in right} == dict.fromkeys(right)
    assert {sample: stop(grammar, sample) for sample in wrong} == wrong


# ------------------------------------------------------------------------------------------------------------- mistakes

MISTAKES = [
    ("", 1, 1, "no rules"),
    ("# nothing\n", 1, 1, "no rules"),
    ('a ::= "x"', 1, 1, "no rule is called 'root'.* the rules are a "),
    ('root ::= "a\n', 1, 10, 'not closed by "'),
    ('root ::= "a" [b', 1, 14, "not closed by ]"),
    ('root ::= "a"\nroot ::= "b"', 2, 1, "a second time .first in line 1"),
    ('root ::= "a"\n\nx y ::= "b"', 3, 1, "a rule .* expected, but 'x'"),
    ('root ::= "a" x ::= "b"', 1, 14, "must begin on a new line"),
    ('root ::= a |\na ::= "b"', 2, 1, "'a' begins before 'root' is finished"),
    ('root ::=\na ::= "b"', 2, 1, "'a' begins before 'root' is finished"),
    ('root ::= ("a"\nb ::= "b"', 1, 10, "is not closed"),
    ('root ::= ("a" | ("b")\n\n', 1, 10, "is not closed"),
    ('root ::= "a")', 1, 13, "closes nothing"),
    ("root ::=", 1, 1, 'write "" for the empty text'),
    ('root ::= "a"\n::= "b"', 2, 1, "a rule .* expected"),
    ('root ::= "a" ::= "b"', 1, 14, "behind the name of a rule"),
    ('root ::= other\nother ::= "a" | (nowhere)', 2, 18, "'nowhere' is not defined"),
    ('root ::= Other\nother ::= "a"', 1, 10, "did you mean 'other'"),
    ('root ::= "a" root', 1, 1, "never comes to an end"),
    ('root ::= "a" | x\nx ::= y "a"\ny ::= "b" x', 2, 1, "rule 'x'.*never comes to an end"),
    ("root ::= []", 1, 10, "is empty"),
    ("root ::= [^]", 1, 10, "is empty"),
    ("root ::= [^\\x00-\\U0010FFFF]", 1, 10, "no character is in this class"),
    ("root ::= [\\uD800-\\uDFFF]", 1, 10, "no character is in this class"),
    ("root ::= [az-a]", 1, 12, "'z' to 'a' is out of order"),
    ("root ::= [\\x20-\\x1f]", 1, 11, "U.0020 to U.001F is out of order"),
    ('root ::= "a\\q"', 1, 12, "unknown or unfinished escape"),
    ('root ::= "\\x4"', 1, 11, "unknown or unfinished escape"),
    ("root ::= [a\\u123]", 1, 12, "unknown or unfinished escape"),
    ('root ::= "\\U00110000"', 1, 11, "beyond the last code point"),
    ('root ::= "x\\ud83d"', 1, 12, "half of a surrogate pair"),
    ("root ::= [\\ud83d\\ude00]", 1, 11, "half of a surrogate pair"),
    ('root ::= "\ud83d"', 1, 11, "half of a surrogate pair"),
    ("root ::= *", 1, 10, "nothing before it to repeat"),
    ('root ::= "a" | +', 1, 16, "nothing before it to repeat"),
    ('root ::= "a"{2,1}', 1, 13, "the smaller number comes first"),
    ('root ::= "a"{,2}', 1, 13, "{0,n} for at most n"),
    ('root ::= "a"{3000000000}', 1, 13, "up to 2147483647"),
    ('root ::= "a" root{0,200000}', 1, 18, "at most 100000"),
    ("root ::= 'a'", 1, 10, "double quotes"),
    ("root ::= <[12]>", 1, 10, "by its number"),
    ('root ::= "a" !<[12]>*', 1, 14, "by its number"),
    ('root ::= "a" !<think>', 1, 14, "not counted"),
    ('root ::= "a" !<think>?', 1, 14, "not counted"),
    ('root ::= "a" (!<think> | "b")*', 1, 15, "not counted"),
    ("root ::= !<think>{2,}", 1, 10, "not counted"),
    ('root ::= "a";', 1, 13, "rules end with their line"),
    ('root ::= "a" // b', 1, 14, "comments begin with #"),
    ('root ::= "a" \u00e9', 1, 14, "means nothing here"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), MISTAKES)
def test_mistakes_have_a_place(text, line, column, message):
    with pytest.raises(GrammarSyntaxError, match=message) as caught:
        from_gbnf(text)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    shown = str(error).split("\n")
    assert not text or shown[2].index("^") == 2 + column - 1
    assert not text or shown[1] == "  " + text.split("\n")[line - 1]


def test_unused_rules_are_warned_of():
    with pytest.warns(GrammarWarning) as found:
        from_gbnf('root ::= "a"\nx ::= "b" y\n\ny ::= "c"')
    assert [(warning.message.line, warning.message.column) for warning in found] == [(2, 1), (4, 1)]
    assert "rule 'x' is not used" in str(found[0].message)
    assert found[0].filename == __file__


def test_another_start():
    with pytest.warns(GrammarWarning, match="'root' is not used"):
        grammar = from_gbnf('root ::= x\nx ::= "b"', start="x")
    assert stop(grammar, "b") is None
    with pytest.raises(TypeError):
        from_gbnf(b'root ::= "a"')


# ----------------------------------------------------------------------------------------------------------- large texts


def test_depth_needs_no_recursion():
    depth = 3_000
    assert stop(from_gbnf(f'root ::= {"(" * depth}"a"{")" * depth}'), "a") is None
    for inner in ('"a"', '("a" | "[" root "]")'):
        nested = from_gbnf(f"root ::= {f'({inner} ' * depth}{')?' * depth}")
        assert stop(nested, "a" * 500) is None
        assert stop(nested, "a" * 500 + "b") == 500
    with pytest.raises(GrammarSyntaxError, match="not closed"):
        from_gbnf(f"root ::= {'(' * depth}")


def test_long_texts_are_read():
    words = [f"w{number}" for number in range(20_000)]
    grammar = from_gbnf("root ::= " + " | ".join(f'"{word}"' for word in words) + "#" * 300_000)
    assert stop(grammar, words[-1]) is None
    assert stop(grammar, "w20000") == 5
    rules = "".join(f'r{number} ::= "x" r{number + 1} | "{number}"\n' for number in range(5_000))
    chain = from_gbnf(f'root ::= r0\n{rules}r5000 ::= "end"')
    assert stop(chain, "x" * 5_000 + "end") is None
    assert stop(chain, "x" * 17 + "16") == 18
    doubled = "".join(f"r{number} ::= r{number + 1} r{number + 1}\n" for number in range(40))
    assert stop(from_gbnf(f'root ::= r0*\n{doubled}r40 ::= "a"'), "aaa") == 3, "a text of 2 ** 40 letters"

"""The command line with grammars: Lark, GBNF, EBNF and those that come along; what stands there, and what is wrong."""

from __future__ import annotations

import base64
import json
import re
import string
from pathlib import Path

import pytest
from command_line import finding, run
from hypothesis import given
from hypothesis import strategies as st

from latticework import Compiler, Vocabulary, regex
from latticework.cli_constraint import SOURCES
from latticework.cli_expected import expectations
from latticework.grammar import library

CALLS = 'start: NAME "(" [NUMBER ("," NUMBER)*] ")"\nNAME: /[a-z]+/\nNUMBER: /[0-9]+/\n%ignore " "\n'
SUM_GBNF = 'root ::= root "+" number | number\nnumber ::= [0-9]{1,9}\n'
SUM_ISO = "sum = [sum, '+'], number; number = {? [0-9] ?}- ;"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "calls.lark").write_text(CALLS)
    (tmp_path / "sum.gbnf").write_text(SUM_GBNF)
    (tmp_path / "sum.ebnf").write_text('sum ::= (sum "+")? number\nnumber ::= [0-9]+\n')
    (tmp_path / "sum.iso").write_text(SUM_ISO)
    return tmp_path


# ------------------------------------------------------------------------------------------------- texts that match


@pytest.mark.parametrize(
    ("options", "good", "bad", "offset"),
    [
        (["--lark", "calls.lark"], "f( 1, 23 )", "f(1,)", 4),
        (["--lark", "calls.lark", "--lexer", "basic"], "f()", "f(a)", 2),
        (["--gbnf", "sum.gbnf"], "1+22", "1+a", 2),
        (["--gbnf", "sum.gbnf", "--start", "number"], "22", "1+2", 1),
        (["--ebnf", "sum.ebnf"], "1+22", "+", 0),
        (["--ebnf", "sum.ebnf", "--start", "number"], "22", "1+2", 1),
        (["--ebnf", "sum.iso", "--notation", "iso"], "1+22", "1++2", 2),
        (["--grammar", "iso_date"], "2024-02-29", "2023-02-29", 9),
        (["--grammar", "sql"], "SELECT a FROM t", "SELECT a FROM select", 20),
    ],
)
def test_grammars_are_followed(files: Path, options: list[str], good: str, bad: str, offset: int) -> None:
    options = [str(files / option) if "." in option else option for option in options]
    assert run("check", *options, "--text", good)[:2] == (0, "the text matches\n")
    assert finding(*options, "--text", bad)["offset"] == offset


def test_a_grammar_from_standard_input(files: Path) -> None:
    assert run("check", "--gbnf", "-", "--text", "1+2", stdin=SUM_GBNF)[0] == 0
    assert run("check", "--lark", "-", "--text", "f()", stdin=CALLS)[0] == 0
    for command, text in (("check", []), ("generate", []), ("inspect", ["--sample", "-"])):
        code, out, err = run(command, "--gbnf", "-", *text, stdin=SUM_GBNF)
        assert (code, out) == (2, "")
        assert "--gbnf cannot both be read from standard input" in err


def test_imports_come_from_the_folder_of_the_grammar(files: Path) -> None:
    (files / "importing.lark").write_text("start: NUMBER\n%import .calls.NUMBER\n")
    assert run("check", "--lark", str(files / "importing.lark"), "--text", "12")[0] == 0
    other = files / "other"
    other.mkdir()
    (other / "calls.lark").write_text("NUMBER: /[a-f]+/\n")
    options = ("--lark", str(files / "importing.lark"), "--import-path", str(other))
    assert run("check", *options, "--text", "abc")[0] == 0
    assert run("check", *options, "--text", "12")[0] == 1


@pytest.mark.parametrize("name", library.names())
def test_every_shipped_grammar_is_named_in_the_help(name: str) -> None:
    code, out, _ = run("check", "--help")
    assert code == 0
    assert re.search(rf"\b{name}\b", out)


@pytest.mark.parametrize("command", ["generate", "check", "inspect"])
def test_every_command_has_the_same_options(command: str) -> None:
    _, out, _ = run(command, "--help")
    options = {f"--{name}" for name in SOURCES} | {"--start", "--lexer", "--import-path", "--notation", "--dialect"}
    assert {option for option in options if option not in out} == set()


def test_examples_in_the_help_are_shown_as_they_are_written() -> None:
    assert "latticework check --regex '[a-z]+-[0-9]{3}' --text abc-12" in run("check", "--help")[1]


TOOLS = [
    {"name": "pay", "parameters": {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}}
]


def test_calls_of_tools(tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps(TOOLS))
    options = ("--tools", str(tools), "--whitespace", "compact")
    call = '<tool_call>\n{"name":"pay","arguments":{"sum":3}}\n</tool_call>'
    assert run("check", *options, "--text", call)[0] == 0
    assert run("check", *options, "--text", "Free text.")[0] == 0
    assert finding(*options, "--text", call.replace("3", "x"))["offset"] == call.index("3")
    assert finding(*options, "--call", "required", "--text", "Free")["expected"] == [
        '<tool_call>\\n{"name":"pay","arguments":{"sum":…'
    ]
    assert finding(*options, "--call", "none", "--text", call)["offset"] > 0
    assert run("check", *options, "--style", "llama3", "--text", '{"name":"pay","parameters":{"sum":3}}')[0] == 0


@pytest.mark.parametrize(
    ("text", "style", "words"),
    [("[", "hermes", "not JSON"), ("3", "hermes", "the tools"), ("[3]", "hermes", "tools"), ("[]", "x", "'x'")],
)
def test_mistakes_in_tools(text: str, style: str, words: str) -> None:
    code, out, err = run("check", "--tools", "-", "--style", style, "--text", "x", stdin=text)
    assert (code, out) == (2, "")
    assert words in err


# --------------------------------------------------------------------------------------------- texts that do not


def test_what_could_have_come(files: Path) -> None:
    found = finding("--lark", str(files / "calls.lark"), "--text", "f(1 2)")
    assert (found["line"], found["column"], found["excerpt"]) == (1, 5, "f(1 2)\n    ^")
    assert found["matched"] == "f(1 "
    assert set(found["expected"]) == {"a space", ")…", ",…"}


def test_key_words_in_both_cases_are_shown_once() -> None:
    found = finding("--grammar", "sql", "--text", "SELECT a FROM t WHERE b = 1 2")
    assert {"GROUP…", "OR…", "UNION…", "LIMIT…", "the end of the text"} <= set(found["expected"])


def test_a_literal_ends_where_white_space_and_more_than_one_thing_may_follow() -> None:
    found = finding("--grammar", "json", "--text", '[{"a": [1, tru')
    assert found["expected"] == ["e"]
    found = finding("--grammar", "json", "--text", '[{"a": ["x" "y"]}]')
    assert found["expected"] == ["white space", ",…", "]…"]


def test_what_matched_is_shown_from_its_end() -> None:
    found = finding("--regex", "[a-z]+", "--text", "a" * 1000 + "!")
    assert found["matched"] == "…" + "a" * 60
    assert run("check", "--regex", "[a-z]+", "--text", "!")[1].count("matched: ''\n") == 1


def test_tokens_that_could_have_come(tmp_path: Path) -> None:
    tokens = [*(bytes([value]) for value in range(256)), b"12", b"+1", b"++"]
    ranks = tmp_path / "small.tiktoken"
    ranks.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens)))
    (tmp_path / "sum.gbnf").write_text(SUM_GBNF)
    options = ("--gbnf", str(tmp_path / "sum.gbnf"), "--tokenizer", str(ranks))
    found = finding(*options, "--text", "123456789x")
    assert found["tokens"] == ["'+'", "'+1'", "(end)"]
    assert found["tokens_allowed"] == 3
    code, out, _ = run("check", *options, "--text", "x")
    assert code == 1
    assert out.endswith("tokens: 11 could stand there\n  '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '12'\n")
    assert finding("--regex", "a", "--text", "b")["tokens"] is None


_BYTES = Compiler(Vocabulary([*(bytes([value]) for value in range(256)), None], [256]))
_NAMED = {"white space": " \t\n\r", "a space": " ", r"\t": "\t", r"\n": "\n", r"\r": "\r", r"\v": "\v", r"\f": "\f"}


def characters(words: str) -> str:
    """The first characters that words of a class or a literal stand for."""
    if words in _NAMED:
        return _NAMED[words]
    if words.startswith("byte "):
        return chr(int(words[5:], 16))
    if found := re.fullmatch(r"(.+) to (.+)", words):
        first, last = (characters(end) for end in found.groups())
        return "".join(map(chr, range(ord(first), ord(last) + 1)))
    return words[0]


@given(st.frozensets(st.sampled_from(string.printable), min_size=1, max_size=40))
def test_classes_are_the_characters_that_may_come(chars: frozenset[str]) -> None:
    automaton = _BYTES.compile(regex("[" + "".join(map(re.escape, sorted(chars))) + "]"))
    words = expectations(automaton, automaton.start)
    found = set("".join(map(characters, words)))
    missing = {"\v", "\f"} if "white space" in words else set()
    assert found <= chars <= found | missing


@given(st.sets(st.text("abAB", min_size=1, max_size=4), min_size=1, max_size=6))
def test_every_literal_begins_a_text(texts: set[str]) -> None:
    automaton = _BYTES.compile(regex("|".join(map(re.escape, sorted(texts)))))
    words = expectations(automaton, automaton.start)
    for word in words:
        assert any(text.startswith(word.removesuffix("…")) for text in texts)
    assert {text[0] for text in texts} <= {word[0] for word in words} | {word[0].lower() for word in words}


def test_a_loop_ends_a_literal() -> None:
    automaton = _BYTES.compile(regex("ab*c"))
    assert expectations(automaton, automaton.step_bytes(automaton.start, b"a")) == ["b", "c"]
    assert expectations(automaton, automaton.start) == ["ab…", "ac"]


# ------------------------------------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--grammar", "cobol"], "there are arithmetic, c, csv"),
        (["--lark", "no-such.lark"], "the grammar: cannot read no-such.lark"),
        (["--grammar", "sql", "--start", "query"], "--start has a meaning only with --lark and --gbnf and --ebnf"),
        (["--regex", "a", "--lexer", "basic"], "--lexer has a meaning only with --lark"),
        (["--regex", "a", "--import-path", "."], "--import-path has a meaning only with --lark"),
        (["--choice", "a", "--notation", "iso"], "--notation has a meaning only with --ebnf"),
        (["--choice", "a", "--dialect", "ecma"], "--dialect has a meaning only with --regex"),
        (["--regex", "a", "--style", "hermes", "--call", "none"], "--call has a meaning only with --tools"),
        (["--tools", "no-such.json"], "the tools: cannot read no-such.json"),
        (["--grammar", "sql", "--lark", "x"], "exactly one of"),
    ],
)
@pytest.mark.parametrize("command", ["generate", "check", "inspect"])
def test_options_that_make_no_sense(command: str, options: list[str], words: str) -> None:
    code, out, err = run(command, *options, stdin="x")
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--lark", 'start: "(" expression ")"\nexpresion: "a"', '(line 1, column 12)\n  start: "(" expression'),
        ("--lark", "start: A\nA: /(/", "line 2, column"),
        ("--gbnf", 'root ::= "a" rest', "(line 1, column 14)"),
        ("--ebnf", "a ::= [b-a]", "line 1, column"),
        ("--lark", "start: A A\nA: /a+/", "GrammarError: no text matches the grammar"),
    ],
)
def test_mistakes_in_a_grammar_are_told_with_their_place(option: str, text: str, words: str) -> None:
    code, out, err = run("check", option, "-", "--text", "x", stdin=text)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_warnings_go_to_standard_error_once(command: str) -> None:
    text = 'root ::= "a"\nspare ::= "b"\n'
    more = ["--tokenizer", "builtin"] if command == "inspect" else []
    code, out, err = run(command, "--gbnf", "-", "--text", "a", "--json", *more, stdin=text)
    assert code == 0
    assert json.loads(out)
    assert err.count("warning:") == 1
    assert "(line 2, column 1)\n  spare" in err


# ------------------------------------------------------------------------------------------------ the other commands


def test_generate_writes_texts_of_a_grammar() -> None:
    code, out, _ = run("generate", "--grammar", "iso_date", "--prompt", "The date: ", "--max-new-tokens", "60")
    assert code == 0
    assert run("check", "--grammar", "iso_date", stdin=out)[0] == 0


def test_generate_tells_calls_of_tools(tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps(TOOLS))
    options = ("--tools", str(tools), "--call", "required", "--prompt", "Pay 3.\n", "--whitespace", "compact", "--json")
    code, out, _ = run("generate", *options, "--style", "llama3", "--max-new-tokens", "400")
    details = json.loads(out)
    assert code == 0
    assert details["value"]["text"] == ""
    for call in details["value"]["calls"]:
        assert call["name"] == "pay"
        assert 0 <= call["arguments"]["sum"] <= 99
    assert run("check", *options[:4], "--whitespace", "compact", "--style", "llama3", "--text", details["text"])[0] == 0


def test_inspect_follows_a_grammar(files: Path) -> None:
    code, out, _ = run("inspect", "--lark", str(files / "calls.lark"), "--text", "f(12)", "--json")
    assert code == 0
    assert json.loads(out)["is_complete"]

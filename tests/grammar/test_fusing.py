"""Grammars and their fused forms have the same texts: by enumeration, and through the automaton."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from small_grammars import A, B, C, accepted, any_of, automaton_of, grammars, seq, t

from latticework.grammar.errors import GrammarError
from latticework.grammar.fusing import fused
from latticework.grammar.ir import (
    Array,
    Chars,
    Concat,
    DigitsModulo,
    Grammar,
    JsonLayout,
    JsonString,
    Lexeme,
    Lexer,
    LexerTerminal,
    Node,
    Reference,
    Repeat,
    Scope,
    Terminal,
    Text,
    TextSet,
)
from latticework.grammar.left_recursion import without_left_recursion
from latticework.grammar.rule_analysis import nodes_within, regexes_within
from oracle import all_texts, grammar_language


def check(grammar: Grammar, alphabet: str = "ab", longest: int = 5) -> Grammar:
    after = fused(grammar)
    expected = grammar_language(grammar, alphabet, longest)
    assert grammar_language(after, alphabet, longest) == expected
    assert accepted(without_left_recursion(after), alphabet, longest) == expected
    return after


def size(grammar: Grammar) -> int:
    nodes = list(nodes_within(grammar.start, *grammar.rules.values()))
    regexes = {id(part) for node in nodes if isinstance(node, Terminal) for part in regexes_within(node.regex)}
    return len(nodes) + len(regexes)


@given(grammars())
def test_random_grammars(grammar: Grammar) -> None:
    check(grammar)


REGULAR: dict[str, dict[str, Node]] = {
    "nothing but a terminal": {"A": t("a")},
    "right-linear": {"A": any_of(seq("a", A), "b")},
    "left-linear": {"A": any_of(seq(A, "a"), "b")},
    "white space": {"A": any_of(seq(any_of("a", "b"), A), "")},
    "within groups": {"A": any_of(seq("a", any_of(seq("b", A), seq("a", any_of("", A)))), "b")},
    "with itself alone": {"A": any_of(A, "a", seq("b", A))},
    "mutual": {"A": any_of(seq("a", B), ""), "B": any_of(seq("b", A), seq("a", "a", B), "b")},
    "mutual to the left": {"A": any_of(seq(B, "a"), ""), "B": any_of(seq(A, "b"), seq(B, "a", "a"), "b")},
    "three": {"A": any_of(seq("a", B), C), "B": any_of(seq("b", C), A, "b"), "C": any_of(seq("a", A), seq("a", C), "")},
    "right over left": {"A": any_of(seq(B, A), "a"), "B": any_of(seq(B, "b"), "b")},
    "no text": {"A": any_of(seq("a", A))},
    "optional parts": {"A": any_of(seq(B, any_of(seq(B, any_of(B, "")), "")), ""), "B": any_of("a", "b")},
}


@pytest.mark.parametrize("name", REGULAR)
def test_regular_rules_become_one_terminal(name: str) -> None:
    after = check(Grammar(A, REGULAR[name]), longest=7)
    assert isinstance(after.start, Terminal) and after.rules == {}


@pytest.mark.parametrize(
    "rule",
    [
        any_of(seq("a", A, "b"), ""),
        any_of(seq(A, A), "a"),
        any_of(seq("a", A), seq(A, "b"), "b"),
        seq("a", any_of(A, seq(A, "b"))),
    ],
)
def test_other_recursion_stays(rule: Node) -> None:
    after = check(Grammar(seq("b", A, "a"), {"A": rule}), longest=7)
    assert set(after.rules) == {"A"}


def test_neighbours_are_joined_and_alternatives_united() -> None:
    rule = any_of(seq("a", "b", seq("a", A), "b", t("b")), "a", seq(A, "b"), any_of("b", "ab"))
    rule = check(Grammar(seq(A, "a"), {"A": rule}), longest=6).rules["A"]
    first, united, last = rule.parts
    assert [part.regex.text for part in (first.parts[0], first.parts[2], last.parts[1])] == ["aba", "bb", "b"]
    assert len(list(nodes_within(united))) == 1


@pytest.mark.parametrize(
    ("node", "minimum", "maximum"),
    [
        (any_of(seq(B, A), ""), 0, None),
        (any_of(seq(B, A), B), 1, None),
        (any_of(seq(A, B), B), 1, None),
        (any_of(seq(B, A), seq(B, B)), 2, None),
        (any_of(seq(B, any_of(seq(B, any_of(B, "")), "")), ""), 0, 3),
        (seq(B, B, B, any_of(B, "")), 3, 4),
    ],
)
def test_repetition_is_recognised(node: Node, minimum: int, maximum: int | None) -> None:
    found = fused(Grammar(A, {"A": node, "B": any_of("a", "b")})).start
    assert (found.regex.minimum, found.regex.maximum) == (minimum, maximum)
    assert isinstance(found.regex.inner, Chars)


def test_long_optional_chains_stay_shallow() -> None:
    node: Node = any_of("")
    for _ in range(500):
        node = any_of(seq(B, node), "")
    found = fused(Grammar(node, {"B": any_of("a", "b")})).start
    assert (found.regex.minimum, found.regex.maximum) == (0, 500)


# ----------------------------------------------------------------------------------------------------------------- JSON


def one_of(text: str) -> Terminal:
    return Terminal(Chars(tuple(sorted((ord(c), ord(c)) for c in text))))


def json_rules() -> dict[str, Node]:
    """JSON character by character, as grammars without a lexer write it."""
    ws, chars, char, digits, digit, hexadecimal = (Reference(n) for n in "ws chars char digits digit hex".split())
    value, string, number, members, items = (Reference(n) for n in "value string number members items".split())
    member = seq(string, ":", ws, value)
    return {
        "ws": any_of(seq(one_of("\t\n\r "), ws), ""),
        "digit": one_of("0123456789"),
        "digits": any_of(seq(digit, digits), digit),
        "hex": any_of(digit, one_of("ABCDEF"), one_of("abcdef")),
        "char": any_of(
            Terminal(Chars(((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10FFFF)))),
            seq("\\", one_of('"/\\bfnrt')),
            seq("\\u", hexadecimal, hexadecimal, hexadecimal, hexadecimal),
        ),
        "chars": any_of(seq(char, chars), ""),
        "string": seq('"', chars, '"', ws),
        "number": seq(
            any_of("-", ""),
            any_of("0", seq(one_of("123456789"), any_of(digits, ""))),
            any_of(seq(".", digits), ""),
            any_of(seq(one_of("eE"), any_of("+", "-", ""), digits), ""),
            ws,
        ),
        "members": any_of(seq(member, ",", ws, members), member),
        "items": any_of(seq(value, ",", ws, items), value),
        "object": seq("{", ws, any_of(members, ""), "}", ws),
        "array": seq("[", ws, any_of(items, ""), "]", ws),
        "value": any_of(
            Reference("object"),
            Reference("array"),
            string,
            number,
            *(seq(word, ws) for word in ("true", "false", "null")),
        ),
    }


@pytest.mark.parametrize("alphabet", ['{"a:}', "[1,]", "-01.e", '"\\u0', " [1]"])
def test_json_has_its_texts(alphabet: str) -> None:
    check(Grammar(Reference("value"), json_rules()), alphabet, 6)


def test_json_strings_and_numbers_are_terminals() -> None:
    rules = json_rules()
    after = fused(Grammar(Reference("value"), rules))
    assert set(after.rules) == {"value", "object", "array", "members", "items"}
    (text, colon, *_), last = (part.parts for part in after.rules["members"].parts)
    assert isinstance(colon.regex, Concat), "a colon and white space"
    assert last[0] is text, "a string stays by itself, and is shared"
    united = [part for part in after.rules["value"].parts if isinstance(part, Terminal)]
    assert len(united) == 1 and len(after.rules["value"].parts) == 3
    string = fused(Grammar(Reference("string"), rules)).start
    assert isinstance(string, Terminal)
    number = fused(Grammar(Reference("number"), rules))
    assert isinstance(number.start, Terminal)
    automaton = automaton_of(number)
    pattern = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
    for text in all_texts("-01.e", 6):
        state = automaton.step_bytes(automaton.start, text.encode())
        assert (state >= 0 and automaton.is_accepting(state)) == (pattern.fullmatch(text) is not None)


def test_json_goes_the_same_ways() -> None:
    """Random walks over all bytes, beyond what can be enumerated: what may follow is the same at each step."""
    grammar = Grammar(Reference("value"), json_rules())
    plain, after = automaton_of(grammar), automaton_of(fused(grammar))
    random = Random(4)
    for _ in range(100):
        one, other = plain.start, after.start
        for _ in range(60):
            following = plain.next_bytes(one)
            assert after.next_bytes(other) == following
            assert after.is_accepting(other) == plain.is_accepting(one)
            if not following:
                break
            usual = [value for value in following if value in b'{}[]:,"\\u01e ']
            byte = bytes([random.choice(usual if usual and random.random() < 0.7 else following)])
            one, other = plain.step_bytes(one, byte), after.step_bytes(other, byte)


# ---------------------------------------------------------------------------------------------------------------- bounds


def test_what_would_be_exponentially_large_stays_rules() -> None:
    rules: dict[str, Node] = {str(i): seq(Reference(str(i + 1)), "b", Reference(str(i + 1))) for i in range(60)}
    rules["60"] = any_of("a", "ab")
    grammar = Grammar(any_of(Reference("0"), Reference("57")), rules)
    after = fused(grammar)
    assert 40 < len(after.rules) < 60
    assert size(after) <= size(grammar)
    assert accepted(after, "ab", 9) == accepted(grammar, "ab", 9)


def test_large_recursive_grammars_stay_linear() -> None:
    count = 2000
    rules: dict[str, Node] = {
        str(i): any_of(
            seq("(", Reference(str((i + 1) % count)), ")", t(f"<{i}>"), B), seq("a", Reference(str(7 * i % count)))
        )
        for i in range(count)
    }
    grammar = Grammar(Reference("0"), {**rules, "B": any_of(seq("a", B), "")})
    assert size(fused(grammar)) <= size(grammar)


def test_many_words_are_one_terminal() -> None:
    words = [f"word{i}" for i in range(5000)]
    after = fused(Grammar(A, {"A": any_of(*words, seq("(", A, ")"))}))
    terminal, _ = after.rules["A"].parts
    assert sorted(terminal.regex.texts) == sorted(words)


def test_deep_nodes_do_not_reach_the_end_of_the_stack() -> None:
    node: Node = t("a")
    for _ in range(5000):
        node = any_of(seq("(", node, ")"), A)
    after = fused(Grammar(A, {"A": any_of(node, seq("b", "a"))}))
    assert automaton_of(without_left_recursion(after)).start >= 0
    chain: Node = t("a")
    for _ in range(5000):
        chain = any_of(seq("b", chain, "b"), "a")
    assert automaton_of(fused(Grammar(chain))).start >= 0


def test_more_rules_than_are_solved_together() -> None:
    rules: dict[str, Node] = {str(i): any_of(seq("a", Reference(str((i + 1) % 40))), "b") for i in range(40)}
    check(Grammar(Reference("0"), rules), longest=7)


# ---------------------------------------------------------------------------------------------------------- other leaves


def test_containers_and_scopes_hold_fused_nodes() -> None:
    rule = any_of(seq("a", B), "b")
    after = check(Grammar(Array((), B, layout=JsonLayout("compact")), {"B": rule}), "[a,b]", 5)
    assert isinstance(after.start.rest, Terminal)
    scope = fused(Grammar(Scope(B), {"B": rule})).start
    assert isinstance(scope.inner, Terminal)


def test_lexemes_are_left_alone() -> None:
    lexer = Lexer((LexerTerminal(Text("a")),))
    grammar = Grammar(A, {"A": any_of(seq(Lexeme(lexer, 0), "a", "b"), "b")})
    after = fused(grammar)
    assert after.rules["A"].parts[0].parts[0] is grammar.rules["A"].parts[0].parts[0]


def test_every_kind_of_expression() -> None:
    digits, string = Terminal(DigitsModulo(3)), Terminal(JsonString(TextSet(("1", "a"))))
    check(Grammar(A, {"A": any_of(seq(digits, A), string, seq("(", A, ")"))}), '1"2(', 6)
    assert isinstance(fused(Grammar(seq(string, digits, string))).start, Terminal)


def test_what_is_a_terminal_stays_the_same_object() -> None:
    terminal = Terminal(Concat((Text("a"), Repeat(Text("b")))))
    assert fused(Grammar(terminal)).start is terminal


def test_undefined_rules() -> None:
    with pytest.raises(GrammarError, match="'B' is not defined"):
        fused(Grammar(A, {"A": any_of(seq("a", B), "b")}))

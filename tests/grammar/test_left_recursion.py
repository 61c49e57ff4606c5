"""Grammars with and without left recursion have the same texts: by enumeration, and through the automaton."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from small_grammars import A, B, C, accepted, any_of, automaton_of, grammars, seq

from latticework.grammar.errors import GrammarError, LimitError
from latticework.grammar.ir import (
    Alternative,
    Array,
    Chars,
    Choice,
    Field,
    Grammar,
    JsonLayout,
    Node,
    Record,
    Reference,
    Repeat,
    Scope,
    Terminal,
    Text,
)
from latticework.grammar.ir import Sequence as NodeSequence
from latticework.grammar.left_recursion import without_left_recursion
from latticework.grammar.limits import Limits
from latticework.grammar.rule_analysis import unreachable_rules
from oracle import all_texts, grammar_language, language

# ---------------------------------------------------------------------------------------------------------- the truth


def left_recursive_rules(grammar: Grammar) -> set[str]:
    """The rules in use that can reach themselves without reading: by the definition, over sets of rules."""
    used = set(grammar.rules) - set(unreachable_rules(grammar))
    empty: set[str] = set()
    while more := {name for name, node in grammar.rules.items() if is_nullable(node, empty)} - empty:
        empty |= more
    reach = {name: set(beginnings(grammar.rules[name], empty)) for name in used}
    for middle, left, right in itertools.product(reach, repeat=3):
        if middle in reach[left] and right in reach[middle]:
            reach[left].add(right)
    return {name for name in reach if name in reach[name]}


def is_nullable(node: Node, empty: set[str]) -> bool:
    match node:
        case Terminal(regex):
            return "" in language(regex, None, "ab", 0)
        case NodeSequence(parts):
            return all(is_nullable(part, empty) for part in parts)
        case Choice(parts):
            return any(is_nullable(part, empty) for part in parts)
        case Scope(inner):
            return is_nullable(inner, empty)
        case Reference(rule):
            return rule in empty
    return False


def beginnings(node: Node, empty: set[str]) -> Iterable[str]:
    match node:
        case Reference(rule):
            yield rule
        case Choice(parts):
            for part in parts:
                yield from beginnings(part, empty)
        case Scope(inner):
            yield from beginnings(inner, empty)
        case NodeSequence(parts):
            for part in parts:
                yield from beginnings(part, empty)
                if not is_nullable(part, empty):
                    break


def check(grammar: Grammar, alphabet: str = "ab", longest: int = 5) -> Grammar:
    """The grammar without left recursion, which has the same texts, for the automaton too."""
    after = without_left_recursion(grammar)
    assert left_recursive_rules(after) == set()
    expected = grammar_language(grammar, alphabet, longest)
    assert grammar_language(after, alphabet, longest) == expected
    assert accepted(after, alphabet, longest) == expected
    return after


@given(grammars())
def test_random_grammars(grammar: Grammar) -> None:
    after = check(grammar)
    if not left_recursive_rules(grammar):
        assert after is grammar


# ------------------------------------------------------------------------------------------------------------ classics

CLASSICS: dict[str, dict[str, Node]] = {
    "direct": {"A": any_of(seq(A, "a", "b"), "b")},
    "several": {"A": any_of(seq(A, "a"), seq(A, "b", "b"), "b", "ab")},
    "binary": {"A": any_of(seq(A, "a", A), seq(A, "b", A), "a")},
    "doubled": {"A": any_of(seq(A, A), "a", "")},
    "nullable end": {"A": any_of(seq(A, "a", A), "b", "")},
    "cycle": {"A": any_of(A, "a")},
    "long cycle": {"A": any_of(B, "a"), "B": any_of(C, "b"), "C": any_of(A, seq(A, "a"))},
    "aliases": {"A": B, "B": A},
    "aliases behind": {"A": any_of(seq("a", B), "b"), "B": C, "C": B},
    "mutual": {"A": any_of(seq(B, "a"), "a"), "B": any_of(seq(A, "b"), "b")},
    "hidden": {"A": any_of(seq(B, A, "a"), "b"), "B": any_of("b", "")},
    "hidden by a terminal": {"A": any_of(seq(Terminal(Repeat(Text("a"))), A, "b"), "b")},
    "hidden in two": {"A": seq(B, C, A, "a"), "B": any_of("b", ""), "C": any_of(seq(C, "b"), "")},
    "hidden, but productive": {"A": any_of(seq(B, C, A, "a"), "a"), "B": any_of("b", ""), "C": any_of(seq(C, "b"), "")},
    "left and right": {"A": any_of(seq(A, "a"), seq("b", A), "b")},
    "no text": {"A": seq(A, "a")},
    "nothing to do": {"A": any_of(seq("a", A, "b"), "")},
    "empty only": {"A": any_of(seq(A, A), "")},
    "nullable loop": {"A": any_of(seq(B, A), "a"), "B": any_of("", seq(B, "b"))},
    "a list of lists": {"A": any_of(seq(A, B), B), "B": any_of(seq(B, "a"), C), "C": any_of(seq("b", A, "b"), "a")},
    "calls": {"A": any_of(seq(B, "a"), seq(C, "b")), "B": any_of(A, "a"), "C": any_of(seq(B, "b"), A, "b")},
}


@pytest.mark.parametrize("name", CLASSICS)
def test_classics(name: str) -> None:
    check(Grammar(A, CLASSICS[name]), longest=7)


@pytest.mark.parametrize("name", CLASSICS)
def test_classics_within_others(name: str) -> None:
    rules = {**CLASSICS[name], "start": any_of(seq(A, "b", A), seq("a", A))}
    check(Grammar(Reference("start"), rules), longest=6)


def test_the_same_object_without_left_recursion() -> None:
    grammar = Grammar(A, {"A": any_of(seq("a", A, B), "b"), "B": any_of(seq(C, "b"), ""), "C": any_of("a", "")})
    assert without_left_recursion(grammar) is grammar


def test_what_has_no_left_recursion_stays_as_it_is() -> None:
    other = any_of(seq("a", C), "b")
    after = without_left_recursion(Grammar(seq(A, C), {"A": any_of(seq(A, "a"), C), "C": other}))
    assert after.rules["C"] is other


def test_the_cheap_form() -> None:
    b = any_of("a", "b")
    after = check(Grammar(A, {"A": any_of(seq(A, "+", b), b)}), "ab+", 5)
    (rest,) = set(after.rules) - {"A"}
    start, tail = after.rules["A"].parts
    assert start is b and tail.rule == rest
    step, end = after.rules[rest].parts
    assert step.parts[1] is b and step.parts[2] is tail and end.parts == ()


def test_an_ambiguous_operator_leads_back_to_its_rule() -> None:
    """`A: A "+" A | "a"` has one rest, whose last part is a tail call of `A` itself: no stack grows along the text."""
    after = check(Grammar(A, {"A": any_of(seq(A, "+", A), "a")}), "a+", 7)
    automaton = automaton_of(after)
    state = automaton.start
    for _ in range(2000):
        state = automaton.step_bytes(state, b"a+")
    assert automaton.statistics()["states"] < 10


def test_no_stack_grows_along_a_list() -> None:
    """What begins or goes on with the rule itself at its end needs no rest behind it, and neither does a nullable one."""
    for rule in (
        any_of(seq(A, "+", A), seq("-", A), seq("(", A, ")"), "a"),
        any_of(seq(A, "+", A), "a", ""),
        any_of(seq(A, A), "a", "+", ""),
        any_of(seq(A, any_of("+", ""), A), "a"),
    ):
        automaton = automaton_of(check(Grammar(A, {"A": rule}), "a+-", 5))
        state = automaton.start
        for _ in range(1000):
            state = automaton.step_bytes(state, b"a+a+")
        assert automaton.is_accepting(automaton.step_bytes(state, b"a"))
        assert automaton.statistics()["states"] < 12


def test_fifteen_levels_of_operators() -> None:
    operators = "|^&=<>+-*/%@?:,"
    rules: dict[str, Node] = {}
    for level, operator in enumerate(operators):
        upper = Reference(str(level + 1))
        rules[str(level)] = any_of(seq(Reference(str(level)), operator, upper), upper)
    rules[str(len(operators))] = any_of(seq("(", Reference("0"), ")"), "a")
    grammar = Grammar(Reference("0"), rules)
    after = check(grammar, "a+(", 4)
    assert check(grammar, "a*)(", 5) is not grammar
    assert len(after.rules) == 2 * len(operators) + 1
    automaton = automaton_of(after)
    text = b"(" * 500 + b"a" + b"+a*a)" * 500
    assert automaton.is_accepting(automaton.step_bytes(automaton.start, text))


def test_postfix_and_unary_expressions_of_c() -> None:
    postfix, unary, primary, arguments = (Reference(n) for n in ("postfix", "unary", "primary", "arguments"))
    rules: dict[str, Node] = {
        "unary": any_of(postfix, seq("-", unary), seq("++", unary)),
        "postfix": any_of(
            primary, seq(postfix, "[", unary, "]"), seq(postfix, "(", any_of(arguments, ""), ")"), seq(postfix, "++")
        ),
        "arguments": any_of(unary, seq(arguments, ",", unary)),
        "primary": any_of("x", seq("(", unary, ")")),
    }
    grammar = Grammar(unary, rules)
    for alphabet in ("x[]", "x(,)", "x+-", "x()"):
        check(grammar, alphabet, 6)


def test_leaves_that_hold_nodes() -> None:
    compact = JsonLayout("compact")
    inner = {"A": any_of(seq(A, "b"), "b")}
    grammar = Grammar(Array((), A, layout=compact), inner)
    check(grammar, "[b,]", 6)
    grammar = Grammar(
        Record((Field("a", (Alternative(A), Alternative(B))),), layout=compact), {**inner, "B": any_of(B, "1")}
    )
    check(grammar, '{"a:b}', 9)
    grammar = Grammar(A, {"A": any_of(seq(A, Array((A,), A, layout=compact)), "b")})
    check(grammar, "[b,]", 7)


def test_a_deep_grammar_does_not_reach_the_end_of_the_stack() -> None:
    node: Node = any_of("a", A)
    for _ in range(5_000):
        node = any_of(seq(node, "b"), "a")
    after = without_left_recursion(Grammar(A, {"A": node}))
    assert after.rules["A"] is not node


def test_a_long_chain_of_rules() -> None:
    rules: dict[str, Node] = {
        str(i): any_of(Reference(str(i + 1)), seq(Reference(str(i + 1)), "b")) for i in range(3000)
    }
    rules["3000"] = any_of(Reference("0"), "a")
    after = without_left_recursion(Grammar(Reference("0"), rules))
    automaton = automaton_of(after)
    assert automaton.is_accepting(automaton.step_bytes(automaton.start, b"abbbb"))
    assert automaton.next_bytes(automaton.start) == b"a"


def test_many_parts_that_may_be_empty_cost_what_they_are() -> None:
    optional = [any_of(chr(97 + i % 26), "") for i in range(2000)]
    grammar = Grammar(A, {"A": any_of(seq(*optional, A, *optional, "!"), seq(*optional))})
    after = without_left_recursion(grammar, Limits(grammar_nodes=40_000))
    automaton = automaton_of(after)
    assert automaton.is_accepting(automaton.step_bytes(automaton.start, b"az!b!"))


def test_a_result_that_is_too_large_is_an_error_that_says_so() -> None:
    names = [str(i) for i in range(100)]
    parts = [Reference(name) for name in names]
    rules: dict[str, Node] = {name: any_of(*(seq(part, name) for part in parts), seq("a", *parts)) for name in names}
    with pytest.raises(LimitError, match="grammar_nodes=20000"):
        without_left_recursion(Grammar(parts[0], rules), Limits(grammar_nodes=20_000))


def test_scopes() -> None:
    inner = Grammar(Scope(A), {"A": any_of(seq(A, "b"), "a")})
    after = without_left_recursion(inner)
    assert isinstance(after.start, Scope) and left_recursive_rules(after) == set()
    assert without_left_recursion(Grammar(A, {"A": any_of(seq("a", Scope(A)), "b")})).rules["A"].parts
    nullable = Grammar(A, {"A": any_of(seq(Scope(B), A, "a"), "b"), "B": any_of(seq(B, "b"), "")})
    assert left_recursive_rules(without_left_recursion(nullable)) == set()
    with pytest.raises(GrammarError, match="'A' begins with itself inside"):
        without_left_recursion(Grammar(A, {"A": any_of(seq(Scope(any_of(A, "a")), "b"), "b")}))


def test_undefined_rules() -> None:
    with pytest.raises(GrammarError, match="'B' is not defined"):
        without_left_recursion(Grammar(A, {"A": any_of(seq("a", B), "b")}))


def test_character_classes_may_hide_left_recursion() -> None:
    digits = Terminal(Repeat(Chars(((48, 57),)), 0, 2))
    check(Grammar(A, {"A": any_of(seq(digits, A, "a"), "b")}), "1ab", 6)


@pytest.mark.parametrize("seed", range(3))
def test_every_text_of_the_alphabet_is_decided(seed: int) -> None:
    """The enumeration is not empty by mistake: a grammar of everything."""
    rules = [
        any_of(seq(A, any_of("a", "b")), ""),
        any_of(seq(A, A), "a", "b", ""),
        any_of(A, seq(A, "a"), seq(A, "b"), ""),
    ]
    assert grammar_language(check(Grammar(A, {"A": rules[seed]})), "ab", 5) == all_texts("ab", 5)

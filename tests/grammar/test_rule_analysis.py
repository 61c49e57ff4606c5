"""What holds of rules, against enumeration of their texts and the definitions of graph theory."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_grammars import A, B, C, D, any_of, grammars, seq

from latticework.grammar.ir import (
    ANY_TEXT,
    Alternative,
    Array,
    Chars,
    Choice,
    Complement,
    Concat,
    DigitsModulo,
    Field,
    Grammar,
    Intersection,
    JsonString,
    Lexeme,
    Lexer,
    LexerTerminal,
    Node,
    Record,
    Reference,
    Regex,
    Repeat,
    Scope,
    Text,
    TextSet,
    Union,
)
from latticework.grammar.regex_nonempty import without_empty
from latticework.grammar.rule_analysis import (
    barren_regex,
    components,
    nullable_regex,
    nullable_rules,
    productive_nodes,
    references,
    rule_graph,
    undefined_rules,
    unproductive_rules,
    unreachable_rules,
)
from oracle import language


@given(grammars())
def test_nullable_and_unproductive_rules_by_enumeration(grammar: Grammar) -> None:
    texts = {name: language(Reference(name), grammar.rules, "ab", 0) for name in grammar.rules}
    assert nullable_rules(grammar) == [name for name in grammar.rules if texts[name]]
    # Each rule has a text of at most 3 + 3^2 + 3^3 + 3^4 parts if it has any; these have short ones.
    texts = {name: language(Reference(name), grammar.rules, "ab", 8) for name in grammar.rules}
    assert all(not texts[name] for name in unproductive_rules(grammar))
    assert all(name in unproductive_rules(grammar) for name in grammar.rules if not texts[name])


@given(grammars())
def test_unreachable_rules_by_closure(grammar: Grammar) -> None:
    graph = rule_graph(grammar)
    used = {"A"}
    for _ in grammar.rules:
        used |= {after for name in used for after in graph[name]}
    assert unreachable_rules(grammar) == [name for name in grammar.rules if name not in used]


@given(st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 7), max_size=3)))
def test_components_are_those_of_mutual_reachability(graph: dict[int, list[int]]) -> None:
    reach = {node: {node} for node in graph}
    for _ in graph:
        for node in graph:
            reach[node] |= {after for middle in reach[node] for after in graph[middle] if after in graph}
    found = components(graph)
    assert sorted(itertools.chain(*found)) == sorted(graph)
    for group in found:
        assert all({b for b in reach[a] if a in reach[b]} == set(group) for a in group)
    place = {node: number for number, group in enumerate(found) for node in group}
    assert all(place[after] <= place[node] for node in graph for after in reach[node])


def test_components_of_a_long_chain() -> None:
    chain = {number: [number + 1] for number in range(50_000)}
    assert components(chain) == [[number] for number in reversed(range(50_000))]
    assert len(components({**chain, 50_000: [0]})) == 1


def test_undefined_rules_with_their_users() -> None:
    grammar = Grammar(seq(A, D), {"A": any_of(seq("a", B), C), "C": seq(B, D)})
    assert undefined_rules(grammar) == {"D": [None, "C"], "B": ["A", "C"]}
    assert unproductive_rules(grammar) == ["A", "C"]
    assert references(grammar.rules["A"]) == ["B", "C"]


def test_rules_are_used_from_every_place() -> None:
    place = (Alternative(Reference("in an alternative")), Alternative(Reference("in another")))
    container = Array((Record((Field("a", place),)),), Scope(Reference("in a scope")))
    rules: dict[str, Node] = {
        name: any_of("a") for name in ("in an alternative", "in another", "in a scope", "nowhere")
    }
    grammar = Grammar(seq("a", container), rules)
    assert unreachable_rules(grammar) == ["nowhere"]
    assert undefined_rules(grammar) == {}


NONE = Choice(())
SOME = any_of("a")


@pytest.mark.parametrize(
    ("node", "productive"),
    [
        (Record((Field("a", NONE),)), True),
        (Record((Field("a", NONE, required=True),)), False),
        (Record((Field("a", (Alternative(NONE), Alternative(SOME)), required=True),)), True),
        (Array((NONE,)), True),
        (Array((NONE,), minimum=1), False),
        (Array((SOME,), minimum=2), False),
        (Array((SOME,), NONE, minimum=2), False),
        (Array((SOME,), NONE, minimum=1), True),
        (Array((SOME,), (Alternative(SOME),), minimum=2), True),
        (Scope(NONE), False),
        (Scope(SOME), True),
        (Lexeme(Lexer((LexerTerminal(Text("a")),)), 0), True),
        (Lexeme(Lexer((LexerTerminal(Union(())),)), 0), False),
    ],
)
def test_productive_containers(node: Node, productive: bool) -> None:
    assert (node in productive_nodes([node], {})) == productive
    assert unproductive_rules(Grammar(A, {"A": seq("a", node)})) == ([] if productive else ["A"])


# -------------------------------------------------------------------------------------------------------- expressions

LEAVES: list[Regex] = [
    Text(""),
    Text("1"),
    Text("21"),
    TextSet(("", "1", "12")),
    TextSet(()),
    Chars(((49, 50),)),
    Chars(()),
    Chars(((0xD800, 0xDFFF),)),
    DigitsModulo(3, 0),
    DigitsModulo(2, 1),
    ANY_TEXT,
]

regexes = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.builds(lambda parts: Concat(tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda parts: Union(tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda parts: Intersection(tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(Complement, inner),
        st.builds(Repeat, inner),
        st.builds(Repeat, inner, st.integers(0, 2), st.integers(2, 3)),
        st.builds(Repeat, inner, st.just(0), st.just(0)),
    ),
    max_leaves=8,
)


@given(regexes)
def test_expressions_by_enumeration(regex: Regex) -> None:
    texts = language(regex, None, "12", 4)
    assert nullable_regex(regex) == ("" in texts)
    assert not (barren_regex(regex) and texts)
    rest = without_empty(regex)
    assert language(rest, None, "12", 4) == texts - {""}
    if "" not in texts:
        assert rest is regex


def test_strings_are_never_empty() -> None:
    string = JsonString(Text(""))
    assert not nullable_regex(string)
    assert nullable_regex(Union((string, Text(""))))
    assert language(without_empty(Concat((Repeat(string, 0, 2), Repeat(string)))), None, '"', 4) == {'""', '""""'}
    assert barren_regex(JsonString(Union(())))


def test_wide_and_deep_expressions() -> None:
    optional: Regex = Concat(tuple(Repeat(Text("1"), 0, 1) for _ in range(3000)))
    assert language(without_empty(optional), None, "1", 2) == {"1", "11"}
    nested: Regex = Text("")
    for _ in range(3000):
        nested = Union((Concat((nested, Text("1"))), Repeat(nested)))
    assert nullable_regex(nested)
    assert not barren_regex(nested)
    assert not nullable_regex(without_empty(nested))

"""What is learned for a grammar: recycled candidates and counts, bounded, warm for the next request, gone with the grammar."""

from __future__ import annotations

import gc
import json
import weakref

import pytest
from draft_rows import paths, proposed, row_of, walk, write
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import bpe_tokenizer

import latticework as lw
from latticework.decoding import draft_counts, draft_recycling
from latticework.decoding.compilers import compiler_for
from latticework.decoding.draft_counts import CountDrafts, warm
from latticework.decoding.draft_recycling import RecyclingDrafts
from latticework.decoding.draft_tables import Bounded, TableOf, expand
from latticework.decoding.draft_tree import DraftTree
from latticework.decoding.drafting import Observed

TOKENS = [*(bytes([byte]) for byte in b"abcdefgh"), b"ab", b"cd", None]


def fresh(pattern: str = "[a-h]*") -> lw.CompiledGrammar:
    return lw.Compiler(lw.Vocabulary(TOKENS, [10])).compile(lw.regex(pattern))


def test_candidates_of_a_state_and_token_come_back_best_first():
    row = row_of(fresh())
    state = row.matcher.state
    drafter = RecyclingDrafts()
    drafter.observe(row, [Observed(state, 0, 1, (3, 2)), Observed(state, 3, None, (4, 10)), Observed(state, 2, None)])
    tree = proposed(drafter, row)
    assert list(paths(tree)) == [(3,), (2,), (3, 4)]  # the end token is no draft
    assert tree.chances[0] > tree.chances[1]
    drafter.observe(row, [Observed(state, 0, 1, (5,))])
    assert list(paths(proposed(RecyclingDrafts(), row))) == [(5,)]  # the newest, for any drafter of the grammar


def test_candidates_of_the_token_alone_serve_new_states():
    row = row_of(fresh("[a-h]{9}"), [0])
    drafter = RecyclingDrafts()
    drafter.observe(row, [Observed(row.matcher.state, 0, 1, (1, 2))])
    known = proposed(drafter, row)
    walk(row, [3])
    row.token_ids[-1] = 0
    new = proposed(drafter, row)
    assert list(paths(new))[:2] == [(1,), (2,)]
    assert new.chances[0] < known.chances[0]


def test_forbidden_candidates_are_not_drafted():
    row = row_of(fresh("a[bc]"), [0])
    drafter = RecyclingDrafts()
    drafter.observe(row, [Observed(row.matcher.state, 0, 0, (7, 0))])
    assert list(paths(proposed(drafter, row))) == [(0,), (0, 0)][:1]


def test_counts_are_proposed_from_a_threshold_on():
    row = row_of(fresh())
    state = row.matcher.state
    drafter = CountDrafts(threshold=0.5)
    drafter.observe(row, [Observed(state, 0, 1)])
    assert list(paths(proposed(drafter, row)))[:1] == [(1,)]  # one of one, and one for what is new
    drafter.observe(row, [Observed(state, 0, token_id) for token_id in (2, 3)])
    assert not len(proposed(drafter, row))
    drafter.observe(row, [Observed(state, 0, 1)] * 7)
    tree = proposed(drafter, row)
    assert tree.chances[0] == pytest.approx(8 / 11)
    assert set(tree.token_ids) == {1}
    assert not len(proposed(CountDrafts(threshold=0.9), row))


def test_counts_behind_the_same_token_come_first():
    row, drafter = row_of(fresh(), [0]), CountDrafts(threshold=0.6)
    state = row.matcher.state
    drafter.observe(row, [Observed(state, 0, 1)] * 3 + [Observed(state, 5, 2)] * 9)
    assert proposed(drafter, row).token_ids[0] == 1
    row.token_ids.append(6)
    assert proposed(drafter, row).token_ids[0] == 2  # never seen behind this token: what is usual at the state


@pytest.mark.parametrize("make", [RecyclingDrafts, CountDrafts])
def test_a_second_request_takes_fewer_passes(make):
    grammar = fresh("(ab|cd|e(f|g)){4}h")

    def answer(text, allowed):
        return sorted(allowed, key=lambda token_id: (token_id * 7 + text[-1] * 3) % 11)

    first, passes = write(make(), row_of(grammar), answer)
    second, fewer = write(make(), row_of(grammar), answer)
    assert first == second
    assert fewer <= 2 < passes
    other, again = write(make(), row_of(fresh("(ab|cd|e(f|g)){4}h")), answer)
    assert other == first and again > fewer  # another grammar knows nothing


def test_warming_counts_the_tokens_of_examples():
    tokenizer = bpe_tokenizer()
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    grammar = compiler_for(tokenizer).compile(lw.json_schema(schema))
    warm(grammar, tokenizer, [{"name": "anna"}, '{"name": "anna"}'] * 3)
    tree = proposed(CountDrafts(), row_of(grammar))
    texts = [b"".join(map(grammar.vocabulary.token_bytes, tokens)) for tokens in paths(tree)]
    assert json.dumps({"name": "anna"}).encode() in texts
    with pytest.raises(ValueError, match="is no text of the grammar"):
        warm(grammar, tokenizer, ['{"name": '])
    with pytest.raises(ValueError, match="is no text of the grammar"):
        warm(grammar, tokenizer, [{"name": 3}])
    with pytest.raises(ValueError, match="spells only"):
        warm(grammar, tokenizer, ["<eos>"])


def test_tables_go_with_their_grammar():
    grammar = fresh()
    row = row_of(grammar)
    for drafter in (RecyclingDrafts(), CountDrafts()):
        drafter.observe(row, [Observed(row.matcher.state, 0, 1, (1, 2))])
    tables = [draft_recycling._candidates(grammar), draft_counts._counts(grammar)]
    assert all(tables)
    gone = [weakref.ref(thing) for thing in (grammar, *tables)]
    del grammar, row, tables, drafter
    gc.collect()
    assert [reference() for reference in gone] == [None, None, None]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers()), max_size=40), st.integers(1, 5))
def test_a_bounded_table_keeps_the_newest(entries, most):
    table, truth = Bounded(most), []
    for key, value in entries:
        table.put(key, value)
        truth = [(k, v) for k, v in truth if k != key] + [(key, value)]
    assert dict(table) == dict(truth[-most:])


def test_one_table_for_each_owner():
    tables = TableOf(2)
    one, two = fresh(), fresh()
    tables(one).put(1, 2)
    assert tables(one) == {1: 2} and tables(two) == {}


def test_expansion_is_best_first_within_its_bounds():
    grammar = fresh()
    chances = {0: [(0, 0.9), (1, 0.4)], 1: [(2, 0.9)]}
    expected = ["a", "b", "aa", "ab", "aaa", "aab", "aaaa", "aaab"]

    def spelled(**bounds) -> list[str]:
        tree = DraftTree(lw.Matcher(grammar))
        expand(tree, 0, lambda state, previous: chances.get(previous, []), **bounds)
        return ["".join("abcdefgh"[token_id] for token_id in tokens) for tokens in paths(tree)]

    assert spelled(most=8, least=0.0) == expected
    assert spelled(most=3, least=0.0) == expected[:3]
    assert set(spelled(most=99, least=0.75)) == {"a", "aa"}


@pytest.mark.parametrize("options", [{"nodes": 0}, {"least": 0.0}, {"least": 1.5}])
def test_wrong_arguments_of_recycling(options):
    with pytest.raises(ValueError, match="nodes >= 1"):
        RecyclingDrafts(**options)


@pytest.mark.parametrize("options", [{"nodes": 0}, {"threshold": 0.0}, {"threshold": 1.0}])
def test_wrong_arguments_of_counts(options):
    with pytest.raises(ValueError, match="nodes >= 1"):
        CountDrafts(**options)

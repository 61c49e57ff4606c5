"""Copied drafts: every earlier occurrence is found, by the tokens themselves, the latest first."""

from __future__ import annotations

import pytest
from draft_rows import paths, proposed, row_of, walk
from hypothesis import given
from hypothesis import strategies as st

import latticework as lw
from latticework.decoding.draft_copy import CopyDrafts, GramIndex
from latticework.decoding.draft_tree import DraftTree

VOCABULARY = lw.Vocabulary([*(bytes([byte]) for byte in b"abcdefgh"), None], [8])
ANY = lw.Compiler(VOCABULARY).compile(lw.regex("[a-h]*"))


def ids(text: str) -> list[int]:
    return [ord(letter) - ord("a") for letter in text]


def texts(tree: DraftTree) -> set[str]:
    return {"".join("abcdefgh"[token_id] for token_id in tokens) for tokens in paths(tree)}


@given(st.lists(st.text("ab", max_size=5), max_size=6), st.integers(1, 3), st.integers(0, 2))
def test_the_index_finds_what_a_search_finds(pieces, least, more):
    index, tokens = GramIndex(range(least + more, least - 1, -1)), []
    for piece in pieces:
        tokens += ids(piece)
        index.read(tokens)
    expected = []
    for size in range(least + more, least - 1, -1):
        if size <= len(tokens):
            found = [end for end in range(size, len(tokens)) if tokens[end - size : end] == tokens[-size:]]
            expected += sorted(found, reverse=True)[:16]
    assert list(index.places(tokens)) == expected


def test_what_followed_is_copied_from_the_latest_places():
    row = row_of(ANY, ids("abcdaabceaabcfaabc"))
    tree = proposed(CopyDrafts(tokens=2, branches=2), row)
    assert texts(tree) == {"f", "fa", "e", "ea"}
    assert texts(proposed(CopyDrafts(tokens=2, branches=9), row)) == {"f", "fa", "e", "ea", "d", "da"}
    assert tree.children(DraftTree.ROOT) == {5: 0, 4: 2}


def test_shorter_grams_are_tried_and_no_shorter_than_allowed():
    row = row_of(ANY, ids("abcdgbc"))
    assert texts(proposed(CopyDrafts(tokens=3), row)) == {"d", "dg", "dgb"}
    assert texts(proposed(CopyDrafts(least_gram=3), row)) == set()
    assert texts(proposed(CopyDrafts(), row_of(ANY, ids("a")))) == set()


def test_the_output_is_searched_as_it_grows_and_longer_matches_count_more():
    row, drafter = row_of(ANY, ids("h")), CopyDrafts(tokens=1)
    assert texts(proposed(drafter, row)) == set()
    walk(row, ids("abcdefabcd"))
    tree = proposed(drafter, row)
    assert texts(tree) == {"e"}
    other = proposed(CopyDrafts(tokens=1), row_of(ANY, ids("hbcdeaabgcd")))
    assert texts(other) == {"e"} and other.chances[0] < tree.chances[0]


def test_the_grammar_ends_a_copy():
    grammar = lw.Compiler(VOCABULARY).compile(lw.regex("ab(cd|cc)"))
    row = row_of(grammar, ids("abcdef"))
    walk(row, ids("ab"))
    assert texts(proposed(CopyDrafts(), row)) == {"c", "cd"}


def test_copies_go_on_below_likely_drafts():
    row = row_of(ANY, ids("abcdefgab"))
    tree = DraftTree(row.matcher)
    tree.add_chain(DraftTree.ROOT, ids("cd"), 0.9)
    CopyDrafts(tokens=1).propose([row], [tree])
    assert texts(tree) == {"c", "cd", "cde"}


def test_rows_have_indices_of_their_own():
    drafter, one, two = CopyDrafts(tokens=1), row_of(ANY, ids("abcab")), row_of(ANY, ids("abdab"))
    trees = [DraftTree(one.matcher), DraftTree(two.matcher)]
    drafter.propose([one, two], trees)
    assert [texts(tree) for tree in trees] == [{"c"}, {"d"}]


@pytest.mark.parametrize("options", [{"gram": 1}, {"least_gram": 0}, {"tokens": 0}, {"branches": 0}])
def test_wrong_arguments(options):
    with pytest.raises(ValueError, match="1 <= least_gram <= gram"):
        CopyDrafts(**options)

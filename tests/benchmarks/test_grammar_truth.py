"""The truth that the grammar benchmark measures against: every beginning it admits has an end, and no other has."""

from __future__ import annotations

import itertools
import json

from grammar_sampler import lalr
from grammar_truth import LarkTruth, begins_json, leaves_at

ALPHABET = '[]{},:"1-.e0 '


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def has_an_end(text: str, more: int) -> bool:
    """Whether at most `more` characters make it JSON, by trying them all."""
    return is_json(text) or (
        more > 0 and any(has_an_end(text + char, more - 1) for char in ALPHABET if begins_json((text + char).encode()))
    )


def test_beginnings_of_json() -> None:
    for length in range(4):
        for letters in itertools.product(ALPHABET, repeat=length):
            text = "".join(letters)
            assert begins_json(text.encode()) == has_an_end(text, 6), text
            if is_json(text):
                assert all(begins_json(text[:end].encode()) for end in range(length))


def test_beginnings_of_words_and_strings() -> None:
    for text in ("tru", "nul", '"\\u12', '"\\', '{"a": fals', "-", "1.", "1e+", "[1e"):
        assert begins_json(text.encode()), text
    for text in ("trux", '"\\x', '"\\u1g', "1-", "[1.]", "01", "nulll", '"\n'):
        assert not begins_json(text.encode()), text


def test_beginnings_by_lark() -> None:
    lark = lalr('start: "if" NAME "=" STRING\nNAME: /[a-z]+/\nSTRING: /\'[^\']*\'/\n%ignore " "\n', "basic")
    truth = LarkTruth(lark)
    text = "if ab = 'c' d"
    assert [truth.begins(text[:end]) for end in range(len(text) + 1)] == [True] * 13 + [False]
    assert leaves_at(truth.begins, text) == 12
    assert truth.begins("i")
    assert not truth.begins("o")


def test_words_are_tried_in_their_case() -> None:
    truth = LarkTruth(lalr('start: "_Bool" | "Select"i\n', "basic"))
    assert all(truth.begins(text) for text in ("_", "_Bo", "sel", "SEL"))
    assert not truth.begins("_b")

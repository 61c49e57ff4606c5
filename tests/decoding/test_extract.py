"""The most probable span: equal to trying every span, verbatim, with exact places, in few expansions."""

from __future__ import annotations

import codecs
import math
import random
import re
import statistics

import pytest
import torch
from search_truth import Truth
from tiny_models import LetterTokenizer, TableModel, bpe_tokenizer, gpt2, llama, make_tokenizer
from tokenizers import normalizers

from latticework.decoding.compilers import compiler_for
from latticework.decoding.extract import _occurrences, extract
from latticework.grammar import Compiler, Vocabulary
from latticework.grammar.errors import GrammarError

LAWS = ("model", "masked")
LETTERS = "abcdefghijkl"
END = len(LETTERS)
PASSAGE = "the räin in 日本 😀, spain in"


def letters(seed, scale):
    """A random bigram model over letters, their tokenizer, and a compiler."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(END + 1, END + 1, dtype=torch.float64, generator=generator) * scale
    spelling = [letter.encode() for letter in LETTERS]
    return TableModel(table), LetterTokenizer(LETTERS), Compiler(Vocabulary([*spelling, None], [END]))


def every_span(model, first, ids):
    """(score, first token, the one behind the last) of all spans, the best first."""
    law = model.table.log_softmax(-1).tolist()
    found = []
    for start in range(len(ids)):
        score, last = 0.0, first
        for end in range(start, len(ids)):
            score, last = score + law[last][ids[end]], ids[end]
            found.append((score + law[last][END], ids[start : end + 1]))
    return sorted(found, key=lambda item: (-item[0], item[1]))


def test_equals_brute_force_over_all_spans_of_200_passages():
    generator = random.Random(0)
    expansions = []
    for seed in range(200):
        model, tokenizer, compiler = letters(seed, 1.5)
        passage = "".join(generator.choice(LETTERS) for _ in range(60))
        score, ids = every_span(model, 2, tokenizer(passage)["input_ids"])[0]
        found = extract(model, tokenizer, "c", passage, by="tokens", compiler=compiler, width=1)
        assert found.token_ids == (*ids, END)
        assert found.proven
        assert found.score == found.log_probability == pytest.approx(score, abs=1e-9)
        assert found.text == "".join(LETTERS[token] for token in ids) == passage[found.start : found.end]
        assert list(found.occurrences) == [
            (m.start(), m.start() + len(found.text)) for m in re.finditer(f"(?={found.text})", passage)
        ]
        expansions.append(found.expansions)
    assert statistics.mean(expansions) <= 60
    assert statistics.median(expansions) <= 30


@pytest.mark.parametrize("by", ["tokens", "chars"])
def test_every_width_and_both_ways_agree(by):
    """Where each character is a token, all ways to look at the passage are the same."""
    generator = random.Random(1)
    for seed in range(15):
        model, tokenizer, compiler = letters(seed, 3.0)
        passage = "".join(generator.choice("abc") for _ in range(25))
        score, ids = every_span(model, 2, tokenizer(passage)["input_ids"])[0]
        for width in (1, 8):
            found = extract(model, tokenizer, "c", passage, by=by, compiler=compiler, width=width)
            assert found.token_ids == (*ids, END)
            assert found.score == pytest.approx(score, abs=1e-9)


def token_truth(model, tokenizer, prompt, passage, shortest, longest):
    """(score, tokens, places) of the best span of the tokenizer's tokens that begins and ends between characters."""
    coded = tokenizer(passage, add_special_tokens=False)
    ids, offsets = coded["input_ids"], byte_ends(tokenizer, passage)
    truth = Truth(model, tokenizer(prompt)["input_ids"], [], [], tokenizer.eos_token_id)
    found = []
    for start in range(len(ids)):
        for end in range(start + shortest, min(len(ids), start + longest) + 1):
            if offsets[start] is not None and offsets[end] is not None:
                tokens = (*ids[start:end], tokenizer.eos_token_id)
                found.append((truth.log_p(tokens), tokens, (offsets[start], offsets[end])))
    best = min(found, key=lambda item: (-item[0], item[1]))
    return best[0], best[1], [place for _, tokens, place in found if tokens == best[1]]


def byte_ends(tokenizer, passage):
    """The character before which each token begins, None inside of one; by decoding whole beginnings."""
    vocabulary = compiler_for(tokenizer, width=len(tokenizer)).vocabulary
    ids, ends = tokenizer(passage, add_special_tokens=False)["input_ids"], []
    for count in range(len(ids) + 1):
        data = b"".join(vocabulary.token_bytes(token) for token in ids[:count])
        try:
            ends.append(len(data.decode()))
        except UnicodeDecodeError:
            ends.append(None)
    return ends


def test_spans_of_tokens_that_split_characters():
    tokenizer = bpe_tokenizer()
    assert None in byte_ends(tokenizer, PASSAGE)
    for seed in range(3):
        for shortest, longest in ((1, 99), (2, 3), (7, 12), (1, 1)):
            expected = token_truth(llama(seed), tokenizer, "A", PASSAGE, shortest, longest)
            found = extract(llama(seed), tokenizer, "A", PASSAGE, by="tokens", min_length=shortest, max_length=longest)
            assert (found.token_ids, list(found.occurrences)) == expected[1:]
            assert found.score == pytest.approx(expected[0], abs=1e-9)
            assert PASSAGE[found.start : found.end] == found.text


def spans(passage, by, shortest, longest):
    """Every piece, by trying all."""
    pieces = {passage[i:j] for i in range(len(passage)) for j in range(i + 1, len(passage) + 1)}
    if by == "chars":
        return {piece for piece in pieces if shortest <= len(piece) <= longest}
    units = list(re.finditer(r"\w+|[^\w\s]", passage))
    return {
        passage[units[i].start() : units[j].end()]
        for i in range(len(units))
        for j in range(i, len(units))
        if shortest <= j - i + 1 <= longest
    }


def spelled_truth(model, tokenizer, outputs, prompt="A"):
    vocabulary = compiler_for(tokenizer, width=model.config.vocab_size).vocabulary
    spelling = [vocabulary.token_bytes(token) for token in range(vocabulary.size)]
    ids = tokenizer(prompt)["input_ids"]
    return Truth(model, ids, [text.encode() for text in outputs], spelling, tokenizer.eos_token_id)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    ("by", "shortest", "longest"), [("words", 1, 99), ("words", 2, 2), ("chars", 1, 99), ("chars", 2, 3)]
)
def test_every_spelling_of_every_span_competes(law, by, shortest, longest):
    model, tokenizer, passage = llama(2), bpe_tokenizer(), "in rä. n-in"
    outputs = spans(passage, by, shortest, longest)
    score, tokens, text = spelled_truth(model, tokenizer, outputs).ranking(law)[0]
    found = extract(
        model,
        tokenizer,
        "A",
        passage,
        by=by,
        min_length=shortest,
        max_length=longest if longest < 99 else None,
        law=law,
    )
    assert (found.token_ids, found.text, found.proven) == (tokens, text.decode(), True)
    assert found.score == pytest.approx(score, abs=1e-9)
    assert all(passage[start:end] == found.text for start, end in found.occurrences)


def closed(truth, outputs, text=b"", tokens=()):
    """Every way to write one of these, up to the token that completes it, which may go on with some text."""
    for token, data in truth.tokens:
        longer = text + data
        whole = [output for output in outputs if longer.startswith(output)]
        if whole:
            try:
                codecs.getincrementaldecoder("utf-8")().decode(longer)
            except UnicodeDecodeError:
                continue
            yield whole[0], (*tokens, token)
        elif any(output.startswith(longer) for output in outputs):
            yield from closed(truth, outputs, longer, (*tokens, token))


@pytest.mark.parametrize(("opening", "closing"), [('"', '"'), ("", "in"), ("<", " n"), ("", '",')])
def test_closing(opening, closing):
    """It ends the span where it first stands; then no end token is counted, and the last token may go on."""
    model, tokenizer, passage = llama(3), bpe_tokenizer(), "in rä n in"
    pieces = [piece for piece in spans(passage, "chars", 1, 99) if (piece + closing).find(closing) == len(piece)]
    outputs = [(opening + piece + closing).encode() for piece in pieces]
    truth = spelled_truth(model, tokenizer, [])
    score, tokens, text = min((-truth.log_p(tokens), tokens, text) for text, tokens in closed(truth, outputs))
    found = extract(model, tokenizer, "A", passage, by="chars", opening=opening, closing=closing)
    assert (found.token_ids, (opening + found.text + closing).encode(), found.proven) == (tokens, text, True)
    assert found.log_probability == pytest.approx(-score, abs=1e-9)
    assert passage[found.start : found.end] == found.text


def test_opening():
    model, tokenizer, passage = llama(3), bpe_tokenizer(), "in rä n in"
    truth = spelled_truth(model, tokenizer, [" " + piece for piece in spans(passage, "words", 1, 99)])
    score, tokens, text = truth.ranking("model")[0]
    found = extract(model, tokenizer, "A", passage, opening=" ")
    assert (found.token_ids, " " + found.text) == (tokens, text.decode())
    assert found.score == pytest.approx(score, abs=1e-9)


def test_batch_equals_one_by_one():
    model, tokenizer = llama(), bpe_tokenizer()
    prompts, passages = ["A", "a longer prompt", "x"], [PASSAGE, "in spain", "日本"]
    together = extract(model, tokenizer, prompts, passages)
    for prompt, passage, found in zip(prompts, passages, together, strict=True):
        single = extract(model, tokenizer, prompt, passage)
        assert (found.text, found.occurrences, found.token_ids) == (single.text, single.occurrences, single.token_ids)
        assert found.score == pytest.approx(single.score, abs=1e-9)
    shared = extract(model, tokenizer, prompts, PASSAGE)
    assert shared[0].token_ids == together[0].token_ids
    assert extract(model, tokenizer, [], PASSAGE) == []


def test_words_stand_alone():
    """A word is no occurrence inside of another."""
    assert _occurrences("spain in rain in.in inn", "in", "words") == [(6, 8), (14, 16), (17, 19)]
    assert _occurrences("a,, b,", ",", "words") == [(1, 2), (2, 3), (5, 6)]
    assert _occurrences("aaa", "aa", "chars") == [(0, 2), (1, 3)]


def test_cap():
    model, tokenizer, compiler = letters(0, 1.0)
    passage = "abcabdabeabf"
    best = extract(model, tokenizer, "c", passage, by="tokens", compiler=compiler)
    early = extract(model, tokenizer, "c", passage, by="tokens", compiler=compiler, node_cap=1, width=1)
    assert best.proven
    assert early.text in passage
    assert early.score <= best.score <= early.bound


@pytest.mark.parametrize("options", [{"by": "tokens"}, {"by": "words", "closing": '"'}, {"by": "chars"}])
def test_cap_and_room_together(options):
    """Even so a span is found, as long as one fits into the positions that the prompt leaves."""
    tokenizer = bpe_tokenizer()
    prompt = tokenizer("A")["input_ids"] * 20
    for room in (3, 4, 6):
        model = gpt2(positions=len(prompt) + room - 1)
        found = extract(model, tokenizer, "A" * 20, PASSAGE, min_length=2, node_cap=1, width=1, **options)
        assert PASSAGE[found.start : found.end] == found.text
        assert len(found.token_ids) <= room
        exact = extract(model, tokenizer, "A" * 20, PASSAGE, min_length=2, **options)
        assert found.score <= exact.score <= found.bound
        if options == {"by": "tokens"}:
            expected = token_truth(model, tokenizer, "A" * 20, PASSAGE, 2, room - 1)
            assert exact.score == pytest.approx(expected[0], abs=1e-9)


def test_what_cannot_be():
    model, tokenizer = llama(), bpe_tokenizer()
    for passage, options in ((" ", {}), ("", {"by": "chars"}), ("", {"by": "tokens"}), ("a b", {"min_length": 3})):
        with pytest.raises(ValueError, match="the passage has"):
            extract(model, tokenizer, "A", passage, **options)
    with pytest.raises(ValueError, match="between characters"):
        extract(model, tokenizer, "A", "😁", by="tokens", max_length=1)
    with pytest.raises(GrammarError, match="surrogate"):
        extract(model, tokenizer, "A", "a\ud800")
    lower = make_tokenizer()
    lower.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(ValueError, match="writes the passage as another text"):
        extract(model, lower, "A", "Spain", by="tokens")
    assert extract(model, lower, "A", "Spain").text == "Spain"


def test_wrong_arguments():
    model, tokenizer = llama(), bpe_tokenizer()
    for wrong in (
        {"by": "lines"}, {"min_length": 0}, {"max_length": 0}, {"min_length": 3, "max_length": 2}, {"law": "x"},
        {"by": "tokens", "opening": " "}, {"by": "tokens", "closing": " "}, {"width": 0}, {"node_cap": 0},
    ):  # fmt: skip
        with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
            extract(model, tokenizer, "A", "a b c d", **wrong)
    for passage in (5, ["a"], b"a"):
        with pytest.raises(TypeError, match="passage"):
            extract(model, tokenizer, "A", passage)
    with pytest.raises(ValueError, match="1 passages for 2 prompts"):
        extract(model, tokenizer, ["A", "B"], ["a"])
    assert not math.isnan(extract(model, tokenizer, "A", "a").score)

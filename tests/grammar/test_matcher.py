"""Laws of matchers and bitmasks, on grammars and vocabularies of real shape."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latticework.grammar import (
    CompiledGrammar,
    Matcher,
    TokenRejected,
    Vocabulary,
    VocabularyError,
)
from latticework.grammar.ir import (
    ANY_CHAR,
    ANY_TEXT,
    Array,
    Chars,
    Choice,
    Complement,
    Concat,
    ExtraFields,
    Field,
    Grammar,
    Intersection,
    JsonLayout,
    JsonString,
    Record,
    Reference,
    Repeat,
    Terminal,
    Text,
    TextSet,
    Union,
)
from latticework.grammar.ir import Sequence as NodeSequence
from latticework.grammar.lower import lower

STRING = Terminal(JsonString(ANY_TEXT))
DIGIT, LETTER = Chars(((48, 57),)), Chars(((65, 90), (97, 122)))
INTEGER = Terminal(Concat((Repeat(Text("-"), 0, 1), Union((Text("0"), Concat((Chars(((49, 57),)), Repeat(DIGIT))))))))
SHORT = Terminal(JsonString(Repeat(ANY_CHAR, 2, 12)))
WORD = Terminal(JsonString(Concat((LETTER, Repeat(Union((LETTER, DIGIT)), 0, 20)))))
NAMES = Intersection((ANY_TEXT, Complement(TextSet(("name", "age", "tags", "child")))))
CODE = Terminal(Concat((Repeat(LETTER, 1, 30), Text("-"), Repeat(LETTER), Repeat(DIGIT))))


def person(order: str = "declared", layout: JsonLayout | None = None) -> Grammar:
    layout = layout or JsonLayout()
    record = Record(
        (
            Field("name", Choice((SHORT, WORD)), True),
            Field("age", INTEGER),
            Field("tags", Array((CODE,), STRING, 0, 4, layout)),
            Field("child", Choice((Reference("person"), Terminal(Text("null"))))),
        ),
        (ExtraFields(NAMES, Choice((INTEGER, STRING))),),
        "any" if order == "any" else "declared",
        layout=layout,
    )
    return Grammar(Reference("person"), {"person": record})


def compiled(grammar: Grammar, vocabulary: Vocabulary, **limits: int) -> CompiledGrammar:
    return CompiledGrammar(vocabulary, *lower(grammar), limits)


def mask_of(grammar: CompiledGrammar, state: int) -> set[int]:
    return set(grammar.allowed_tokens(state))


def walk(matcher: Matcher, rng: random.Random, steps: int) -> Iterator[set[int]]:
    """Random tokens of the mask, one by one; yields each mask before its token."""
    for _ in range(steps):
        allowed = mask_of(matcher.grammar, matcher.state)
        assert allowed, "an empty mask"
        yield allowed
        matcher.accept_token(rng.choice(sorted(allowed)))


LAYOUTS = [JsonLayout(), JsonLayout("compact"), JsonLayout("indent", indent=2), JsonLayout(max_whitespace=0)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("order", ["declared", "any"])
def test_the_mask_is_what_is_accepted(order: str, layout: JsonLayout, json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person(order, layout), json_vocabulary)
    for seed in range(6):
        matcher = Matcher(grammar)
        for allowed in walk(matcher, random.Random(seed), 60):
            accepted = {t for t in range(json_vocabulary.size) if grammar.step(matcher.state, t) >= 0}
            assert allowed == accepted
            ends = set(json_vocabulary.eos_token_ids)
            assert matcher.is_accepting == bool(allowed & ends)
            if matcher.is_terminated:
                assert allowed == ends
            forced = matcher.forced_bytes()
            for token in allowed - ends:
                text = json_vocabulary.token_bytes(token)
                assert text.startswith(forced) or forced.startswith(text)


@given(st.randoms(use_true_random=False), st.sampled_from(["declared", "any"]))
def test_a_mask_equals_that_of_a_fresh_replay(json_vocabulary: Vocabulary, rng: random.Random, order: str) -> None:
    grammar = compiled(person(order), json_vocabulary)
    matchers = [Matcher(grammar)]
    for _ in range(40):
        matcher = rng.choice(matchers)
        action = rng.random()
        if action < 0.6:
            matcher.accept_token(rng.choice(sorted(mask_of(grammar, matcher.state))))
        elif action < 0.8:
            matcher.rollback(rng.randint(0, len(matcher.token_ids)))
        elif action < 0.95:
            matchers.append(matcher.fork())
        else:
            matcher.reset()
        fresh = Matcher(compiled(person(order), json_vocabulary))
        for token in matcher.token_ids:
            fresh.accept_token(token)
        assert mask_of(grammar, matcher.state) == mask_of(fresh.grammar, fresh.state)
        assert matcher.forced_bytes() == fresh.forced_bytes()


def test_a_rejected_token_changes_nothing(json_vocabulary: Vocabulary) -> None:
    matcher = Matcher(compiled(person(), json_vocabulary))
    matcher.accept_token(ord("{"))
    before = matcher.state, matcher.token_ids
    with pytest.raises(TokenRejected) as caught:
        matcher.accept_token(ord("x"))
    assert (caught.value.token_id, caught.value.token_bytes, caught.value.position) == (ord("x"), b"x", 1)
    assert (matcher.state, matcher.token_ids) == before
    with pytest.raises(TokenRejected):
        matcher.accept_token(json_vocabulary.eos_token_ids[0])
    with pytest.raises(IndexError):
        matcher.accept_token(json_vocabulary.size)
    with pytest.raises(ValueError, match="only 1 were accepted"):
        matcher.rollback(2)
    with pytest.raises(ValueError, match="at least 0"):
        matcher.rollback(-1)


def test_end_tokens_and_termination() -> None:
    vocabulary = Vocabulary([b"a", b"b", None, None], [2, 3])
    matcher = Matcher(compiled(Grammar(Terminal(Repeat(Text("a"), 1, 2))), vocabulary))
    assert matcher.grammar.allowed_tokens(matcher.state) == [0]
    matcher.accept_token(0)
    assert matcher.grammar.allowed_tokens(matcher.state) == [0, 2, 3]
    matcher.accept_token(3)
    assert matcher.is_terminated and matcher.is_accepting
    for _ in range(3):
        assert matcher.grammar.allowed_tokens(matcher.state) == [2, 3]
        matcher.accept_token(2)
    matcher.rollback(4)
    assert not matcher.is_terminated and matcher.grammar.allowed_tokens(matcher.state) == [0, 2, 3]


def test_validate_tokens_moves_nothing(json_vocabulary: Vocabulary) -> None:
    matcher = Matcher(compiled(person(), json_vocabulary))
    tokens = list(b'{"name": "Jo"}')
    assert matcher.validate_tokens(tokens) == len(tokens)
    assert matcher.validate_tokens([*tokens, json_vocabulary.eos_token_ids[0]]) == len(tokens) + 1
    assert matcher.validate_tokens(list(b'{"name": J')) == 9
    assert matcher.validate_tokens([]) == 0 and matcher.token_ids == []


# ------------------------------------------------------------------------------------------------------------- buffers


def test_padding_rows_and_special_tokens_are_never_allowed() -> None:
    vocabulary = Vocabulary([b"a", None, b"", b"b"], [1], size=70)
    grammar = compiled(Grammar(Terminal(Repeat(Chars(((97, 98),))))), vocabulary)
    assert vocabulary.size == 70 and vocabulary.bitmask_words == 3
    assert grammar.allowed_tokens(grammar.start) == [0, 1, 3]
    bitmask = np.full((1, 5), -1, dtype=np.int32)
    grammar.fill_bitmask([grammar.start], bitmask)
    assert bitmask.tolist() == [[0b1011, 0, 0, 0, 0]]


def test_one_row_of_a_batch_is_written(json_vocabulary: Vocabulary) -> None:
    matcher = Matcher(compiled(person(), json_vocabulary))
    for buffer in (np.zeros((3, 12), np.int32), torch.zeros((3, 12), dtype=torch.int32)):
        matcher.fill_bitmask(buffer, 1)
        rows = np.asarray(buffer)
        assert not rows[0].any() and not rows[2].any() and rows[1].any()
        for row in (3, -1):
            with pytest.raises(IndexError):
                matcher.fill_bitmask(buffer, row)


@pytest.mark.parametrize(
    "buffer",
    [
        np.zeros((1, 12), np.int64),
        np.zeros((1, 12), np.uint32),
        np.zeros((1, 12), np.float32),
        np.zeros(12, np.int32),
        np.zeros((12, 1), np.int32).T[:, ::2],
        np.zeros((2, 24), np.int32)[:, ::2],
        np.zeros((1, 2), np.int32),
        np.zeros((2, 12), np.int32),
        torch.zeros((1, 12), dtype=torch.int64),
        torch.zeros((1, 12), dtype=torch.int32, device="meta"),
        [[0] * 12],
        None,
    ],
    ids=lambda buffer: f"{type(buffer).__name__}-{getattr(buffer, 'dtype', '')}-{getattr(buffer, 'shape', '')}",
)
def test_a_wrong_buffer_is_a_type_error(buffer: object, json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person(), json_vocabulary)
    with pytest.raises(TypeError):
        grammar.fill_bitmask([grammar.start], buffer)


def test_a_read_only_buffer_is_a_type_error(json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person(), json_vocabulary)
    buffer = np.zeros((1, 12), np.int32)
    buffer.setflags(write=False)
    with pytest.raises(TypeError):
        grammar.fill_bitmask([grammar.start], buffer)


@pytest.mark.gpu
def test_pinned_memory_is_a_buffer(json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person(), json_vocabulary)
    pinned = torch.zeros((1, 12), dtype=torch.int32).pin_memory()
    grammar.fill_bitmask([grammar.start], pinned)
    assert pinned.any()
    with pytest.raises(TypeError):
        grammar.fill_bitmask([grammar.start], pinned.cuda())


def test_integers_that_are_no_states(json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person(), json_vocabulary)
    for state in (-1, 10**6, 2**31 - 1):
        with pytest.raises((IndexError, ValueError)):
            grammar.step(state, 0)
        with pytest.raises((IndexError, ValueError)):
            grammar.fill_bitmask([state], np.zeros((1, 12), np.int32))


@pytest.mark.parametrize(
    ("tokens", "eos", "size"),
    [([b"a"], [], None), ([b"a"], [1], None), ([b"a"], [-1], None), ([b"a", b"b"], [0], 1), ([], [], None)],
)
def test_malformed_vocabularies(tokens: list[bytes], eos: list[int], size: int | None) -> None:
    with pytest.raises(VocabularyError):
        Vocabulary(tokens, eos, size=size)


# -------------------------------------------------------------------------------------- copies, pickles, threads, memory


def test_pickle_and_copy(json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person(), json_vocabulary, grammar_bytes=1 << 20)
    matcher = Matcher(grammar)
    for token in b'{"name": "J':
        matcher.accept_token(token)
    assert copy.copy(grammar) is grammar and copy.deepcopy(grammar) is grammar
    for twin in (pickle.loads(pickle.dumps(matcher)), copy.copy(matcher), copy.deepcopy(matcher)):
        assert twin.token_ids == matcher.token_ids
        assert mask_of(twin.grammar, twin.state) == mask_of(grammar, matcher.state)
        twin.accept_token(ord("o"))
        assert len(matcher.token_ids) == 11
    again = pickle.loads(pickle.dumps(grammar))
    assert mask_of(again, again.start) == mask_of(grammar, grammar.start)


def test_a_byte_budget_drops_states_but_no_matcher(json_vocabulary: Vocabulary) -> None:
    tight = compiled(person("any"), json_vocabulary, grammar_bytes=25_000)
    roomy = compiled(person("any"), json_vocabulary)
    held = [(Matcher(tight), Matcher(roomy)) for _ in range(4)]
    rng = random.Random(5)
    for _ in range(400):
        small, large = rng.choice(held)
        allowed = mask_of(tight, small.state)
        assert allowed == mask_of(roomy, large.state)
        if small.is_terminated or len(small.token_ids) > 60:
            small.reset(), large.reset()
            continue
        token = rng.choice(sorted(allowed))
        small.accept_token(token)
        large.accept_token(token)
    statistics = tight.statistics()
    assert statistics["collections"] > 0
    assert statistics["states"] < roomy.statistics()["states"]


def test_a_dropped_state_is_an_error_not_another_state(json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person("any"), json_vocabulary, grammar_bytes=15_000)
    loose = [grammar.step_bytes(grammar.start, b'{"name": "ab' + b"c" * i) for i in range(10)]
    for seed in range(20):
        for _ in walk(Matcher(grammar), random.Random(seed), 60):
            pass
    assert grammar.statistics()["collections"] > 0
    dropped = 0
    for state in loose:
        try:
            grammar.is_accepting(state)
        except IndexError as error:
            assert "dropped" in str(error)
            dropped += 1
    assert dropped > 0


def test_many_threads_share_a_grammar(json_vocabulary: Vocabulary) -> None:
    grammar = compiled(person("any"), json_vocabulary, grammar_bytes=40_000)
    reference = compiled(person("any"), json_vocabulary)
    failures: list[str] = []

    def work(seed: int) -> None:
        matcher, twin, rng = Matcher(grammar), Matcher(reference), random.Random(seed)
        bitmask = np.zeros((1, json_vocabulary.bitmask_words), np.int32)
        for _ in range(150):
            matcher.fill_bitmask(bitmask)
            allowed = mask_of(grammar, matcher.state)
            if allowed != mask_of(reference, twin.state):
                failures.append(f"seed {seed} after {matcher.token_ids}")
                return
            if matcher.is_terminated or rng.random() < 0.05:
                matcher.reset(), twin.reset()
                continue
            token = rng.choice(sorted(allowed))
            matcher.accept_token(token)
            twin.accept_token(token)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_matchers_keep_their_grammar_and_vocabulary_alive() -> None:
    matcher = Matcher(compiled(Grammar(Terminal(Text("ab"))), Vocabulary([b"a", b"b", None], [2])))
    gc.collect()
    matcher.accept_token(0)
    assert matcher.grammar.vocabulary.token_bytes(1) == b"b"


# ----------------------------------------------------------------------------------------------- a vocabulary of real size


def llama(data_dir: Path) -> Vocabulary:
    return Vocabulary.from_tokenizers(data_dir / "tokenizers" / "llama3.tokenizer.json", eos_token_ids=[128009])


def test_class_slices_equal_the_plain_truth(data_dir: Path) -> None:
    """Inside strings and words the mask comes from slices; here it is compared with stepping every token."""
    vocabulary = llama(data_dir)
    grammar = compiled(person("any"), vocabulary)
    texts = [b"", b"{", b'{"', b'{"name":"', b'{"name":"ab', b'{"name":"abcdefghijk', b'{"name":"abcdefghijkl',
             b'{"name":"ab","tags":[', b'{"name":"ab","tags":[abc', b'{"name":"ab","tags":[abc-', b'{"name":"ab","tags":[abc-d1',
             b'{"name":"ab","tags":[abc-d1, "', b'{"other', b'{"age":1', b'{"age": ', b'{"name":"\\', b'{"x":"\\ud83d\\']  # fmt: skip
    bitmask = np.zeros((1, vocabulary.bitmask_words), np.int32)
    for text in texts:
        state = grammar.step_bytes(grammar.start, text)
        grammar.fill_bitmask([state], bitmask)
        bits = np.unpackbits(bitmask.view(np.uint8), bitorder="little")[: vocabulary.size]
        truth = np.fromiter((grammar.step(state, t) >= 0 for t in range(vocabulary.size)), bool, vocabulary.size)
        assert (bits.astype(bool) == truth).all(), text


def test_several_bounded_strings_in_one_state(data_dir: Path) -> None:
    """Three differences from one common mask, each clearing tokens that the others keep."""
    vocabulary = llama(data_dir)
    bounded = [
        NodeSequence((Terminal(JsonString(Repeat(ANY_CHAR, 0, n))), Terminal(Text(str(n))))) for n in (20, 30, 25)
    ]
    grammar = compiled(Grammar(Choice(tuple(bounded))), vocabulary)
    state = grammar.step_bytes(grammar.start, b'"x')
    truth = [token for token in range(vocabulary.size) if grammar.step(state, token) >= 0]
    assert grammar.allowed_tokens(state) == truth


def test_compiling_and_masking_at_once_do_not_wait_for_each_other(json_vocabulary: Vocabulary) -> None:
    """The lock of the vocabulary's tables and the lock of its lexer are taken in one order only."""

    def compile_many() -> None:
        for i in range(800):
            compiled(Grammar(Terminal(Text(f"k{i}"))), json_vocabulary)

    def mask_many() -> None:
        for i in range(800):
            classes = Chars(((48, 57), (65, 75 + i % 40)))
            grammar = compiled(Grammar(Terminal(Repeat(classes, 0, 300 + i))), json_vocabulary)
            grammar.allowed_tokens(grammar.start)

    threads = [threading.Thread(target=work, daemon=True) for work in (compile_many, mask_many, mask_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)


def test_random_walks_end_in_valid_json(json_vocabulary: Vocabulary) -> None:
    layout = JsonLayout("indent", indent=3)
    grammar = compiled(person("declared", layout), json_vocabulary)
    finished = 0
    for seed in range(30):
        matcher = Matcher(grammar)
        for _ in walk(matcher, random.Random(seed), 300):
            if matcher.is_accepting:
                break
        text = b"".join(map(json_vocabulary.token_bytes, matcher.token_ids))
        if matcher.is_accepting and not matcher.is_terminated:
            finished += 1
            # array items of CODE are no JSON, so only texts without them can be parsed back
            if b"tags" not in text:
                value = json.loads(text, object_pairs_hook=list)
                assert isinstance(value, list)
    assert finished > 5


def test_the_byte_budget_holds_over_many_requests(data_dir: Path) -> None:
    """What is dropped is given back in the books too, or every collection would raise the budget."""
    budget = 150_000
    grammar = compiled(person("any"), llama(data_dir), grammar_bytes=budget)
    bitmask = np.zeros((1, grammar.vocabulary.bitmask_words), np.int32)
    for request in range(150):
        matcher = Matcher(grammar)
        for token in f'{{"name": "a{request}bc{request * 7}", "tags": [ab-c{request}, "x"], "k{request}": {request}':
            matcher.fill_bitmask(bitmask)
            matcher.accept_token(next(t for t in range(256) if grammar.vocabulary.token_bytes(t) == token.encode()))
    assert grammar.statistics()["collections"] > 1
    assert grammar.statistics()["state_bytes"] < 2 * budget

"""The logits processor inside `model.generate`: the same as our own loop, and valid whatever the search."""

from __future__ import annotations

import re

import pytest
import torch
from tiny_models import bpe_tokenizer, gpt2, llama, t5
from transformers import LogitsProcessor, LogitsProcessorList

from latticework.decoding import compiler_for, complete
from latticework.grammar import TokenRejected, choice, json_schema, regex
from latticework.integrations.huggingface import ConstraintLogitsProcessor, load

PROMPTS = ["A", "Bb xyz person", "{{", "the rain in spain the rain", "日本"]
CONSTRAINT = regex(r'\{"n":[1-9][0-9]{0,3},"s":"[a-c日]{2,4}"\}')
PATTERN = re.compile(r'\{"n":[1-9][0-9]{0,3},"s":"[a-c日]{2,4}"\}')


def run(model, prompts, processor, **options):
    """What `model.generate` adds to each prompt: token ids without what follows the first end token."""
    tokenizer = bpe_tokenizer()
    inputs = tokenizer(prompts, return_tensors="pt", padding=True)
    sequences = model.generate(
        **inputs,
        logits_processor=LogitsProcessorList([processor]),
        **{"max_new_tokens": 60, "do_sample": False} | options,
    )
    start = 0 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
    return [until_the_end(sequence[start:].tolist()) for sequence in sequences]


def until_the_end(ids: list[int]) -> tuple[int, ...]:
    tokenizer = bpe_tokenizer()
    ids = [token for token in ids if token != tokenizer.pad_token_id]
    return tuple(ids[: ids.index(tokenizer.eos_token_id) + 1] if tokenizer.eos_token_id in ids else ids)


def text_of(ids: tuple[int, ...]) -> str:
    vocabulary = compiler_for(bpe_tokenizer()).vocabulary
    assert ids[-1] == bpe_tokenizer().eos_token_id
    return b"".join(vocabulary.token_bytes(token) for token in ids[:-1]).decode()


@pytest.mark.parametrize("model", [llama, gpt2])
def test_greedy_equals_our_loop(model):
    processor = ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer())
    ours = [generation.token_ids for generation in complete(model(), bpe_tokenizer(), PROMPTS, constraint=CONSTRAINT)]
    assert run(model(), PROMPTS, processor) == ours
    assert run(model(), PROMPTS[1:4], processor) == ours[1:4], "the same object serves another call"
    assert run(model(), PROMPTS, processor) == ours, "and the first one again"


def test_compiled_grammars_need_no_tokenizer():
    grammar = compiler_for(bpe_tokenizer()).compile(CONSTRAINT)
    expected = run(llama(), PROMPTS, ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer(), model=llama()))
    assert run(llama(), PROMPTS, ConstraintLogitsProcessor(grammar)) == expected


def test_each_prompt_may_have_its_own_constraint():
    constraints = [choice(["yes", "no"]), CONSTRAINT, regex(r"\d{5}"), json_schema({"enum": [1, None]}), choice(["x"])]
    processor = ConstraintLogitsProcessor(constraints, bpe_tokenizer())
    expected = [
        generation.token_ids for generation in complete(llama(), bpe_tokenizer(), PROMPTS, constraint=constraints)
    ]
    assert run(llama(), PROMPTS, processor) == expected
    beams = run(llama(), PROMPTS[:5], processor, num_beams=3, num_return_sequences=3)
    texts = [text_of(ids) for ids in beams]
    assert set(texts[:3]) <= {"yes", "no"}
    assert all(PATTERN.fullmatch(text) for text in texts[3:6])
    assert all(re.fullmatch(r"\d{5}", text) for text in texts[6:9])
    with pytest.raises(ValueError, match="5 constraints for 2 sequences"):
        run(llama(), PROMPTS[:2], processor)


@pytest.mark.parametrize("returned", [1, 3])
def test_sampling_is_valid(returned):
    torch.manual_seed(0)
    processor = ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer())
    for _ in range(3):
        found = run(llama(), PROMPTS, processor, do_sample=True, temperature=1.7, num_return_sequences=returned)
        assert len(found) == len(PROMPTS) * returned
        assert all(PATTERN.fullmatch(text_of(ids)) for ids in found)


# ------------------------------------------------------------------------------------------------------------ beams


@pytest.mark.parametrize("beams", [2, 4, 7])
def test_beams_are_valid_and_equal_a_search_by_hand(beams):
    processor = ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer())
    plain = {"early_stopping": "never", "length_penalty": 0.0}
    found = run(llama(), PROMPTS, processor, num_beams=beams, num_return_sequences=beams, **plain)
    assert all(PATTERN.fullmatch(text_of(ids)) for ids in found)
    for row, prompt in enumerate(PROMPTS):
        assert found[row * beams] == best_beam(llama(), prompt, beams), prompt


def best_beam(model, prompt: str, beams: int) -> tuple[int, ...]:
    """Beam search as in the textbook: the most likely finished sequence, found with the masks of the automaton."""
    tokenizer = bpe_tokenizer()
    grammar = compiler_for(tokenizer).compile(CONSTRAINT)
    start = tokenizer(prompt)["input_ids"]
    running, finished = [(0.0, (), grammar.start)], []
    while running and (len(finished) < beams or running[0][0] > min(finished[:beams])[0]):
        ahead = []
        with torch.no_grad():
            ids = torch.tensor([[*start, *tokens] for _, tokens, _ in running])
            logits = model(input_ids=ids).logits[:, -1].float().log_softmax(-1)
        for (score, tokens, state), row in zip(running, logits.tolist(), strict=True):
            for token in grammar.allowed_tokens(state):
                ahead.append((score + row[token], (*tokens, token), grammar.step(state, token)))
        ahead.sort(key=lambda entry: -entry[0])
        kept = [(entry, grammar.is_terminated(entry[2])) for entry in ahead[: 2 * beams]]
        finished += [entry for place, (entry, done) in enumerate(kept) if done and place < beams]
        finished.sort(key=lambda entry: -entry[0])
        running = [entry for entry, done in kept if not done][:beams]
    return finished[0][1]


def test_many_beams_find_the_most_likely_text():
    """With more beams than the language has spellings, beam search is exhaustive."""
    language = ["ab", "the", "thein", "日"]
    grammar = compiler_for(bpe_tokenizer()).compile(choice(language))
    spellings, ahead = [], [((), grammar.start)]
    while ahead:
        ahead = [
            ((*tokens, t), grammar.step(state, t)) for tokens, state in ahead for t in grammar.allowed_tokens(state)
        ]
        spellings += [tokens for tokens, state in ahead if grammar.is_terminated(state)]
        ahead = [(tokens, state) for tokens, state in ahead if not grammar.is_terminated(state)]
    assert len(spellings) < 60
    processor = ConstraintLogitsProcessor(grammar)
    for prompt in PROMPTS:
        plain = {"early_stopping": "never", "length_penalty": 0.0}
        (found,) = run(llama(), [prompt], processor, num_beams=60, **plain)
        likelihood = {tokens: log_probability(llama(), prompt, tokens) for tokens in spellings}
        assert found == max(spellings, key=likelihood.__getitem__)


def log_probability(model, prompt: str, tokens: tuple[int, ...]) -> float:
    start = bpe_tokenizer()(prompt)["input_ids"]
    with torch.no_grad():
        law = model(input_ids=torch.tensor([[*start, *tokens]])).logits[0, len(start) - 1 :].log_softmax(-1)
    return sum(law[place, token].item() for place, token in enumerate(tokens))


# -------------------------------------------------------------------------------------------- other kinds of search


@pytest.mark.parametrize("draft", ["model", "prompt"])
def test_assisted_generation_equals_greedy(draft):
    """The draft is tried and partly refused, so the processor sees rows that go back."""
    processor = ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer())
    helper = {"assistant_model": llama(9, layers=1)} if draft == "model" else {"prompt_lookup_num_tokens": 3}
    for prompt in PROMPTS:
        expected = run(llama(), [prompt], processor)
        assert run(llama(), [prompt], processor, **helper) == expected


def test_encoder_decoder():
    processor = ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer())
    for beams in (1, 3):
        found = run(t5(), PROMPTS, processor, num_beams=beams)
        assert all(PATTERN.fullmatch(text_of(ids)) for ids in found)


# ------------------------------------------------------------------------------------------------ calls and history


def scores(rows: int = 1) -> torch.Tensor:
    return torch.zeros(rows, len(bpe_tokenizer()))


def allowed(masked: torch.Tensor, row: int = 0) -> set[int]:
    return set(torch.nonzero(masked[row] > -torch.inf)[:, 0].tolist())


def test_a_call_begins_where_the_tokens_do_not_go_on():
    grammar = compiler_for(bpe_tokenizer()).compile(regex("ab|cd"))
    a, b, c = (bpe_tokenizer().convert_tokens_to_ids(letter) for letter in "abc")
    start, after_a = set(grammar.allowed_tokens(grammar.start)), {b}
    processor = ConstraintLogitsProcessor(grammar)
    assert allowed(processor(torch.tensor([[5, 6]]), scores())) == start
    assert allowed(processor(torch.tensor([[5, 6, a]]), scores())) == after_a
    assert allowed(processor(torch.tensor([[5, 6, a]]), scores())) == after_a, "asked twice"
    assert allowed(processor(torch.tensor([[5, 6]]), scores())) == start, "the same prompt again"
    assert allowed(processor(torch.tensor([[5, 7, a]]), scores())) == start, "another prompt"
    assert allowed(processor(torch.tensor([[5, 7, a, c, 9]]), scores())) == start, "it and more than one token"
    assert allowed(processor(torch.tensor([[5, 7, a, c, 9], [1, 1, 1, 1, 1]]), scores(2)), 1) == start, "another batch"
    assert allowed(processor(torch.tensor([[5, 7]]), scores())) == start
    processor.reset()
    assert allowed(processor(torch.tensor([[5, 7, a]]), scores())) == start, "after reset"


def test_rows_may_change_places():
    a, b, c, d = (bpe_tokenizer().convert_tokens_to_ids(letter) for letter in "abcd")
    grammar = compiler_for(bpe_tokenizer()).compile(choice(["ab", "cd"]))
    processor = ConstraintLogitsProcessor(grammar)
    processor(torch.tensor([[5], [5]]), scores(2))
    processor(torch.tensor([[5, a], [5, c]]), scores(2))
    masked = processor(torch.tensor([[5, c, d], [5, a, b]]), scores(2))
    assert allowed(masked, 0) == allowed(masked, 1) == {bpe_tokenizer().eos_token_id}
    processor(torch.tensor([[5], [5]]), scores(2))
    masked = processor(torch.tensor([[5, c], [5, c]]), scores(2))
    assert allowed(masked, 0) == allowed(masked, 1) == {d}


def test_padding_after_the_end_is_nothing():
    eos, pad = bpe_tokenizer().eos_token_id, bpe_tokenizer().pad_token_id
    (letter,) = bpe_tokenizer()("q")["input_ids"]
    processor = ConstraintLogitsProcessor(choice(["q"]), bpe_tokenizer())
    for added in ([], [letter], [letter, eos], [letter, eos, pad], [letter, eos, pad, pad]):
        masked = processor(torch.tensor([[5, *added]]), scores())
        assert allowed(masked) == ({letter} if not added else {eos})


def test_scores_are_not_written_to():
    before = torch.randn(1, len(bpe_tokenizer()))
    given = before.clone()
    masked = ConstraintLogitsProcessor(choice(["q"]), bpe_tokenizer())(torch.tensor([[5]]), given)
    assert torch.equal(given, before)
    assert torch.equal(masked[masked > -torch.inf], before[masked > -torch.inf])


class Forcing(LogitsProcessor):
    """Forces one token, whatever came before."""

    def __init__(self, token_id: int) -> None:
        self.token_id = token_id

    def __call__(self, input_ids, scores):
        forced = torch.full_like(scores, -torch.inf)
        forced[:, self.token_id] = 0
        return forced


def test_a_later_processor_that_breaks_the_constraint_is_noticed():
    processor = ConstraintLogitsProcessor(choice(["q"]), bpe_tokenizer())
    inputs = bpe_tokenizer()(["x"], return_tensors="pt")
    processors = LogitsProcessorList([processor, Forcing(bpe_tokenizer().convert_tokens_to_ids("z"))])
    with pytest.raises(TokenRejected, match="b'z'"):
        llama().generate(**inputs, logits_processor=processors, max_new_tokens=5, do_sample=False)
    assert [text_of(ids) for ids in run(llama(), ["x"], processor)] == ["q"], "and the next call is a new one"


def test_wrong_arguments():
    with pytest.raises(TypeError, match="tokenizer"):
        ConstraintLogitsProcessor(CONSTRAINT)
    with pytest.raises(TypeError, match="constraint"):
        ConstraintLogitsProcessor("abc", bpe_tokenizer())
    with pytest.raises(ValueError, match="empty"):
        ConstraintLogitsProcessor([], bpe_tokenizer())
    narrow = ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer())
    with pytest.raises(TypeError, match="give model="):
        narrow(torch.tensor([[5]]), torch.zeros(1, 40))
    fitting = ConstraintLogitsProcessor(CONSTRAINT, bpe_tokenizer(), model=llama(extra=-40))
    assert all(PATTERN.fullmatch(text_of(ids)) for ids in run(llama(extra=-40), ["A", "{{"], fitting))


def test_load(tmp_path):
    llama().save_pretrained(tmp_path)
    bpe_tokenizer().save_pretrained(tmp_path)
    model, tokenizer = load(tmp_path)
    assert not model.training
    processor = ConstraintLogitsProcessor(CONSTRAINT, tokenizer, model=model)
    assert run(model, PROMPTS, processor) == run(llama(), PROMPTS, processor)

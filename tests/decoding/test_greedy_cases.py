"""Greedy outputs with drafts and in batches are token by token those of the plainest loop: one row, no cache, no drafts.

LATTICEWORK_GREEDY_CASES says how many cases: schemas, random models, drafters, and batches of 1 to 8 rows.
"""

from __future__ import annotations

import itertools
import os
import random

import torch
from small_schemas import random_constraints
from tiny_models import CORPUS, bpe_tokenizer, gpt2, llama

import latticework as lw
from latticework.decoding import ModelDrafts, compiler_for

CASES = int(os.environ.get("LATTICEWORK_GREEDY_CASES", "200"))
DRAFTS = {
    "none": lambda: None,
    "forced": lambda: "forced",
    "copy": lambda: "copy",
    "counts": lambda: "counts",
    "recycle": lambda: "recycle",
    "all": lambda: "all",
    "model": lambda: ModelDrafts(llama(1), tokens=3, least=0.0),
    "all and model": lambda: ["forced", "copy", "counts", "recycle", ModelDrafts(llama(2), tokens=2, least=0.05)],
}
PROMPTS = ["A", "Bb xyz", '{"a": ', "the rain in spain the rain", "日本", "q" * 30, '"', CORPUS[0]]
MOST = 18


@torch.no_grad()
def plainly(model, prompt: str, grammar: lw.CompiledGrammar) -> tuple[int, ...]:
    """The most likely allowed token at each step, all of the text read each time."""
    ids, state, tokens = bpe_tokenizer()(prompt)["input_ids"], grammar.start, []
    while len(tokens) < MOST and not grammar.is_terminated(state):
        logits = model(input_ids=torch.tensor([ids + tokens]), use_cache=False).logits[0, -1]
        allowed = grammar.allowed_tokens(state)
        tokens.append(allowed[int(logits[allowed].argmax())])
        state = grammar.step(state, tokens[-1])
    return tuple(tokens)


def test_greedy_is_the_same_with_all_drafters_and_batches():
    rng, tokenizer, done, drafted = random.Random(6), bpe_tokenizer(), 0, 0
    models = [llama(0), llama(3), llama(4, layers=1), gpt2()]
    compilers = {id(model): compiler_for(tokenizer, width=model.config.vocab_size) for model in models}
    for number, (schema, constraint) in enumerate(random_constraints(compilers[id(models[0])], CASES, seed=7)):
        model = models[number % len(models)]
        compiler = compilers[id(model)]
        rows = rng.sample(PROMPTS, 8)
        right = [plainly(model, prompt, compiler.compile(constraint)) for prompt in rows]
        for name, make in itertools.islice(DRAFTS.items(), min(len(DRAFTS), CASES - done)):
            size = 1 + (done + done // 8) % 8  # every drafter meets every size
            options = {"constraint": constraint, "compiler": compiler, "max_new_tokens": MOST, "finish": False}
            found = lw.complete(model, tokenizer, rows[:size], drafts=make(), **options)
            assert [one.token_ids for one in found] == right[:size], (schema, name, size, number)
            done, drafted = done + 1, drafted + sum(one.report.accepted for one in found)
        if done == CASES:
            break
    assert done == CASES
    assert drafted > CASES

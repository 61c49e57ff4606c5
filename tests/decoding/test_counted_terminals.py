"""Terminals that take only so many tokens, in the loop: the bound holds, and drafts, batches and the budget change nothing."""

from __future__ import annotations

import pytest
from tiny_models import CORPUS, bpe_tokenizer, llama, same

import latticework as lw
from latticework.decoding.device_automaton import DeviceAutomaton
from latticework.decoding.device_tables import DeviceAutomatonError

PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
MADE = {
    "word": lw.sequence("<", lw.regex("[a-z ]+", max_tokens=3), ">"),
    "list": lw.repeat(lw.regex("[a-z]+", max_tokens=2), 2, 4, ", "),
    "thought": lw.reasoning(lw.json_schema(PERSON), max_tokens=12),
    "short thought": lw.reasoning(lw.json_schema(PERSON), max_tokens=8),
}


def spans(name: str, text: str) -> list[tuple[int, int]]:
    """Where the counted terminals of a text are."""
    if name == "word":
        return [(1, len(text) - 1)]
    if name == "list":
        words = text.split(", ")
        begins = [sum(map(len, words[:index])) + 2 * index for index in range(len(words))]
        return [(begin, begin + len(word)) for begin, word in zip(begins, words, strict=True)]
    return [(len("<think>"), text.index("</think>") + len("</think>"))]


@pytest.mark.parametrize("name", list(MADE))
def test_the_bound_holds_whatever_is_drafted(name: str) -> None:
    tokenizer = bpe_tokenizer()
    most = {"word": 3, "list": 2, "thought": 12, "short thought": 8}[name]
    for seed in range(4):
        settings = {"max_new_tokens": 60, "temperature": 1.2, "seed": seed}
        prompts = CORPUS[: 1 + seed]
        plain = lw.complete(llama(seed), tokenizer, prompts, constraint=MADE[name], drafts=None, **settings)
        same(lw.complete(llama(seed), tokenizer, prompts, constraint=MADE[name], drafts="all", **settings), plain)
        for one in plain:
            assert one.finish_reason in ("complete", "end")
            cuts, length = [], 0
            for _ in one.token_ids:
                begin, length = length, len(tokenizer.decode(one.token_ids[: len(cuts) + 1], skip_special_tokens=True))
                cuts.append((begin, length))
            for begin, end in spans(name, one.text):
                assert sum(1 for low, high in cuts if max(low, begin) < min(high, end)) <= most


def test_there_is_no_automaton_for_a_device() -> None:
    compiled = lw.Compiler(lw.Vocabulary.from_huggingface(bpe_tokenizer())).compile(MADE["list"])
    with pytest.raises(DeviceAutomatonError, match="only so many tokens"):
        DeviceAutomaton.from_grammar(compiled)

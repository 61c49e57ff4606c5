"""Special tokens in what is generated: demanded by a constraint, named in the text, and read back from it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from tiny_models import llama, make_tokenizer

from latticework.decoding import complete, stream
from latticework.decoding.compilers import compiler_for
from latticework.grammar import Matcher, ToolCall, free_text, sequence, special_token, tool_calls
from latticework.integrations.huggingface import ConstraintLogitsProcessor

ARGUMENTS = {
    "type": "object",
    "properties": {"n": {"enum": [1, 2]}},
    "required": ["n"],
    "additionalProperties": False,
}
TOOLS = [{"name": "get", "parameters": ARGUMENTS}]
STYLE = {"call": "[T]{name}[A]{arguments}", "trigger": ["[T]"], "special": ["[T]", "[A]"]}


@cache
def tokenizer() -> Any:
    """With two special tokens more, for which the model has logits."""
    made = make_tokenizer()
    made.add_special_tokens({"additional_special_tokens": ["[T]", "[A]"]})
    return made


class Favouring:
    """A model that likes some tokens much better than it did before."""

    def __init__(self, token_ids: list[int]) -> None:
        self.config = llama().config
        self.generation_config = llama().generation_config
        self.device = llama().device
        self._token_ids = token_ids

    def __call__(self, **inputs: Any) -> Any:
        result = llama()(**inputs)
        result.logits[..., self._token_ids] += 1000.0
        return result


def test_the_text_holds_the_names() -> None:
    t, a = tokenizer().convert_tokens_to_ids(["[T]", "[A]"])
    made = tool_calls(TOOLS, style=STYLE, choice="required", max_calls=3, schema_options={"whitespace": "compact"})
    for one in complete(Favouring([t, a]), tokenizer(), ["x", "日本"], constraint=made, max_new_tokens=200):
        assert one.finished
        assert one.token_ids[0] == t
        assert one.token_ids.count(t) == one.token_ids.count(a) == one.text.count("[T]") == len(one.value.calls)
        assert set(map(repr, one.value.calls)) <= {repr(ToolCall("get", {"n": n})) for n in (1, 2)}
        assert tokenizer().decode(one.token_ids).removesuffix("<eos>") == one.text


@pytest.mark.parametrize("seed", range(3))
def test_free_text_and_streams(seed: int) -> None:
    made = sequence(free_text(max_chars=5), special_token("[T]"), "é", special_token("[A]"))
    options = {"constraint": made, "max_new_tokens": 40, "temperature": 1.0, "seed": seed}
    (one,) = complete(llama(), tokenizer(), ["x"], **options)
    assert one.finished
    assert one.text.endswith("[T]é[A]")
    assert one.value == one.text
    assert "".join(stream(llama(), tokenizer(), "x", **options)) == one.text


def test_the_logits_processor() -> None:
    made = sequence(special_token("[T]"), "a", special_token("[A]"))
    processor = ConstraintLogitsProcessor(made, tokenizer(), model=llama())
    inputs = torch.tensor([tokenizer()("x")["input_ids"]])
    output = llama().generate(inputs, logits_processor=[processor], max_new_tokens=8, do_sample=False)
    assert tokenizer().decode(output[0, inputs.shape[1] :]).startswith("[T]a[A]<eos>")


def test_tokens_without_logits_are_left_out() -> None:
    t, a = tokenizer().convert_tokens_to_ids(["[T]", "[A]"])
    vocabulary = compiler_for(tokenizer(), width=a).vocabulary
    assert vocabulary.special_tokens["[T]"] == t
    assert "[A]" not in vocabulary.special_tokens
    matcher = Matcher(compiler_for(tokenizer(), width=a).compile(special_token("[T]")))
    matcher.accept_token(t)
    assert matcher.is_accepting

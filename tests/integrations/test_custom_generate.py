"""`model.generate(custom_generate=...)` gives what our loop gives, and refuses what it would have to ignore."""

from __future__ import annotations

import pytest
import torch
from tiny_models import bpe_tokenizer, llama
from transformers import GenerationConfig, LogitsProcessorList, TextStreamer, TopHLogitsWarper

import latticework as lw
from latticework.integrations.custom_generate import ConstrainedGenerate

CONSTRAINT = lw.json_schema({"type": "object", "properties": {"a": {"enum": ["x", "yy"]}}, "required": ["a"]})


def inputs(*prompts: str) -> dict[str, torch.Tensor]:
    return dict(bpe_tokenizer()(list(prompts), return_tensors="pt", padding=True, return_token_type_ids=False))


def test_greedy_batch_equals_our_own_call():
    write = ConstrainedGenerate(CONSTRAINT, bpe_tokenizer())
    fed = inputs("A", "a longer prompt")
    found = llama().generate(**fed, custom_generate=write, max_new_tokens=40, do_sample=False)
    expected = lw.complete(llama(), bpe_tokenizer(), ["A", "a longer prompt"], constraint=CONSTRAINT, max_new_tokens=40)
    assert [one.token_ids for one in write.generations] == [one.token_ids for one in expected]
    for row, one in zip(found[:, fed["input_ids"].shape[1] :].tolist(), expected, strict=True):
        assert tuple(row[: len(one.token_ids)]) == one.token_ids
        assert set(row[len(one.token_ids) :]) <= {bpe_tokenizer().pad_token_id}
    assert torch.equal(found[:, : fed["input_ids"].shape[1]], fed["input_ids"])


def test_sampling_with_everything_from_the_call():
    write = ConstrainedGenerate(CONSTRAINT, bpe_tokenizer(), drafts=None)
    options = {"do_sample": True, "temperature": 1.3, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.1}
    torch.manual_seed(3)
    found = llama().generate(
        **inputs("A"),
        custom_generate=write,
        max_new_tokens=40,
        num_return_sequences=3,
        return_dict_in_generate=True,
        **options,
    )
    assert found.sequences.shape[0] == len(write.generations) == 3
    assert all(one.finished and one.value["a"] in {"x", "yy"} for one in write.generations)
    again = ConstrainedGenerate(CONSTRAINT, bpe_tokenizer(), drafts="all")
    torch.manual_seed(3)
    llama().generate(**inputs("A"), custom_generate=again, max_new_tokens=40, num_return_sequences=3, **options)
    assert [one.token_ids for one in again.generations] == [one.token_ids for one in write.generations]


def test_stop_strings_and_streamer(capsys):
    streamer = TextStreamer(bpe_tokenizer(), skip_prompt=True)
    write = ConstrainedGenerate(lw.regex("[a-z]{3}-[a-z]{3}"), bpe_tokenizer(), stop="-", streamer=streamer)
    config = GenerationConfig(max_new_tokens=30, do_sample=False)
    llama().generate(**inputs("A"), custom_generate=write, generation_config=config)
    (one,) = write.generations
    assert one.finish_reason == "stop"
    assert one.text.endswith("-")
    assert len(one.text) == 4
    assert not one.finished
    assert one.text in capsys.readouterr().out


def test_what_would_be_ignored_is_refused():
    write = ConstrainedGenerate(CONSTRAINT, bpe_tokenizer())

    def call(**options):
        llama().generate(**inputs("A"), custom_generate=write, max_new_tokens=30, **options)

    with pytest.raises(ValueError, match="TopHLogitsWarper has no effect"):
        call(logits_processor=LogitsProcessorList([TopHLogitsWarper(0.5)]))
    with pytest.raises(ValueError, match="output_scores=True"):
        call(output_scores=True, return_dict_in_generate=True)
    with pytest.raises(ValueError, match="num_beams=2"):
        call(num_beams=2)
    with pytest.raises(ValueError, match="temperature"):
        ConstrainedGenerate(CONSTRAINT, bpe_tokenizer(), temperature=-1.0)

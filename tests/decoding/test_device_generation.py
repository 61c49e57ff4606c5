"""Generation on the device as a whole gives what the ordinary loop gives, or says why it cannot."""

from __future__ import annotations

import pytest
import torch
from tiny_models import TableModel, bpe_tokenizer, gpt2, llama, same
from transformers import DynamicCache, StaticCache

import latticework as lw
from latticework.decoding.device_tables import DeviceAutomatonError

CONSTRAINTS = [
    lw.regex("[a-z]{2,20}( [a-z]+){0,3}"),
    lw.choice(["anna", "annette", "true", "日本"]),
    lw.json_schema({"enum": [{"age": 12}, {"name": "anna"}, [1, 2, 3]]}),
    lw.choice(["anna", "annette", "true", "日本"]),
]
PROMPTS = ["A", "Bb xyz person", '{"', "the rain in spain the rain"]


def static(model, slots: int = 100) -> dict:
    """The options that put a call on the device."""
    return {"on_device": True, "past_key_values": StaticCache(config=model.config, max_cache_len=slots)}


@pytest.mark.parametrize("make", [llama, gpt2])
@pytest.mark.parametrize("finish", [False, True])
@pytest.mark.parametrize("most", [9, 30])
@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "seed": 5}, {"temperature": 0.7, "seed": 6}])
def test_the_output_is_the_same(make, finish, most, options):
    tokenizer = bpe_tokenizer()
    settings = options | {"max_new_tokens": most, "finish": finish}
    for prompts, constraints in ((PROMPTS, CONSTRAINTS), (PROMPTS[:1], CONSTRAINTS[1])):
        right = lw.complete(make(), tokenizer, prompts, constraint=constraints, **settings)
        found = lw.complete(make(), tokenizer, prompts, constraint=constraints, **static(make()), **settings)
        same(found, right)
        for one, other in zip(found, right, strict=True):
            assert (one.is_valid, one.finished, one.value) == (other.is_valid, other.finished, other.value)
            assert one.report.forward_passes == len(one.token_ids)
            assert (one.report.drafted, one.report.accepted) == (0, 0)
            assert one.report.seconds["model"] > 0


def test_the_same_random_numbers_of_torch():
    texts = []
    for place in ({}, static(llama())):
        torch.manual_seed(3)
        options = {"constraint": CONSTRAINTS[0], "temperature": 2.0, "max_new_tokens": 20} | place
        texts.append([one.text for one in lw.complete(llama(), bpe_tokenizer(), PROMPTS, **options)])
    assert texts[0] == texts[1]


def test_streams_and_caches():
    choice, place = CONSTRAINTS[1], static(llama(), 300)
    pieces = lw.stream(llama(), bpe_tokenizer(), "A", constraint=choice, **place)
    assert "".join(pieces) == pieces.result == lw.generate(llama(), bpe_tokenizer(), "A", constraint=choice)
    again = lw.generate(llama(), bpe_tokenizer(), ["A", "Bb"], constraint=choice, **static(llama(), 300))
    assert again == lw.generate(llama(), bpe_tokenizer(), ["A", "Bb"], constraint=choice)
    with pytest.raises(ValueError, match="a static cache with 258 slots or more"):
        lw.generate(llama(), bpe_tokenizer(), "AbA", constraint=choice, on_device=True)
    with pytest.raises(ValueError, match="the cache has 5"):
        lw.generate(llama(), bpe_tokenizer(), "A", constraint=choice, **static(llama(), 5))
    with pytest.raises(ValueError, match="a static cache of full attention"):
        lw.generate(llama(), bpe_tokenizer(), "A", choice=["a"], on_device=True, past_key_values=DynamicCache())


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"drafts": "all"}, "drafts"),
        ({"canonical": True}, "canonical"),
        ({"stop": "a"}, "stop"),
        ({"repetition_penalty": 1.2}, "repetition_penalty"),
        ({"temperature": 1.0, "top_k": 3}, "top_k"),
    ],
)
def test_options_that_need_the_host(options, name):
    with pytest.raises(ValueError, match=f"on_device: there is no .*{name}"):
        lw.generate(llama(), bpe_tokenizer(), "A", choice=["a"], on_device=True, **options)


def test_what_cannot_be_on_a_device():
    with pytest.raises(DeviceAutomatonError, match="it has more states"):
        lw.generate(llama(), bpe_tokenizer(), "A", schema={"type": "array"}, **static(llama()))
    with pytest.raises(ValueError, match="a model that takes position_ids"):
        lw.generate(TableModel(torch.zeros(325, 325)), bpe_tokenizer(), "A", choice=["a"], **static(llama()))


def test_a_model_without_numbers():
    model = type(llama())(llama().config).double().eval()
    torch.nn.init.constant_(model.lm_head.weight, float("nan"))
    with pytest.raises(ValueError, match="after 0 tokens the model has no finite logit"):
        lw.generate(model, bpe_tokenizer(), "A", choice=["a"], **static(model, 300))


@pytest.mark.gpu
@pytest.mark.parametrize("drafts", [None, "all"])
@pytest.mark.parametrize("options", [{}, {"temperature": 0.8, "seed": 5}, {"temperature": 1.0, "top_k": 9, "seed": 5}])
def test_a_gpu_writes_what_a_cpu_writes(drafts, options):
    """In float64, where rounding leaves the tokens as they are; by the ordinary loop, and on the device as a whole."""
    model = type(llama())(llama().config).double().eval()
    model.load_state_dict(llama().state_dict())
    settings = options | {"constraint": CONSTRAINTS, "max_new_tokens": 30}
    right = lw.complete(model, bpe_tokenizer(), PROMPTS, drafts=drafts, **settings)
    model = model.to("cuda")
    same(lw.complete(model, bpe_tokenizer(), PROMPTS, drafts=drafts, **settings), right)
    if drafts is None and "top_k" not in options:
        same(lw.complete(model, bpe_tokenizer(), PROMPTS, **static(model), **settings), right)

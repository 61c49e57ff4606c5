"""Texts and chats, alone and in lists, become the token ids that the tokenizer itself gives."""

from __future__ import annotations

import pytest
from tiny_models import bpe_tokenizer, llama, make_tokenizer

from latticework.decoding import generate
from latticework.decoding.prompts import encode_prompt, split_prompts

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


def test_split():
    assert split_prompts("a") == (["a"], False)
    assert split_prompts(CHAT) == ([CHAT], False)
    assert split_prompts(["a", CHAT]) == (["a", CHAT], True)
    assert split_prompts([CHAT]) == ([CHAT], True)
    assert split_prompts([]) == ([], True)
    for wrong in (1, None, b"a", {"role": "user"}, [1], [[]], [b"a"], [{"role": "user", "content": ""}, "a"]):
        with pytest.raises(TypeError, match="prompt"):
            split_prompts(wrong)


def test_texts_are_encoded_as_the_tokenizer_does():
    tokenizer = bpe_tokenizer()
    assert encode_prompt(tokenizer, "hällo <eos>") == tokenizer("hällo <eos>")["input_ids"]


def test_chats_open_the_turn_of_the_assistant():
    tokenizer = bpe_tokenizer()
    expected = tokenizer("<system>Be brief.\n<user>Hi\n<assistant>")["input_ids"]
    assert encode_prompt(tokenizer, CHAT) == expected
    assert encode_prompt(tokenizer, tuple(CHAT)) == expected


def test_the_assistants_own_message_goes_on():
    tokenizer = bpe_tokenizer()
    chat = [*CHAT, {"role": "assistant", "content": "Sure: "}]
    rendered = tokenizer.decode(encode_prompt(tokenizer, chat))
    assert rendered.rstrip().endswith("<assistant>Sure:")


def test_empty_prompts():
    with pytest.raises(ValueError, match="no tokens"):
        encode_prompt(bpe_tokenizer(), "")
    tokenizer = make_tokenizer(bos_token="<pad>")
    assert encode_prompt(tokenizer, "") == [tokenizer.bos_token_id]


def test_malformed_chats():
    with pytest.raises(TypeError, match='"role" and a "content"'):
        encode_prompt(bpe_tokenizer(), [{"role": "user"}])


def test_prompts_of_both_kinds_in_one_batch():
    model, tokenizer = llama(), bpe_tokenizer()
    alone = [generate(model, tokenizer, prompt, regex="[a-z]{5}") for prompt in ("x", CHAT)]
    assert generate(model, tokenizer, ["x", CHAT], regex="[a-z]{5}") == alone

"""The built-in model loads offline like any other, is small, and repeats the facts of a prompt as JSON."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys

import jsonschema
import pytest
import torch
from tokenizers import pre_tokenizers

from latticework.integrations import builtin

LIMIT = 8 * 2**20  # bytes in the package
PROMPT = "Anna Schmidt is 34 years old and lives in Berlin. Her email is anna.schmidt@example.com.\nJSON: "
TEXTS = [
    "Anna Schmidt is 34 years old.",
    '{"name": "Łukasz Žák", "tags": ["a", "b"], "n": -1.5e3}\n',
    "  two  spaces\tand\ttabs\r\n\n\nlines ",
    "naïve café 東京 🙂 \u200b\x00\x7f",
    "",
]


@pytest.fixture(scope="module")
def loaded():
    return builtin.load()


@pytest.fixture(scope="module")
def faker():
    return pytest.importorskip("faker", reason="records are made with Faker, of the extra `train`")


def complete(loaded, prompt: str, **options) -> str:
    model, tokenizer = loaded
    inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        output = model.generate(**inputs, do_sample=False, max_new_tokens=120, **options)
    return tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def test_the_files_are_small_and_readable_by_all():
    files = [path for path in builtin.PATH.rglob("*") if path.is_file()]
    wanted = "model.safetensors config.json generation_config.json tokenizer.json tokenizer_config.json"
    assert {path.name for path in files} >= set(wanted.split())
    assert sum(path.stat().st_size for path in files) <= LIMIT
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in files)


def test_loads_without_a_network_and_without_the_training_script():
    script = (
        "import sys; from latticework.integrations import builtin; model, tokenizer = builtin.load();"
        "bad = [n for n in sys.modules if n == 'faker' or n.startswith('latticework.integrations.builtin.')];"
        "print(type(model).__name__, bad)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split("\n")[-2] == "LlamaForCausalLM []"


def test_dtype_is_float32_unless_asked_for(loaded):
    assert loaded[0].dtype == torch.float32
    assert not loaded[0].training
    assert builtin.load(dtype=torch.bfloat16)[0].dtype == torch.bfloat16


def test_model_and_tokenizer_agree(loaded):
    model, tokenizer = loaded
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(model.config, name) == getattr(model.generation_config, name) == getattr(tokenizer, name)
    assert tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id


def test_every_byte_is_a_token(loaded):
    vocabulary = loaded[1].get_vocab()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    assert len(alphabet) == 256
    assert all(letter in vocabulary for letter in alphabet)


@pytest.mark.parametrize("text", TEXTS)
def test_text_survives_the_tokenizer(loaded, text):
    tokenizer = loaded[1]
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_a_word_is_spelled_alike_in_a_sentence_and_in_json(loaded):
    def spell(text):
        return loaded[1].tokenize(text)

    word = spell("Brandenburg")
    assert spell(" Brandenburg") == ["Ġ", *word]
    assert spell('"Brandenburg"') == ['"', *word, '"']


def test_greedy_generation_is_deterministic(loaded):
    assert complete(loaded, PROMPT) == complete(loaded, PROMPT) == complete(builtin.load(), PROMPT)


def test_facts_come_back_as_json(loaded):
    record = json.loads(complete(loaded, PROMPT))
    assert {"Anna Schmidt", 34, "Berlin", "anna.schmidt@example.com"} <= set(record.values())


def test_padding_at_the_left_changes_nothing(loaded):
    model, tokenizer = loaded
    prompts = [PROMPT, "Write a person record as JSON.\n"]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, return_token_type_ids=False)
    with torch.inference_mode():
        output = model.generate(**batch, do_sample=False, max_new_tokens=20)
        first = model.generate(**tokenizer(PROMPT, return_tensors="pt", return_token_type_ids=False), do_sample=False,
                               max_new_tokens=20)  # fmt: skip
    assert tokenizer.decode(output[0], skip_special_tokens=True) == tokenizer.decode(first[0], skip_special_tokens=True)


def test_chat_template(loaded):
    tokenizer = loaded[1]
    messages = [
        {"role": "system", "content": "Answer in JSON."},
        {"role": "user", "content": [{"type": "text", "text": "Who?"}]},
        {"role": "assistant", "content": "{}"},
        {"role": "user", "content": "And?"},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "<|bos|><|system|>Answer in JSON.<|user|>Who?<|assistant|>{}<|eos|><|user|>And?<|assistant|>"
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert ids == tokenizer.encode(text, add_special_tokens=False)
    assert ids.count(tokenizer.convert_tokens_to_ids("<|user|>")) == 2


def test_records_are_valid_under_their_schema(faker):
    from latticework.integrations.builtin.records import examples

    kinds = 0
    for example in itertools.islice(examples(7), 2000):
        assert "\ufffd" not in example.prompt
        if example.schema is not None:
            kinds += 1
            record = json.loads(example.completion)
            jsonschema.Draft202012Validator(
                example.schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
            ).validate(record)
            assert list(record) == list(example.schema["properties"])
    assert kinds > 1500


def test_records_depend_on_the_seed_alone(faker):
    from latticework.integrations.builtin.records import examples

    first, again, other = (list(itertools.islice(examples(seed), 50)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_training_writes_a_model_that_loads(faker, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from latticework.integrations.builtin.train import main

    size = "--vocabulary 400 --hidden 32 --inner 32 --heads 2 --layers 2"
    main(f"{size} --steps 2 --batch-tokens 300 --output {tmp_path}/first".split())
    main(f"--start {tmp_path}/first --steps 1 --batch-tokens 300 --output {tmp_path}/next".split())
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "next")
    assert model.dtype == torch.float32
    assert len(AutoTokenizer.from_pretrained(tmp_path / "next")) == 400
    assert model.lm_head.weight is model.model.embed_tokens.weight

"""The pipeline gives what `generate` gives, however the prompts come in, and keeps what every pipeline promises."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Literal

import jsonschema
import pytest
import torch
from pydantic import BaseModel
from tiny_models import bpe_tokenizer, llama, make_tokenizer
from torch.utils.data import Dataset
from transformers import TextStreamer, pipeline
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.pipelines.pt_utils import KeyDataset

import latticework
from latticework.decoding import GenerationIncomplete, complete, generate
from latticework.integrations.pipeline import TASK, StructuredGenerationPipeline, register

PROMPTS = ["A", "Bb xyz person", "{{", "the rain in spain", "日本"]
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


class Pet(BaseModel):
    kind: Literal["cat", "dog", "hamster"]
    legs: Literal[3, 4]


OPTIONS = {"schema": Pet, "whitespace": "compact"}


@pytest.fixture(scope="module")
def pipe():
    return pipeline(TASK, model=llama(), tokenizer=bpe_tokenizer())


def test_is_registered_by_the_front_door():
    assert latticework.__name__ == "latticework"
    assert TASK in PIPELINE_REGISTRY.get_supported_tasks()
    register()
    assert PIPELINE_REGISTRY.supported_tasks[TASK]["impl"] is StructuredGenerationPipeline


def test_one_prompt(pipe):
    assert isinstance(pipe, StructuredGenerationPipeline)
    pet = pipe("A pet:", **OPTIONS)
    assert isinstance(pet, Pet)
    assert pet == generate(llama(), bpe_tokenizer(), "A pet:", **OPTIONS)
    assert pipe("?", regex="[ab]{2}") == generate(llama(), bpe_tokenizer(), "?", regex="[ab]{2}")
    assert pipe("?", choice=["x"]) == "x"


class Prompts(Dataset):
    def __len__(self):
        return len(PROMPTS)

    def __getitem__(self, index):
        return PROMPTS[index]


@pytest.mark.parametrize("batch_size", [1, 2, 4, 5, 8])
def test_lists_generators_and_datasets(pipe, batch_size):
    expected = generate(llama(), bpe_tokenizer(), PROMPTS, **OPTIONS)
    assert pipe(PROMPTS, batch_size=batch_size, **OPTIONS) == expected
    assert list(pipe((prompt for prompt in PROMPTS), batch_size=batch_size, **OPTIONS)) == expected
    assert list(pipe(Prompts(), batch_size=batch_size, **OPTIONS)) == expected
    records = [{"text": prompt, "other": 1} for prompt in PROMPTS]
    assert list(pipe(KeyDataset(records, "text"), batch_size=batch_size, **OPTIONS)) == expected


def test_generators_are_consumed_as_needed(pipe):
    taken = []
    results = pipe((taken.append(prompt) or prompt for prompt in PROMPTS), batch_size=2, **OPTIONS)
    next(iter(results))
    assert len(taken) < len(PROMPTS)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_seed_does_not_depend_on_the_batch_size(pipe, batch_size):
    options = {"regex": "[a-z]{6}", "temperature": 1.0, "seed": 3}
    expected = generate(llama(), bpe_tokenizer(), ["x"] * 5, **options)
    assert pipe(["x"] * 5, batch_size=batch_size, **options) == expected
    assert len(set(expected)) > 1
    assert pipe(["x"] * 5, batch_size=batch_size, **options) == expected, "each call begins anew"


def test_chats(pipe):
    expected = generate(llama(), bpe_tokenizer(), CHAT, **OPTIONS)
    assert pipe(CHAT, **OPTIONS) == expected
    assert pipe([CHAT, CHAT], batch_size=2, **OPTIONS) == [expected, expected]
    prefilled = [*CHAT, {"role": "assistant", "content": "The pet: "}]
    assert pipe(prefilled, **OPTIONS) == generate(llama(), bpe_tokenizer(), prefilled, **OPTIONS)


def test_options_of_the_pipeline_and_of_the_call():
    pipe = pipeline(TASK, model=llama(), tokenizer=bpe_tokenizer(), regex="[a-z]{9}", max_new_tokens=2, finish=False)
    with pytest.raises(GenerationIncomplete):
        pipe("x")
    whole = pipe("x", max_new_tokens=30)
    assert len(whole) == 9
    assert "".join(pipe.stream("x", max_new_tokens=30)) == whole
    assert pipe.complete("x", max_new_tokens=30)[0].value == whole
    assert pipe("x", regex=None, choice=["y"]) == "y"
    with pytest.raises(ValueError, match="regex and choice are given"):
        pipe("x", choice=["y"])


def test_stream(pipe):
    pieces = pipe.stream(CHAT, drafts=None, **OPTIONS)
    received = list(pieces)
    assert len(received) > 3
    assert pieces.result == Pet.model_validate_json("".join(received)) == pipe(CHAT, **OPTIONS)


class Recorder:
    """A streamer that keeps what it is given."""

    def __init__(self):
        self.given, self.has_ended = [], False

    def put(self, value):
        self.given.append(value)

    def end(self):
        self.has_ended = True


def test_streamer_is_fed_as_transformers_does(pipe, capsys):
    tokenizer = bpe_tokenizer()
    recorder = Recorder()
    pipe("A pet:", streamer=recorder, **OPTIONS)
    (generation,) = complete(llama(), tokenizer, "A pet:", **OPTIONS)
    prompt, *tokens = recorder.given
    assert prompt.tolist() == [tokenizer("A pet:")["input_ids"]]
    assert [token.tolist() for token in tokens] == [[token] for token in generation.token_ids]
    assert recorder.has_ended
    pipe("A pet:", streamer=TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True), **OPTIONS)
    assert capsys.readouterr().out == generation.text + "\n"
    with pytest.raises(ValueError, match="one prompt at a time"):
        pipe(["x", "y"], batch_size=2, streamer=recorder, **OPTIONS)


def test_complete_gives_back_what_was_cut_off(pipe):
    constraint = latticework.regex("[a-z]{99}")
    cut, whole = pipe.complete(
        ["x", "y"], constraint=[constraint, latticework.choice(["a"])], max_new_tokens=5, finish=False
    )
    assert (cut.finished, cut.value, whole.value) == (False, None, "a")
    with pytest.raises(GenerationIncomplete, match="cut off after 5 tokens"):
        pipe(["x"], constraint=constraint, max_new_tokens=5, finish=False)


def test_no_padding_token_is_needed():
    tokenizer = make_tokenizer(pad_token=None)
    assert tokenizer.pad_token_id is None
    pipe = pipeline(TASK, model=llama(), tokenizer=tokenizer)
    assert pipe(PROMPTS, batch_size=3, **OPTIONS) == generate(llama(), tokenizer, PROMPTS, **OPTIONS)
    assert tokenizer.pad_token_id is None


def test_saved_and_loaded_by_name(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.py"))
    assert "custom_pipelines" not in json.loads((tmp_path / "config.json").read_text())
    for names in ({"model": str(tmp_path)}, {"model": tmp_path, "tokenizer": str(tmp_path)}):
        loaded = pipeline(TASK, **names, schema=Pet)
        assert loaded(PROMPTS, whitespace="compact") == pipe(PROMPTS, **OPTIONS)


def test_wrong_options(pipe):
    with pytest.raises(TypeError, match="no option nonsense"):
        pipe("x", choice=["a"], nonsense=1)
    with pytest.raises(TypeError, match="no option nonsense"):
        pipeline(TASK, model=llama(), tokenizer=bpe_tokenizer(), nonsense=1)
    with pytest.raises(ValueError, match="exactly one of"):
        pipe("x")
    with pytest.raises(TypeError, match="prompt"):
        pipe(5, choice=["a"])


def test_device_is_the_pipelines(pipe):
    assert pipe.device == torch.device("cpu")
    assert "StructuredGenerationPipeline" in repr(pipe)


# --------------------------------------------------------------------------------------------- the built-in model


class Person(BaseModel):
    name: str
    age: int
    city: str


@pytest.fixture(scope="module")
def builtin():
    from latticework.integrations.builtin import PATH, load

    if not (PATH / "config.json").is_file():
        pytest.skip("the built-in model has not been trained")
    model, tokenizer = load()
    return SimpleNamespace(model=model, tokenizer=tokenizer, pipe=pipeline(TASK, dtype="float32"))


def test_builtin_model_is_the_default(builtin):
    by_hand = pipeline(TASK, model=builtin.model, tokenizer=builtin.tokenizer)
    prompt = "Anna Berg is 31 years old and lives in Oslo."
    assert isinstance(builtin.pipe(prompt, schema=Person), Person)
    assert builtin.pipe(prompt, schema=Person) == by_hand(prompt, schema=Person)


def test_builtin_model_batches_streams_and_chats(builtin):
    prompts = ["Anna is a nurse.", "Order 17: three lamps.", "?"]
    values = builtin.pipe(prompts, schema=Person, batch_size=2)
    assert [type(value) for value in values] == [Person] * 3
    for value in values:
        jsonschema.validate(value.model_dump(), Person.model_json_schema())
    pieces = builtin.pipe.stream(prompts[0], schema=Person)
    assert "".join(pieces) == pieces.generation.text
    assert pieces.result == values[0]
    if builtin.tokenizer.chat_template:
        assert isinstance(builtin.pipe(CHAT, schema=Person), Person)

"""Generation is valid, exact in law, independent of the batch, and says so when it was cut off."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import product
from typing import Literal

import jsonschema
import pytest
import torch
from pydantic import BaseModel, ValidationError, field_validator
from tiny_models import LANGUAGE, LETTERS, bpe_tokenizer, gpt2, llama, same, toy
from transformers import StaticCache
from typing_extensions import TypedDict  # the one that Pydantic reads before Python 3.12

from latticework.decoding import Generation, GenerationIncomplete, complete, generate, stream
from latticework.grammar import choice, json_schema, regex
from latticework.grammar.errors import UnsatisfiableSchemaError

PROMPTS = ["A", "Bb xyz person", "{{", "the rain in spain the rain", "日本", "q" * 40, '"', "hällo 😀"]


class Person(BaseModel):
    name: str
    age: int
    member: bool


class Pet(TypedDict):
    kind: Literal["cat", "dog"]
    legs: Literal[3, 4]


@dataclass
class Point:
    x: Literal[0, 1]
    y: Literal[0, 1]


PERSON = json_schema(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": "^[a-zé]{0,5}$"},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "tags": {"type": "array", "items": {"enum": ["a", "bb", None, 1.5]}, "maxItems": 3},
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": False,
    },
    whitespace="compact",
)

# ------------------------------------------------------------------------------------------------------ the value


def test_values_have_their_types():
    model, tokenizer = llama(), bpe_tokenizer()
    pet = generate(model, tokenizer, "A pet:", schema=Pet, whitespace="compact")
    assert pet["kind"] in {"cat", "dog"}
    assert pet["legs"] in {3, 4}
    assert isinstance(generate(model, tokenizer, "A point:", schema=Point, whitespace="compact"), Point)
    assert generate(model, tokenizer, "?", schema={"enum": [[1, {"a": None}]]}) == [1, {"a": None}]
    assert generate(model, tokenizer, "?", schema='{"const": "é"}') == "é"
    assert re.fullmatch(r"[ab]{3}\d", generate(model, tokenizer, "?", regex=r"[ab]{3}\d"))
    assert generate(model, tokenizer, "?", choice=["日本", "日没"]) in {"日本", "日没"}
    assert generate(model, tokenizer, "?", constraint=regex(r"xy?")) in {"x", "xy"}


def test_lists_in_lists_out():
    model, tokenizer = llama(), bpe_tokenizer()
    assert generate(model, tokenizer, [], choice=["a"]) == []
    assert generate(model, tokenizer, ["x"], choice=["a"]) == ["a"]
    assert generate(model, tokenizer, ["x", "yy"], choice=["a"]) == ["a", "a"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", [llama, gpt2])
def test_finished_outputs_are_valid(model, seed):
    schema = json.loads(PERSON.source)
    found = complete(
        model(), bpe_tokenizer(), PROMPTS, constraint=PERSON, max_new_tokens=90, temperature=1.5, seed=seed
    )
    assert all(generation.finished for generation in found)
    for generation in found:
        jsonschema.validate(json.loads(generation.text), schema)
        assert generation.value == json.loads(generation.text)


def test_property_order_and_whitespace_reach_the_schema():
    schema = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["a", "b"]}
    texts = {
        generation.text
        for generation in complete(
            llama(),
            bpe_tokenizer(),
            PROMPTS * 4,
            schema=schema | {"additionalProperties": False},
            property_order="any",
            whitespace="compact",
            temperature=2.0,
            seed=1,
        )
    }
    assert texts == {'{"a":1,"b":2}', '{"b":2,"a":1}'}


def test_validators_beyond_the_schema_speak_up():
    class Even(BaseModel):
        number: Literal[1, 3]

        @field_validator("number")
        @classmethod
        def check(cls, number: int) -> int:
            if number % 2:
                raise ValueError("odd")
            return number

    with pytest.raises(ValidationError, match="odd"):
        generate(llama(), bpe_tokenizer(), "?", schema=Even)
    (generation,) = complete(llama(), bpe_tokenizer(), "?", schema=Even)
    assert generation.finished
    assert json.loads(generation.text)["number"] in {1, 3}


# ------------------------------------------------------------------------------------------------------- the batch


@pytest.mark.parametrize("model", [llama, gpt2])
@pytest.mark.parametrize("options", [{}, {"temperature": 1.3, "top_k": 40, "top_p": 0.95, "min_p": 0.001, "seed": 5}])
def test_a_row_does_not_know_its_batch(model, options):
    def run(prompts: list[str]) -> list[Generation]:
        return complete(model(), bpe_tokenizer(), prompts, constraint=PERSON, max_new_tokens=60, **options)

    whole = run(PROMPTS)
    for size in range(1, len(PROMPTS)):
        same(run(PROMPTS[:size]), whole[:size])
    if not options:  # with sampling, the place in the call decides the random numbers
        same([run([prompt])[0] for prompt in PROMPTS], whole)


def test_each_prompt_may_have_its_own_constraint():
    constraints = [choice(["yes", "no"]), regex(r"\d{4}"), json_schema(Pet), PERSON]
    together = complete(llama(), bpe_tokenizer(), PROMPTS[:4], constraint=constraints, max_new_tokens=120)
    for prompt, constraint, generation in zip(PROMPTS, constraints, together, strict=False):
        same([generation], complete(llama(), bpe_tokenizer(), prompt, constraint=constraint, max_new_tokens=120))
    with pytest.raises(ValueError, match="4 constraints for 1 prompts"):
        complete(llama(), bpe_tokenizer(), "x", constraint=constraints)


def test_global_seed_of_torch():
    def run() -> list[str]:
        return [g.text for g in complete(llama(), bpe_tokenizer(), ["x"] * 3, regex="[a-z]{12}", temperature=1.0)]

    torch.manual_seed(1)
    first = run()
    assert run() != first
    torch.manual_seed(1)
    assert run() == first
    assert len(set(first)) == 3


# --------------------------------------------------------------------------------------------------------- the law


def spellings(text: bytes) -> list[tuple[int, ...]]:
    """Every sequence of tokens that spells the text, end token included."""
    if not text:
        return [(6,)]
    starts = [(token, spelt) for token, spelt in enumerate(LETTERS) if spelt and text.startswith(spelt)]
    return [(token, *rest) for token, spelt in starts for rest in spellings(text[len(spelt) :])]


def test_the_law_is_the_masked_law(monkeypatch):
    """Every token sequence of a finite language is reached by its own random numbers, and has its own probability."""
    model, tokenizer, compiler = toy()
    language = [tokens for text in LANGUAGE for tokens in spellings(text.encode())]
    total = 0.0
    for tokens in language:
        uniforms, masked, free, weight = by_hand(model.table, language, tokens, start=2)
        numbers = iter(uniforms)
        monkeypatch.setattr(torch, "rand", lambda *_, numbers=numbers, **__: torch.tensor(next(numbers)).double())
        (generation,) = complete(model, tokenizer, "abc", choice=LANGUAGE, compiler=compiler, temperature=1.0, seed=0)
        assert generation.token_ids == tokens
        assert generation.text.encode() == b"".join(LETTERS[token] or b"" for token in tokens)
        assert generation.log_probability == pytest.approx(free, abs=1e-9)
        assert generation.log_weight == pytest.approx(weight, abs=1e-9)
        assert generation.log_probability - generation.log_weight == pytest.approx(math.log(masked), abs=1e-9)
        total += masked
    assert total == pytest.approx(1.0)


def by_hand(
    table: torch.Tensor, language: list[tuple[int, ...]], tokens: tuple[int, ...], start: int
) -> tuple[list[float], float, float, float]:
    """Random numbers that lead to `tokens`, its probability under the masked law, and the two logarithms."""
    uniforms, masked, free, weight, last = [], 1.0, 0.0, 0.0, start
    for place, token in enumerate(tokens):
        law = table[last].softmax(-1).tolist()
        allowed = sorted({other[place] for other in language if other[:place] == tokens[:place]})
        mass = sum(law[other] for other in allowed)
        below = sum(law[other] for other in allowed if other < token)
        uniforms.append((below + law[token] / 2) / mass)
        masked *= law[token] / mass
        free += math.log(law[token])
        weight += math.log(mass)
        last = token
    return uniforms, masked, free, weight


def test_greedy_follows_the_mask_by_hand():
    model, tokenizer, compiler = toy()
    language = [tokens for text in LANGUAGE for tokens in spellings(text.encode())]
    for letter in "abcdefg":
        prefix: tuple[int, ...] = ()
        last = "abcdefg".index(letter)
        while prefix not in language:
            allowed = {other[len(prefix)] for other in language if other[: len(prefix)] == prefix}
            last = max(allowed, key=lambda token: model.table[last, token].item())
            prefix += (last,)
        (generation,) = complete(model, tokenizer, letter, choice=LANGUAGE, compiler=compiler)
        assert generation.token_ids == prefix


def test_truncation_never_empties_the_mask():
    """Top-k and top-p see the masked law: tokens outside the language take no place in them."""
    model, tokenizer, compiler = toy()
    for top_k, top_p, min_p in product([1, None], [1e-9, None], [1.0, None]):
        options = {"top_k": top_k, "top_p": top_p, "min_p": min_p, "temperature": 1.0, "seed": 1}
        sampled = complete(model, tokenizer, list("abcdefg"), choice=LANGUAGE, compiler=compiler, **options)
        assert {generation.text for generation in sampled} <= set(LANGUAGE)
        if (top_k, top_p, min_p) != (None, None, None):
            same(sampled, complete(model, tokenizer, list("abcdefg"), choice=LANGUAGE, compiler=compiler))


# ------------------------------------------------------------------------------------------------------ the budget


def test_cut_off_is_an_error_that_carries_what_there_is():
    with pytest.raises(GenerationIncomplete, match=r"cut off after 4 tokens.*raise max_new_tokens") as caught:
        generate(llama(), bpe_tokenizer(), "x", regex="[a-z]{100}", max_new_tokens=4, finish=False)
    cut = caught.value.generation
    assert len(cut.token_ids) == 4
    assert re.fullmatch("[a-z]{4,}", cut.text)
    assert (cut.finish_reason, cut.finished, cut.value) == ("length", False, None)
    constraints = [choice(["a"]), regex("[a-z]{100}")]
    with pytest.raises(GenerationIncomplete, match="1 of 2 outputs were cut off") as caught:
        generate(llama(), bpe_tokenizer(), ["x", "y"], constraint=constraints, max_new_tokens=4, finish=False)
    assert [generation.value for generation in caught.value.generations] == ["a", None]
    assert caught.value.generation is caught.value.generations[1]


def test_budget_that_ends_with_the_text():
    """Without a token left for the end, a text is finished if nothing else could follow, and only then."""
    (generation,) = complete(llama(), bpe_tokenizer(), "x", regex="q", max_new_tokens=1)
    assert (generation.text, generation.finish_reason, generation.value) == ("q", "complete", "q")
    (generation,) = complete(llama(), bpe_tokenizer(), "x", regex="qq?", max_new_tokens=1, finish=False)
    assert (generation.finish_reason, generation.value) == ("length", None)
    (generation,) = complete(llama(), bpe_tokenizer(), "x", regex="qq?", max_new_tokens=1)
    assert (generation.finish_reason, generation.value) == ("complete", "q")
    (generation,) = complete(llama(), bpe_tokenizer(), "x", regex="q", max_new_tokens=2)
    assert (generation.finish_reason, generation.value) == ("end", "q")
    assert generation.token_ids[-1] == bpe_tokenizer().eos_token_id


def test_half_a_character_is_not_text():
    (generation,) = complete(llama(), bpe_tokenizer(), "x", choice=["a🀀"], max_new_tokens=3, finish=False)
    assert (generation.text, len(generation.token_ids), generation.finished) == ("a", 3, False)


def test_positions_of_the_model_are_a_budget_too():
    model = gpt2(positions=24)
    prompts = ["q" * 20, "q"]
    found = complete(model, bpe_tokenizer(), prompts, regex="[a-z]{60}", max_new_tokens=99, finish=False)
    assert [len(generation.token_ids) for generation in found] == [5, 24]
    options = {"regex": "[a-z]{60}", "max_new_tokens": 99, "finish": False}
    same(found, [complete(model, bpe_tokenizer(), prompt, **options)[0] for prompt in prompts])
    with pytest.raises(ValueError, match="25 tokens leaves no room"):
        complete(model, bpe_tokenizer(), "q" * 25, regex="a")


def test_finished_rows_cost_no_further_steps():
    model, tokenizer, compiler = toy()
    complete(model, tokenizer, ["a", "b"], choice=["b"], compiler=compiler)
    assert model.calls == 2  # the letter and the end


# ------------------------------------------------------------------------------------------------------- streaming


@pytest.mark.parametrize("text", ["plain ascii", "häéß", "日本語", "😀🀀😀", "mixed 日 é 😀."])
def test_pieces_are_whole_characters_and_concatenate(text):
    pieces = stream(llama(), bpe_tokenizer(), "x", choice=[text], drafts=None)
    received = []
    for piece in pieces:
        assert piece
        assert text.startswith("".join([*received, piece]))
        received.append(piece)
    assert "".join(received) == text == pieces.result == pieces.generation.text
    assert len(received) > 1
    assert list(pieces) == []


def test_stream_is_generate():
    for options in ({}, {"temperature": 1.0, "seed": 3}):
        pieces = stream(llama(), bpe_tokenizer(), "x", schema=Pet, **options)
        with pytest.raises(ValueError, match="still running"):
            _ = pieces.result
        text = "".join(pieces)
        assert pieces.result == generate(llama(), bpe_tokenizer(), "x", schema=Pet, **options) == json.loads(text)


def test_stream_is_lazy():
    model, tokenizer, compiler = toy()
    pieces = stream(model, tokenizer, "a", choice=["abab"], compiler=compiler)
    assert model.calls == 0
    next(pieces)
    assert model.calls == 1


def test_cut_off_stream_ends_with_the_error():
    pieces = stream(llama(), bpe_tokenizer(), "x", regex="[a-z]{100}", max_new_tokens=3, finish=False)
    received = []
    with pytest.raises(GenerationIncomplete):
        received.extend(pieces)
    assert "".join(received) == pieces.generation.text
    with pytest.raises(GenerationIncomplete):
        _ = pieces.result


# ---------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "exactly one of .* none is given"),
        ({"schema": {}, "regex": "a"}, ValueError, "schema and regex are given"),
        ({"regex": "a", "whitespace": "compact"}, ValueError, "belong to schema="),
        ({"choice": ["a"], "property_order": "any"}, ValueError, "belong to schema="),
        ({"regex": "a", "max_new_tokens": 0}, ValueError, "at least 1"),
        ({"regex": "a", "max_new_tokens": 1.5}, TypeError, "int expected"),
        ({"regex": "a", "max_new_tokens": True}, TypeError, "int expected"),
        ({"regex": "a", "temperature": -1}, ValueError, "temperature"),
        ({"regex": "a", "top_p": 0.5}, ValueError, "no effect"),
        ({"regex": "a", "seed": 1}, ValueError, "no effect"),
        ({"constraint": "a"}, TypeError, "json_schema"),
        ({"constraint": 5}, TypeError, "json_schema"),
        ({"constraint": ["a"]}, TypeError, "json_schema"),
        ({"regex": "a", "nonsense": 1}, TypeError, "nonsense"),
        ({"schema": False}, UnsatisfiableSchemaError, None),
        ({"choice": []}, ValueError, "empty"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        generate(llama(), bpe_tokenizer(), "x", **options)


def test_wrong_prompts():
    for prompt in (5, None, b"x"):
        with pytest.raises(TypeError, match="prompt"):
            generate(llama(), bpe_tokenizer(), prompt, choice=["a"])
    with pytest.raises(TypeError, match=r"prompt\[1\]"):
        generate(llama(), bpe_tokenizer(), ["x", 5], choice=["a"])
    with pytest.raises(TypeError, match="one prompt"):
        stream(llama(), bpe_tokenizer(), ["x"], choice=["a"])


@pytest.mark.parametrize("drafts", [None, "all"])
def test_a_static_cache_changes_nothing(drafts):
    options = {"constraint": PERSON, "max_new_tokens": 40, "temperature": 1.0, "seed": 2, "drafts": drafts}
    for prompts in (PROMPTS[:1], PROMPTS[:4]):
        cache = StaticCache(config=llama().config, max_cache_len=400)
        found = complete(llama(), bpe_tokenizer(), prompts, past_key_values=cache, **options)
        same(found, complete(llama(), bpe_tokenizer(), prompts, **options))

"""What models write under a schema is valid: with random weights and with the built-in ones, greedy and drawn, in batches.

The full measurement is `benchmarks/validity.py`; this is the same on a few schemas, and tests of its judgement.
"""

import copy
import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from tiny_models import bpe_tokenizer, llama

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import subjects
import validity
import verdicts

import latticework as lw
from latticework.decoding.generation import Report

OWN = {
    "person": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "email": {"type": "string", "format": "email", "maxLength": 30},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    "kinds": {
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": "dot"}, "at": {"$ref": "#/$defs/pair"}}},
            {"type": "object", "properties": {"kind": {"enum": ["line", "path"]}}, "required": ["kind"]},
        ],
        "unevaluatedProperties": False,
        "required": ["kind"],
        "$defs": {"pair": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}},
    },
    "tree": {
        "type": "object",
        "properties": {"value": {"type": "boolean"}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}},
        "required": ["value", "next"],
        "additionalProperties": False,
    },
    "hosts": {"type": "array", "items": {"type": "string", "format": "ipv4"}, "minItems": 1, "maxItems": 2},
    "codes": {
        "type": "object",
        "patternProperties": {"^[a-z]{1,3}$": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{2,4}$"}},
        "additionalProperties": False,
        "maxProperties": 2,
    },
    "steps": {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "array",
        "items": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 2.5, "multipleOf": 0.5},
        "maxItems": 3,
    },
}
ROWS = [{"id": name, "dataset": "own", "schema": schema} for name, schema in OWN.items()]


@pytest.fixture(scope="module")
def builtin_model():
    return subjects.builtin()


@pytest.fixture(scope="module")
def random_model():
    return subjects.make_subject(copy.deepcopy(llama()), bpe_tokenizer(), closing_bias=6.0)


def all_valid(tally, outputs):
    """Nothing is left to look at, and there is something to be glad about."""
    figures = tally.figures()
    assert figures["to_look_at"] == []
    assert (figures["outputs"], figures["valid"]) == (outputs, figures["finished"])
    assert figures["finished"] + figures["unfinished_but_viable"] == outputs
    assert not tally.has_failed


@pytest.mark.parametrize("whitespace", ["compact", "flexible", "indent"])
def test_a_random_model_on_schemas_of_our_own(random_model, whitespace):
    job = validity.Job(random_model, len(ROWS), 3, seed=5, max_new_tokens=150, whitespace=whitespace)
    tally = validity.run(job, ROWS, whitespace)
    all_valid(tally, 3 * len(ROWS))
    assert tally.figures()["finished"] >= len(ROWS)


def test_the_builtin_model_on_schemas_of_our_own(builtin_model):
    tally = validity.run(validity.Job(builtin_model, len(ROWS), 2, max_new_tokens=120), ROWS, "builtin")
    all_valid(tally, 2 * len(ROWS))
    assert tally.figures()["finished"] >= len(ROWS)


def test_both_models_on_schemas_of_maskbench(data_dir, tmp_path):
    output = tmp_path / "record.json"
    with suppress(typer.Exit):  # the record says why
        validity.main(
            data=data_dir,
            schemas=12,
            samples=2,
            model=validity.Which.both,
            seed=1,
            max_new_tokens=60,
            whitespace="compact",
            closing_bias=6.0,
            output=output,
        )
    models = json.loads(output.read_text())["models"]
    assert set(models) == {"random-llama3", "builtin"}
    for figures in models.values():
        assert (figures["schemas"], figures["outputs"]) == (12, 24)
        assert figures["valid"] + figures["disputed"] + figures["unjudged"] == figures["finished"] > 0
        assert (figures["invalid"], figures["dead"], figures["stuck"], figures["exceptions"]) == (0, 0, 0, {})


# ------------------------------------------------------------------------------------------------- the judgement itself


@pytest.mark.parametrize(
    ("text", "schema", "kind", "keyword"),
    [
        ("1", {"type": "integer"}, "valid", ""),
        ('"1"', {"type": "integer"}, "invalid", "type"),
        ("[1", {}, "invalid", "JSON"),
        ("NaN", {}, "invalid", "JSON"),
        ('"2024-02-30"', {"format": "date"}, "invalid", "format"),
        ('"12:30:00Z"', {"format": "time"}, "valid", ""),
        ('"12:30:00"', {"format": "time"}, "invalid", "format"),
        ('"2016-12-31T23:59:60Z"', {"format": "date-time"}, "disputed", "format"),  # a leap second
        ("0.07", {"multipleOf": 0.01}, "disputed", "multipleOf"),  # 0.07 / 0.01 is not 7 in doubles
        ("0.075", {"multipleOf": 0.01}, "invalid", "multipleOf"),
        ('"١"', {"pattern": r"^\D$"}, "disputed", "pattern"),  # a digit for Python, not for ECMA-262
        ('"١"', {"pattern": "^a$"}, "invalid", "pattern"),
        ('"a"', {"pattern": r"^\p{L}$"}, "unjudged", ""),  # no pattern of Python
        ('"1"', {"pattern": r"^\p{L}$"}, "invalid", ""),
        ("1", {"$ref": "http://localhost:1/x.json"}, "unjudged", ""),
    ],
)
def test_verdicts_on_finished_texts(text, schema, kind, keyword):
    found = verdicts.validate(text, schema)
    assert (found.kind, found.keyword) == (kind, keyword)


def test_all_enforced_formats_are_checked():
    assert verdicts.unchecked_formats() == []


@pytest.fixture(scope="module")
def one():
    """A compiled schema, and a finished generation of it; each byte is a token, 256 is the end."""
    constraint = lw.json_schema({"enum": ["ab"]}, whitespace="compact")
    vocabulary = lw.Vocabulary([*(bytes([value]) for value in range(256)), None], [256])
    generation = lw.Generation((*b'"ab"', 256), '"ab"', "end", True, (), (), Report(), constraint)
    return lw.Compiler(vocabulary).compile(constraint), generation


def test_verdicts_look_at_the_bytes(one):
    grammar, good = one
    schema = {"enum": ["ab"]}
    cut = replace(good, token_ids=tuple(b'"a'), text='"a', finish_reason="length")
    assert verdicts.verdict(good, grammar, schema).kind == "valid"
    assert verdicts.verdict(good, grammar, {"enum": ["b"]}).kind == "invalid"
    assert verdicts.verdict(cut, grammar, schema).kind == "viable"
    assert verdicts.verdict(replace(cut, token_ids=tuple(b'"b')), grammar, schema).kind == "dead"
    assert verdicts.verdict(replace(cut, finish_reason="end"), grammar, schema).kind == "dead"
    assert verdicts.verdict(replace(good, text='"aB"'), grammar, schema).kind == "dead"


def test_a_broken_promise_is_a_failure(one):
    grammar, generation = one
    entry = validity.Entry("one", "own", {"enum": ["b"]}, generation.constraint, grammar)
    tally = validity.Tally()
    output = validity.Output(entry, is_greedy=True, generation=generation)
    tally.add(output, validity.judged(output))
    assert tally.has_failed
    (found,) = tally.figures()["to_look_at"]
    assert (found["kind"], found["schema"], found["keyword"], found["text"]) == ("invalid", "one", "enum", '"ab"')


def test_an_error_finds_its_schema(random_model, monkeypatch):
    job = validity.Job(random_model, 3, 1, max_new_tokens=20)
    complete = lw.complete

    def failing(*arguments, constraint, **options):
        if any('"kind"' in one.source for one in constraint):
            raise RuntimeError("no luck")
        return complete(*arguments, constraint=constraint, **options)

    monkeypatch.setattr(lw, "complete", failing)
    tally = validity.run(job, ROWS, "failing")
    assert tally.exceptions == {"RuntimeError": 1}
    assert [found["schema"] for found in tally.listed] == ["kinds"]
    assert tally.has_failed


def test_what_does_not_compile_is_counted_and_replaced(random_model):
    rows = [{"id": "no", "dataset": "own", "schema": {"not": {"uniqueItems": True}}}, *ROWS[:2]]
    tally = validity.run(validity.Job(random_model, 2, 1, max_new_tokens=5), rows, "refused")
    assert (tally.refused, tally.schemas.total()) == ({"UnsupportedSchemaError": 1}, 2)


def test_data_sets_take_turns():
    rows = [{"id": str(index), "dataset": "ab"[index > 5]} for index in range(8)]
    order = validity.in_turn(rows, seed=1)
    assert [row["dataset"] for row in order] == list("ababaaaa")
    assert sorted(row["id"] for row in order) == [row["id"] for row in rows]
    assert order == validity.in_turn(rows, seed=1) != validity.in_turn(rows, seed=2)


def test_the_closing_bias_is_on_what_closes():
    vocabulary = lw.Vocabulary([b"a", b'a"', b"}", b"[", b",]", None, None], [5])
    assert subjects.closing_tokens(vocabulary).tolist() == [0, 1, 1, 0, 1, 1, 0]


def test_the_bias_reaches_the_logits():
    plain, raised = (
        subjects.make_subject(copy.deepcopy(llama()), bpe_tokenizer(), closing_bias=bias) for bias in (0.0, 6.0)
    )
    ids = plain.tokenizer("abc", return_tensors="pt")["input_ids"]
    difference = (raised.model(input_ids=ids).logits - plain.model(input_ids=ids).logits)[0, -1]
    expected = subjects.closing_tokens(plain.compiler.vocabulary) * 6.0
    assert difference.tolist() == pytest.approx(expected.tolist(), abs=1e-9)

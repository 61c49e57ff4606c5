"""Every engine, behind its adapter, says of small texts what the JSON Schema validator says."""

import json
from importlib.util import find_spec

import pytest
from engines import ENGINES, Refusal, is_allowed, load_tokenizer, package_version
from jsonschema import Draft202012Validator
from walk import SlowLog, walk_text

SCHEMAS = [
    {"type": "boolean"},
    {"enum": ["abc", 12, None]},
    {"type": "integer", "minimum": -3, "maximum": 12},
    {"type": "string", "maxLength": 3},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    },
    {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "integer"}, "maxItems": 1}]},
]
VALUES = [True, None, "abc", "abcd", "", 12, 13, -4, 1.5, [True], [], [True, False, True], [12]]
VALUES += [{"a": 1}, {"a": 1, "b": "true"}, {"b": "abc"}, {"a": "1"}, {"a": 1, "c": 2}, {}]


@pytest.fixture(scope="module")
def tokenizer(tokenizer_file):
    return load_tokenizer(str(tokenizer_file), "<|eot_id|>")


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request, tokenizer):
    if find_spec(request.param.split("-")[0]) is None:
        pytest.skip(f"{request.param} is not installed")
    return ENGINES[request.param](tokenizer)


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_verdicts_are_the_validators(engine, tokenizer, schema):
    session = engine.compile(schema)
    assert not isinstance(session, Refusal)
    validator = Draft202012Validator(schema)
    for value in VALUES:
        tokens = tokenizer.backend_tokenizer.encode(json.dumps(value), add_special_tokens=False).ids
        walk = walk_text(session, tokens, tokenizer.eos_token_id, 0, SlowLog(10**12))
        assert walk.accepted == validator.is_valid(value), value
        assert walk.contradiction == ""


def test_a_session_starts_again(engine, tokenizer):
    session = engine.compile({"enum": ["abc"]})
    first = []
    for _ in range(2):
        session.reset()
        session.compute_mask()
        first.append(session.bitmask.copy())
        assert session.commit(tokenizer.convert_tokens_to_ids('"'))
        assert not session.is_accepting()
    assert (first[0] == first[1]).all()
    assert is_allowed(first[0], tokenizer.convert_tokens_to_ids('"'))


def test_a_token_that_is_not_allowed_is_not_committed(engine, tokenizer):
    session = engine.compile({"type": "boolean"})
    session.reset()
    assert not session.commit(tokenizer.convert_tokens_to_ids("abc"))


@pytest.mark.parametrize(
    ("name", "schema", "kind"),
    [
        ("latticework", {"type": "integer", "minimum": 3, "maximum": 2}, "unsatisfiable"),
        ("llguidance", {"not": {"type": "null"}}, "unsupported"),
        ("llguidance", {"type": "integer", "minimum": 3, "maximum": 2}, "unsatisfiable"),
    ],
)
def test_refusals_are_typed(tokenizer, name, schema, kind):
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    refusal = ENGINES[name](tokenizer).compile(schema)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, bool(refusal.message)) == (kind, True)


def test_a_package_that_is_not_there_has_no_version():
    assert package_version("no-such-package-at-all") == "absent"

"""What a negated format excludes: all that its specification, or any checker, takes for the format."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from random import Random

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import Language, dumps, regex_language, schema_language
from jsonschema import Draft202012Validator

from latticework.grammar.errors import UnsatisfiableSchemaError
from latticework.grammar.json_formats import FORMATS, format_content
from latticework.grammar.json_formats_negated import excluded_content

CHECKER = Draft202012Validator.FORMAT_CHECKER
READ_BY_SOMEBODY = [
    ("time", "23:59:60Z"),
    ("time", "12:00:00Z\n"),
    ("date", "0000-02-29"),
    ("date-time", "1998-12-31T15:59:60.123-08:00"),
    ("duration", "P0Y1W"),
    ("email", "a b@c"),
    ("hostname", "xn--4gbwdl.xn--wgbh1c"),
    ("hostname", "a."),
    ("hostname", "\u212aelvin"),
    ("idn-hostname", "\u03c0" * 50),
    ("idn-hostname", "xn--4gbwdl"),
    ("idn-email", "a@b\u3002c d"),
    ("uri", "http://[::01.2.3.4]"),
    ("uri-template", "{a,}"),
    ("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d1_380"),
    ("relative-json-pointer", "\u0661/a"),
    ("regex", "(?<name>a)\\k<name>"),
    ("regex", "(?P<name>a)"),
    ("regex", "[]"),
]
READ_BY_NOBODY = [
    ("time", "25:00:00Z"),
    ("date", "2023-02-30"),
    ("date-time", "2024-01-01"),
    ("duration", "1D"),
    ("email", "a"),
    ("hostname", "a_b"),
    ("hostname", "-a"),
    ("hostname", "a" * 64),
    ("idn-hostname", "a b"),
    ("uri", "a b:"),
    ("iri", "http://a b"),
    ("ipv4", "1.2.3"),
    ("ipv6", "1::2::3"),
    ("uri-template", "a{"),
    ("uuid", "2eb8aa08aa9811eab4aa73b441d16380"),
    ("json-pointer", "a"),
    ("relative-json-pointer", "-1"),
    ("regex", "a)"),
    ("regex", "(a"),
    ("regex", "a\\"),
    ("regex", "*"),
]


@lru_cache(maxsize=64)
def negated(name: str) -> Language:
    return schema_language({"type": "string", "not": {"format": name}})


@lru_cache(maxsize=64)
def excluded(name: str) -> Language:
    content = excluded_content(name)
    assert content is not None
    return regex_language(content)


@lru_cache(maxsize=64)
def written(name: str) -> Language:
    content = format_content(name)
    assert content is not None
    return regex_language(content)


@lru_cache(maxsize=64)
def specification(name: str) -> jsonschema_rs.Validator:
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return jsonschema_rs.validator_for({"$schema": dialect, "format": name}, validate_formats=True)


@pytest.mark.parametrize(("name", "text"), READ_BY_SOMEBODY)
def test_what_somebody_reads_is_not_written(name: str, text: str) -> None:
    assert specification(name).is_valid(text) or CHECKER.conforms(text, name)
    assert dumps(text) not in negated(name)


@pytest.mark.parametrize(("name", "text"), READ_BY_NOBODY)
def test_what_nobody_reads_is_written(name: str, text: str) -> None:
    assert not specification(name).is_valid(text) and not CHECKER.conforms(text, name)
    assert dumps(text) in negated(name)


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(seed=st.integers(0, 2**32))
def test_the_format_and_its_neighbours(name: str, seed: int) -> None:
    """Texts of the format with a small change: what a checker takes for one, `not` does not write."""
    random = Random(seed)
    text = written(name).random_text(random, length=30)
    if text is None:
        return
    assert text in excluded(name)
    place = random.randrange(len(text) + 1)
    changed = text[:place] + random.choice(["", *"0aZ-.:/~%{[(\\+\n é٠"]) + text[place + random.randrange(2) :]
    if CHECKER.conforms(changed, name):
        assert changed in excluded(name)


def test_negated_annotations_have_no_strings() -> None:
    with pytest.raises(UnsatisfiableSchemaError):
        schema_language({"type": "string", "not": {"format": "color"}})
    assert excluded_content("color") is None


def test_one_of_two_formats() -> None:
    """No text of both is written."""
    one = schema_language({"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "hostname"}]})
    assert '"example.org"' in one
    assert '"127.0.0.1"' not in one


def test_official_suite(data_dir: Path) -> None:
    """What is valid against a format is not valid against its negation."""
    wrong = []
    for file in sorted(data_dir.glob("json-schema-test-suite/tests/draft2020-12/optional/format/*.json")):
        for group in json.loads(file.read_text(encoding="utf-8")):
            name = group["schema"].get("format", "")
            texts = [case["data"] for case in group["tests"] if case["valid"] and isinstance(case["data"], str)]
            wrong += [(name, text) for text in texts if name in FORMATS and text not in excluded(name)]
    assert wrong == []

"""Formats, judged by the official suite where the data folder has it, and by tables of our own."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from random import Random

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import Language, dumps, regex_language, schema_language
from jsonschema import Draft202012Validator

from latticework.grammar.json_formats import FORMATS, format_content
from oracle import matches

CHECKER = Draft202012Validator.FORMAT_CHECKER

VALID = {
    "date": ["2024-02-29", "2000-02-29", "0001-01-01", "2023-12-31", "1600-02-29"],
    "time": ["00:00:00Z", "23:59:59Z", "12:34:56.789-23:59", "01:29:06+01:30", "08:30:06z"],
    "date-time": ["2024-02-29T23:59:59Z", "1985-04-12t23:20:50.52z", "1990-12-31T15:59:06-08:00"],
    "duration": ["P4DT12H30M5S", "P1Y", "PT1S", "P2W", "PT0S"],
    "ipv4": ["0.0.0.0", "255.255.255.255"],
    "ipv6": ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1:2::7:8", "FE80::1"],
    "hostname": ["a", "a-b.example", "1a", "a" * 63],
    "email": ["a@b", "a.b+c@example.org", '"a b"@c', "a@[127.0.0.1]", "a@[IPv6:::1]"],
    "idn-email": ["실례@실례.테스트"],
    "uri": ["http://a/b?c#d", "urn:x", "a:", "http://[::1]:80/", "mailto:a@b", "http://a?q/?"],
    "uri-reference": ["", "#a", "/a", "../b", "//c", "http://x"],
    "iri": ["http://ƒøø.ßår/?∂éœ=πîx#πîüx"],
    "iri-reference": ["#ƒrägmênt", "âππ"],
    "uuid": ["2EB8AA08-aa98-11ea-b4aa-73b441d16380", "00000000-0000-0000-0000-000000000000"],
    "uri-template": ["http://a/{b}{?c,d*}", "", "x{+y:3}"],
    "json-pointer": ["", "/", "/a~0b~1c//"],
    "relative-json-pointer": ["0", "10#", "1/a/b"],
    "regex": ["", "^[a-z]+$", "(a|b)*", "\\d{2,3}?", "(?:x)(?=y)"],
    "idn-hostname": ["실례.테스트", "bücher.example", "a.b"],
}
INVALID = {
    "date": ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31", "2024-1-01", "24-01-01", "2024-01-01Z"],
    "time": [
        "24:00:00Z",
        "12:00:60Z",
        "23:59:60Z",
        "23:59:60+01:00",
        "22:59:60-00:30",
        "12:00:00",
        "12:00:00.Z",
        "1:00:00Z",
    ],
    "date-time": ["2024-02-30T00:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00"],
    "duration": ["P", "PT", "P1", "P1WT1H", "P1D2Y", "1D", "PT1D"],
    "ipv4": ["256.0.0.0", "01.0.0.0", "1.2.3", "1.2.3.4.5"],
    "ipv6": ["1:2:3:4:5:6:7", "1::2::3", ":::", "1:2:3:4:5:6:7:8:9", "12345::", "::1%eth0"],
    "hostname": ["", "-a", "a-", "a..b", "a" * 64, "a_b", "ab--c", "a."],
    "email": ["a", "@b", "a@", ".a@b", "a..b@c", "a b@c", "a@[127.0.0.300]"],
    "idn-email": ["실례", "a@xn--X", "é@xn--X", "é@b..c", "a@\u0603", "a@b\u00b7", "é" * 65 + "@a"],
    "uri": ["", "//a", "a b:", "http://a b", "http://[::1", ":a", "http://a/\\", "http://a/{", "http://é"],
    "uri-reference": ["\\", "a b", "%1", "1:b c"],
    "iri": ["ƒøø", "http://a b"],
    "iri-reference": ["a\\b"],
    "uuid": ["2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638", "g" * 36],
    "uri-template": ["{", "a{b", "{}", "a b"],
    "json-pointer": ["a", "/~", "/~2", "#/a"],
    "relative-json-pointer": ["", "-1", "01", "/a", "1##"],
    "regex": ["(", ")", "[a", "a**", "*", "[b-a]", "\\", "\\a"],
    "idn-hostname": ["", "a..b", "-a", "〮a", "example."],
}
SUITE_DRAFTS = ("draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")
ONLY_ECMA = {"(?<name>x)", "(?<n>a)\\k<n>", "(?<=a+)b", "[]", "[^]", "\\cA"}
"""Patterns that Python does not read."""


@lru_cache(maxsize=64)
def language(name: str) -> Language:
    content = format_content(name)
    assert content is not None
    return regex_language(content)


@pytest.mark.parametrize("name", sorted(VALID))
def test_table(name: str) -> None:
    assert [text for text in VALID[name] if text not in language(name)] == []
    assert [text for text in INVALID[name] if text in language(name)] == []


@pytest.mark.parametrize("name", ["date", "date-time"])
def test_there_is_no_year_zero(name: str) -> None:
    rest = "T00:00:00Z" if name == "date-time" else ""
    assert f"0004-02-29{rest}" in language(name)
    assert f"0000-02-29{rest}" not in language(name) and f"0000-01-01{rest}" not in language(name)


def test_the_two_matchers_agree_on_dates() -> None:
    content = format_content("date")
    assert content is not None
    for text in [*VALID["date"], *INVALID["date"]]:
        assert matches(content, text) is (text in VALID["date"])


def test_every_format_of_the_specification_is_here() -> None:
    assert set(VALID) == set(INVALID) == set(FORMATS)
    assert all(format_content(name) is None for name in ("int32", "color", "host-name", "", "Date"))


@lru_cache(maxsize=64)
def specification(name: str) -> jsonschema_rs.Validator:
    """The checks of jsonschema-rs, which keep closer to the texts than those of `jsonschema`."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return jsonschema_rs.validator_for({"$schema": dialect, "format": name}, validate_formats=True)


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(seed=st.integers(0, 2**32))
def test_what_is_written_is_of_the_format(name: str, seed: int) -> None:
    text = language(name).random_text(Random(seed), length=30)
    if text is not None:
        assert specification(name).is_valid(text)
        assert name in WIDER_THAN_THE_CHECKER or CHECKER.conforms(text, name)


WIDER_THAN_THE_CHECKER = {"iri", "iri-reference", "relative-json-pointer", "uri-template"}
"""`jsonschema` does not read, among others, `http://[::1]` as an IRI, `100` as a pointer, `{v:1000}` as a template."""


@pytest.mark.parametrize(
    ("name", "text"), [("iri", "http://[::1]"), ("relative-json-pointer", "100"), ("uri-template", "{v:1000}")]
)
def test_where_the_checker_is_narrower(name: str, text: str) -> None:
    assert text in language(name) and specification(name).is_valid(text)
    assert not CHECKER.conforms(text, name)


def suite_cases(data_dir: Path) -> Iterator[tuple[str, object, bool]]:
    for draft in SUITE_DRAFTS:
        for file in sorted(data_dir.glob(f"json-schema-test-suite/tests/{draft}/optional/format/*.json")):
            for group in json.loads(file.read_text(encoding="utf-8")):
                name = group["schema"].get("format", "")
                if format_content(name) is not None:
                    yield from ((name, case["data"], case["valid"]) for case in group["tests"])


def is_left_out(name: str, text: str) -> bool:
    """What is valid, and not written for a reason that `docs/json-schema.md` states."""
    match name:
        case "time" | "date-time":
            return ":60" in text
        case "hostname":
            return text[2:4] == "--"
        case "idn-hostname":
            return text[2:4] == "--" or len(text.encode("punycode")) > 50
        case "idn-email":
            return not unicodedata.is_normalized("NFC", text.partition("@")[2])
    return name == "regex" and text in ONLY_ECMA


def test_official_suite(data_dir: Path) -> None:
    """Nothing invalid is written. What is valid and not written is narrower for a stated reason."""
    cases = list(suite_cases(data_dir))
    assert {name for name, _, _ in cases} == set(FORMATS)
    texts = {(name, data, valid) for name, data, valid in cases if isinstance(data, str)}
    wrong = [
        (name, text)
        for name, text, valid in sorted(texts)
        if (text in language(name)) is not valid and not (valid and is_left_out(name, text))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_only_strings_have_formats(name: str) -> None:
    values = schema_language({"format": name})
    assert all(dumps(value) in values for value in (12, 13.5, {}, [], False, None, VALID[name][0]))
    assert dumps(INVALID[name][0]) not in values

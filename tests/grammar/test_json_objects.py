"""Names of objects: overlapping patterns, undeclared names, counts of properties, and how alternatives are told apart."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import dumps, schema_language

from latticework.grammar.errors import UnsupportedSchemaError
from latticework.grammar.json_objects import _disjoint, _literal_prefix
from latticework.grammar.json_schema import from_json_schema

PATTERNS = ["a", "^a", "b$", "^[ab]$", "aa", "^b"]
NAMES = ["".join(letters) for count in range(4) for letters in itertools.product("ab", repeat=count)]


@given(st.dictionaries(st.sampled_from(PATTERNS), st.integers(0, 2), max_size=4), st.booleans(), st.booleans())
def test_the_value_of_a_name_obeys_every_pattern(patterns: dict[str, int], closed: bool, declares: bool) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "patternProperties": {pattern: {"enum": [least, 2, 5]} for pattern, least in patterns.items()},
        "additionalProperties": False if closed else {"enum": [7]},
        "properties": {"ab": {"enum": [0, 1, 2]}} if declares else {},
    }
    language = schema_language(schema)
    for name in NAMES:
        for value in (0, 1, 2, 5, 7):
            allowed = [{least, 2, 5} for pattern, least in patterns.items() if re.search(pattern, name)]
            if declares and name == "ab":
                allowed.append({0, 1, 2})
            expected = all(value in one for one in allowed) if allowed else not closed and value == 7
            assert (dumps({name: value}) in language) is expected, (name, value)


def test_undeclared_names_are_not_the_declared_ones() -> None:
    language = schema_language({"type": "object", "properties": {"a": {"type": "integer"}}})
    assert '{"a": 1, "aa": "x", "": null}' in language
    assert '{"a": 1, "b": 1, "a": 2}' not in language
    assert r'{"\u0061": "x"}' not in language


@pytest.mark.parametrize("count", range(4))
def test_counts_of_properties(count: int) -> None:
    names = {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["a"]}
    least = schema_language({**names, "additionalProperties": False, "minProperties": 2})
    most = schema_language({**names, "maxProperties": 2})
    open_ended = schema_language({**names, "minProperties": 2})
    value = dict.fromkeys("abc"[:count], 0)
    assert (dumps(value) in least) is (count >= 2)
    assert (dumps(value) in open_ended) is (count >= 2)
    assert (dumps(value) in most) is (1 <= count <= 2)
    assert ('{"a": 0, "x": 1}' in open_ended) is True


def test_many_patterns() -> None:
    distinct = {f"^p{i}-": {"const": i} for i in range(30)}
    language = schema_language({"type": "object", "patternProperties": distinct, "additionalProperties": False})
    assert '{"p29-x": 29, "p3-": 3}' in language
    assert '{"p29-x": 3}' not in language
    with pytest.raises(UnsupportedSchemaError, match="patternProperties"):
        from_json_schema({"type": "object", "patternProperties": {f"p{i}": {"const": i} for i in range(30)}})


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [("^x-foo.*", "x-foo"), ("^ab?", "a"), ("^ab*c", "a"), ("a", ""), ("^a|b", ""), ("^", ""), ("^a{0,2}", ""), ("^a\\d", "a")],
)  # fmt: skip
def test_literal_prefixes(pattern: str, prefix: str) -> None:
    assert _literal_prefix(pattern) == prefix


def test_disjoint_by_prefix() -> None:
    assert _disjoint(["^a", "^b"])
    assert not _disjoint(["^a", "^ab"])
    assert not _disjoint(["^a", "b"])


@pytest.mark.parametrize("names", [{"pattern": "^a"}, {"maxLength": 1}, {"enum": ["a", "ab"]}, {"not": {"const": "a"}}])
def test_property_names(names: dict[str, Any]) -> None:
    schema = {"type": "object", "propertyNames": names, "properties": {"a": {"type": "integer"}, "b": {}}}
    language = schema_language(schema)
    rules = {"pattern": lambda n: n[:1] == "a", "maxLength": lambda n: len(n) <= 1, "enum": lambda n: n in ("a", "ab")}
    is_name = rules.get(next(iter(names)), lambda n: n != "a")
    for name in NAMES:
        assert (dumps({name: 1}) in language) is is_name(name)

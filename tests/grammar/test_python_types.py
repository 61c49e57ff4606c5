"""Python types: what the schema of a type allows is what the type is read from, for every type we can think of."""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime as dt
import decimal
import functools
import ipaddress
import json
import pathlib
import pickle
import random
import re
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal, get_args

import jsonschema
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, AliasPath, BaseModel, Discriminator, Field, StringConstraints, Tag, TypeAdapter
from python_samples import (
    SAMPLES,
    Address,
    ByName,
    Cat,
    Circle,
    Color,
    Dog,
    Owner,
    Person,
    Point,
    Written,
    schema_values,
    texts_of,
)

from latticework.grammar import CompiledGrammar, Compiler, Matcher, UnsupportedSchemaError, Vocabulary, json_schema
from latticework.grammar.python_types import PythonType

NAMES = [f"{index}-{str(kind)[:60]}" for index, (kind, _) in enumerate(SAMPLES)]
every_type = pytest.mark.parametrize("index", range(len(SAMPLES)), ids=NAMES)


def validator(kind: Any) -> jsonschema.Draft202012Validator:
    schema = PythonType(kind).schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def is_valid(kind: Any, value: Any) -> bool:
    return validator(kind).is_valid(value)


@functools.cache
def sample(index: int) -> tuple[PythonType, jsonschema.Draft202012Validator]:
    return PythonType(SAMPLES[index][0]), validator(SAMPLES[index][0])


@every_type
def test_what_a_type_writes_is_in_its_schema(index: int) -> None:
    kind, instances = SAMPLES[index]
    python_type, judge = sample(index)
    writer = TypeAdapter(kind)
    for instance in instances:
        text = writer.dump_json(instance, by_alias=True, exclude_none=isinstance(instance, BaseModel)).decode()
        if isinstance(instance, Circle):
            text = text.replace(',"area":0.0', "")  # written, but not read
        assert judge.is_valid(json.loads(text)), (text, judge.schema)
        again = python_type.parse(text)
        assert again == instance
        assert type(again) is type(instance) or kind not in (Point, Circle, Person, Color)


@every_type
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_what_the_schema_allows_can_be_read(index: int, data: st.DataObject) -> None:
    python_type, judge = sample(index)
    value = data.draw(schema_values(judge.schema, judge.schema))
    assert judge.is_valid(value)
    python_type.parse(json.dumps(value))


# --------------------------------------------------------------------------------------------- with compiled grammars


@functools.cache
def byte_compiler() -> Compiler:
    return Compiler(Vocabulary([*(bytes([value]) for value in range(256)), None], [256]))


def random_text(grammar: CompiledGrammar, rng: random.Random) -> str | None:
    """A walk over the bitmasks that heads for the end after a while; None if it does not get there."""
    state, text = grammar.start, bytearray()
    for length in range(300):
        if grammar.is_accepting(state) and (rng.random() < 0.4 or not grammar.next_bytes(state)):
            return text.decode()
        allowed = grammar.next_bytes(state)
        assert allowed
        closing = [byte for byte in b'"]}' if byte in allowed]
        printable = [byte for byte in allowed if 0x20 < byte < 0x7F and byte != 0x5C]
        if closing and rng.random() < length / 80:
            byte = rng.choice(closing)
        else:
            byte = rng.choice(printable if printable and rng.random() < 0.9 else list(allowed))
        state = grammar.step(state, byte)
        text.append(byte)
    return None


@every_type
def test_what_a_type_writes_is_in_its_grammar(index: int) -> None:
    kind, instances = SAMPLES[index]
    grammar = byte_compiler().compile(json_schema(kind))
    for instance in instances:
        for indent in (None, 2):
            text = TypeAdapter(kind).dump_json(
                instance, by_alias=True, exclude_none=isinstance(instance, BaseModel), indent=indent
            )
            state = grammar.step_bytes(grammar.start, re.sub(rb',\s*"area":\s*0.0', b"", text))
            assert state >= 0 and grammar.is_accepting(state), text


@every_type
def test_what_the_grammar_allows_can_be_read(index: int) -> None:
    constraint = json_schema(SAMPLES[index][0])
    grammar = byte_compiler().compile(constraint)
    for seed in range(25):
        text = random_text(grammar, random.Random(seed))
        if text is not None:
            constraint.parse(text)


# ------------------------------------------------------------------------------------------------------- the schemas


def test_schemas_of_models_are_closed_and_without_defaults() -> None:
    schema = PythonType(Person).schema()
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["name", "age", "email", "addresses", "color", "notes"]
    assert schema["required"] == ["name", "age"]
    assert list(schema["$defs"]["Address"]["properties"]) == ["street", "zipCode", "country"]
    assert '"default"' not in json.dumps(schema)
    assert is_valid(Owner, {"pet": {"kind": "dog"}})
    assert not is_valid(Owner, {"pet": {}})


def test_fields_are_read_by_their_alias_or_name() -> None:
    assert list(PythonType(ByName).schema()["properties"]) == ["first"]

    class Chosen(BaseModel):
        a: int = Field(validation_alias=AliasChoices(AliasPath("x", 0), "b"))

    class Path(BaseModel):
        a: int = Field(validation_alias=AliasPath("x", 0))

    assert list(PythonType(Chosen).schema()["properties"]) == ["b"]
    with pytest.raises(UnsupportedSchemaError, match="path of names"):
        PythonType(Path).schema()


def test_sets_of_a_minimal_size_keep_unique_items() -> None:
    assert PythonType(Annotated[set[int], Field(min_length=2)]).schema()["uniqueItems"] is True
    assert "uniqueItems" not in PythonType(set[int]).schema()


class Weird(Enum):
    PAIR = (1, 2)


def choose(value: Any) -> str:
    return "cat"


REFUSED = [
    (Annotated[dt.date, Field(gt=dt.date.max)], "after the last"),
    (Annotated[dt.datetime, Field(ge=dt.datetime(2020, 1, 1))], "bound ge"),
    (pydantic.PastDate, "bound now_op"),
    (Annotated[dt.timedelta, Field(lt=dt.timedelta(1))], "bound lt"),
    (Annotated[decimal.Decimal, Field(max_digits=3, le=5)], "Decimal with bounds"),
    (pydantic.Json[int], "JSON inside"),
    (re.Pattern, "regular expression"),
    (pydantic.FilePath, "must exist"),
    (pydantic.NewPath, "must not exist"),
    (pydantic.ImportString, "Python object"),
    (pydantic.PaymentCardNumber, "last digit"),
    (set[list[int]], "cannot hash"),
    (frozenset[Address], "cannot hash"),
    (set[tuple[int, Any]], "cannot hash"),
    (set[Circle], "cannot hash"),
    (Annotated[set[dt.datetime], Field(min_length=2)], "may be equal"),
    (Annotated[set[bool | int], Field(min_length=2)], "may be equal"),
    (Annotated[set[float], Field(min_length=2)], "may be equal"),
    (Annotated[set[Annotated[str, StringConstraints(to_lower=True)]], Field(min_length=2)], "may be equal"),
    (type[int], "type"),
    (Callable[[int], int], "Callable"),
    (Literal[b"x"], "cannot be read"),
    (Literal[Color.RED], "cannot be read"),
    (Weird, "cannot be read"),
    (dict[Literal[1], int], "names of a mapping"),
    (dict[tuple[int, int], int], "names of a mapping"),
    (dict[Annotated[str, Field(pattern="a", max_length=3)], int], "names of a mapping"),
    (Annotated[str, Field(pattern=re.compile("a", re.IGNORECASE))], "flags"),
    (Annotated[str, Field(pattern="[[:alpha:]]")], r"\[\["),
    (Annotated[Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")], Discriminator(choose)], "function"),
]


@pytest.mark.parametrize(("kind", "reason"), REFUSED, ids=[str(kind)[:60] for kind, _ in REFUSED])
def test_types_that_no_schema_describes_are_refused(kind: Any, reason: str) -> None:
    with pytest.raises(UnsupportedSchemaError, match=reason):
        PythonType(kind).schema()


@pytest.mark.parametrize("source", [3, range, slice, 1.5, object()])
def test_things_that_are_not_types(source: Any) -> None:
    with pytest.raises(TypeError, match="neither a JSON schema nor a type"):
        PythonType(source)


def test_flags_of_patterns_that_change_nothing() -> None:
    kind = Annotated[str, Field(pattern=re.compile("^a+$"))]
    assert PythonType(kind).schema()["pattern"] == "^a+$"


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        (r"^\S+$", "aé", "a\x85"),
        (r"^a\sb$", "a\u3000b", "a\ufeffb"),
        (r"^\D$", "x", "\u0663"),
        (r"^\W$", "-", "é"),
        (r"^\w+$", "ab_1", "a-"),
        (r"^[^\d]$", "x", "\u0663"),
        (r"\bé", None, "é"),
    ],
)
def test_dialects_of_patterns_agree_on_what_is_allowed(pattern: str, right: str | None, wrong: str) -> None:
    kind = Annotated[str, Field(pattern=pattern)]
    guards = [part["pattern"] for part in PythonType(kind).schema().get("allOf", ())]
    if right is not None:
        assert all(re.search(guard, right) for guard in guards)
        PythonType(kind).parse(json.dumps(right))
    assert pattern == r"^\w+$" or not all(re.search(guard, wrong) for guard in guards)


@pytest.mark.parametrize("digits", [None, 1, 2, 3, 5])
@pytest.mark.parametrize("places", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("bound", [{}, {"ge": 0}, {"gt": 0}])
def test_decimals(digits: int | None, places: int | None, bound: dict[str, int], byte_vocabulary: Vocabulary) -> None:
    if (digits is not None and places is not None and places > digits) or (digits is None and places is None):
        return
    kind = Annotated[decimal.Decimal, Field(max_digits=digits, decimal_places=places, **bound)]
    grammar = Compiler(byte_vocabulary).compile(json_schema(kind))
    rng = random.Random(f"{digits} {places} {bound}")
    for _ in range(12):
        matcher = Matcher(grammar)
        for _ in range(30):
            allowed = grammar.allowed_tokens(matcher.state)
            matcher.accept_token(rng.choice(allowed))
            if matcher.is_accepting:
                text = bytes(token for token in matcher.token_ids if token < 256).decode()
                assert PythonType(kind).parse(text) == decimal.Decimal(json.loads(text, parse_float=str, parse_int=str))
            if matcher.is_terminated:
                break


def test_stripped_and_ascii_texts() -> None:
    kind = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2)]
    assert is_valid(kind, "a b")
    assert not any(is_valid(kind, text) for text in ["a ", " b", "\x1fab", "ab\u3000", "a"])
    assert is_valid(Annotated[str, StringConstraints(strip_whitespace=True)], " a ")
    if "ascii_only" in StringConstraints.__dataclass_fields__:
        assert not is_valid(Annotated[str, StringConstraints(ascii_only=True)], "é")


def test_dates_between_bounds() -> None:
    days = [dt.date(2019, 12, 30) + dt.timedelta(step) for step in range(0, 900, 3)]
    for low, high in [(days[0], days[7]), (days[3], days[200]), (days[11], days[11]), (days[40], days[299])]:
        inclusive = validator(Annotated[dt.date, Field(ge=low, le=high)])
        exclusive = validator(Annotated[dt.date, Field(gt=low, lt=high)])
        for day in days:
            assert inclusive.is_valid(day.isoformat()) is (low <= day <= high)
            assert exclusive.is_valid(day.isoformat()) is (low < day < high)


def test_base64_of_text_is_all_of_ascii() -> None:
    for text in ("", "a", "ab", "abc", "\x00\x7f~", "~~~~", "Hello, world? >>"):
        spelled = base64.b64encode(text.encode()).decode()
        assert is_valid(pydantic.Base64Str, spelled)
        assert PythonType(pydantic.Base64Str).parse(json.dumps(spelled)) == text
    assert not is_valid(pydantic.Base64Str, base64.b64encode(b"\xff").decode())
    assert is_valid(pydantic.Base64Bytes, base64.b64encode(b"\xff").decode())


def test_networks_of_every_length() -> None:
    address = int(ipaddress.IPv4Address("203.117.250.255"))
    for length in range(33):
        host = (1 << (32 - length)) - 1
        assert is_valid(ipaddress.IPv4Network, f"{ipaddress.IPv4Address(address & ~host)}/{length}")
        assert is_valid(pydantic.IPvAnyNetwork, f"{ipaddress.IPv4Address(address & ~host)}/{length}")
        assert length == 32 or not is_valid(ipaddress.IPv4Network, f"{ipaddress.IPv4Address(address | 1)}/{length}")


def test_what_is_written_otherwise_is_read_back() -> None:
    assert list(PythonType(Written).schema()["properties"]) == ["width", "when"]
    grammar = byte_compiler().compile(json_schema(Written))
    text = random_text(grammar, random.Random(1))
    assert text is not None
    assert PythonType(Written).parse(text).area >= 0


def test_e_mail_addresses() -> None:
    pytest.importorskip("email_validator")
    texts = PythonType(pydantic.EmailStr).schema()["pattern"]

    @settings(max_examples=100)
    @given(texts_of(texts))
    def check(text: str) -> None:
        assert PythonType(pydantic.EmailStr).parse(json.dumps(text))

    check()
    assert is_valid(pydantic.EmailStr, "jane.doe+x@mail.example.com")
    assert not is_valid(pydantic.EmailStr, "jane@host.test")


# -------------------------------------------------------------------------------------------------------- functions


def search(query: str, limit: Annotated[int, Field(ge=1, le=50)] = 10, *, tags: list[Color] | None = None) -> None:
    """Search."""


def awkward(copy: int, json: str, _private: bool, model_config: float = 1.0, self: int = 0) -> None: ...


class Service:
    def call(self, where: Point, who: Address) -> None: ...

    @staticmethod
    def ping(times: int) -> None: ...


def test_a_function_stands_for_its_parameters() -> None:
    function = PythonType(search)
    schema = function.schema()
    assert list(schema["properties"]) == ["query", "limit", "tags"]
    assert schema["required"] == ["query"]
    assert schema["additionalProperties"] is False
    assert function.parse('{"query": "a"}') == {"query": "a"}
    assert function.parse('{"tags": ["red"], "query": "a", "limit": 50}') == {
        "query": "a",
        "limit": 50,
        "tags": [Color.RED],
    }
    for wrong in ('{"query": "a", "limit": 51}', "{}", '{"query": "a", "x": 1}'):
        with pytest.raises(ValueError, match="validation error"):
            function.parse(wrong)


def test_parameters_may_have_any_name() -> None:
    given_arguments = {"copy": 1, "json": "x", "_private": True, "model_config": 2.5, "self": 4}
    function = PythonType(awkward)
    assert list(function.schema()["properties"]) == list(given_arguments)
    assert function.parse(json.dumps(given_arguments)) == given_arguments


def test_methods_partials_and_defaults() -> None:
    assert list(PythonType(Service().call).schema()["properties"]) == ["where", "who"]
    assert PythonType(Service().call).parse('{"where": [1], "who": {"street": "a", "zipCode": "1234"}}') == {
        "where": Point(1.0),
        "who": Address(street="a", zipCode="1234"),
    }
    assert PythonType(Service.ping).schema()["properties"]["times"]["type"] == "integer"
    partial = PythonType(functools.partial(search, limit=3))
    assert partial.schema()["required"] == ["query"]

    def bounded(a: int = Field(ge=3), b: int = Field(default=4, le=9), c=None) -> None: ...

    schema = PythonType(bounded).schema()
    assert schema["required"] == ["a"]
    assert schema["properties"]["a"]["minimum"] == 3
    assert schema["properties"]["b"]["maximum"] == 9
    assert PythonType(bounded).parse('{"a": 3, "b": 9, "c": [1]}') == {"a": 3, "b": 9, "c": [1]}


def test_parameters_without_a_name_in_json_are_refused() -> None:
    def positional(a: int, /) -> None: ...
    def variadic(*a: int) -> None: ...
    def keywords(**a: int) -> None: ...
    def unresolved(a: Nowhere) -> None: ...  # type: ignore[name-defined] # noqa: F821

    for function, reason in [
        (positional, "positional-only"),
        (variadic, "variadic positional"),
        (keywords, "variadic keyword"),
        (unresolved, "Nowhere"),
        (iter, "iter"),
    ]:
        with pytest.raises(TypeError, match=reason):
            PythonType(function)


def test_comparable_copyable_picklable() -> None:
    for source in (Person, search, list[int], Circle):
        python_type = PythonType(source)
        assert pickle.loads(pickle.dumps(python_type)) == python_type
        assert copy.deepcopy(python_type) == python_type
    assert PythonType(Person) != PythonType(Address)
    assert PythonType(TypeAdapter(list[int])).parse("[1]") == [1]


def test_paths_and_dataclasses_are_instances() -> None:
    assert PythonType(pathlib.Path).parse('"a/b"') == pathlib.Path("a/b")
    assert dataclasses.is_dataclass(PythonType(Circle).parse('{"center": [1, 2], "radius": 1}'))
    assert get_args(SAMPLES[12][0]) == ("a", 1, True, None)

"""Python types with instances of them, and a hypothesis strategy for the values of a JSON schema: for the tests of types."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import ipaddress
import json
import pathlib
import re
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, Optional, Required, TypeVar, Union

import jsonschema
import pydantic
import pydantic.alias_generators
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints
from typing_extensions import TypeAliasType, TypedDict

T = TypeVar("T")


class Color(enum.Enum):
    """A colour."""

    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    TEXT = "a"
    NUMBER = 2
    HALF = 0.5
    NOTHING = None


class Address(BaseModel):
    street: str = Field(min_length=1, max_length=20)
    zip_code: str = Field(pattern=r"^\d{4,5}$", alias="zipCode")
    country: Literal["CH", "DE"] = "CH"


class Person(BaseModel):
    """A person."""

    name: str
    age: int = Field(ge=0, le=150)
    email: Optional[str] = None  # noqa: UP045 - both spellings are tested
    addresses: list[Address] = []
    color: Color = Color.RED
    notes: dict[str, str] = {}


class Tree(BaseModel):
    value: int
    children: list["Tree"] = []  # noqa: UP037 - a reference to itself


class Linked(TypedDict):
    head: str
    tail: NotRequired[Linked | None]


class Point(NamedTuple):
    x: float
    y: float = 0.0


@dataclasses.dataclass
class Circle:
    center: Point
    radius: Annotated[float, Field(gt=0)]
    area: float = dataclasses.field(init=False, default=0.0)


class Box(BaseModel, Generic[T]):
    content: T
    label: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog", "wolf"] = "dog"
    good: bool = True


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Owner(BaseModel):
    pet: Pet
    other: Cat | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
    first: int = Field(alias="First")


class Names(RootModel[list[str]]):
    pass


class Key(BaseModel):
    model_config = ConfigDict(frozen=True)
    a: int
    b: str = "x"


@dataclasses.dataclass(frozen=True)
class Pair:
    left: int
    right: str


class Size(enum.StrEnum):
    SMALL = "s"
    LARGE = "l"


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=pydantic.alias_generators.to_camel, extra="forbid")
    first_name: str
    last_name: str | None = None


class Written(BaseModel):
    """Written in another form than it is read: with a computed field, and a date as a number."""

    width: int
    when: dt.date
    _seen: int = pydantic.PrivateAttr(0)

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.width**2

    @pydantic.field_serializer("when")
    def year(self, when: dt.date) -> int:
        return when.year


class Checked(BaseModel):
    low: Annotated[int, pydantic.AfterValidator(abs)]
    name: Annotated[str, pydantic.BeforeValidator(str.strip)]

    @pydantic.model_validator(mode="after")
    def looked_at(self) -> Checked:
        return self


class Shaped(BaseModel):
    a: pydantic.conint(ge=1, multiple_of=3)  # type: ignore[valid-type]
    b: pydantic.constr(min_length=1, max_length=3, to_lower=True)  # type: ignore[valid-type]
    c: pydantic.conlist(int, min_length=1, max_length=2)  # type: ignore[valid-type]
    d: pydantic.confloat(gt=0, lt=1)  # type: ignore[valid-type]
    e: pydantic.conset(int, min_length=2, max_length=3)  # type: ignore[valid-type]
    f: pydantic.condecimal(max_digits=4, decimal_places=2)  # type: ignore[valid-type]


class Shape(TypedDict, total=False):
    kind: Required[Literal["x"]]
    size: int


@dataclasses.dataclass(kw_only=True, slots=True)
class Chain:
    link: int
    rest: Chain | None = None


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)
    text: str = Field(min_length=2)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    flag: bool
    number: float
    when: dt.date
    kind: Color
    many: tuple[str, ...]


Nested = TypeAliasType("Nested", "list[Nested] | int")
UTC = dt.UTC

SAMPLES: list[tuple[Any, list[Any]]] = [
    (int, [0, -5, 10**30]),
    (float, [0.0, -1.5, 1e300]),
    (str, ["", 'é\n"\\', "🦀"]),
    (bool, [True, False]),
    (type(None), [None]),
    (bytes, [b"", "é".encode()]),
    (Annotated[bytes, Field(min_length=2, max_length=3)], [b"ab"]),
    (Any, [None, {"a": [1]}]),
    (object, ["x"]),
    (Color, list(Color)),
    (Level, list(Level)),
    (Mixed, list(Mixed)),
    (Literal["a", 1, True, None], ["a", 1, None]),
    (Literal["only"], ["only"]),
    (Optional[int], [None, 3]),  # noqa: UP045
    (Union[int, str, list[int]], [1, "a", [2]]),  # noqa: UP007
    (list[int], [[], [1, 2]]),
    (Annotated[list[int], Field(min_length=1, max_length=3)], [[1]]),
    (tuple[int, str], [(1, "a")]),
    (tuple[int, ...], [(), (1, 2)]),
    (tuple[()], [()]),
    (set[int], [set(), {1, 2}]),
    (frozenset[Color], [frozenset(Color)]),
    (Annotated[set[bool], Field(min_length=2)], [{True, False}]),
    (Annotated[set[int], Field(max_length=2)], [{1, 2}]),
    (deque[int], [deque([1])]),
    (Sequence[str], [["a"]]),
    (dict[str, int], [{}, {"a b": 1}]),
    (dict[int, str], [{-1: "a", 20: "b"}]),
    (dict[float, int], [{0.5: 1}]),
    (dict[bool, int], [{True: 1}]),
    (dict[uuid.UUID, int], [{uuid.UUID(int=5): 1}]),
    (dict[dt.date, int], [{dt.date(2024, 2, 29): 1}]),
    (dict[decimal.Decimal, int], [{decimal.Decimal("1.5"): 1}]),
    (dict[Color, int], [{Color.RED: 1}]),
    (dict[Literal["a", "b"], int], [{"a": 1}]),
    (dict[Annotated[str, Field(max_length=3)], int], [{"abc": 1}]),
    (dict[Annotated[str, Field(pattern="^x[a-c]*$")], int], [{"xab": 1}]),
    (Annotated[dict[int, int], Field(max_length=2)], [{1: 1}]),
    (Mapping[str, Color], [{"a": Color.RED}]),
    (Counter[str], [Counter("aab")]),
    (OrderedDict[str, int], [OrderedDict(a=1)]),
    (defaultdict[str, list[int]], [{"a": [1]}]),
    (Annotated[int, Field(ge=-3, lt=12)], [-3, 11]),
    (Annotated[int, Field(multiple_of=7)], [0, 49]),
    (Annotated[float, Field(gt=0, le=1)], [0.5, 1.0]),
    (pydantic.FiniteFloat, [0.0, -2.5]),
    (Annotated[decimal.Decimal, Field(gt=0)], []),  # written as text, read as a number
    (Annotated[str, Field(min_length=2, max_length=4)], ["ab"]),
    (Annotated[str, Field(pattern=r"^\S+@\w+\.[^\d]{2}$")], ["a@b.ch"]),
    (Annotated[str, Field(pattern=r"\bno\b")], ["say no."]),
    (Annotated[str, StringConstraints(strip_whitespace=True, pattern="^a *b$")], ["a b"]),
    (decimal.Decimal, [decimal.Decimal("1.50"), decimal.Decimal(-3)]),
    (Annotated[decimal.Decimal, Field(max_digits=5, decimal_places=2, ge=0)], [decimal.Decimal("999.99")]),
    (Annotated[decimal.Decimal, Field(max_digits=4, gt=0)], [decimal.Decimal("0.123")]),
    (Annotated[decimal.Decimal, Field(max_digits=2, decimal_places=2)], [decimal.Decimal("-0.12")]),
    (Annotated[decimal.Decimal, Field(decimal_places=1)], [decimal.Decimal("-12.3")]),
    (dt.date, [dt.date(2024, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    (dt.datetime, [dt.datetime(2024, 1, 1, 23, 59, 59, 5, tzinfo=UTC)]),
    (pydantic.AwareDatetime, [dt.datetime(2024, 1, 1, tzinfo=UTC)]),
    (pydantic.NaiveDatetime, [dt.datetime(2024, 1, 1, 12, 30, 0, 250)]),
    (dt.time, [dt.time(23, 59, 59, 1, tzinfo=UTC), dt.time(1, 2, 3)]),
    (dt.timedelta, [dt.timedelta(days=3, hours=4, seconds=5.5), dt.timedelta(seconds=1)]),
    (uuid.UUID, [uuid.UUID(int=2**127 + 7)]),
    (pydantic.UUID4, [uuid.UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479")]),
    (ipaddress.IPv4Address, [ipaddress.IPv4Address("1.20.255.0")]),
    (ipaddress.IPv6Address, [ipaddress.IPv6Address("::1")]),
    (pathlib.PurePosixPath, [pathlib.PurePosixPath("a/b")]),
    (pydantic.HttpUrl, [pydantic.HttpUrl("https://a.example.com:80/b/c?d=e#f")]),
    (pydantic.AnyUrl, [pydantic.AnyUrl("http://localhost/")]),
    (pydantic.PostgresDsn, [pydantic.PostgresDsn("postgres://host.example/db")]),
    (complex, [1 + 2j]),
    (Address, [Address(street="x", zipCode="12345")]),
    (Person, [Person(name="A", age=3), Person(name="", age=150, color=Color.GREEN, notes={"a": "b"})]),
    (Tree, [Tree(value=1, children=[Tree(value=2)])]),
    (Linked, [{"head": "a", "tail": {"head": "b", "tail": None}}]),
    (Point, [Point(1.0, 2.0)]),
    (Circle, [Circle(Point(0.0, 0.0), 2.5)]),
    (Box[int], [Box[int](content=3)]),
    (Box[list[Color]], [Box[list[Color]](content=[Color.RED], label="x")]),
    (Pet, [Cat(lives=9), Dog(kind="wolf")]),
    (Owner, [Owner(pet=Dog(), other=Cat(lives=1))]),
    (Open, [Open(a=1, b="x")]),
    (Names, [Names(["a"])]),
    (Stripped, [Stripped(text="ab")]),
    (Strict, [Strict(flag=True, number=1.5, when=dt.date(2020, 1, 1), kind=Color.RED, many=("a",))]),
    (Nested, [[1, [2, []]], 4]),
    (Size, list(Size)),
    (Camel, [Camel(firstName="a", lastName="b")]),
    (Checked, [Checked(low=3, name="a")]),
    (Shaped, [Shaped(a=3, b="ab", c=[1], d=0.5, e={1, 2}, f=decimal.Decimal("1.25"))]),
    (Shape, [{"kind": "x", "size": 3}, {"kind": "x"}]),
    (Chain, [Chain(link=1, rest=Chain(link=2))]),
    (set[Key], [{Key(a=1), Key(a=2)}]),
    (frozenset[Pair], [frozenset({Pair(1, "a")})]),
    (set[tuple[int, str]], [{(1, "a")}]),
    (set, [{1, "a", None}]),
    (Hashable, ["a", 1]),
    (Annotated[set[str], Field(min_length=2)], [{"a", "b"}]),
    (Annotated[set[Size], Field(min_length=2)], [set(Size)]),
    (Annotated[set[int | str], Field(min_length=3)], [{1, "1", 2}]),
    (dict[str | int, int], [{"a b": 1}]),
    (dict[int | dt.date, int], [{5: 1, dt.date(2024, 1, 1): 2}]),
    (dict[ipaddress.IPv4Address, int], [{ipaddress.IPv4Address("10.0.0.1"): 1}]),
    (Annotated[dt.date, Field(ge=dt.date(1000, 2, 29 - 1), lt=dt.date(9000, 1, 1))], [dt.date(1000, 2, 28)]),
    (Annotated[dt.date, Field(gt=dt.date(999, 12, 31), le=dt.date(8999, 12, 31))], [dt.date(8999, 12, 31)]),
    (Annotated[dt.timedelta, Field(gt=dt.timedelta(0))], [dt.timedelta(seconds=0.25)]),
    (Annotated[dt.timedelta, Field(ge=dt.timedelta(0))], [dt.timedelta(0), dt.timedelta(days=400)]),
    (ipaddress.IPv4Network, [ipaddress.IPv4Network("10.128.0.0/9"), ipaddress.IPv4Network("0.0.0.0/0")]),
    (ipaddress.IPv4Interface, [ipaddress.IPv4Interface("10.1.2.3/9")]),
    (ipaddress.IPv6Network, [ipaddress.IPv6Network("2001:db8::/32")]),
    (ipaddress.IPv6Interface, [ipaddress.IPv6Interface("2001:db8::1/64")]),
    (pydantic.IPvAnyAddress, [ipaddress.IPv4Address("1.2.3.4")]),
    (pydantic.IPvAnyInterface, [ipaddress.IPv4Interface("1.2.3.4/24")]),
    (zoneinfo.ZoneInfo, [zoneinfo.ZoneInfo("UTC")]),
    (fractions.Fraction, [fractions.Fraction(-3, 7)]),
    (pydantic.ByteSize, [pydantic.ByteSize(1024)]),
    (pydantic.Base64Bytes, [b"\xff\x00a"]),
    (pydantic.Base64Str, ["any text"]),
    (pydantic.Base64UrlStr, ["?>?>"]),
    (pydantic.FileUrl, [pydantic.FileUrl("file:///etc/hosts")]),
    (pydantic.SecretStr, []),  # written as stars
    (pydantic.JsonValue, [{"a": [1, None, "x"]}]),
    (pydantic.RootModel[dict[str, int]], [pydantic.RootModel[dict[str, int]]({"a": 1})]),
    (Annotated[int, Field(gt=2, lt=2**70)], [2**69]),
    (tuple[int, bool, str], [(1, True, "x")]),
    (dict[str, dict[str, list[int]]], [{"a": {"b": [1]}}]),
    (list[Person | Color], [[Color.RED, Person(name="a", age=1)]]),
]


# ----------------------------------------------------------------------------------------- the values of a JSON schema


def schema_values(schema: Any, root: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that are valid against `schema`; it knows the keywords that schemas of Python types use."""
    if schema is True or schema == {} or not {*schema} - {"title", "description"}:
        return st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just({"a": [1]}))
    if "$ref" in schema:
        target = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return st.deferred(lambda: schema_values(target, root, depth + 1))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            ordered = sorted(schema[keyword], key=lambda choice: "$ref" in choice or choice.get("type") == "array")
            choices = ordered if depth < 4 else ordered[:1]
            return st.one_of([schema_values(choice, root, depth) for choice in choices])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if isinstance(schema["type"], list):
        return st.one_of([schema_values({**schema, "type": kind}, root, depth) for kind in schema["type"]])
    return _KINDS[schema["type"]](schema, root, depth)


@functools.cache
def texts_of(pattern: str) -> st.SearchStrategy[str]:
    """Texts that match an ECMA-262 pattern, whose `$` is Python's `\\Z`."""
    return st.from_regex(re.sub(r"\$(?=\)|$)", r"\\Z", pattern))


def _strings(schema: Any, root: Any, depth: int) -> st.SearchStrategy[str]:
    kind = schema.get("format")
    if kind in ("ipv4", "ipv6"):
        return st.ip_addresses(v=int(kind[-1])).map(str)
    if "pattern" in schema:
        texts = texts_of(schema["pattern"])
    else:
        texts = st.text(min_size=schema.get("minLength", 0), max_size=schema.get("maxLength"))
    return texts.filter(functools.partial(_is_valid, schema))


def _is_valid(schema: Any, value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def _integers(schema: Any, root: Any, depth: int) -> st.SearchStrategy[int]:
    step = schema.get("multipleOf", 1)
    lowest = schema.get("minimum", schema.get("exclusiveMinimum"))
    highest = schema.get("maximum", schema.get("exclusiveMaximum"))
    numbers = st.integers(None if lowest is None else lowest // step, None if highest is None else highest // step + 1)
    return numbers.map(lambda number: number * step).filter(functools.partial(_is_valid, schema))


def _numbers(schema: Any, root: Any, depth: int) -> st.SearchStrategy[float]:
    floats = st.floats(
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
        allow_nan=False,
        allow_infinity=False,
    )
    return floats.filter(functools.partial(_is_valid, schema))


def _arrays(schema: Any, root: Any, depth: int) -> st.SearchStrategy[list[Any]]:
    prefix = [schema_values(item, root, depth) for item in schema.get("prefixItems", ())]
    lowest, highest = schema.get("minItems", 0), schema.get("maxItems")
    if prefix:
        sizes = st.integers(lowest, len(prefix))
        return sizes.flatmap(lambda size: st.tuples(*prefix[:size]).map(list))
    items = schema_values(schema.get("items", {}), root, depth) if highest != 0 else st.nothing()
    highest = min(3 if depth < 4 else lowest, 3 if highest is None else highest)
    unique = schema.get("uniqueItems", False)
    return st.lists(items, min_size=lowest, max_size=highest, unique_by=json.dumps if unique else None)


def _objects(schema: Any, root: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: schema_values(value, root, depth) for name, value in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    optional = {name: value for name, value in fields.items() if name not in required} if depth < 4 else {}
    fixed = st.fixed_dictionaries({name: fields[name] for name in fields if name in required}, optional=optional)
    extras: list[st.SearchStrategy[dict[str, Any]]] = [
        st.dictionaries(texts_of(pattern), schema_values(value, root, depth), max_size=2)
        for pattern, value in schema.get("patternProperties", {}).items()
    ]
    if (extra := schema.get("additionalProperties", True)) is not False:
        extras.append(st.dictionaries(st.text(max_size=5), schema_values(extra, root, depth), max_size=2))
    merged = st.tuples(fixed, *extras).map(
        lambda parts: {name: part[name] for part in reversed(parts) for name in part}
    )
    return merged.filter(lambda value: schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 99))


_KINDS: dict[str, Any] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda schema, root, depth: st.booleans(),
    "null": lambda schema, root, depth: st.none(),
    "array": _arrays,
    "object": _objects,
}

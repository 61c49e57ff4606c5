"""The kinds of record the built-in model is trained on: which properties each has and how a sentence states them.

A `Field` makes a value and carries its schema. `says` are predicates about the record's subject ("lives in {}"); every
field can also be stated by its name ("the city is {}"), so a predicate is optional.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .pools import Draw

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
NUMBER: dict[str, Any] = {"type": "number"}
BOOLEAN: dict[str, Any] = {"type": "boolean"}
WORDS: dict[str, Any] = {"type": "array", "items": STRING}


@dataclass(frozen=True, slots=True)
class Field:
    """One property: its names (snake case; one is chosen), its values, their schema, and predicates that state it.

    For a boolean, `says` is a pair: the predicate when true, then the predicate when false. A tacit field follows from
    the subject (a first name from the full name), so prompts mostly leave it out.
    """

    names: str
    make: Callable[[Draw], Any]
    schema: dict[str, Any]
    says: tuple[str, ...] = ()
    tacit: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record. `subject` names the field that a sentence begins with; `article` stands before its value."""

    names: str
    subject: str
    fields: tuple[Field, ...]
    article: str = "The "
    pronouns: tuple[str, str] = ("It", "Its")


def bounded(low: int, high: int) -> dict[str, Any]:
    """The schema of an integer between two bounds."""
    return {"type": "integer", "minimum": low, "maximum": high}


def formatted(name: str) -> dict[str, Any]:
    """The schema of a string in a format."""
    return {"type": "string", "format": name}


def choice(names: str, options: str, *says: str) -> Field:
    """A field with one of a few words."""
    words = options.split()
    return Field(names, lambda d: d.rng.choice(words), {"type": "string", "enum": words}, says)


def flag(names: str, *says: str) -> Field:
    """A boolean field."""
    return Field(names, lambda d: d.rng.random() < 0.5, BOOLEAN, says)


def amount(names: str, low: int, high: int, *says: str) -> Field:
    """A price or other number."""
    return Field(names, lambda d: d.number(low, high) if d.rng.random() < 0.7 else d.integer(low, high), NUMBER, says)


def count(names: str, low: int, high: int, *says: str) -> Field:
    """A bounded integer."""
    return Field(names, lambda d: d.integer(low, high), bounded(low, high), says)


def day(names: str, *says: str) -> Field:
    """A date."""
    return Field(names, lambda d: d.date(), formatted("date"), says)


NAME = Field("name name name full_name", lambda d: d.person, STRING)
EMAIL = Field(
    "email email email email_address mail contact_email",
    lambda d: d.email(),
    formatted("email"),
    ("can be reached at {}", "writes from {}", "has the email address {}", "can be contacted at {}", "uses {}"),
)
PHONE = Field("phone phone_number telephone mobile", lambda d: d.phone(), STRING, ("can be called at {}",))
CITY = Field(
    "city city city town location home_city",
    lambda d: d.city(),
    STRING,
    ("lives in {}", "lives in {}", "is based in {}", "comes from {}", "moved to {}", "is from {}"),
)
COUNTRY = Field("country country nation", lambda d: d.rng.choice(d.pools.countries), STRING, ("is in {}",))
AGE = Field(
    "age age age age_years",
    lambda d: d.integer(18, 90),
    bounded(0, 130),
    ("is {} years old", "is {} years old", "is {}", "is aged {}", "turned {}", "is a {} year old"),
)
PHRASE = Field("description summary slogan note", lambda d: d.rng.choice(d.pools.phrases), STRING)
ADDRESS_FIELDS = (
    Field("street", lambda d: f"{d.integer(1, 250)} {d.rng.choice(d.pools.streets)}", STRING),
    CITY,
    Field("postal_code zip zip_code postcode", lambda d: str(d.integer(10000, 99999)), STRING),
    COUNTRY,
)

PEOPLE = (
    NAME,
    AGE,
    EMAIL,
    CITY,
    PHONE,
    COUNTRY,
    Field(
        "job job_title occupation profession role",
        lambda d: d.rng.choice(d.pools.jobs),
        STRING,
        ("works as {}", "is employed as {}", "has a job as {}"),
    ),
    Field("company employer", lambda d: d.pick(d.pools.companies, 0.3), STRING, ("works for {}", "works at {}")),
    day("birth_date date_of_birth birthday", "was born on {}"),
    Field("hobbies interests skills languages", lambda d: d.words(1, 4), WORDS, ("likes {}", "enjoys {}")),
    flag("active is_active", "is active", "is not active"),
    flag("married is_married", "is married", "is not married"),
    flag("member is_member subscribed newsletter", "is a member", "is not a member"),
    choice("status", "active inactive pending suspended", "has the status {}"),
    count("height height_cm", 140, 210, "is {} cm tall"),
    Field("first_name first_name given_name", lambda d: d.first, STRING, tacit=True),
    Field("last_name last_name surname family_name", lambda d: d.last, STRING, tacit=True),
)

KINDS: dict[str, Kind] = {
    "person": Kind("person person contact user employee customer", "name", PEOPLE, "", ("They", "Their")),
    "account": Kind(
        "user_account account profile member",
        "username",
        (
            Field("username login user_name nickname", lambda d: d.user_name(), STRING),
            EMAIL,
            Field("id user_id uuid", lambda d: d.uuid(), formatted("uuid")),
            flag("verified is_verified", "is verified", "is not verified"),
            flag("admin is_admin", "is an admin", "is not an admin"),
            choice("plan subscription tier", "free basic premium enterprise", "has the {} plan", "is on the {} plan"),
            Field("created_at last_login", lambda d: d.date_time(), formatted("date-time")),
            count("login_count posts followers", 0, 5000),
            Field("website url homepage", lambda d: d.url(), formatted("uri")),
        ),
        "The user ",
    ),
    "company": Kind(
        "company business organization supplier",
        "name",
        (
            Field("name company_name", lambda d: d.pick(d.pools.companies, 0.4), STRING),
            count("founded founded_in year_founded", 1850, 2024, "was founded in {}"),
            count("employees employee_count staff", 1, 20000, "has {} employees", "employs {} people"),
            Field("city headquarters location", lambda d: d.city(), STRING, ("is based in {}", "has its seat in {}")),
            EMAIL,
            PHONE,
            amount("revenue revenue_millions", 1, 900),
            choice("industry sector", "software retail energy health finance food travel", "works in {}"),
            PHRASE,
        ),
        "The company ",
    ),
    "product": Kind(
        "product article item",
        "name",
        (
            Field("name product_name title", lambda d: d.title(), STRING),
            amount("price cost unit_price", 1, 999, "costs {}", "is sold for {}", "has a price of {}"),
            choice("currency", "EUR USD GBP CHF JPY"),
            count("stock quantity in_stock", 0, 500, "has {} in stock"),
            Field("sku code product_id", lambda d: d.identifier(), STRING, ("has the code {}",)),
            choice("color colour", "red green blue black white yellow silver", "is {}", "comes in {}"),
            choice("category", "tools books toys garden kitchen sports music", "belongs to {}"),
            amount("weight weight_kg", 1, 50, "weighs {} kg"),
            flag("available is_available", "is available", "is not available"),
            Field("tags labels keywords", lambda d: d.words(1, 4), WORDS, ("is tagged {}",)),
        ),
        "The product ",
    ),
    "order": Kind(
        "order purchase invoice receipt",
        "id",
        (
            Field("id order_id number order_number invoice_number", lambda d: d.identifier(), STRING),
            Field("customer customer_name client", lambda d: d.person, STRING, ("was placed by {}", "is for {}")),
            day("date order_date due_date", "was placed on {}", "is dated {}"),
            amount("total amount total_price", 5, 5000, "comes to {}", "has a total of {}"),
            choice("currency", "EUR USD GBP CHF"),
            choice("status", "open paid shipped delivered cancelled", "is {}", "has the status {}"),
            flag("paid is_paid", "is paid", "is not paid"),
            EMAIL,
        ),
        "Order ",
    ),
    "event": Kind(
        "event meeting calendar_entry appointment concert",
        "title",
        (
            Field("title name event_name", lambda d: d.title(), STRING),
            day("date start_date day", "takes place on {}", "is on {}"),
            Field("time start_time", lambda d: d.time(), STRING, ("starts at {}", "begins at {}")),
            Field("location city place venue", lambda d: d.city(), STRING, ("takes place in {}", "is held in {}")),
            count("duration duration_minutes", 10, 240, "lasts {} minutes", "takes {} minutes"),
            count("attendees capacity participants", 2, 900, "has {} attendees"),
            Field("organizer host", lambda d: d.person, STRING, ("is organized by {}", "is hosted by {}")),
            flag("online is_online", "is online", "is not online"),
        ),
        "The event ",
    ),
    "recipe": Kind(
        "recipe dish meal",
        "name",
        (
            Field("name title dish", lambda d: d.title(), STRING),
            count("servings portions", 1, 12, "serves {}"),
            count("minutes cooking_time prep_minutes", 5, 180, "takes {} minutes"),
            Field("ingredients", lambda d: d.words(2, 5), WORDS, ("needs {}", "is made of {}")),
            choice("difficulty level", "easy medium hard", "is {}"),
            flag("vegetarian vegan", "is vegetarian", "is not vegetarian"),
            count("calories", 50, 1500, "has {} calories"),
        ),
        "The dish ",
    ),
    "book": Kind(
        "book novel publication film",
        "title",
        (
            Field("title name", lambda d: d.title(), STRING),
            Field("author writer director", lambda d: d.person, STRING, ("was written by {}", "is by {}")),
            count("year published publication_year", 1800, 2025, "was published in {}", "appeared in {}"),
            count("pages page_count", 40, 1200, "has {} pages"),
            Field("isbn", lambda d: f"978{d.integer(10**9, 10**10 - 1)}", STRING, ("has the ISBN {}",)),
            choice("genre category", "fantasy crime poetry history romance science", "is a {} book"),
            amount("rating", 1, 5, "is rated {}"),
            choice("language", "English German French Spanish Italian", "is written in {}"),
        ),
        "The book ",
    ),
    "address": Kind(
        "address location shipping_address",
        "street",
        (*ADDRESS_FIELDS, Field("recipient name", lambda d: d.person, STRING, ("belongs to {}",))),
        "The address ",
    ),
    "job": Kind(
        "job_posting job vacancy position",
        "title",
        (
            Field("title position job_title", lambda d: d.rng.choice(d.pools.jobs), STRING),
            Field("company employer", lambda d: d.pick(d.pools.companies, 0.4), STRING, ("is offered by {}",)),
            Field("city location", lambda d: d.city(), STRING, ("is in {}", "is located in {}")),
            count("salary annual_salary", 20000, 180000, "pays {} a year", "pays {}"),
            flag("remote is_remote", "is remote", "is not remote"),
            Field("skills requirements", lambda d: d.words(1, 4), WORDS, ("requires {}",)),
            choice("level seniority", "junior senior lead intern", "is a {} position"),
            EMAIL,
        ),
        "The position ",
    ),
    "reading": Kind(
        "sensor_reading measurement reading",
        "sensor",
        (
            Field("sensor sensor_id device", lambda d: d.identifier(), STRING),
            amount("value temperature humidity pressure", -20, 120, "measured {}", "reports {}"),
            choice("unit", "celsius percent pascal volt lux", "measures in {}"),
            Field("timestamp time measured_at", lambda d: d.date_time(), formatted("date-time"), ("was read at {}",)),
            flag("valid ok", "is valid", "is not valid"),
            count("battery battery_percent", 0, 100, "has {} percent battery"),
            Field("location room", lambda d: d.rng.choice(d.pools.words), STRING, ("stands in {}",)),
        ),
        "Sensor ",
    ),
    "review": Kind(
        "review rating feedback comment",
        "product",
        (
            Field("product item", lambda d: d.title(), STRING),
            count("stars rating score", 1, 5, "got {} stars", "gets {} out of 5"),
            Field("author reviewer user", lambda d: d.person, STRING, ("was reviewed by {}",)),
            choice("sentiment", "positive negative neutral", "left a {} impression"),
            Field("text comment", lambda d: d.rng.choice(d.pools.sentences), STRING),
            day("date posted_on", "was reviewed on {}"),
            flag("recommended verified", "is recommended", "is not recommended"),
        ),
        "The product ",
    ),
}

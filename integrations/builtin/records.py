"""Synthetic training texts: a prompt that states facts, and the JSON record (or short answer) that repeats them.

    Anna Schmidt is 34 years old and lives in Berlin. Her email is anna.schmidt@example.com.
    JSON: {"name": "Anna Schmidt", "age": 34, "city": "Berlin", "email": "anna.schmidt@example.com"}

Prompts vary in what they show: facts, a list of fields, a JSON Schema, or only the kind of record; values that the
prompt does not state are made up. Every record is valid under the schema that comes with it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .kinds import ADDRESS_FIELDS, INTEGER, KINDS, NUMBER, STRING, Field, Kind
from .pools import Draw, make_pools

LEADS = (*["\nJSON: "] * 3, "\nJSON:", "\nJSON:\n", "\n", "\n", "\n\n", " ", "", "\nAnswer: ", " JSON: ")
STATED = 0.88  # of the properties, when the prompt also names all of them


@dataclass(frozen=True, slots=True)
class Property:
    """One property of one record."""

    key: str
    value: Any
    schema: dict[str, Any]
    says: tuple[str, ...] = ()
    tacit: bool = False

    @property
    def label(self) -> str:
        """The key as words: `birthDate` and `birth_date` are both "birth date"."""
        spaced = "".join(" " + c.lower() if c.isupper() else c for c in self.key)
        return " ".join(spaced.replace("_", " ").replace("-", " ").split())


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its kind, the text its description begins with, and its properties in the order of the JSON."""

    kind: str
    subject: str
    pronouns: tuple[str, str]
    properties: tuple[Property, ...]

    @property
    def value(self) -> dict[str, Any]:
        """The record itself."""
        return {p.key: p.value for p in self.properties}

    @property
    def schema(self) -> dict[str, Any]:
        """A JSON Schema that `value` is valid under."""
        return object_schema(self.properties)


@dataclass(frozen=True, slots=True)
class Example:
    """One training text: `prompt` then `completion`; or, where `chat` is given, its messages then `completion`."""

    prompt: str
    completion: str
    schema: dict[str, Any] | None = None
    chat: tuple[dict[str, str], ...] | None = None


def examples(seed: int) -> Iterator[Example]:
    """Endless examples; equal seeds give equal examples."""
    rng, pools = random.Random(seed), make_pools()
    while True:
        draw = Draw(rng, pools)
        share = rng.random()
        if share < 0.08:
            yield short_answer(draw)
        elif share < 0.16:
            yield as_chat(rng, record_example(draw))
        else:
            yield record_example(draw)


def record_example(draw: Draw) -> Example:
    """A prompt for a record, and the record as JSON."""
    rng = draw.rng
    record = make_record(draw)
    share = rng.random()
    if share < 0.72:
        prompt = introduction(rng, record, 0.3) + describe(rng, record, record.properties)
    elif share < 0.8:
        prompt = introduction(rng, record, 1.0).strip()
    else:
        stated = tuple(p for p in record.properties if rng.random() < STATED)
        facts = describe(rng, record, stated) if rng.random() < 0.75 else ""
        parts = [introduction(rng, record, 0.8).strip(), facts, outline(rng, record)]
        if rng.random() < 0.4:
            parts[1:] = parts[:0:-1]
        prompt = "\n".join(part for part in parts if part)
    prompt += rng.choice(LEADS)
    return Example(prompt, spell_json(rng, record.value), record.schema)


def as_chat(rng: random.Random, example: Example) -> Example:
    """The same exchange as chat messages."""
    messages = [{"role": "user", "content": example.prompt.rstrip().removesuffix("JSON:").rstrip()}]
    if rng.random() < 0.4:
        content = rng.choice(("You answer with JSON.", "Answer in JSON.", "You are a helpful assistant.", "Be brief."))
        messages.insert(0, {"role": "system", "content": content})
    return Example("", example.completion, example.schema, tuple(messages))


# ------------------------------------------------------------------------------------------------------- the records


def make_record(draw: Draw) -> Record:
    """A record of a random kind with a random choice, order and naming of properties."""
    rng = draw.rng
    share = rng.random()
    if share < 0.12:
        return settings_record(draw)
    kind = KINDS["person"] if share < 0.42 else rng.choice(tuple(KINDS.values()))
    style = rng.choice(("snake", "snake", "snake", "camel", "camel", "kebab", "title"))
    subject, rest = kind.fields[0], list(kind.fields[1:])
    if kind.fields is KINDS["person"].fields and rng.random() < 0.5:
        rest = rest[: rng.randint(2, 6)]  # the ones that people ask for first
    chosen = rng.sample(rest, min(len(rest), rng.randint(1, 5)))
    if rng.random() < 0.6:
        chosen.sort(key=rest.index)
    properties = [make_property(draw, subject, style, 0.0), *(make_property(draw, field, style) for field in chosen)]
    properties += nested(draw, kind, style)
    if rng.random() < 0.15:
        rng.shuffle(properties)
    name = str(next(p.value for p in properties if p.key in spellings(subject)))
    if any(p.tacit for p in properties) and rng.random() < 0.4:
        properties = [p for p in properties if p.key not in spellings(subject)]
    return Record(rng.choice(kind.names.split()), kind.article + name, pronouns(rng, kind), distinct(properties))


def spellings(field: Field) -> set[str]:
    """Every key that `field` may have."""
    return {spell_key(name, style) for name in field.names.split() for style in ("snake", "camel", "kebab", "title")}


def distinct(properties: list[Property]) -> tuple[Property, ...]:
    """The properties without those whose key was there before."""
    return tuple({p.key: p for p in reversed(properties)}.values())[::-1]


def pronouns(rng: random.Random, kind: Kind) -> tuple[str, str]:
    """What stands for the subject in the second sentence."""
    if kind.article:
        return kind.pronouns
    return rng.choice((("She", "Her"), ("He", "His"), kind.pronouns))


def make_property(draw: Draw, field: Field, style: str, unknown: float = 0.015) -> Property:
    """A property with a value of `field`, or null with probability `unknown`."""
    key = spell_key(draw.rng.choice(field.names.split()), style)
    value, schema = field.make(draw), field.schema
    if draw.rng.random() < unknown:
        value, schema = None, {"anyOf": [schema, {"type": "null"}]}
    return Property(key, value, schema, field.says, field.tacit)


def spell_key(name: str, style: str) -> str:
    """`birth_date` as birth_date, birthDate, birth-date or Birth Date."""
    words = name.split("_")
    match style:
        case "camel":
            return words[0] + "".join(word.capitalize() for word in words[1:])
        case "kebab":
            return "-".join(words)
        case "title":
            return " ".join(word.capitalize() for word in words)
    return name


def nested(draw: Draw, kind: Kind, style: str) -> list[Property]:
    """Sometimes an object or an array of objects."""
    if kind.names.split()[0] in ("person", "company", "order") and draw.rng.random() < 0.1:
        fields = draw.rng.sample(ADDRESS_FIELDS, draw.rng.randint(2, 4))
        inner = tuple(make_property(draw, field, style) for field in fields)
        return [Property("address", {p.key: p.value for p in inner}, object_schema(inner))]
    if kind.names.startswith("order") and draw.rng.random() < 0.35:
        return [order_items(draw)]
    return []


def order_items(draw: Draw) -> Property:
    """The lines of an order."""
    items = [
        {"name": draw.title(), "quantity": draw.integer(1, 12), "price": draw.number(1, 300)}
        for _ in range(draw.integer(1, 3))
    ]
    schema = {"name": STRING, "quantity": INTEGER, "price": NUMBER}
    item = {"type": "object", "properties": schema, "required": list(schema)}
    return Property(draw.rng.choice(("items", "lines")), items, {"type": "array", "items": item})


def settings_record(draw: Draw) -> Record:
    """A record whose keys and values mean nothing: all a model can do is copy."""
    rng = draw.rng
    makers = (draw.invent, draw.title, draw.identifier, draw.city, draw.date, lambda: draw.integer(0, 9999))
    properties = []
    for _ in range(rng.randint(2, 6)):
        value = rng.choice(makers)()
        schema = INTEGER if isinstance(value, int) else STRING
        key = rng.choice((draw.invent, lambda: rng.choice(draw.pools.words)))()
        properties.append(Property(key, value, schema))
    name = rng.choice(("record", "object", "entry", "configuration"))
    return Record(name, f"The {name}", ("It", "Its"), distinct(properties))


def object_schema(properties: tuple[Property, ...]) -> dict[str, Any]:
    """The schema of an object with these properties, all required."""
    return {
        "type": "object",
        "properties": {p.key: p.schema for p in properties},
        "required": [p.key for p in properties],
    }


# ---------------------------------------------------------------------------------------------------------- the words


def introduction(rng: random.Random, record: Record, probability: float) -> str:
    """A line that says what is wanted, with the given probability."""
    if rng.random() >= probability:
        return ""
    article = "an" if record.kind[0] in "aeiou" else "a"
    name = f"{article} {record.kind.replace('_', ' ')}"
    ask = rng.choice((f"Write {name} record as JSON.", f"Write {name} as JSON.", f"Describe {name} in JSON.",
                      f"Create {name}.", f"Return {name} as a JSON object.", "Extract the facts as JSON.",
                      f"Generate {name} record.", f"Extract {name} from the text."))  # fmt: skip
    return ask + rng.choice(("\n", "\n", " "))


def describe(rng: random.Random, record: Record, properties: tuple[Property, ...]) -> str:
    """Sentences or a list that state `properties`."""
    stated = [p for p in properties if p.value is not None and not (p.tacit and rng.random() < 0.8)]
    if rng.random() < 0.6:
        rng.shuffle(stated)
    if rng.random() < 0.2:
        mark, between = rng.choice(((": ", ", "), (": ", "\n"), (" ", ", "), (" = ", "; "), (": ", "; ")))
        return between.join(f"{p.key if rng.random() < 0.5 else p.label}{mark}{say(p.value)}" for p in stated)
    name = record.subject.rsplit("The ", maxsplit=1)[-1]
    stated = [p for p in stated if not (isinstance(p.value, str) and name.endswith(p.value))]
    return sentences(rng, record, stated)


def sentences(rng: random.Random, record: Record, stated: list[Property]) -> str:
    """Natural sentences about the record's subject."""
    me = record.pronouns[0] in ("She", "He", "They") and rng.random() < 0.12
    subject, possessive = record.subject, record.subject + "'s"
    text = []
    if me or (rng.random() < 0.12 and record.subject[:4] != "The "):
        text.append(rng.choice(("My name is", "I am", "I'm")) + f" {subject}." if me else f"This is {subject}.")
        subject, possessive = ("I", "My") if me else record.pronouns
    clauses = [clause(rng, p) for p in stated]
    while clauses:
        size = rng.choice((1, 2, 2, 3)) if clauses[0][0] else 1
        verbs = [verb for verb, _ in clauses[:size] if verb]
        if verbs and len(verbs) == len(clauses[:size]):
            text.append(f"{subject} {enumerate_words([first_person(v) if me else v for v in verbs])}.")
            clauses = clauses[size:]
        else:
            label, value = clauses.pop(0)[1]
            text.append(f"{possessive} {label} is {value}.")
        if not me and rng.random() < 0.9:
            subject, possessive = record.pronouns
    return " ".join(text)


def clause(rng: random.Random, item: Property) -> tuple[str, tuple[str, str]]:
    """A predicate about the subject ("" if there is none), and the property as (name, value)."""
    fact = (item.label, say(item.value))
    if isinstance(item.value, bool):
        return (item.says[0 if item.value else 1] if item.says and rng.random() < 0.8 else ""), fact
    if not item.says or rng.random() < 0.3:
        return "", fact
    return rng.choice(item.says).format(say(item.value)), fact


def first_person(verb: str) -> str:
    """`lives in Rome` as `live in Rome`."""
    word, _, rest = verb.partition(" ")
    irregular = {"is": "am", "has": "have", "was": "was", "can": "can", "enjoys": "enjoy"}
    return f"{irregular.get(word, word.removesuffix('s'))} {rest}"


def say(value: Any) -> str:
    """A value as it stands in a sentence."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list() if value and isinstance(value[0], dict):
            return "; ".join(f"{item['quantity']} {item['name']} for {item['price']}" for item in value)
        case list():
            return enumerate_words([say(item) for item in value])
        case dict():
            return ", ".join(f"{key} {say(item)}" for key, item in value.items() if item is not None)
    return str(value)


def enumerate_words(parts: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def outline(rng: random.Random, record: Record) -> str:
    """The names of the properties, or the schema."""
    if rng.random() < 0.4:
        keys = [p.key for p in record.properties]
        return rng.choice(("Fields: ", "Keys: ", "Use the fields ", "Properties: ")) + ", ".join(keys) + "."
    return rng.choice(("Schema: ", "JSON Schema: ", "Schema:\n")) + spell_json(rng, record.schema)


def spell_json(rng: random.Random, value: Any) -> str:
    """`value` as JSON in one of the usual layouts: mostly spaced, sometimes compact or indented."""
    share = rng.random()
    if share < 0.65:
        return json.dumps(value, ensure_ascii=False)
    if share < 0.85:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=False, indent=2)


# ------------------------------------------------------------------------------------------------------ short answers


def short_answer(draw: Draw) -> Example:
    """A question with a word, a number, a date or an address for an answer."""
    rng = draw.rng
    make = rng.choice((_pick_option, _pick_option, _compare, _sentiment, _look_up, _look_up))
    prompt, answer = make(draw)
    return Example(prompt + rng.choice(("\nAnswer: ", "\nAnswer: ", "\nAnswer:", "\n", " ")), answer)


def _pick_option(draw: Draw) -> tuple[str, str]:
    options = draw.words(2, 4)
    answer = draw.rng.choice(options)
    thing = draw.invent()
    question = f"Is the {thing} {enumerate_words(options).replace(' and ', ' or ')}?"
    return f"The {thing} is {answer}. {question}", answer


def _compare(draw: Draw) -> tuple[str, str]:
    age, limit = draw.integer(1, 99), draw.integer(1, 99)
    word = draw.rng.choice(("yes", "Yes"))
    other = "no" if word == "yes" else "No"
    return f"{draw.first} is {age} years old. Is {draw.first} older than {limit}?", word if age > limit else other


def _sentiment(draw: Draw) -> tuple[str, str]:
    good = draw.rng.random() < 0.5
    words = "great good excellent wonderful perfect" if good else "bad terrible awful poor broken"
    feeling = ("I love it", "I like it", "Thank you") if good else ("I hate it", "I want my money back", "Never again")
    text = f"The {draw.rng.choice(draw.pools.words)} is {draw.rng.choice(words.split())}. {draw.rng.choice(feeling)}."
    question = draw.rng.choice(("Is this review positive or negative?", "Sentiment?", "Classify the review."))
    return f"{text}\n{question}", "positive" if good else "negative"


def _look_up(draw: Draw) -> tuple[str, str]:
    label, value = draw.rng.choice((
        ("email", draw.email()), ("phone number", draw.phone()), ("birthday", draw.date()), ("city", draw.city()),
        ("age", str(draw.integer(1, 99))), ("web site", draw.url()), ("code", draw.identifier()),
    ))  # fmt: skip
    return f"{draw.person}'s {label} is {value}. What is the {label} of {draw.first}?", value

"""Random schemas and values, compared: the verdict of the automaton, that of `jsonschema`, and what explains a difference.

What is found is made smaller before it is listed. The narrowings are those of docs/json-schema.md, and the departures of
`jsonschema` from the specification.
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

from jsonschema.exceptions import SchemaError as MetaSchemaError
from jsonschema.validators import validator_for
from random_schemas import random_schema
from random_values import near_value
from shrinking import shrunk
from truth import Truth

import latticework as lw

SLOW_SECONDS = 2.0
GIVE_UP_SECONDS = 4.0
_LONGEST_TEXT = 200
_LONGER = 100
_MOST_ORDERS = 500
_FAVOURED = b'abcx1"'
_CLOSING = b'"]}'
_VOCABULARY = lw.Vocabulary([*(bytes([value]) for value in range(256)), None], [256])


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with each schema."""

    values: int = 10
    texts: int = 3
    draft: int | None = None
    shrink: bool = True


@dataclass(slots=True)
class Tally:
    """Counts, and everything to look at."""

    schemas: int = 0
    compiled: int = 0
    unsatisfiable: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    valid: int = 0
    texts: int = 0
    unfinished: int = 0
    undecided: int = 0
    narrowings: Counter[str] = field(default_factory=Counter)
    found: list[dict[str, Any]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return {
            "schemas": self.schemas,
            "compiled": self.compiled,
            "unsatisfiable": self.unsatisfiable,
            "refused": dict(self.refused.most_common()),
            "pairs": self.pairs,
            "valid": self.valid,
            "texts": self.texts,
            "texts_not_finished": self.unfinished,
            "pairs_that_jsonschema_cannot_judge": self.undecided,
            "narrowings": dict(self.narrowings.most_common()),
            "disagreements": dict(Counter(found["kind"] for found in self.found)),
            "to_look_at": self.found,
        }


# ------------------------------------------------------------------------------------------------------- one schema


def compile_schema(schema: dict[str, Any]) -> lw.CompiledGrammar:
    """For the bytes, compact, in any order. Raises TooSlowError after some seconds of CPU time (not within one native call)."""
    constraint = lw.json_schema(schema, property_order="any", whitespace="compact")
    before = signal.signal(signal.SIGVTALRM, _too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, GIVE_UP_SECONDS)
    try:
        return lw.Compiler(_VOCABULARY).compile(constraint)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class TooSlowError(Exception):
    """Compiling takes so long that it is a finding."""


def _too_slow(*_: object) -> None:
    raise TooSlowError


def examine(rng: Random, tally: Tally, plan: Plan) -> None:
    """Draw a schema, compare values, read texts."""
    schema = random_schema(rng, plan.draft)
    tally.schemas += 1
    started = time.process_time()
    try:
        grammar = compile_schema(schema)
    except lw.UnsatisfiableSchemaError:
        tally.unsatisfiable += 1
        grammar = None
    except (lw.UnsupportedSchemaError, lw.LimitError) as error:
        tally.refused[reason(error)] += 1
        return
    except TooSlowError:
        tally.found.append({"kind": "slow", "schema": schema, "seconds": GIVE_UP_SECONDS})
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be listed
        same = raises(type(error))
        tally.found.append(finding("exception", schema, None, same, plan, repr(error)))
        return
    if time.process_time() - started > SLOW_SECONDS:
        tally.found.append({"kind": "slow", "schema": schema, "seconds": time.process_time() - started})
    tally.compiled += grammar is not None
    compare(rng, schema, grammar, tally, plan)
    known = len(tally.found)
    for _ in range(plan.texts if grammar is not None else 0):
        if len(tally.found) == known:
            read_back(rng, schema, grammar, tally, plan)


def reason(error: lw.ConstraintError) -> str:
    """The type of an error with its keyword or limit, which is what refusals are counted by."""
    named = [getattr(error, name, "") for name in ("keyword", "limit", "reason")]
    return f"{type(error).__name__} {next(filter(None, named), str(error))[:_LONGER]}"


def compare(rng: Random, schema: dict[str, Any], grammar: lw.CompiledGrammar | None, tally: Tally, plan: Plan) -> None:
    """The two verdicts on a few values."""
    truth = Truth(schema)
    for _ in range(plan.values):
        value = near_value(rng, schema)
        valid = truth.plainly(value)
        if valid is None:
            tally.undecided += 1
            continue
        tally.pairs += 1
        tally.valid += valid
        accepted = accepts(grammar, written(value))
        if accepted == valid:
            continue
        if (name := narrowing(grammar, truth, value, accepted)) is not None:
            tally.narrowings[name] += 1
            continue
        kind = "false accept" if accepted else "false reject" if grammar else "false unsatisfiable"
        tally.found.append(finding(kind, schema, value, disagrees(accepted, grammar is None), plan))
        return


def read_back(rng: Random, schema: dict[str, Any], grammar: lw.CompiledGrammar, tally: Tally, plan: Plan) -> None:
    """A text that the automaton writes: what does it say?"""
    text = random_text(rng, grammar)
    tally.texts += 1
    if text is None:
        tally.unfinished += 1
        return
    if text == "":
        tally.found.append({"kind": "dead end", "schema": schema})
        return
    value = json.loads(text, parse_float=_finite)
    truth = Truth(schema)
    if truth.plainly(value) is False and truth.exactly(value) is False:
        if truth.doubts and truth.third(value):
            return
        kind = "invalid text" if written(value) == text else "invalid text, spelled otherwise"
        tally.found.append(finding(kind, schema, value, disagrees(True, False), plan, text))


def _finite(spelling: str) -> float:
    """The double that a text is read as; a large one instead of an infinity, which not every validator takes."""
    return max(-1e300, min(float(spelling), 1e300))


# ------------------------------------------------------------------------------------------------------ one comparison


def written(value: Any) -> str:
    """The text of a value, compact."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def accepts(grammar: lw.CompiledGrammar | None, text: str) -> bool:
    """Whether the text is one of the grammar's; None has none."""
    if grammar is None:
        return False
    state = grammar.step_bytes(grammar.start, text.encode())
    return state >= 0 and grammar.is_accepting(state)


def narrowing(grammar: lw.CompiledGrammar | None, truth: Truth, value: Any, accepted: bool) -> str | None:
    """Which of the known differences explains a disagreement, if one does."""
    if truth.exactly(value) is accepted:
        return "jsonschema divides doubles, or matches $ before a newline"
    if truth.doubts and truth.third(value) is accepted:
        return "jsonschema and unevaluated values of draft 2019-09; jsonschema-rs says the same as the automaton"
    if truth.has_large_doubles and not accepted and truth.third(value) is False:
        return "between a bound that is spelled as a double and the value of that double"
    plain = plain_numbers(value)
    if not accepted and accepts(grammar, plain) and truth.exactly(json.loads(plain)) is not False:
        return "a number is spelled with a fraction or an exponent that is not written"
    if not accepted and grammar is not None and accepts_in_some_order(grammar, json.loads(plain)):
        return "uniqueItems: the properties of an item come in one order"
    if not accepted and truth.is_draft_4 and ".0" in written(value):
        return "draft 4, where 1.0 is a number and no integer: it is not written"
    return None


def plain_numbers(value: Any) -> str:
    """The text of a value with integers written without fraction, and numbers without exponent."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{written(name)}:{plain_numbers(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(plain_numbers, value)) + "]"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{Decimal(repr(value)):f}"
    return written(value)


def accepts_in_some_order(grammar: lw.CompiledGrammar, value: Any) -> bool:
    """Whether a value is one of the grammar's with its properties in another order; not every order may be tried."""
    ends = islice(_ends(grammar, grammar.start, value), _MOST_ORDERS)
    return any(grammar.is_accepting(state) for state in ends)


def _ends(grammar: lw.CompiledGrammar, state: int, value: Any) -> Iterator[int]:
    """The states after a value, for each order of its properties that the grammar goes along with."""
    if isinstance(value, dict):
        yield from _ends_of_members(grammar, state, "{", value)
    elif isinstance(value, list):
        yield from _ends_of_items(grammar, state, "[", value)
    elif (after := grammar.step_bytes(state, plain_numbers(value).encode())) >= 0:
        yield after


def _ends_of_members(grammar: lw.CompiledGrammar, state: int, before: str, members: dict[str, Any]) -> Iterator[int]:
    if not members and (after := grammar.step_bytes(state, (before.strip(",") + "}").encode())) >= 0:
        yield after
    for name, value in members.items():
        others = {other: part for other, part in members.items() if other != name}
        after = grammar.step_bytes(state, f"{before}{written(name)}:".encode())
        for end in _ends(grammar, after, value) if after >= 0 else ():
            yield from _ends_of_members(grammar, end, ",", others)


def _ends_of_items(grammar: lw.CompiledGrammar, state: int, before: str, items: list[Any]) -> Iterator[int]:
    if not items and (after := grammar.step_bytes(state, (before.strip(",") + "]").encode())) >= 0:
        yield after
    after = grammar.step_bytes(state, before.encode()) if items else -1
    for end in _ends(grammar, after, items[0]) if after >= 0 else ():
        yield from _ends_of_items(grammar, end, ",", items[1:])


def random_text(rng: Random, grammar: lw.CompiledGrammar) -> str | None:
    """A walk over the bytes that heads for the end after a while: a text, None if it did not get there, "" if stuck."""
    state, text = grammar.start, bytearray()
    for length in range(_LONGEST_TEXT):
        allowed = grammar.next_bytes(state)
        if grammar.is_accepting(state) and (rng.random() < 0.5 or not allowed):
            return text.decode()
        if not allowed:
            return ""
        choices = [byte for byte in _CLOSING if byte in allowed] if rng.random() < length / 60 else []
        if not choices and rng.random() < 0.6:
            choices = [byte for byte in _FAVOURED if byte in allowed]
        byte = rng.choice(choices or allowed)
        state = grammar.step(state, byte)
        text.append(byte)
    return None


# ------------------------------------------------------------------------------------------------------- made smaller

Test = Callable[[dict[str, Any], Any], bool]


def finding(kind: str, schema: dict[str, Any], value: Any, test: Test, plan: Plan, note: str = "") -> dict[str, Any]:
    """What to list: the smallest schema and value that still show it."""
    small, least = schema, value
    if plan.shrink and test(schema, value):
        small = shrunk(schema, lambda smaller: well_formed(smaller) and test(smaller, value))
        least = shrunk(value, lambda smaller: test(small, smaller))
        small = shrunk(small, lambda smaller: well_formed(smaller) and test(smaller, least))
    found = {"kind": kind, "schema": small, "value": least, "note": note[:_LONGER]}
    return {**found, "third": Truth(small).third(least)}


def well_formed(schema: Any) -> bool:
    """Whether the meta-schema takes it."""
    try:
        validator_for(schema).check_schema(schema)
    except MetaSchemaError:
        return False
    return isinstance(schema, dict)


def disagrees(accepted: bool, unsatisfiable: bool) -> Test:
    """The test "the automaton's verdict is this one, and it is wrong"."""

    def test(schema: dict[str, Any], value: Any) -> bool:
        try:
            grammar = compile_schema(schema)
        except lw.UnsatisfiableSchemaError:
            grammar = None
        except Exception:  # noqa: BLE001 - another matter
            return False
        truth = Truth(schema)
        right = {truth.plainly(value), truth.exactly(value)} == {not accepted}
        if not right or accepts(grammar, written(value)) != accepted or unsatisfiable != (grammar is None):
            return False
        return narrowing(grammar, truth, value, accepted) is None

    return test


def raises(kind: type[Exception]) -> Test:
    """The test "compiling ends in an error of this type"."""

    def test(schema: dict[str, Any], _: Any) -> bool:
        try:
            compile_schema(schema)
        except Exception as error:  # noqa: BLE001 - of any type
            return type(error) is kind
        return False

    return test

"""Second opinion on a benchmark's labels: what the reference validator `jsonschema` says of an instance.

A label that the validator contradicts is no engine's mistake, so it is listed apart and counted neither for nor against
one. The validator is taken at its word only where it can judge: the formats of the specification are checked (with the
packages of `jsonschema[format-nongpl]`, else schemas with them are left to the label), references are not fetched.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from referencing import Registry

JudgeRequest: TypeAlias = tuple[dict[str, Any] | bool, tuple[Any, ...]]
Verdict: TypeAlias = bool | None

STANDARD_FORMATS = {"date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4"}
STANDARD_FORMATS |= {"ipv6", "uri", "uri-reference", "iri", "iri-reference", "uuid", "uri-template", "json-pointer"}
STANDARD_FORMATS |= {"relative-json-pointer", "regex"}


def judge(request: JudgeRequest) -> tuple[Verdict, ...]:
    """For each instance: valid, not valid, or None where the validator cannot say."""
    schema, instances = request
    checker = Draft202012Validator.FORMAT_CHECKER  # the newest: FormatChecker() has draft 3's idea of a time
    kind = validator_for(schema, default=Draft202012Validator)
    validator = kind(schema, format_checker=checker, registry=Registry())
    blind = bool((formats_in(schema) & STANDARD_FORMATS) - set(checker.checkers))
    return tuple(_verdict(validator, instance, blind) for instance in instances)


def _verdict(validator: Any, instance: Any, blind: bool) -> Verdict:
    """`blind`: the schema names a format that cannot be checked, so "valid" is not the whole truth."""
    try:
        valid = bool(validator.is_valid(instance))
    except Exception:  # noqa: BLE001 - a malformed schema, a remote reference: many ways to say so
        return None
    return None if valid and blind else valid


def formats_in(schema: Any) -> set[str]:
    """Every string under a key `format`, wherever it stands."""
    if isinstance(schema, dict):
        own = {schema["format"]} if isinstance(schema.get("format"), str) else set()
        return own.union(*(formats_in(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(formats_in(value) for value in schema))
    return set()


def make_judge() -> Any:
    """Factory for a worker: the handler is `judge` itself."""
    return judge

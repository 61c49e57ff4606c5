"""What `jsonschema` says of a value, and whether it says so only for one of its known departures from the specification.

Asked plainly, it divides doubles (0.3 is no multiple of 0.1) and takes `$` to match before a newline at the end, as Python
does. `exactly` corrects these two. It also forgets some properties and items that draft 2019-09 calls evaluated (those of
`additionalProperties` that is no boolean, for instance): `doubts` says where. A third opinion, that of the validator of
`jsonschema-rs`, decides there alone; elsewhere it only helps whoever looks at a disagreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend, validator_for
from referencing import Registry

Verdict = bool | None


class Truth:
    """The verdicts on the values of one schema; None where a validator has none (it raises, or runs in circles)."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._kind = validator_for(schema, default=Draft202012Validator)

    def plainly(self, value: Any) -> Verdict:
        """What `jsonschema` says, formats checked, nothing fetched."""
        return _verdict(self._plain, value)

    def exactly(self, value: Any) -> Verdict:
        """The same with numbers divided as decimals, and `$` at the end alone."""
        return _verdict(self._exact, value)

    def third(self, value: Any) -> Verdict:
        """What the validator of `jsonschema-rs` says."""
        try:
            return bool(jsonschema_rs.validator_for(self._schema, validate_formats=True).is_valid(value))
        except Exception:  # noqa: BLE001 - it may refuse what the other takes
            return None

    @property
    def is_draft_4(self) -> bool:
        """Whether 1.0 is no integer."""
        return "draft-04" in self._schema.get("$schema", "")

    @cached_property
    def doubts(self) -> bool:
        """Whether `jsonschema` is known to be wrong about some values of such schemas."""
        return "2019-09" in self._schema.get("$schema", "") and "'unevaluated" in str(self._schema)

    @cached_property
    def has_large_doubles(self) -> bool:
        """Whether the schema spells a bound as a double that has another value than its digits say."""
        return "e+" in str(self._schema)

    @cached_property
    def _plain(self) -> Any:
        return self._kind(self._schema, format_checker=Draft202012Validator.FORMAT_CHECKER, registry=Registry())

    @cached_property
    def _exact(self) -> Any:
        kind = extend(self._kind, {"multipleOf": _multiple_of})
        return kind(_anchored(self._schema), format_checker=Draft202012Validator.FORMAT_CHECKER, registry=Registry())


def _verdict(validator: Any, value: Any) -> Verdict:
    try:
        return bool(validator.is_valid(value))
    except Exception:  # noqa: BLE001 - circles, and keywords that it does not expect beside each other
        return None


def _multiple_of(validator: Any, divisor: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(divisor)):
        yield ValidationError(f"{value!r} is not a multiple of {divisor}")


def _anchored(schema: Any) -> Any:
    """The schema with every `$` of its patterns in Python's spelling. No name in it may end with `$` for another reason."""
    if isinstance(schema, list):
        return [_anchored(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        _end(name): _end(part) if name == "pattern" and isinstance(part, str) else _anchored(part)
        for name, part in schema.items()
    }


def _end(pattern: str) -> str:
    return pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern

"""Says whether a generated text is what its constraint promised: validated if finished, a possible beginning if not.

The validator is `jsonschema`, with the formats that Latticework enforces. It has habits that are not the
specification's: it divides doubles to check `multipleOf`, it reads patterns as Python does instead of ECMA-262, and its
formats know no leap second. So a text that it refuses is shown to two more: itself with exact decimals, and
`jsonschema_rs`. If one of them accepts, the text is disputed and listed apart, with who says what.
"""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import validator_for
from judge import STANDARD_FORMATS
from referencing import Registry

import latticework as lw

Kind: TypeAlias = Literal["valid", "viable", "invalid", "disputed", "unjudged", "dead", "stuck"]

FAILURES: tuple[Kind, ...] = ("invalid", "disputed", "dead", "stuck")
"""Not what was promised: disputed ones too, for `jsonschema` is the validator that the promise names."""

FORMATS = STANDARD_FORMATS - {"regex", "idn-hostname"}
_CHECKERS = Draft202012Validator.FORMAT_CHECKER.checkers  # the newest: FormatChecker() has draft 3's idea of a time
_CHECKER = FormatChecker(())
_CHECKER.checkers = {name: _CHECKERS[name] for name in FORMATS & set(_CHECKERS)}
_DIGITS = 5000  # of exact decimals: more than an output has


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one output.

    Attributes:
        kind: "valid", or of an unfinished one "viable". Else "invalid": no validator takes it; "disputed": some do;
            "unjudged": jsonschema cannot say, and no other says no; "dead": its bytes do not lead to where the grammar
            may end (finished) or go on (unfinished); "stuck": no token is allowed behind it.
        keyword: at fault, of "invalid" and "disputed".
        message: the validator's, or what else there is to say.
    """

    kind: Kind
    keyword: str = ""
    message: str = ""


def verdict(generation: lw.Generation, grammar: lw.CompiledGrammar, schema: Any) -> Verdict:
    """The verdict on one output of `grammar`, which was compiled for `schema`."""
    vocabulary = grammar.vocabulary
    ends = set(vocabulary.eos_token_ids)
    tokens = [token_id for token_id in generation.token_ids if token_id not in ends]
    data = b"".join(map(vocabulary.token_bytes, tokens))
    state = grammar.step_bytes(grammar.start, data)
    if state < 0:
        return Verdict("dead", message="its bytes are no beginning of the language")
    if generation.finished:
        if not grammar.is_accepting(state) or data.decode("utf-8", "replace") != generation.text:
            return Verdict("dead", message="finished where the grammar does not end, or not with the bytes of its text")
        return validate(generation.text, schema)
    return Verdict("viable") if grammar.allowed_tokens(state) else Verdict("stuck", message="the mask is empty")


def validate(text: str, schema: Any) -> Verdict:
    """The verdict on a finished text: "valid", "invalid", "disputed" or "unjudged"."""
    try:
        instance = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        return Verdict("invalid", "JSON", str(error))
    try:
        fault = best_match(_validator(schema).iter_errors(instance))
    except Exception as error:  # noqa: BLE001 - a pattern of ECMA-262, a reference elsewhere: many ways to say so
        return _second(schema, text, f"{type(error).__name__}: {error}")
    return Verdict("valid") if fault is None else _appeal(schema, text, fault)


def _second(schema: Any, text: str, reason: str) -> Verdict:
    """Where jsonschema cannot judge, jsonschema_rs may; its yes is not the promised one, its no counts."""
    other = _opinion(_rust, schema, text)
    if other is False:
        return Verdict("invalid", "", f"jsonschema_rs refuses it; jsonschema: {reason}")
    return Verdict("unjudged", "", f"jsonschema_rs {'accepts' if other else 'cannot say'}; jsonschema: {reason}")


def _appeal(schema: Any, text: str, fault: ValidationError) -> Verdict:
    """jsonschema says no."""
    keyword, message = str(fault.validator), f"at {fault.json_path}: {fault.message}"
    opinions: dict[str, Callable[[Any, str], bool]] = {"exact decimals": _exact, "jsonschema_rs": _rust}
    accepting = [name for name, ask in opinions.items() if _opinion(ask, schema, text)]
    if accepting:
        return Verdict("disputed", keyword, f"accepted by {' and '.join(accepting)}; {message}")
    return Verdict("invalid", keyword, message)


def _opinion(ask: Callable[[Any, str], bool], schema: Any, text: str) -> bool | None:
    try:
        return ask(schema, text)
    except Exception:  # noqa: BLE001 - a validator that cannot read the schema has no opinion
        return None


def _exact(schema: Any, text: str) -> bool:
    """Numbers as they are written, in the text and in the schema."""
    with decimal.localcontext(prec=_DIGITS):
        precise = json.loads(json.dumps(schema), parse_float=Decimal)
        return bool(_validator(precise).is_valid(json.loads(text, parse_float=Decimal)))


def _rust(schema: Any, text: str) -> bool:
    validator = jsonschema_rs.validator_for(schema, validate_formats=True, retriever=_no_fetching)
    return validator.is_valid(json.loads(text))


def _no_fetching(address: str) -> Any:
    raise LookupError(address)


def _validator(schema: Any) -> Any:
    kind = validator_for(schema, default=Draft202012Validator)
    return kind(schema, format_checker=_CHECKER, registry=Registry())


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def unchecked_formats() -> Iterable[str]:
    """Enforced formats that this installation of jsonschema does not check."""
    return sorted(FORMATS - set(_CHECKERS))

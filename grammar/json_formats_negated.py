"""What a negated format excludes: every text that any reading of its specification takes for one.

In: the name of a format. Out: a `Regex` that holds all its texts, or None where the name is an annotation.

A format that is narrower than its specification (`json_formats.py`) must not be complemented: `not` would then write the
very texts that were left out, leap seconds and `xn--` labels among them. What is complemented instead is wide: it holds
the whole language of the specification, and also what the checkers of `jsonschema` take for the format, which is at times
more (any text with an `@` is an email address; a host name may end in a dot, or a date in a line feed). So `not` writes
only texts that nobody takes for the format.
"""

from __future__ import annotations

from functools import lru_cache

from .ir import Complement, Regex
from .json_formats import DAY_MONTHS, HOUR_MINUTE, POINTER, format_content, references
from .lower_regex import share
from .regex import from_regex


@lru_cache(maxsize=64)
def excluded_content(name: str) -> Regex | None:
    """A superset of the strings of format `name`; None for names that JSON Schema does not define."""
    if name in _WIDER:
        return share(from_regex(_WIDER[name]))
    return share(_not_malformed()) if name == "regex" else format_content(name)


_LINE_FEED = r"\n?"
_LITERAL = r"\[[0-9A-Za-z._~!$&'()*+,;=:-]*\]"
"""Any address in brackets; some readers take octets with leading zeros."""
_URI, _URI_RELATIVE = references("", "", _LITERAL)

_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[048]|[2468][048]|[13579][26])00)"
_DATE = rf"(?:[0-9]{{4}}-{DAY_MONTHS}|{_LEAP}-02-29)"
_TIME = rf"{HOUR_MINUTE}:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[+-]{HOUR_MINUTE})"
_NUMBER = r"[0-9.,eE+-]+"
_DURATION = (
    rf"[+-]?P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?(?:{_NUMBER}W)?"
    rf"(?:(?:{_NUMBER})?T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)

# Readers without regard to case take some letters for i, k and s, and some take the digits of every script.
_HOST = r"[0-9A-Za-z\d\u0130\u0131\u017f\u212a]"
_HOST_LABEL = rf"{_HOST}(?:(?:{_HOST}|-){{0,61}}{_HOST})?"
_IDN = r"[0-9A-Za-z\u0080-\u3001\u3003-\uff0d\uff0f-\uff60\uff62-\U0010ffff]"
_IDN_LABEL = rf"{_IDN}(?:(?:{_IDN}|-)*{_IDN})?"
_IDN_DOT = r"[.\u3002\uff0e\uff61]"
_UUID = r"[-0-9A-Fa-f\d\s_+xX{}urnid:]"

_WIDER: dict[str, str] = {
    "date": _DATE,
    "time": _TIME + _LINE_FEED,
    "date-time": rf"{_DATE}[Tt]{_TIME}{_LINE_FEED}",
    "duration": _DURATION,
    "hostname": rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*\.?{_LINE_FEED}",
    "idn-hostname": rf"{_IDN_LABEL}(?:{_IDN_DOT}{_IDN_LABEL})*{_IDN_DOT}?",
    "email": r"(?s:.*@.*)",
    "idn-email": r"(?s:.*@.*)",
    "uri": _URI + _LINE_FEED,
    "uri-reference": rf"(?:{_URI}|{_URI_RELATIVE}){_LINE_FEED}",
    "uri-template": r"(?:[^{}]|\{[^}]*\})*",
    "uuid": rf"{_UUID}{{8}}-{_UUID}{{4}}-{_UUID}{{4}}-{_UUID}{{4}}-{_UUID}{{12,}}",
    "relative-json-pointer": rf"(?:0|[1-9\u0080-\U0010ffff][0-9\u0080-\U0010ffff]*)(?:\#|{POINTER})",
}


def _not_malformed() -> Regex:
    """All but what is no regular expression in any dialect: a repetition or `)` without beginning, `(` or `\\` without end."""
    return Complement(from_regex(r"(?s)[*+?].*|[^(\[\\]*\).*|[^()\[\\]*\([^)\[\\]*|(?:[^\\]|\\.)*\\"))

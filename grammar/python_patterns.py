"""Regular expressions (ECMA-262) for the texts that Pydantic reads as dates, durations, UUIDs, decimals, addresses and URLs.

Each one is a subset of what Pydantic takes, so that every text it matches can be read. Where the formats of JSON Schema
go further than Python (the year 0, leap seconds, domains that no mail reaches), these stop earlier.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def whole(pattern: str) -> str:
    """The pattern, anchored at both ends."""
    return f"^(?:{pattern})$"


_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_MONTH_DAY = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
_OFFSET = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"

DATE = f"(?:{_YEAR}-{_MONTH_DAY}|{_LEAP_YEAR}-02-29)"
TIME = f"{_CLOCK}{_OFFSET}?"
NAIVE_DATETIME = f"{DATE}T{_CLOCK}"
AWARE_DATETIME = f"{DATE}T{_CLOCK}{_OFFSET}"

_SECONDS = "[0-9]{1,6}(?:\\.[0-9]{1,6})?S"
_DAY_TIME = f"(?:[0-9]{{1,4}}H(?:[0-9]{{1,4}}M)?(?:{_SECONDS})?|[0-9]{{1,4}}M(?:{_SECONDS})?|{_SECONDS})"
DURATION = f"-?P(?:[0-9]{{1,8}}D(?:T{_DAY_TIME})?|T{_DAY_TIME})"

INTEGER = "-?(?:0|[1-9][0-9]{0,999})"
NUMBER = "-?(?:0|[1-9][0-9]{0,99})(?:\\.[0-9]{1,99})?"
COMPLEX = "-?[0-9]{1,15}(?:\\.[0-9]{1,15})?[+-][0-9]{1,15}(?:\\.[0-9]{1,15})?j"

BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
BASE64_URL = "(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?"

_LABEL = "[a-z0-9]{1,30}(?:-[a-z0-9]{1,30})?"
_NO_MAIL = "arpa|invalid|local|localhost|onion|test"  # reserved top-level domains (RFC 6761 and others)
EMAIL = (
    f"[A-Za-z0-9]{{1,20}}(?:[._+\\-][A-Za-z0-9]{{1,20}}){{0,2}}@(?:{_LABEL}\\.){{1,3}}(?!(?:{_NO_MAIL})$)[a-z]{{2,24}}"
)


def uuid(version: int | None) -> str:
    """A UUID in its hyphenated form (RFC 9562), of one version if given."""
    digit = "[0-9a-fA-F]"
    middle = f"{digit}{{4}}-{digit}{{4}}" if version is None else f"{version}{digit}{{3}}-[89abAB]{digit}{{3}}"
    return f"{digit}{{8}}-{digit}{{4}}-{middle}-{digit}{{12}}"


def decimal(max_digits: int | None, decimal_places: int | None, *, negative: bool, zero: bool) -> str:
    """A decimal with at most `max_digits` digits, `decimal_places` of them after the point."""
    sign = "-?" if negative else ""
    not_zero = "" if zero else "(?=[0-9.]*[1-9])"
    if max_digits is None:
        return f"{sign}{not_zero}(?:0|[1-9][0-9]{{0,99}}){_fraction(99 if decimal_places is None else decimal_places)}"
    if decimal_places is None:  # every split of the digits
        splits = [(whole_digits, max_digits - whole_digits) for whole_digits in range(1, max_digits + 1)]
    else:
        splits = [(max_digits - decimal_places, min(decimal_places, max_digits))]
    texts = [f"{_whole_digits(before)}{_fraction(after, required=before <= 0)}" for before, after in splits]
    return f"{sign}{not_zero}(?:{'|'.join(texts)})"


def _whole_digits(count: int) -> str:
    return "0" if count <= 0 else f"(?:0|[1-9][0-9]{{0,{count - 1}}})"


def _fraction(places: int, *, required: bool = False) -> str:
    if places == 0:
        return ""
    return f"(?:\\.[0-9]{{1,{places}}}){'' if required else '?'}"


def url(schemes: Sequence[str]) -> str:
    """A URL with a host name that does not look like an address, and a path, query and fragment spelled in ASCII."""
    label = "[a-z0-9]+(?:-[a-z0-9]+)*"
    character = "(?:[A-Za-z0-9._~!$&()*+,;=:@/\\-]|%[0-9A-Fa-f]{2})*"
    host = f"(?:{label}\\.)*[a-z]{{2,24}}(?::[1-9][0-9]{{0,3}})?"
    return f"(?:{'|'.join(map(re.escape, schemes))})://{host}(?:/{character})?(?:\\?{character})?(?:#{character})?"

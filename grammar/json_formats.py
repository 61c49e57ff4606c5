"""The formats of JSON Schema as regular languages, each built on first use.

In: the name of a format. Out: a `Regex` over the content of a string, or None where the name is not one of JSON
Schema's and is therefore an annotation. Sources: RFC 3339 (dates, times, durations), 5321 (email), 6531 (its
internationalised form), 1123 and 5890 (host names), 2673 and 4291 (addresses), 3986 and 3987 (URI, IRI), 6570
(templates), 6901 (pointers), 4122 (uuid).

Two are narrower than their text, since what they leave out is not regular: labels of host names that begin with
`xn--` (whether the rest decodes is not a regular property) are never written, and nor are the other labels with
hyphens in third and fourth place, which RFC 5890 reserves. `regex` and `idn-hostname` are not regular at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from .ir import Chars, Complement, Concat, Intersection, Regex, Repeat, Text, Union
from .lower import share
from .regex import from_regex

NOT_REGULAR = frozenset({"regex", "idn-hostname"})
"""Formats of the specification that no regular language describes."""


@lru_cache(maxsize=64)
def format_content(name: str) -> Regex | None:
    """The strings of format `name`; None for names that JSON Schema does not define."""
    build = _FORMATS.get(name)
    return None if build is None else share(build())


def _pattern(text: str) -> Callable[[], Regex]:
    return lambda: from_regex(text)


# --------------------------------------------------------------------------------------------------------------- time

_DATE = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_HOUR_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_FRACTION = r"(?:\.[0-9]+)?"
_PLAIN_TIME = rf"{_HOUR_MINUTE}:[0-5][0-9]{_FRACTION}(?:[Zz]|[+-]{_HOUR_MINUTE})"


def _time() -> Regex:
    return Union((from_regex(_PLAIN_TIME), _leap_second()))


def _date_time() -> Regex:
    return Concat((from_regex(_DATE), Chars(((84, 84), (116, 116))), _time()))


def _leap_second() -> Regex:
    """Times with second 60: 23:59 in UTC, whatever the offset.

    Local time is 23:59 plus the offset, so that hours and minutes are tied pairwise. Each tie is a union over one of
    them, and their intersection is the language; written out it would be 1,440 cases for each sign.
    """
    fraction = from_regex(_FRACTION)
    utc = Concat((Text("23:59:60"), fraction, Chars(((90, 90), (122, 122)))))
    return Union((utc, _leap_ahead(fraction), _leap_behind(fraction)))


def _leap_ahead(fraction: Regex) -> Regex:
    """Offsets with +: the minute is the offset's less one; the hour is its hour, or one less at minute 59."""
    two = Repeat(Chars(((48, 57),)), 2, 2)
    minutes, hours = [], []
    for minute in range(60):
        parts = two, Text(f":{minute:02}:60"), fraction, Text("+"), two, Text(f":{(minute + 1) % 60:02}")
        minutes.append(Concat(parts))
    not_last = Intersection((two, Complement(Text("59"))))
    for hour in range(24):
        at_last = Text("59:60"), fraction, Text(f"+{(hour + 1) % 24:02}:")
        before = not_last, Text(":60"), fraction, Text(f"+{hour:02}:")
        hours.append(Concat((Text(f"{hour:02}:"), Union((Concat(at_last), Concat(before))), two)))
    return Intersection((Union(tuple(minutes)), Union(tuple(hours))))


def _leap_behind(fraction: Regex) -> Regex:
    """Offsets with -: minute and offset minute add up to 59, hour and offset hour to 23."""
    two = Repeat(Chars(((48, 57),)), 2, 2)
    colon = Text(":")
    minutes = tuple(
        Concat((two, Text(f":{minute:02}:60"), fraction, Text("-"), two, Text(f":{59 - minute:02}")))
        for minute in range(60)
    )
    hours = tuple(
        Concat((Text(f"{hour:02}:"), two, Text(":60"), fraction, Text(f"-{23 - hour:02}"), colon, two))
        for hour in range(24)
    )
    return Intersection((Union(minutes), Union(hours)))


_CLOCK = r"(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DAYS = r"(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)"
_DURATION = rf"P(?:{_DAYS}(?:T{_CLOCK})?|T{_CLOCK}|[0-9]+W)"

# ------------------------------------------------------------------------------------------------------------ addresses

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_HEX = r"[0-9A-Fa-f]"
_GROUP = rf"{_HEX}{{1,4}}"
_LAST = rf"(?:{_GROUP}:{_GROUP}|{_IPV4})"
_IPV6 = (
    rf"(?:(?:{_GROUP}:){{6}}{_LAST}"
    rf"|::(?:{_GROUP}:){{5}}{_LAST}"
    rf"|(?:{_GROUP})?::(?:{_GROUP}:){{4}}{_LAST}"
    rf"|(?:(?:{_GROUP}:){{0,1}}{_GROUP})?::(?:{_GROUP}:){{3}}{_LAST}"
    rf"|(?:(?:{_GROUP}:){{0,2}}{_GROUP})?::(?:{_GROUP}:){{2}}{_LAST}"
    rf"|(?:(?:{_GROUP}:){{0,3}}{_GROUP})?::{_GROUP}:{_LAST}"
    rf"|(?:(?:{_GROUP}:){{0,4}}{_GROUP})?::{_LAST}"
    rf"|(?:(?:{_GROUP}:){{0,5}}{_GROUP})?::{_GROUP}"
    rf"|(?:(?:{_GROUP}:){{0,6}}{_GROUP})?::)"
)
_ALNUM = "[0-9A-Za-z]"
_INNER = "[0-9A-Za-z-]"
# By length up to four, and beyond. Written out, since the complement of what is reserved, beside the bound on the length
# of the whole name, costs a hundred times as many states.
_BEGUN = rf"{_INNER}(?:{_ALNUM}{_INNER}|-{_ALNUM})"
_LABEL = rf"{_ALNUM}(?:{_INNER}{{0,2}}{_ALNUM}|{_BEGUN}{_INNER}{{0,58}}{_ALNUM})?"


def _hostname() -> Regex:
    return Intersection((from_regex(rf"{_LABEL}(?:\.{_LABEL})*"), from_regex(r".{1,253}")))


_ATOM = r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]"
_UNICODE_ATOM = r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~\u0080-\U0010FFFF-]"
_QUOTED = r"\"(?:[ !#-\[\]-~]|\\[ -~])*\""
_LITERAL = rf"\[(?:{_IPV4}|IPv6:{_IPV6})\]"


def _email() -> Regex:
    local = from_regex(rf"(?:{_ATOM}+(?:\.{_ATOM}+)*|{_QUOTED})")
    domain = Union((_hostname(), from_regex(_LITERAL)))
    return Concat((local, Text("@"), domain))


def _idn_email() -> Regex:
    letter = r"[0-9A-Za-z\u0080-\U0010FFFF]"
    label = rf"{letter}(?:(?:{letter}|-){{0,61}}{letter})?"
    quoted = r"\"(?:[ !#-\[\]-~\u0080-\U0010FFFF]|\\[ -~])*\""
    local = from_regex(rf"(?:{_UNICODE_ATOM}+(?:\.{_UNICODE_ATOM}+)*|{quoted})")
    domain = from_regex(rf"(?:{label}(?:\.{label})*|{_LITERAL})")
    return Concat((local, Text("@"), domain))


# ----------------------------------------------------------------------------------------------------------- references

_ASCII_UNRESERVED = r"0-9A-Za-z._~"
_UCSCHAR = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane * 0x10000 + (0x1000 if plane == 14 else 0))}-{chr(plane * 0x10000 + 0xFFFD)}" for plane in range(1, 15)
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


def _references(extra: str, private: str) -> tuple[str, str]:
    """URI (or, with `extra` characters, IRI) and its relative form, RFC 3986 appendix A and RFC 3987 2.2."""
    percent = rf"%{_HEX}{{2}}"
    plain = _ASCII_UNRESERVED + r"!$&'()*+,;=" + extra
    segment = rf"(?:[{plain}:@-]|{percent})"
    no_colon = rf"(?:[{plain}@-]|{percent})+"
    user = rf"(?:(?:[{plain}:-]|{percent})*@)?"
    future = r"[Vv][0-9A-Fa-f]+\.[0-9A-Za-z._~!$&'()*+,;=:-]+"
    host = rf"(?:\[(?:{_IPV6}|{future})\]|(?:[{plain}-]|{percent})*)"
    authority = rf"//{user}{host}(?::[0-9]*)?(?:/{segment}*)*"
    absolute = rf"/(?:{segment}+(?:/{segment}*)*)?"
    tail = rf"(?:\?(?:{segment}|[/?{private}])*)?(?:\#(?:{segment}|[/?])*)?"
    uri = rf"[A-Za-z][0-9A-Za-z+.-]*:(?:{authority}|{absolute}|{segment}+(?:/{segment}*)*|){tail}"
    relative = rf"(?:{authority}|{absolute}|{no_colon}(?:/{segment}*)*|){tail}"
    return uri, relative


_URI, _URI_RELATIVE = _references("", "")
_IRI, _IRI_RELATIVE = _references(_UCSCHAR, _PRIVATE)

_TEMPLATE_NAME = rf"(?:[0-9A-Za-z_]|%{_HEX}{{2}})(?:\.?(?:[0-9A-Za-z_]|%{_HEX}{{2}}))*"
_TEMPLATE_VARIABLE = rf"{_TEMPLATE_NAME}(?::[1-9][0-9]{{0,3}}|\*)?"
_TEMPLATE = (
    rf"(?:[!#$&-;=?-\[\]_a-z~{_UCSCHAR}{_PRIVATE}]|%{_HEX}{{2}}"
    rf"|\{{[+#./;?&=,!@|]?{_TEMPLATE_VARIABLE}(?:,{_TEMPLATE_VARIABLE})*\}})*"
)
_POINTER = r"(?:/(?:[^/~]|~[01])*)*"

_FORMATS: dict[str, Callable[[], Regex]] = {
    "date": _pattern(_DATE),
    "time": _time,
    "date-time": _date_time,
    "duration": _pattern(_DURATION),
    "ipv4": _pattern(_IPV4),
    "ipv6": _pattern(_IPV6),
    "hostname": _hostname,
    "email": _email,
    "idn-email": _idn_email,
    "uri": _pattern(_URI),
    "uri-reference": _pattern(rf"(?:{_URI}|{_URI_RELATIVE})"),
    "iri": _pattern(_IRI),
    "iri-reference": _pattern(rf"(?:{_IRI}|{_IRI_RELATIVE})"),
    "uri-template": _pattern(_TEMPLATE),
    "uuid": _pattern(rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"),
    "json-pointer": _pattern(_POINTER),
    "relative-json-pointer": _pattern(rf"(?:0|[1-9][0-9]*)(?:\#|{_POINTER})"),
}

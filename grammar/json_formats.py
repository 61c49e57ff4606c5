"""The formats of JSON Schema as regular languages, each built on first use.

In: the name of a format. Out: a `Regex` over the content of a string, or None where the name is not one of JSON
Schema's and is therefore an annotation. Sources: RFC 3339 (dates, times, durations), 5321 (email), 6531 (its
internationalised form), 1123 and 5890 (host names), 2673 and 4291 (addresses), 3986 and 3987 (URI, IRI), 6570
(templates), 6901 (pointers), 4122 (uuid).

Some are narrower than their text. Leap seconds and the year 0000 are never written: which minutes have one is a matter
of record, and neither Python's `datetime` nor the checker of `jsonschema` reads them. Labels of host names that begin with
`xn--` (whether the rest decodes is not a regular property) are never written, and nor are the other labels with
hyphens in third and fourth place, which RFC 5890 reserves. `regex` and `idn-hostname` are not regular at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from .ir import Concat, Intersection, Regex, Text, Union
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

_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)"
)
_HOUR_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_FRACTION = r"(?:\.[0-9]+)?"
_TIME = rf"{_HOUR_MINUTE}:[0-5][0-9]{_FRACTION}(?:[Zz]|[+-]{_HOUR_MINUTE})"
_DATE_TIME = rf"{_DATE}[Tt]{_TIME}"

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
    "time": _pattern(_TIME),
    "date-time": _pattern(_DATE_TIME),
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

"""The formats of JSON Schema as regular languages, each built on first use.

In: the name of a format. Out: a `Regex` over the content of a string, or None where the name is not one of JSON
Schema's and is therefore an annotation. Sources: RFC 3339 (dates, times, durations), 5321 (email), 6531 (its
internationalised form), 1123 and 5890 (host names), 2673 and 4291 (addresses), 3986 and 3987 (URI, IRI), 6570
(templates), 6901 (pointers), 4122 (uuid).

Some are narrower than their text, and never wider. Leap seconds and the year 0000 are never written: which minutes have one
is a matter of record, and neither Python's `datetime` nor the checker of `jsonschema` reads them. What is left out of
`hostname` and `idn-hostname` stands in `json_format_hostnames.py`, what of `regex` in `json_format_regex.py`: these are not
regular languages. Since a format may be narrow, its complement is not its negation: see `json_formats_negated.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from .ir import Concat, Intersection, Regex, Text, Union
from .json_format_hostnames import hostname_content, idn_hostname_content
from .json_format_regex import regex_content
from .lower_regex import share
from .regex import from_regex


@lru_cache(maxsize=64)
def format_content(name: str) -> Regex | None:
    """The strings of format `name`; None for names that JSON Schema does not define."""
    build = FORMATS.get(name)
    return None if build is None else share(build())


def _pattern(text: str) -> Callable[[], Regex]:
    return lambda: from_regex(text)


# --------------------------------------------------------------------------------------------------------------- time

_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
DAY_MONTHS = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DATE = (
    rf"(?:{_YEAR}-{DAY_MONTHS}"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)"
)
HOUR_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_FRACTION = r"(?:\.[0-9]+)?"
_TIME = rf"{HOUR_MINUTE}:[0-5][0-9]{_FRACTION}(?:[Zz]|[+-]{HOUR_MINUTE})"
_DATE_TIME = rf"{_DATE}[Tt]{_TIME}"

_CLOCK = r"(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DAYS = r"(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)"
_DURATION = rf"P(?:{_DAYS}(?:T{_CLOCK})?|T{_CLOCK}|[0-9]+W)"

# ------------------------------------------------------------------------------------------------------------ addresses

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_HEX = r"[0-9A-Fa-f]"
_GROUP = rf"{_HEX}{{1,4}}"
_LAST = rf"(?:{_GROUP}:{_GROUP}|{IPV4})"
IPV6 = (
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
_ATOM = r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]"
_UNICODE_ATOM = r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~\u0080-\U0010FFFF-]"
_QUOTED = r"\"(?:[ !#-\[\]-~]|\\[ -~])*\""
_LITERAL = rf"\[(?:{IPV4}|IPv6:{IPV6})\]"


def _email() -> Regex:
    local = Intersection((from_regex(rf"{_ATOM}+(?:\.{_ATOM}+)*|{_QUOTED}"), from_regex(".{1,64}")))
    address = Concat((local, Text("@"), Union((hostname_content(), from_regex(_LITERAL)))))
    return Intersection((address, from_regex(".{3,254}")))


def _idn_email() -> Regex:
    """Where not all is ASCII, the limits (64 octets before the `@`, 254 in all) are kept by a bound on characters."""
    quoted = r"\"(?:[ !#-\[\]-~\u0080-\U0010FFFF]|\\[ -~])*\""
    short = Union((from_regex(r"[\0-\x7f]{1,64}"), from_regex(".{1,16}")))
    local = Intersection((from_regex(rf"{_UNICODE_ATOM}+(?:\.{_UNICODE_ATOM}+)*|{quoted}"), short))
    address = Concat((local, Text("@"), Union((idn_hostname_content("."), from_regex(_LITERAL)))))
    return Union((_email(), Intersection((address, from_regex(".{3,63}")))))


# ----------------------------------------------------------------------------------------------------------- references

_ASCII_UNRESERVED = r"0-9A-Za-z._~"
IRI_CHARS = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane * 0x10000 + (0x1000 if plane == 14 else 0))}-{chr(plane * 0x10000 + 0xFFFD)}" for plane in range(1, 15)
)
IRI_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


IP_LITERAL = rf"\[(?:{IPV6}|[Vv][0-9A-Fa-f]+\.[0-9A-Za-z._~!$&'()*+,;=:-]+)\]"


def references(extra: str, private: str, literal: str = IP_LITERAL) -> tuple[str, str]:
    """URI (or, with `extra` characters, IRI) and its relative form, RFC 3986 appendix A and RFC 3987 2.2.

    `literal` is what stands for a host in brackets.
    """
    percent = rf"%{_HEX}{{2}}"
    plain = _ASCII_UNRESERVED + r"!$&'()*+,;=" + extra
    segment = rf"(?:[{plain}:@-]|{percent})"
    no_colon = rf"(?:[{plain}@-]|{percent})+"
    user = rf"(?:(?:[{plain}:-]|{percent})*@)?"
    host = rf"(?:{literal}|(?:[{plain}-]|{percent})*)"
    authority = rf"//{user}{host}(?::[0-9]*)?(?:/{segment}*)*"
    absolute = rf"/(?:{segment}+(?:/{segment}*)*)?"
    tail = rf"(?:\?(?:{segment}|[/?{private}])*)?(?:\#(?:{segment}|[/?])*)?"
    uri = rf"[A-Za-z][0-9A-Za-z+.-]*:(?:{authority}|{absolute}|{segment}+(?:/{segment}*)*|){tail}"
    relative = rf"(?:{authority}|{absolute}|{no_colon}(?:/{segment}*)*|){tail}"
    return uri, relative


_URI, _URI_RELATIVE = references("", "")
_IRI, _IRI_RELATIVE = references(IRI_CHARS, IRI_PRIVATE)

_TEMPLATE_NAME = rf"(?:[0-9A-Za-z_]|%{_HEX}{{2}})(?:\.?(?:[0-9A-Za-z_]|%{_HEX}{{2}}))*"
_TEMPLATE_VARIABLE = rf"{_TEMPLATE_NAME}(?::[1-9][0-9]{{0,3}}|\*)?"
_TEMPLATE = (
    rf"(?:[!#$&-;=?-\[\]_a-z~{IRI_CHARS}{IRI_PRIVATE}]|%{_HEX}{{2}}"
    rf"|\{{[+#./;?&=,!@|]?{_TEMPLATE_VARIABLE}(?:,{_TEMPLATE_VARIABLE})*\}})*"
)
POINTER = r"(?:/(?:[^/~]|~[01])*)*"

FORMATS: Mapping[str, Callable[[], Regex]] = {
    "date": _pattern(_DATE),
    "time": _pattern(_TIME),
    "date-time": _pattern(_DATE_TIME),
    "duration": _pattern(_DURATION),
    "ipv4": _pattern(IPV4),
    "ipv6": _pattern(IPV6),
    "hostname": hostname_content,
    "idn-hostname": lambda: idn_hostname_content(".\u3002\uff0e\uff61"),
    "email": _email,
    "idn-email": _idn_email,
    "uri": _pattern(_URI),
    "uri-reference": _pattern(rf"(?:{_URI}|{_URI_RELATIVE})"),
    "iri": _pattern(_IRI),
    "iri-reference": _pattern(rf"(?:{_IRI}|{_IRI_RELATIVE})"),
    "uri-template": _pattern(_TEMPLATE),
    "regex": regex_content,
    "uuid": _pattern(rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"),
    "json-pointer": _pattern(POINTER),
    "relative-json-pointer": _pattern(rf"(?:0|[1-9][0-9]*)(?:\#|{POINTER})"),
}

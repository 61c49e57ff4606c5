"""Regular expressions (ECMA-262) for the texts that Pydantic reads as dates, UUIDs, decimals, addresses, URLs, networks, ...

Each one is a subset of what Pydantic takes, so that every text it matches can be read. Where the formats of JSON Schema
go further than Python (the year 0, leap seconds, domains that no mail reaches), these stop earlier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence


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
_DAYS = "(?:[0-9]{1,4}Y(?:[0-9]{1,8}D)?|[0-9]{1,8}D)"
POSITIVE_DURATION = f"P(?:{_DAYS}(?:T{_DAY_TIME})?|T{_DAY_TIME})"
DURATION = f"-?{POSITIVE_DURATION}"

INTEGER = "-?(?:0|[1-9][0-9]{0,999})"
FRACTION = "-?[0-9]{1,99}(?:/[1-9][0-9]{0,99})?"
NUMBER = "-?(?:0|[1-9][0-9]{0,99})(?:\\.[0-9]{1,99})?"
COMPLEX = "-?[0-9]{1,15}(?:\\.[0-9]{1,15})?[+-][0-9]{1,15}(?:\\.[0-9]{1,15})?j"

BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
BASE64_URL = "(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?"

# Of text in ASCII: three bytes of which each begins with a zero bit.
_TEXT_START = "[A-Za-f][A-HQ-Xg-nw-z0-3]"
BASE64_TEXT = f"(?:{_TEXT_START}[ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/])*"
BASE64_TEXT += f"(?:[A-Za-f][AQgw]==|{_TEXT_START}[AEIMQUYcgkosw048]=)?"
BASE64_URL_TEXT = BASE64_TEXT.replace("+/", "_-")

_BYTE_UNITS = "|".join(f"{prefix}(?:i?b|bit)" for prefix in "kmgtpe")
BYTE_SIZE = f"[0-9]{{1,9}}(?:\\.[0-9]{{1,3}})? ?(?:b|bit|{_BYTE_UNITS})?"

_LABEL = "[a-z0-9]{1,30}(?:-[a-z0-9]{1,30})?"
_NO_MAIL = "arpa|invalid|local|localhost|onion|test"  # reserved top-level domains (RFC 6761 and others)
_LOCAL = "[A-Za-z0-9]{1,20}(?:[._+\\-][A-Za-z0-9]{1,20}){0,2}"


def _address(end: str) -> str:
    return f"{_LOCAL}@(?:{_LABEL}\\.){{1,3}}(?!(?:{_NO_MAIL}){end})[a-z]{{2,24}}"


EMAIL = _address("$")
NAMED_EMAIL = f"[A-Za-z0-9]{{1,20}}(?: [A-Za-z0-9]{{1,20}}){{0,3}} <{_address('>')}>"

_BYTE = "(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_GROUP = "[0-9a-f]{1,4}"
IPV4 = f"(?:{_BYTE}\\.){{3}}{_BYTE}"
_IPV6 = f"(?:{_GROUP}:){{7}}{_GROUP}"
IPV4_INTERFACE = f"{IPV4}(?:/(?:[0-9]|[12][0-9]|3[0-2]))?"
_TO_128 = "(?:[0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])"
IPV6_INTERFACE = f"(?:{_IPV6}|(?:{_GROUP}:){{1,6}}:{_GROUP})(?:/{_TO_128})?"


def _networks_v4(whole_bytes: int) -> str:
    """Addresses whose bits after the first 8 to 15, for instance, are zero, and how many are not."""
    zeros = "\\.0" * (3 - whole_bytes)
    steps = [(8 * whole_bytes + bits, range(0, 256, 1 << (8 - bits))) for bits in range(8)]
    ends = [f"(?:{'|'.join(map(str, values))}){zeros}/{length}" for length, values in steps]
    return f"(?:{_BYTE}\\.){{{whole_bytes}}}(?:{'|'.join(ends)})"


def _network_v6(groups: int) -> str:
    """Some groups, zeros after them, and a length that leaves all of them in."""
    lengths = "|".join(str(length) for length in range(16 * groups, 129))
    return f"{':'.join([_GROUP] * groups)}::/(?:{lengths})"


IPV4_NETWORK = "|".join([f"{IPV4}(?:/32)?", *(_networks_v4(whole_bytes) for whole_bytes in range(4))])
IPV6_NETWORK = "|".join([f"{_IPV6}(?:/128)?", *(_network_v6(groups) for groups in range(7))])


def not_before(text: str) -> str:
    """The texts of digits, laid out like `text`, that are not smaller."""
    return "|".join([text, *_others(text, lambda digit: (chr(ord(digit) + 1), "9"))])


def not_after(text: str) -> str:
    """The texts of digits, laid out like `text`, that are not larger."""
    return "|".join([text, *_others(text, lambda digit: ("0", chr(ord(digit) - 1)))])


def _others(text: str, differing: Callable[[str], tuple[str, str]]) -> Iterator[str]:
    """Equal to `text` up to a digit, and there from the first to the second digit that `differing` says."""
    for place, digit in enumerate(text):
        low, high = differing(digit)
        if digit.isdigit() and low <= high:
            yield f"{text[:place]}[{low}-{high}]{re.sub('[0-9]', '[0-9]', text[place + 1 :])}"


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
    host = f"(?:{label}\\.)*[a-z]{{2,24}}"
    port = "(?::[1-9][0-9]{0,3})?"
    rest = f"(?:/{character})?(?:\\?{character})?(?:#{character})?"
    files = [scheme for scheme in schemes if scheme == "file"]  # which have no port
    others = "|".join(re.escape(scheme) for scheme in schemes if scheme != "file")
    starts = [f"file://(?:{host})?"] * bool(files) + [f"(?:{others})://{host}{port}"] * bool(others)
    return f"(?:{'|'.join(starts)}){rest}"

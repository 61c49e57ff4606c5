"""Host names: internationalised ones are judged by the package `idna`, and in their encoding by the rules of ASCII names."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from random import Random

import idna
import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from json_texts import Language, regex_language

from latticework.grammar.json_format_hostnames import hostname_content, idn_hostname_content

VALID = [
    *("a", "A-b.C", "1.2.3.4", "münchen.de", "bücher-straße", "παράδειγμα.δοκιμή", "пример.испытание", "실례.테스트"),
    *("例え.テスト", "उदाहरण.परीक्षा", "কোষ", "ไทย", "שָׁלוֹם.com".replace("ׁ", ""), "مثال.إختبار", "www.אב.com"),
    *("l·l", "͵α", "א׳", "あ・い", "・ァ", "क्‍ष", "क्‌ष", "بي‌بي", "ب٠ب", "۰0", "ß", "ς", "〇"),
    *("a。b", "a．b", "a｡b"),
]
INVALID = [
    *("", ".", "a..b", ".a", "a.", "a。", "-a", "a-", "ü-", "-ü", "aa--b", "xn--4gbwdl", "a_b", "a b", "Ü", "ﬁ", "１"),
    *("l·", "·l", "a·l", "α͵", "͵a", "׳ב", "a・b", "・", "क‍ष", "a‌b", "̀a", "ः", "ـߺ", "〱", "ᄀ", "e\u0301", "বে" + "া"),
    *("0a.א", "0ا", "aא", "א0٠", "ب٠۰", "אa", "א-", "ü" * 60, ".".join(["ü"] * 5), "a." * 127),
]


@lru_cache(maxsize=1)
def language() -> Language:
    return regex_language(idn_hostname_content(".\u3002\uff0e\uff61"))


@lru_cache(maxsize=1)
def checker() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"format": "idn-hostname"}, validate_formats=True)


@pytest.mark.parametrize("name", VALID)
def test_written(name: str) -> None:
    assert name in language()
    assert idna.encode(name) and checker().is_valid(name)


@pytest.mark.parametrize("name", INVALID)
def test_not_written(name: str) -> None:
    assert name not in language()


@given(seed=st.integers(0, 2**32))
def test_names_can_be_encoded(seed: int) -> None:
    name = language().random_text(Random(seed), length=120)
    assume(name is not None)
    assert name is not None
    encoded = idna.encode(name).decode()
    assert len(encoded) <= 253 and all(len(label) <= 63 for label in encoded.split("."))
    assert checker().is_valid(name)


@lru_cache(maxsize=1)
def letters() -> list[str]:
    """Every character that may be a label of its own."""
    return [chr(code) for code in range(0x80, 0x10000) if not 0xD800 <= code < 0xE000 and chr(code) in language()]


def test_single_characters() -> None:
    """What is written is valid, and what is not is missing for a reason that the docstring states."""
    assert all(idna.encode(letter) for letter in letters())
    known = set(letters())
    for low, high in (
        (0xDF, 0x17F),
        (0x370, 0x3FF),
        (0x400, 0x4FF),
        (0x5D0, 0x5EA),
        (0x4E00, 0x9FFF),
        (0xAC00, 0xD7A3),
    ):
        for letter in map(chr, range(low, high + 1)):
            assert (letter in known) is _encodes(letter), unicodedata.name(letter, letter)


def _encodes(letter: str) -> bool:
    try:
        idna.encode(letter)
    except (UnicodeError, ValueError):
        return False
    return unicodedata.category(letter) != "Cn"


@given(seed=st.integers(0, 2**32))
def test_the_longest_labels_are_not_too_long(seed: int) -> None:
    """Labels that spend the whole bound, out of characters that are far apart or of one script."""
    random = Random(seed)
    start = random.choice([0x80, 0x300, 0x370, 0x400, 0x900, 0x3000, 0x4E00, 0xAC00])
    span = random.choice([16, 256, 0x8000])
    plain = [
        letter
        for letter in letters()
        if start <= ord(letter) < start + span and unicodedata.bidirectional(letter) == "L"
    ]
    assume(plain)
    label = "".join(random.choice("az0") for _ in range(random.choice([0, 1, 5, 20, 40])))
    longest = None
    while label == "" or label in language():
        longest = label
        place = random.choice([0, len(label), random.randrange(len(label) + 1)])
        label = label[:place] + random.choice(random.choice([plain[:1], plain[-1:], plain])) + label[place:]
    assert longest
    assert len(idna.encode(longest)) <= 62


@pytest.mark.parametrize("name", ["a" * 63, "a1.b-2", ".".join(["a" * 62] * 4), "a-b--c"])
def test_names_of_ascii(name: str) -> None:
    assert name in regex_language(hostname_content()) and name in language()

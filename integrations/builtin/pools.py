"""The words that synthetic records are made of: drawn once from Faker with a fixed seed, then combined at random.

Faker is slow (tens of microseconds to milliseconds for one value) and its name lists are short, so a `Draw` picks from
pools and invents words from syllables as well. Invented words cannot be learned by heart, which leaves a model one way
to get them right: to copy them from the prompt.
"""

from __future__ import annotations

import random
import unicodedata
import uuid
from dataclasses import dataclass, field
from functools import lru_cache

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT")
SYLLABLES = (
    "ba be bi bo da de di do el en er fa fi ga go ha he hi il in ja ka ke ki ko la le li lo lu ma me mi mo na ne ni no "
    "or pa pe ra re ri ro sa se si so ta te ti to tu va ve vi vo wa wen zan zer dor gan hol kin lan mar nor ral sen "
    "tan tor val ver win yor stein berg mont ford"
).split()
TOP_LEVELS = ("com", "com", "com", "org", "net", "de", "io", "co.uk", "fr", "eu")


@dataclass(frozen=True, slots=True)
class Pools:
    """Lists of words to draw from."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[str, ...]
    countries: tuple[str, ...]
    streets: tuple[str, ...]
    companies: tuple[str, ...]
    jobs: tuple[str, ...]
    words: tuple[str, ...]
    sentences: tuple[str, ...]
    phrases: tuple[str, ...]


@lru_cache(maxsize=2)
def make_pools(seed: int = 0, size: int = 600) -> Pools:
    """Pools of at most `size` distinct entries each (needs the package Faker); equal seeds give equal pools."""
    from faker import Faker

    fake, english = Faker(list(LOCALES)), Faker("en_US")
    fake.seed_instance(seed)
    english.seed_instance(seed)

    def sample(make: object, count: int = size) -> tuple[str, ...]:
        assert callable(make)
        return tuple(sorted({str(make()).replace('"', "'") for _ in range(count)}))

    return Pools(
        first_names=sample(fake.first_name, 2 * size),
        last_names=sample(fake.last_name, 2 * size),
        cities=sample(fake.city),
        countries=sample(english.country, size),
        streets=sample(english.street_name),
        companies=sample(fake.company),
        jobs=sample(lambda: english.job().split(",")[0]),
        words=sample(english.word, size),
        sentences=sample(lambda: english.sentence(nb_words=6), size),
        phrases=sample(english.catch_phrase, size),
    )


def to_ascii(text: str) -> str:
    """Lower-case ASCII letters of `text`, as they stand in an e-mail address."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o")).lower()
    return "".join(c for c in plain if c.isascii() and c.isalnum()) or "user"


@dataclass(slots=True)
class Draw:
    """The random choices of one record: a person whose name and addresses fit together, and words around them."""

    rng: random.Random
    pools: Pools
    first: str = field(init=False)
    last: str = field(init=False)
    domain: str = field(init=False)

    def __post_init__(self) -> None:
        self.new_person()

    def new_person(self) -> None:
        """Replace the person."""
        self.first = self.pick(self.pools.first_names, 0.25)
        self.last = self.pick(self.pools.last_names, 0.35)
        host = "example" if self.rng.random() < 0.35 else to_ascii(self.pick(self.pools.words, 0.7))
        self.domain = f"{host}.{self.rng.choice(TOP_LEVELS)}"

    def pick(self, pool: tuple[str, ...], invented: float = 0.0) -> str:
        """One entry of `pool`, or with probability `invented` a word nobody has seen."""
        return self.invent().capitalize() if self.rng.random() < invented else self.rng.choice(pool)

    def invent(self) -> str:
        """A made-up lower-case word."""
        return "".join(self.rng.choices(SYLLABLES, k=self.rng.choice((2, 2, 3))))

    @property
    def person(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"

    def email(self) -> str:
        """An address made of the person's name."""
        first, last = to_ascii(self.first), to_ascii(self.last)
        local = self.rng.choice((f"{first}.{last}", f"{first}.{last}", first, f"{first}{last}", f"{first[0]}.{last}",
                                 f"{first}_{last}", f"{last}{self.rng.randint(1, 99)}"))  # fmt: skip
        return f"{local}@{self.domain}"

    def user_name(self) -> str:
        """A login name."""
        first, last = to_ascii(self.first), to_ascii(self.last)
        return self.rng.choice((f"{first}{self.rng.randint(1, 999)}", f"{first[0]}{last}", f"{first}_{last}"))

    def city(self) -> str:
        """A city."""
        return self.pick(self.pools.cities, 0.3)

    def title(self) -> str:
        """A title of two or three capitalised words."""
        words = [self.pick(self.pools.words, 0.2).capitalize() for _ in range(self.rng.choice((2, 2, 3)))]
        return " ".join(words)

    def words(self, low: int = 1, high: int = 4) -> list[str]:
        """Some distinct words."""
        count = self.rng.randint(low, high)
        return list(dict.fromkeys(self.pick(self.pools.words, 0.2).lower() for _ in range(count)))

    def integer(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return self.rng.randint(low, high)

    def number(self, low: float, high: float, digits: int = 2) -> float:
        """A number with at most `digits` decimals."""
        return round(self.rng.uniform(low, high), digits)

    def date(self, first: int = 1940, last: int = 2030) -> str:
        """A date in the form YYYY-MM-DD."""
        return f"{self.rng.randint(first, last)}-{self.rng.randint(1, 12):02}-{self.rng.randint(1, 28):02}"

    def time(self) -> str:
        """A time of day in the form HH:MM."""
        return f"{self.rng.randint(0, 23):02}:{self.rng.choice((0, 0, 15, 30, 45, 20)):02}"

    def date_time(self) -> str:
        """A time in the form YYYY-MM-DDTHH:MM:SSZ."""
        return f"{self.date(2000)}T{self.time()}:{self.rng.randint(0, 59):02}Z"

    def phone(self) -> str:
        """A telephone number in one of a few spellings."""
        digits = "".join(self.rng.choices("0123456789", k=10))
        return self.rng.choice((f"+{self.rng.randint(1, 99)} {digits[:3]} {digits[3:]}",
                                f"{digits[:3]}-{digits[3:6]}-{digits[6:]}",
                                f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"))  # fmt: skip

    def identifier(self) -> str:
        """A code such as `KX-4711`."""
        letters = "".join(self.rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=self.rng.randint(2, 3)))
        return f"{letters}-{self.rng.randint(10, 99999)}"

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def url(self) -> str:
        """A web address."""
        return f"https://{self.rng.choice(('www.', ''))}{self.domain}/{self.invent()}"

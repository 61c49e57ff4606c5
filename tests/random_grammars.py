"""Random small grammars in Lark syntax: left and right recursion, nullable and ambiguous rules, colliding terminals."""

from __future__ import annotations

import random

from grammar_sampler import is_deterministic, lalr
from lark import Lark
from lark.exceptions import GrammarError

_TERMINALS = [
    ("NAME", r"/[a-c]+/"),
    ("WORD", r"/[a-z][a-z0-9]*/"),
    ("NUMBER", r"/[0-9]+(?:\.[0-9]+)?/"),
    ("INT.1", r"/[0-9]{1,2}/"),
    ("STRING", r"/'(?:[^'\\]|\\.)*'/"),
    ("OP", '"+" | "-" | "+="'),
    ("PAIR", r'"a" "b"?'),
    ("HEX", "/0x[0-9a-f]+/i"),
    ("LAZY", "/<.*?>/"),
]
_STRINGS = ['"a"', '"ab"', '"if"', '"b"', '"("', '")"', '","', '"="', '"=="', '"A"i', '"0"']
_IGNORED = ["/[ ]+/", "/ /", "/(?:[ ]|#[^\\n]*\\n)+/"]


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rules = ["start", *(f"r{index}" for index in range(rng.randint(1, 4)))]
        self._terminals = rng.sample(_TERMINALS, rng.randint(1, 3))
        self._strings = rng.sample(_STRINGS, rng.randint(2, 5))

    def text(self) -> str:
        lines = [f"{rule}: {self._alternatives(index)}" for index, rule in enumerate(self._rules)]
        lines += [f"{name}: {pattern}" for name, pattern in self._terminals]
        if self._rng.random() < 0.6:
            lines.append("%ignore " + self._rng.choice(_IGNORED))
        return "\n".join(lines) + "\n"

    def _alternatives(self, rule: int) -> str:
        several = [self._sequence() for _ in range(self._rng.randint(1, 3))]
        several.append(self._leaf())  # so that every rule comes to an end
        if rule and self._rng.random() < 0.15:
            several.append("")
        return " | ".join(dict.fromkeys(several))

    def _sequence(self) -> str:
        return " ".join(self._item() for _ in range(self._rng.randint(1, 3)))

    def _item(self) -> str:
        item = self._rng.choice(self._rules) if self._rng.random() < 0.5 else self._leaf()
        match self._rng.randrange(12):
            case 0:
                return f"{item}*"
            case 1:
                return f"{item}?"
            case 2:
                return f"({item} {self._leaf()})+"
            case 3:
                return f"({item} | {self._leaf()})"
            case 4:
                return f"{item}~1..2"
            case _:
                return item

    def _leaf(self) -> str:
        if self._rng.random() < 0.5:
            return self._rng.choice(self._terminals)[0].partition(".")[0]
        return self._rng.choice(self._strings)


def random_grammar(seed: int) -> tuple[str, Lark]:
    """A grammar, and lark's parser for it: LALR with the contextual lexer for even seeds, Earley with the basic one else.

    Grammars that lark does not take are drawn again.
    """
    rng = random.Random(seed)
    while True:
        text = _Writer(rng).text()
        try:
            if seed % 2 == 0:
                if is_deterministic(text):
                    return text, lalr(text, "contextual")
                continue
            return text, Lark(text, parser="earley", lexer="basic")
        except GrammarError:
            continue

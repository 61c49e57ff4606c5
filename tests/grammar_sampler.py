"""Random texts in and near the language of a Lark grammar, derived from the rules and terminals that lark compiled."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterator, Sequence
from re import _constants as op
from re import _parser as parser
from typing import Any

from lark import Lark
from lark.grammar import NonTerminal

LETTERS = "abcxyzABC_019 \t\n\"'`.,;:+-*/%=<>!?()[]{}|&^~#@$\\éλ漢😀"


class RegexSampler:
    """Draws texts that a regular expression of Python matches as a whole; `None` after too many attempts."""

    def __init__(self, pattern: str, flags: int, rng: random.Random) -> None:
        self._tree = parser.parse(pattern, flags)
        self._pattern = re.compile(pattern, flags)
        self._rng = rng

    def draw(self, attempts: int = 50) -> str | None:
        for _ in range(attempts):
            text = self._several(self._tree)
            if self._pattern.fullmatch(text):
                return text
        return None

    def _several(self, tree: Any) -> str:
        return "".join(self._one(kind, value) for kind, value in tree)

    def _one(self, kind: Any, value: Any) -> str:
        if kind is op.LITERAL:
            return self._letter_case(chr(value))
        if kind is op.NOT_LITERAL:
            return self._outside([(op.LITERAL, value)])
        if kind is op.IN:
            return self._outside(value[1:]) if value[0][0] is op.NEGATE else self._inside(value)
        if kind is op.ANY:
            return self._rng.choice(LETTERS.replace("\n", ""))
        if kind is op.BRANCH:
            return self._several(self._rng.choice(value[1]))
        if kind is op.SUBPATTERN:
            return self._several(value[-1])
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeated(*value)
        if kind in (op.ASSERT, op.ASSERT_NOT, op.AT):
            return ""
        raise NotImplementedError(str(kind))

    def _letter_case(self, letter: str) -> str:
        if self._pattern.flags & re.IGNORECASE:
            return self._rng.choice([letter.lower(), letter.upper(), letter.lower()])
        return letter

    def _repeated(self, least: int, most: int, tree: Any) -> str:
        more = 0
        while least + more < most and self._rng.random() < 0.5:
            more += 1
        return "".join(self._several(tree) for _ in range(least + more))

    def _inside(self, items: Sequence[Any]) -> str:
        kind, value = self._rng.choice(items)
        if kind is op.RANGE:
            return chr(self._rng.randint(*self._rng.choice([value, (value[0], min(value[1], value[0] + 30))])))
        if kind is op.LITERAL:
            return chr(value)
        members = [letter for letter in LETTERS if _in_category(value, letter)]
        return self._rng.choice(members)

    def _outside(self, items: Sequence[Any]) -> str:
        return self._rng.choice([letter for letter in LETTERS if not any(_holds(item, letter) for item in items)])


def _holds(item: Any, letter: str) -> bool:
    kind, value = item
    if kind is op.RANGE:
        return bool(value[0] <= ord(letter) <= value[1])
    return bool(value == ord(letter)) if kind is op.LITERAL else _in_category(value, letter)


def _in_category(category: Any, letter: str) -> bool:
    shorthand = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[str(category).rsplit("_", 1)[1]]
    return re.match(("\\" + shorthand.upper()) if "NOT" in str(category) else "\\" + shorthand, letter) is not None


class GrammarSampler:
    """Draws texts that the rules of a grammar derive; where lexemes run together, the text may be outside the language."""

    def __init__(self, lark: Lark, seed: int) -> None:
        self.rng = random.Random(seed)
        self._rules: dict[str, list[list[tuple[bool, str]]]] = {}
        for rule in lark.rules:
            parts = [(isinstance(symbol, NonTerminal), symbol.name) for symbol in rule.expansion]
            self._rules.setdefault(rule.origin.name, []).append(parts)
        self._start = lark.options.start[0]
        self._terminals = {
            terminal.name: RegexSampler(terminal.pattern.to_regexp(), 0, self.rng) for terminal in lark.terminals
        }
        self._ignored = list(lark.ignore_tokens)
        self._cost = self._costs()

    def _costs(self) -> dict[str, float]:
        """The fewest lexemes of each rule, and a little for each rule on the way, so that no way leads in a circle."""
        cost = dict.fromkeys(self._rules, float("inf"))
        for _ in self._rules:
            for name, expansions in self._rules.items():
                cost[name] = min(cost[name], *(self._price(cost, parts) for parts in expansions))
        return cost

    @staticmethod
    def _price(cost: dict[str, float], parts: list[tuple[bool, str]]) -> float:
        return 0.001 + sum(cost[name] if is_rule else 1 for is_rule, name in parts)

    def derive(self, budget: int) -> list[str]:
        """Terminal names of a sentence of about `budget` lexemes."""
        found: list[str] = []
        stack = [(True, self._start)]
        while stack:
            is_rule, name = stack.pop()
            if is_rule:
                stack += reversed(self._expansion(name, budget - len(found) - len(stack)))
            else:
                found.append(name)
        return found

    def _expansion(self, name: str, budget: float) -> list[tuple[bool, str]]:
        expansions = self._rules[name]
        prices = [self._price(self._cost, parts) for parts in expansions]
        affordable = [parts for parts, price in zip(expansions, prices, strict=True) if price <= budget]
        return self.rng.choice(affordable or [expansions[prices.index(min(prices))]])

    def text(self, budget: int = 20) -> str:
        """One text."""
        text = ""
        for name in self.derive(self.rng.randint(1, budget)):
            piece = self._terminals[name].draw()
            text += self._between(text[-1:], (piece or "?")[0]) + (piece or "?")
            if piece and piece[0] == "#" and self._ignored:  # a comment, or a line of C's preprocessor
                text += "\n"
        return text

    def _between(self, left: str, right: str) -> str:
        """Something ignorable, or nothing where that does not make two words one."""
        are_words = all(letter.isalnum() or letter == "_" for letter in left + right)
        if not self._ignored or not left or (self.rng.random() < 0.3 and not are_words):
            return ""
        if self.rng.random() < 0.8:
            return " "
        space = self._terminals[self.rng.choice(self._ignored)].draw() or ""
        return space if space.isspace() else space + "\n"

    def near(self, text: str, changes: int = 1) -> str:
        """`text` after a few random changes of characters."""
        for _ in range(changes):
            text = self._changed(text)
        return text

    def _changed(self, text: str) -> str:
        at = self.rng.randrange(len(text) + 1)
        letter = self.rng.choice(text) if text and self.rng.random() < 0.5 else self.rng.choice(LETTERS)
        end = min(len(text), at + self.rng.choice([1, 1, 1, 2, 5]))
        match self.rng.randrange(6):
            case 0:
                return text[:at] + letter + text[at:]
            case 1:
                return text[:at] + text[end:]
            case 2:
                return text[:at] + letter + text[at + 1 :]
            case 3:
                return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
            case 4:
                return text[:end] + text[at:]
            case _:
                return text[:at]


def texts(lark: Lark, number: int, seed: int, budget: int = 20) -> Iterator[str]:
    """`number` texts in and near the language: a half as derived, a half changed."""
    sampler = GrammarSampler(lark, seed)
    for index in range(number):
        text = sampler.text(budget)
        yield text if index % 2 == 0 else sampler.near(text, sampler.rng.choice([1, 1, 2, 3]))


def accepts(lark: Lark, text: str) -> bool:
    """What lark says of a text."""
    from lark.exceptions import UnexpectedInput

    try:
        lark.parse(text)
    except UnexpectedInput:
        return False
    return True


def lalr(text: str, lexer: str) -> Lark:
    """lark's LALR parser; its search for colliding terminals, which only warns, takes minutes for some of them."""
    import lark.lexer

    before, lark.lexer.has_interegular = lark.lexer.has_interegular, False
    try:
        return Lark(text, parser="lalr", lexer=lexer)
    finally:
        lark.lexer.has_interegular = before


def is_deterministic(text: str) -> bool:
    """Whether lark's LALR table has no conflict that it settles by shifting, which would take texts out of the language."""
    import lark.lexer

    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append  # type: ignore[method-assign]
    logger = lark.logger
    before = lark.lexer.has_interegular, logger.handlers, logger.level
    lark.lexer.has_interegular, logger.handlers, logger.level = False, [handler], logging.WARNING
    try:
        Lark(text, parser="lalr", debug=True)
    finally:
        lark.lexer.has_interegular, logger.handlers, logger.level = before
    return not found

"""What the tests of the JSON Schema front end share: does a grammar accept a text, and a value."""

from __future__ import annotations

import json
from functools import lru_cache
from random import Random
from typing import Any, Literal

from latticework.grammar import Limits, _native
from latticework.grammar.ir import Grammar, JsonLayout, Regex, Terminal
from latticework.grammar.json_schema import from_json_schema
from latticework.grammar.lower import lower


@lru_cache(maxsize=1)
def _bytes() -> _native.Vocabulary:
    return _native.Vocabulary([*(bytes([value]) for value in range(256)), None], [256])


class Language:
    """The texts of a grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self._compiled = _native.CompiledGrammar(_bytes(), *lower(grammar), Limits().of_automaton())

    def __contains__(self, text: str) -> bool:
        state = self._compiled.step_bytes(self._compiled.start, text.encode())
        return state >= 0 and self._compiled.is_accepting(state)

    def all_texts(self) -> set[str]:
        """Every text of a finite language."""
        texts, pending = set(), [(self._compiled.start, b"")]
        while pending:
            state, text = pending.pop()
            if self._compiled.is_accepting(state):
                texts.add(text.decode())
            for byte in self._compiled.next_bytes(state):
                pending.append((self._compiled.step_bytes(state, bytes([byte])), text + bytes([byte])))
        return texts

    def random_text(self, random: Random, length: int = 60, longest: int = 600) -> str | None:
        """Random bytes that are allowed; from some length on, brackets and quotes that close. None beyond `longest`."""
        state, text = self._compiled.start, b""
        while len(text) < longest:
            allowed = self._compiled.next_bytes(state)
            accepting = self._compiled.is_accepting(state)
            if accepting and (not allowed or len(text) > length or random.random() < 0.5):
                return text.decode()
            assert allowed, f"a dead end after {text!r}"
            closing = [byte for byte in b'}]"' if byte in allowed and len(text) > length]
            plain = [byte for byte in b'"abx01:,{}[]' if byte in allowed and random.random() < 0.9]
            byte = closing[0] if closing else random.choice(plain or list(allowed))
            state = self._compiled.step_bytes(state, bytes([byte]))
            assert state >= 0, f"{chr(byte)!r} is promised, and refused, after {text!r}"
            text += bytes([byte])
        return None


def regex_language(regex: Regex) -> Language:
    return Language(Grammar(Terminal(regex)))


def schema_language(
    schema: dict[str, Any] | bool, order: Literal["declared", "any"] = "any", layout: JsonLayout | None = None
) -> Language:
    return Language(from_json_schema(schema, property_order=order, layout=layout or JsonLayout()))


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

"""What the tests of the JSON Schema front end share: does a grammar accept a text, and a value."""

from __future__ import annotations

import json
from functools import lru_cache
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


def regex_language(regex: Regex) -> Language:
    return Language(Grammar(Terminal(regex)))


def schema_language(
    schema: dict[str, Any] | bool, order: Literal["declared", "any"] = "any", layout: JsonLayout | None = None
) -> Language:
    return Language(from_json_schema(schema, property_order=order, layout=layout or JsonLayout()))


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

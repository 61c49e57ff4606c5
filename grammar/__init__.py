"""Constraints in, token automata out: the door of the room, through which everything else in the project comes in.

    vocabulary = Vocabulary.from_huggingface(tokenizer)
    grammar = Compiler(vocabulary).compile(json_schema(schema))      # or regex(pattern), choice([...])
    matcher = Matcher(grammar)

`json_schema` and `regex` are functions here; the modules of the same names are reached by `from .regex import ...`.
"""

from __future__ import annotations

from ._native import CompiledGrammar, Matcher
from .compiler import Compiler
from .constraint import Constraint, choice, json_schema, regex
from .errors import (
    ConstraintError,
    GrammarError,
    GrammarSyntaxError,
    LimitError,
    SchemaError,
    TokenRejected,
    UnsatisfiableSchemaError,
    UnsupportedSchemaError,
    VocabularyError,
)
from .ir import Grammar, JsonLayout
from .limits import Limits
from .vocabulary import Vocabulary

__all__ = [
    "CompiledGrammar",
    "Compiler",
    "Constraint",
    "ConstraintError",
    "Grammar",
    "GrammarError",
    "GrammarSyntaxError",
    "JsonLayout",
    "LimitError",
    "Limits",
    "Matcher",
    "SchemaError",
    "TokenRejected",
    "UnsatisfiableSchemaError",
    "UnsupportedSchemaError",
    "Vocabulary",
    "VocabularyError",
    "choice",
    "json_schema",
    "regex",
]

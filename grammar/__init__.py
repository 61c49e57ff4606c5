"""Constraints in, token automata out: the door of the room, through which everything else in the project comes in.

    vocabulary = Vocabulary.from_huggingface(tokenizer)
    grammar = Compiler(vocabulary).compile(json_schema(schema))      # or regex(pattern), lark(text), tags([...]), ...
    matcher = Matcher(grammar)

`json_schema`, `regex`, `gbnf`, `ebnf`, `tags` and `tool_calls` are functions here; the modules of the same names are
reached by `from .regex import ...`.
"""

from __future__ import annotations

from ._native import CompiledGrammar, Matcher
from .compiler import Compiler
from .composition import either, reasoning, repeat, sequence
from .composition_texts import free_text, substring, until
from .constraint import Constraint, choice, json_schema, regex, special_token
from .constraint_grammars import ebnf, gbnf, lark
from .errors import (
    ConstraintError,
    GrammarError,
    GrammarSyntaxError,
    GrammarWarning,
    LimitError,
    SchemaError,
    TokenRejected,
    UnsatisfiableSchemaError,
    UnsupportedSchemaError,
    VocabularyError,
)
from .ir import Grammar, JsonLayout
from .limits import Limits
from .tags import Tag, tags
from .tags_reading import TagValue
from .tool_calls import tool_calls
from .tool_messages import ToolCall, ToolMessage
from .vocabulary import Vocabulary

__all__ = [
    "CompiledGrammar",
    "Compiler",
    "Constraint",
    "ConstraintError",
    "Grammar",
    "GrammarError",
    "GrammarSyntaxError",
    "GrammarWarning",
    "JsonLayout",
    "LimitError",
    "Limits",
    "Matcher",
    "SchemaError",
    "Tag",
    "TagValue",
    "TokenRejected",
    "ToolCall",
    "ToolMessage",
    "UnsatisfiableSchemaError",
    "UnsupportedSchemaError",
    "Vocabulary",
    "VocabularyError",
    "choice",
    "ebnf",
    "either",
    "free_text",
    "gbnf",
    "json_schema",
    "lark",
    "reasoning",
    "regex",
    "repeat",
    "sequence",
    "special_token",
    "substring",
    "tags",
    "tool_calls",
    "until",
]

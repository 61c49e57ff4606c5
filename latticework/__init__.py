"""The front door: the names that `import latticework as lw` offers, each fetched from its room when first used.

Nothing heavy is imported before it is needed: constraints need no torch, and the command line's help needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .integrations.registration import register_pipeline

if TYPE_CHECKING:
    from .decoding import (
        Generation,
        GenerationIncomplete,
        argmax,
        beam_search,
        classify,
        complete,
        extract,
        generate,
        stream,
    )
    from .grammar import (
        CompiledGrammar,
        Compiler,
        Constraint,
        ConstraintError,
        Grammar,
        GrammarError,
        GrammarSyntaxError,
        GrammarWarning,
        JsonLayout,
        LimitError,
        Limits,
        Matcher,
        SchemaError,
        Tag,
        TagValue,
        TokenRejected,
        ToolCall,
        ToolMessage,
        UnsatisfiableSchemaError,
        UnsupportedSchemaError,
        Vocabulary,
        VocabularyError,
        choice,
        ebnf,
        either,
        free_text,
        gbnf,
        json_schema,
        lark,
        reasoning,
        regex,
        repeat,
        sequence,
        special_token,
        substring,
        tags,
        tool_calls,
        until,
    )
    from .integrations.builtin import load as load_builtin

    __version__: str

__all__ = [
    "CompiledGrammar",
    "Compiler",
    "Constraint",
    "ConstraintError",
    "Generation",
    "GenerationIncomplete",
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
    "__version__",
    "argmax",
    "beam_search",
    "choice",
    "classify",
    "complete",
    "ebnf",
    "either",
    "extract",
    "free_text",
    "gbnf",
    "generate",
    "json_schema",
    "lark",
    "load_builtin",
    "reasoning",
    "regex",
    "repeat",
    "sequence",
    "special_token",
    "stream",
    "substring",
    "tags",
    "tool_calls",
    "until",
]

# Where the names are that are not taken from `latticework.grammar`: (module, name there). Functions whose
# names are also those of modules of that package come from the module that defines them.
_ELSEWHERE = {
    "argmax": ("latticework.decoding", "argmax"),
    "beam_search": ("latticework.decoding", "beam_search"),
    "choice": ("latticework.grammar.constraint", "choice"),
    "classify": ("latticework.decoding", "classify"),
    "complete": ("latticework.decoding", "complete"),
    "ebnf": ("latticework.grammar.constraint_grammars", "ebnf"),
    "extract": ("latticework.decoding", "extract"),
    "gbnf": ("latticework.grammar.constraint_grammars", "gbnf"),
    "generate": ("latticework.decoding", "generate"),
    "Generation": ("latticework.decoding", "Generation"),
    "GenerationIncomplete": ("latticework.decoding", "GenerationIncomplete"),
    "json_schema": ("latticework.grammar.constraint", "json_schema"),
    "lark": ("latticework.grammar.constraint_grammars", "lark"),
    "load_builtin": ("latticework.integrations.builtin", "load"),
    "regex": ("latticework.grammar.constraint", "regex"),
    "stream": ("latticework.decoding", "stream"),
    "tags": ("latticework.grammar.tags", "tags"),
    "tool_calls": ("latticework.grammar.tool_calls", "tool_calls"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("latticework")
    elif name in __all__:
        module, attribute = _ELSEWHERE.get(name, ("latticework.grammar", name))
        value = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


register_pipeline()  # makes transformers.pipeline("structured-generation") known; imports nothing by itself

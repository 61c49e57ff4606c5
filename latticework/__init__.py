"""The front door: the names that `import latticework as lw` offers, each fetched from its room when first used.

Nothing heavy is imported before it is needed: constraints need no torch, and the command line's help needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .integrations.registration import register_pipeline

if TYPE_CHECKING:
    from .decoding import Generation, GenerationIncomplete, complete, generate, stream
    from .grammar import (
        CompiledGrammar,
        Compiler,
        Constraint,
        ConstraintError,
        Grammar,
        GrammarError,
        GrammarSyntaxError,
        JsonLayout,
        LimitError,
        Limits,
        Matcher,
        SchemaError,
        TokenRejected,
        UnsatisfiableSchemaError,
        UnsupportedSchemaError,
        Vocabulary,
        VocabularyError,
        choice,
        json_schema,
        regex,
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
    "__version__",
    "choice",
    "complete",
    "generate",
    "json_schema",
    "load_builtin",
    "regex",
    "stream",
]

# Where the names are that are not taken from `latticework.grammar`: (module, name there). The three functions come from
# their own module, because that package has modules of the names `json_schema` and `regex` too.
_ELSEWHERE = {
    "choice": ("latticework.grammar.constraint", "choice"),
    "Generation": ("latticework.decoding", "Generation"),
    "GenerationIncomplete": ("latticework.decoding", "GenerationIncomplete"),
    "complete": ("latticework.decoding", "complete"),
    "generate": ("latticework.decoding", "generate"),
    "json_schema": ("latticework.grammar.constraint", "json_schema"),
    "load_builtin": ("latticework.integrations.builtin", "load"),
    "regex": ("latticework.grammar.constraint", "regex"),
    "stream": ("latticework.decoding", "stream"),
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

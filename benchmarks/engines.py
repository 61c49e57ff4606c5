"""Adapters that drive Latticework and its peers through one interface, so that a benchmark treats them all alike.

An `Engine` is built once per process from a Hugging Face fast tokenizer, as a server does. `compile` gives a `Session`,
or a `Refusal` when the engine says that it cannot take the schema. A session walks texts token by token; its bitmask
row lives in one int32 buffer of the engine, so that no engine pays for allocating it.

Each engine is set up as its own documentation recommends for JSON Schema with free white space; `settings` says how.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Schema: TypeAlias = dict[str, Any] | bool
Bitmask: TypeAlias = NDArray[np.int32]
RefusalKind: TypeAlias = Literal["unsupported", "unsatisfiable", "limit", "error"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The engine's own word that it does not take a schema."""

    kind: RefusalKind
    message: str


class Session(Protocol):
    """One compiled schema and one place in a text."""

    bitmask: Bitmask  # int32[1, ceil(V / 32)], bit i of word w allows token 32 * w + i

    def reset(self) -> None:
        """Go to the start of a new text, with what the engine keeps between requests for the same schema."""

    def compute_mask(self) -> None:
        """Write the allowed next tokens into `bitmask`."""

    def commit(self, token: int) -> bool:
        """Move by one token. False if the engine did not take it."""

    def is_accepting(self) -> bool:
        """Whether the text may end here."""

    def fault(self) -> str:
        """Why the engine has given up on this text, or "" if it has not."""


class Engine(Protocol):
    """A constrained-decoding library, set up for one tokenizer."""

    name: str
    package: str
    settings: dict[str, Any]

    def compile(self, schema: Schema) -> Session | Refusal:
        """Compile with no state left from another schema's grammar. Whatever is raised here is a crash."""


def is_allowed(bitmask: Bitmask, token: int) -> bool:
    """Whether the bit of `token` is set in row 0."""
    return bool((int(bitmask[0, token >> 5]) >> (token & 31)) & 1)


def population(bitmask: Bitmask) -> int:
    """How many tokens row 0 allows."""
    return int(np.unpackbits(bitmask[0].view(np.uint8)).sum())


def empty_bitmask(vocabulary_size: int) -> Bitmask:
    """int32[1, ceil(V / 32)] of zeros."""
    return np.zeros((1, (vocabulary_size + 31) // 32), dtype=np.int32)


# ------------------------------------------------------------------------------------------------------- Latticework


class LatticeworkSession:
    """A `CompiledGrammar`, and a fresh `Matcher` for each text."""

    def __init__(self, latticework: Any, grammar: Any, bitmask: Bitmask) -> None:
        self.bitmask = bitmask
        self._grammar = grammar
        self._matcher_type: Callable[[Any], Any] = latticework.Matcher
        self._rejection: type[Exception] = latticework.TokenRejected
        self._matcher = self._matcher_type(grammar)

    def reset(self) -> None:
        """A fresh matcher."""
        self._matcher = self._matcher_type(self._grammar)

    def compute_mask(self) -> None:
        """`Matcher.fill_bitmask`."""
        self._matcher.fill_bitmask(self.bitmask, 0)

    def commit(self, token: int) -> bool:
        """`Matcher.accept_token`."""
        try:
            self._matcher.accept_token(token)
        except self._rejection:
            return False
        return True

    def is_accepting(self) -> bool:
        """`Matcher.is_accepting`."""
        return bool(self._matcher.is_accepting)

    def fault(self) -> str:
        """It never gives up on a text."""
        return ""


class LatticeworkEngine:
    """Latticework through its public names only. A new `Compiler` for each schema: nothing cached from another one.

    `property_order="any"` takes properties in every order; the difference to "declared" shows which rejections are due
    to the order of an instance alone.
    """

    name = "latticework"
    package = "latticework"

    def __init__(self, tokenizer: Any, property_order: str = "declared") -> None:
        self._lw: Any = import_module("latticework")
        self._order = property_order
        self.settings: dict[str, Any] = {
            "whitespace": "flexible",
            "property_order": property_order,
            "limits": "default",
        }
        self._vocabulary = self._lw.Vocabulary.from_huggingface(tokenizer)
        self._bitmask = empty_bitmask(self._vocabulary.size)

    def compile(self, schema: Schema) -> LatticeworkSession | Refusal:
        """`json_schema` and `Compiler.compile`."""
        lw = self._lw
        try:
            grammar = lw.Compiler(self._vocabulary).compile(lw.json_schema(schema, property_order=self._order))
        except lw.ConstraintError as error:
            return Refusal(_latticework_kind(error), f"{type(error).__name__}: {error}")
        return LatticeworkSession(lw, grammar, self._bitmask)


def _latticework_kind(error: Exception) -> RefusalKind:
    kinds: dict[str, RefusalKind] = {
        "UnsupportedSchemaError": "unsupported",
        "UnsatisfiableSchemaError": "unsatisfiable",
        "LimitError": "limit",
    }
    return next((kinds[base.__name__] for base in type(error).__mro__ if base.__name__ in kinds), "error")


# -------------------------------------------------------------------------------------------------------- llguidance


class LlguidanceSession:
    """One `LLMatcher`; `reset` keeps the lexer tables it has built, which is the best case for it."""

    def __init__(self, matcher: Any, bitmask: Bitmask) -> None:
        self.bitmask = bitmask
        self._matcher = matcher
        self._address: int = bitmask.ctypes.data
        self._bytes: int = bitmask.nbytes

    def reset(self) -> None:
        """`LLMatcher.reset`."""
        self._matcher.reset()

    def compute_mask(self) -> None:
        """What `llguidance.numpy.fill_next_token_bitmask` does, without looking up the address each time."""
        self._matcher.unsafe_compute_mask_ptr(self._address, self._bytes)

    def commit(self, token: int) -> bool:
        """`LLMatcher.consume_token`."""
        return bool(self._matcher.consume_token(token))

    def is_accepting(self) -> bool:
        """`LLMatcher.is_accepting`."""
        return bool(self._matcher.is_accepting())

    def fault(self) -> str:
        """A limit reached while walking, for example."""
        return str(self._matcher.get_error())


class LlguidanceEngine:
    """llguidance's `LLMatcher` with its default slices and JSON options (white space is flexible by default)."""

    name = "llguidance"
    package = "llguidance"

    def __init__(self, tokenizer: Any) -> None:
        self._llguidance: Any = import_module("llguidance")
        self.settings: dict[str, Any] = {"api": "LLMatcher", "json_options": "default", "slices": "default"}
        self._tokenizer = import_module("llguidance.hf").from_tokenizer(tokenizer)
        self._bitmask = empty_bitmask(self._tokenizer.vocab_size)

    def compile(self, schema: Schema) -> LlguidanceSession | Refusal:
        """A matcher from the schema's grammar: there is no compiled object to share."""
        matchers = self._llguidance.LLMatcher
        try:
            grammar = matchers.grammar_from_json_schema(schema if isinstance(schema, dict) else json.dumps(schema))
        except ValueError as error:
            return Refusal("error", str(error))
        matcher = matchers(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            message = str(matcher.get_error())
            return Refusal(_kind_by_message(message), message)
        return LlguidanceSession(matcher, self._bitmask)


# ---------------------------------------------------------------------------------------------------------- XGrammar


class XgrammarSession:
    """A `CompiledGrammar`, and a fresh `GrammarMatcher` for each text."""

    def __init__(self, matcher_type: Callable[[Any], Any], grammar: Any, tensor: Any) -> None:
        self.bitmask: Bitmask = tensor.numpy()
        self._tensor = tensor
        self._grammar = grammar
        self._matcher_type = matcher_type
        self._matcher = matcher_type(grammar)

    def reset(self) -> None:
        """A fresh matcher."""
        self._matcher = self._matcher_type(self._grammar)

    def compute_mask(self) -> None:
        """`GrammarMatcher.fill_next_token_bitmask`."""
        if not self._matcher.fill_next_token_bitmask(self._tensor):
            self.bitmask.fill(-1)  # "need not be applied": everything is allowed

    def commit(self, token: int) -> bool:
        """`GrammarMatcher.accept_token`."""
        return bool(self._matcher.accept_token(token))

    def is_accepting(self) -> bool:
        """`GrammarMatcher.is_completed`."""
        return bool(self._matcher.is_completed())

    def fault(self) -> str:
        """It does not say."""
        return ""


class XgrammarEngine:
    """XGrammar in the mode that follows JSON Schema most closely.

    Its cache across grammars is off: each schema is compiled from a fresh state as for the others, and the default
    setting fails to compile some schemas that compile without it.
    """

    name = "xgrammar"
    package = "xgrammar"

    def __init__(self, tokenizer: Any) -> None:
        self._xgrammar: Any = import_module("xgrammar")
        self._mode: dict[str, Any] = {"any_whitespace": True, "strict_mode": False}
        compiler: dict[str, Any] = {"max_threads": 1, "cache_enabled": False}
        self.settings: dict[str, Any] = self._mode | compiler
        info = self._xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=len(tokenizer))
        self._compiler = self._xgrammar.GrammarCompiler(info, **compiler)
        self._tensor = self._xgrammar.allocate_token_bitmask(1, info.vocab_size)

    def compile(self, schema: Schema) -> XgrammarSession | Refusal:
        """`GrammarCompiler.compile_json_schema`."""
        try:
            grammar = self._compiler.compile_json_schema(json.dumps(schema), **self._mode)
        except (RuntimeError, ValueError) as error:
            return Refusal(_kind_by_message(str(error)), str(error))
        return XgrammarSession(self._xgrammar.GrammarMatcher, grammar, self._tensor)


# ----------------------------------------------------------------------------------------------------------- choosing

ENGINES: dict[str, Callable[[Any], Engine]] = {
    "latticework": LatticeworkEngine,
    "latticework-any-order": partial(LatticeworkEngine, property_order="any"),
    "llguidance": LlguidanceEngine,
    "xgrammar": XgrammarEngine,
}

_MESSAGES: tuple[tuple[RefusalKind, tuple[str, ...]], ...] = (
    ("unsatisfiable", ("unsatisfiable", "no possible match", "disjoint types", "empty enum")),
    ("limit", ("too many", "too large", "too complex", "exceeded", "limit", "fuel")),
    ("unsupported", ("unimplemented", "not supported", "unsupported", "unknown format", "only supported", "circular")),
    ("unsupported", ("not disjoint", "regex", "lookahead", "lookaround")),
)


def _kind_by_message(message: str) -> RefusalKind:
    """The peers have one error type for every cause, so the cause is read from the message."""
    lowered = message.lower()
    return next((kind for kind, words in _MESSAGES if any(word in lowered for word in words)), "error")


def load_tokenizer(path: str, end_token: str) -> Any:
    """A `PreTrainedTokenizerFast` from a `tokenizer.json`."""
    return import_module("transformers").PreTrainedTokenizerFast(tokenizer_file=path, eos_token=end_token)


def package_version(package: str) -> str:
    """The installed version, or "absent"."""
    try:
        return version(package)
    except ModuleNotFoundError:
        return "absent"

"""From a constraint to a token automaton: `Compiler(vocabulary).compile(constraint)`, cached and safe in many threads."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock

from . import _native
from .constraint import CONSTRAINT_EXPECTED, Constraint
from .errors import GrammarError, UnsatisfiableSchemaError, VocabularyError
from .ir import Grammar, SpecialToken
from .limits import DEFAULT_LIMITS, Limits
from .lower import lower
from .rule_analysis import reachable_nodes
from .special_tokens import special_tokens_of

_CACHE_BYTES = 1 << 30


class Compiler:
    """Compiles constraints for one vocabulary, and keeps the grammars that were asked for last.

    At most `cache_size` of them are kept, and no more than take `cache_bytes` of memory together. They grow while they
    are used, so they are measured again each time when one is added; the newest stays, whatever it takes. Grammars in
    use live on with their users.

    Compiling is thread-safe. Threads that ask for the same constraint at the same time share one build; a build that
    fails raises its error in all of them, and is tried again when asked for again.
    """

    def __init__(
        self,
        vocabulary: _native.Vocabulary,
        *,
        limits: Limits | None = None,
        cache_size: int = 256,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        """`cache_size=0` keeps nothing, `cache_bytes=0` the newest grammar alone. Raises `TypeError` or `ValueError` for a wrong argument."""
        if not isinstance(vocabulary, _native.Vocabulary):
            raise TypeError(f"vocabulary: a Vocabulary expected, not {type(vocabulary).__name__}")
        if limits is not None and not isinstance(limits, Limits):
            raise TypeError(f"limits: Limits expected, not {type(limits).__name__}")
        _check_natural("cache_size", cache_size)
        _check_natural("cache_bytes", cache_bytes)
        self._vocabulary = vocabulary
        self._limits = limits or DEFAULT_LIMITS
        self._cache_size = cache_size
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[object, Future[_native.CompiledGrammar]] = OrderedDict()
        self._lock = Lock()

    @property
    def vocabulary(self) -> _native.Vocabulary:
        """The vocabulary that every grammar of this compiler is for."""
        return self._vocabulary

    @property
    def limits(self) -> Limits:
        """The limits that every grammar of this compiler keeps."""
        return self._limits

    def compile(self, constraint: Constraint | Grammar) -> _native.CompiledGrammar:
        """The token automaton of a constraint, or of a grammar built by hand (which is cached by identity).

        Raises:
            GrammarError: the constraint is wrong or cannot be enforced exactly.
            VocabularyError: the vocabulary cannot spell what the grammar demands.
            LimitError: a limit was reached.
        """
        if not isinstance(constraint, (Constraint, Grammar)):
            raise TypeError(f"constraint: {CONSTRAINT_EXPECTED}, not {type(constraint).__name__}")
        key: object = constraint.key if isinstance(constraint, Constraint) else constraint
        future, is_mine = self._claim(key)
        if is_mine:
            try:
                future.set_result(self._build(constraint))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the waiting threads must hear of it
                self._forget(key, future)
                future.set_exception(error)
            self._evict(key)
        return future.result()

    def clear_cache(self) -> None:
        """Drop every kept grammar; those in use live on with their users."""
        with self._lock:
            self._cache.clear()

    def _claim(self, key: object) -> tuple[Future[_native.CompiledGrammar], bool]:
        """The future of this key, and whether the caller has to fill it."""
        with self._lock:
            future = self._cache.get(key)
            if future is not None:
                self._cache.move_to_end(key)
                return future, False
            future = self._cache[key] = Future()
            return future, True

    def _evict(self, newest: object) -> None:
        """Drop the longest unused grammars. One still in the making stays, so that it is built once."""
        with self._lock:
            if newest in self._cache:  # asked for before its making, in which others may have been used
                self._cache.move_to_end(newest)
            finished = [(key, future) for key, future in self._cache.items() if _is_finished(future)]
            surplus = len(self._cache) - self._cache_size
        # Not under the lock: a grammar at work makes us wait for its size, and nobody should wait for us.
        fitting = _fitting([future.result() for _, future in finished], self._cache_bytes)
        for key, future in finished[: max(surplus, len(finished) - fitting, 0)]:
            self._forget(key, future)

    def _forget(self, key: object, future: Future[_native.CompiledGrammar]) -> None:
        with self._lock:
            if self._cache.get(key) is future:
                del self._cache[key]

    def _build(self, constraint: Constraint | Grammar) -> _native.CompiledGrammar:
        grammar = constraint.grammar(self._limits) if isinstance(constraint, Constraint) else constraint
        program, text = lower(grammar, special_tokens_of(self._vocabulary))
        try:
            return _native.CompiledGrammar(self._vocabulary, program, text, self._limits.of_automaton())
        except GrammarError as error:
            if missing := _missing_special_tokens(grammar, self._vocabulary):
                raise VocabularyError(f"the vocabulary has no special token {' or '.join(missing)}: {error}") from None
            if isinstance(error, UnsatisfiableSchemaError) and (kind := _kind_of_text(constraint)):
                raise GrammarError(f"no text matches the {kind}") from None
            raise

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_compiler, (self._vocabulary, self._limits, self._cache_size, self._cache_bytes)


def _missing_special_tokens(grammar: Grammar, vocabulary: _native.Vocabulary) -> list[str]:
    """Those that the grammar asks for and the vocabulary does not have, as they are shown."""
    names = {node.name for node in reachable_nodes(grammar) if isinstance(node, SpecialToken)}
    return sorted(repr(name) for name in names if name not in special_tokens_of(vocabulary))


def _kind_of_text(constraint: Constraint | Grammar) -> str:
    """What a constraint is called that is no schema; nothing for a schema, and for a grammar built by hand."""
    if isinstance(constraint, Grammar) or constraint.kind == "json_schema":
        return ""
    return "grammar" if constraint.kind in {"lark", "gbnf", "ebnf"} else f"constraint {constraint.kind}(...)"


def _rebuild_compiler(vocabulary: _native.Vocabulary, limits: Limits, cache_size: int, cache_bytes: int) -> Compiler:
    return Compiler(vocabulary, limits=limits, cache_size=cache_size, cache_bytes=cache_bytes)


def _check_natural(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: int expected, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{name}: must not be negative, is {value}")


def _is_finished(future: Future[_native.CompiledGrammar]) -> bool:
    return future.done() and future.exception() is None


def _fitting(grammars: list[_native.CompiledGrammar], most: int) -> int:
    """How many grammars at the end of the list take at most so many bytes together; the last one counts in any case."""
    taken = 0
    for count, grammar in enumerate(reversed(grammars)):
        taken += grammar.statistics()["state_bytes"]
        if taken > most and count > 0:
            return count
    return len(grammars)

"""From a constraint to a token automaton: `Compiler(vocabulary).compile(constraint)`, cached and safe in many threads."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock

from . import _native
from .constraint import Constraint
from .ir import Grammar
from .limits import DEFAULT_LIMITS, Limits
from .lower import lower


class Compiler:
    """Compiles constraints for one vocabulary, and keeps the `cache_size` grammars that were asked for last.

    Compiling is thread-safe. Threads that ask for the same constraint at the same time share one build; a build that
    fails raises its error in all of them, and is tried again when asked for again.
    """

    def __init__(self, vocabulary: _native.Vocabulary, *, limits: Limits | None = None, cache_size: int = 256) -> None:
        """`cache_size=0` keeps nothing. Raises `TypeError` or `ValueError` for a wrong argument."""
        if not isinstance(vocabulary, _native.Vocabulary):
            raise TypeError(f"vocabulary: a Vocabulary expected, not {type(vocabulary).__name__}")
        if limits is not None and not isinstance(limits, Limits):
            raise TypeError(f"limits: Limits expected, not {type(limits).__name__}")
        if isinstance(cache_size, bool) or not isinstance(cache_size, int):
            raise TypeError(f"cache_size: int expected, not {type(cache_size).__name__}")
        if cache_size < 0:
            raise ValueError(f"cache_size: must not be negative, is {cache_size}")
        self._vocabulary = vocabulary
        self._limits = limits or DEFAULT_LIMITS
        self._cache_size = cache_size
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
            raise TypeError(
                f"constraint: json_schema(...), regex(...) or choice(...) expected, not {type(constraint).__name__}"
            )
        key: object = constraint.key if isinstance(constraint, Constraint) else constraint
        future, is_mine = self._claim(key)
        if is_mine:
            try:
                future.set_result(self._build(constraint))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the waiting threads must hear of it
                self._forget(key, future)
                future.set_exception(error)
            self._evict()
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

    def _evict(self) -> None:
        """Drop the longest unused grammars. One still in the making stays, so that it is built once."""
        with self._lock:
            surplus = len(self._cache) - self._cache_size
            for key in [key for key, future in self._cache.items() if future.done()][: max(surplus, 0)]:
                del self._cache[key]

    def _forget(self, key: object, future: Future[_native.CompiledGrammar]) -> None:
        with self._lock:
            if self._cache.get(key) is future:
                del self._cache[key]

    def _build(self, constraint: Constraint | Grammar) -> _native.CompiledGrammar:
        grammar = constraint.grammar(self._limits) if isinstance(constraint, Constraint) else constraint
        program, text = lower(grammar)
        return _native.CompiledGrammar(self._vocabulary, program, text, self._limits.of_automaton())

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_compiler, (self._vocabulary, self._limits, self._cache_size)


def _rebuild_compiler(vocabulary: _native.Vocabulary, limits: Limits, cache_size: int) -> Compiler:
    return Compiler(vocabulary, limits=limits, cache_size=cache_size)

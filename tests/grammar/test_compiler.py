"""The compiler: limits, caching, threads."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import pytest

import latticework.grammar as door
from latticework.grammar import (
    CompiledGrammar,
    Compiler,
    Constraint,
    Grammar,
    GrammarError,
    GrammarSyntaxError,
    LimitError,
    Limits,
    SchemaError,
    UnsatisfiableSchemaError,
    UnsupportedSchemaError,
    Vocabulary,
    choice,
    json_schema,
    lark,
    regex,
    sequence,
)
from latticework.grammar.ir import Choice, Terminal, Text


def bytes_vocabulary() -> Vocabulary:
    return Vocabulary([*(bytes([value]) for value in range(256)), None], [256])


def accepts(grammar: CompiledGrammar, text: str) -> bool:
    state = grammar.step_bytes(grammar.start, text.encode())
    return state >= 0 and grammar.is_accepting(state)


class CountingCompiler(Compiler):
    """Counts its builds, and may hold them up."""

    def __init__(self, **options: Any) -> None:
        super().__init__(bytes_vocabulary(), **options)
        self.builds = 0
        self.gate = threading.Event()
        self.gate.set()

    def _build(self, constraint: Constraint | Grammar) -> CompiledGrammar:
        self.builds += 1
        assert self.gate.wait(60)
        return super()._build(constraint)


def test_every_kind_of_constraint_compiles() -> None:
    compiler = Compiler(bytes_vocabulary())
    chosen = compiler.compile(choice(["yes", "no", ""]))
    assert all(accepts(chosen, text) for text in ["yes", "no", ""])
    assert not any(accepts(chosen, text) for text in ["y", "yesno", "maybe"])
    matched = compiler.compile(regex("[ab]{2}c?"))
    assert accepts(matched, "abc") and not accepts(matched, "ab?")
    value = compiler.compile(
        json_schema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    )
    assert accepts(value, '{"a": 12}') and not accepts(value, '{"a": "x"}')
    assert accepts(compiler.compile(Grammar(Terminal(Text("x")))), "x")
    assert chosen.vocabulary is compiler.vocabulary


def test_the_same_key_is_built_once() -> None:
    compiler = CountingCompiler()
    first = compiler.compile(choice(["a", "b"]))
    assert compiler.compile(choice(["a", "b"])) is first
    assert compiler.compile(choice(["a"])) is not first
    assert compiler.builds == 2
    grammar = Grammar(Terminal(Text("x")))
    assert compiler.compile(grammar) is compiler.compile(grammar)
    assert compiler.compile(Grammar(Terminal(Text("x")))) is not compiler.compile(grammar)
    compiler.clear_cache()
    assert compiler.compile(choice(["a", "b"])) is not first


def test_the_longest_unused_grammar_leaves_the_cache() -> None:
    compiler = CountingCompiler(cache_size=2)
    for text in ["a", "b", "a", "c", "a", "b"]:
        compiler.compile(choice([text]))
    assert compiler.builds == 4
    nothing = CountingCompiler(cache_size=0)
    for _ in range(3):
        nothing.compile(choice(["a"]))
    assert nothing.builds == 3


def state_bytes(grammar: CompiledGrammar) -> int:
    return grammar.statistics()["state_bytes"]


def test_the_cache_keeps_what_fits_in_its_bytes() -> None:
    size = state_bytes(Compiler(bytes_vocabulary()).compile(choice(["a"])))
    compiler = CountingCompiler(cache_bytes=3 * size + size // 2)
    for text in ["a", "b", "c"]:
        compiler.compile(choice([text]))
    compiler.compile(choice(["a"]))  # used again, and so not the first to go
    compiler.compile(choice(["d"]))
    assert compiler.builds == 4
    for text in ["a", "c", "d"]:
        compiler.compile(choice([text]))
    assert compiler.builds == 4
    compiler.compile(choice(["b"]))
    assert compiler.builds == 5


def test_grammars_that_grow_push_others_out() -> None:
    one, other = regex("[ab]{1,2000}c"), regex("[ab]{1,2000}d")
    fresh = Compiler(bytes_vocabulary())
    size, other_size = state_bytes(fresh.compile(one)), state_bytes(fresh.compile(other))
    compiler = CountingCompiler(cache_bytes=2 * (size + other_size))
    kept, grown = compiler.compile(one), compiler.compile(other)
    assert compiler.compile(one) is kept and compiler.compile(other) is grown
    state = grown.start
    while state_bytes(grown) <= 2 * (size + other_size):
        state = grown.step(state, ord("a"))
        grown.allowed_tokens(state)
    assert compiler.compile(one) is kept  # a hit measures nothing
    last = compiler.compile(choice(["x"]))
    assert compiler.compile(choice(["x"])) is last
    assert compiler.compile(one) is kept
    assert compiler.compile(other) is not grown


@pytest.mark.parametrize(("cache_size", "builds"), [(256, 1), (1, 1), (0, 2)])
def test_the_newest_grammar_stays_whatever_its_size(cache_size: int, builds: int) -> None:
    compiler = CountingCompiler(cache_bytes=0, cache_size=cache_size)
    first, second = choice(["a"]), choice(["b"])
    compiler.compile(first)
    compiler.compile(first)
    assert compiler.builds == builds
    compiler.compile(second)
    compiler.compile(first)
    assert compiler.builds == builds + 2


def test_what_is_built_last_stays_though_it_was_asked_for_first() -> None:
    compiler = CountingCompiler(cache_bytes=0)
    compiler.compile(choice(["quick"]))
    compiler.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(compiler.compile, choice(["slow"]))
        while compiler.builds < 2:
            threading.Event().wait(0.001)
        compiler.compile(choice(["quick"]))
        compiler.gate.set()
        assert compiler.compile(choice(["slow"])) is slow.result()
    assert compiler.builds == 2


def test_threads_share_one_build() -> None:
    compiler = CountingCompiler(cache_size=1)
    compiler.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(compiler.compile, choice([text])) for text in "ab" * 4]
        compiler.gate.set()
        grammars = [future.result() for future in futures]
    assert accepts(grammars[0], "a") and accepts(grammars[1], "b")
    assert len(grammars) == 8


def test_waiting_threads_get_the_grammar_of_the_builder() -> None:
    compiler = CountingCompiler()
    compiler.gate.clear()
    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(compiler.compile, choice(["a"])) for _ in range(6)]
        while compiler.builds == 0:
            threading.Event().wait(0.001)
        compiler.gate.set()
        assert len({id(future.result()) for future in futures}) == 1
    assert compiler.builds == 1


def test_errors_are_raised_and_not_kept() -> None:
    compiler = CountingCompiler()
    for _ in range(2):
        with pytest.raises(GrammarSyntaxError):
            compiler.compile(regex("("))
        with pytest.raises(UnsupportedSchemaError):
            compiler.compile(json_schema({"$dynamicRef": "#x"}))
    assert compiler.builds == 4


@pytest.mark.parametrize("name", ["grammar_bytes", "lexer_bytes", "derivative_steps", "grammar_nodes"])
def test_limits_are_checked(name: str) -> None:
    for value in (True, 1.5, "1", None):
        with pytest.raises(TypeError, match=name):
            Limits(**{name: value})
    for value in (0, -1):
        with pytest.raises(ValueError, match=name):
            Limits(**{name: value})
    assert asdict(Limits(**{name: 17}))[name] == 17
    with pytest.raises(FrozenInstanceError):
        setattr(Limits(), name, 3)


def test_a_limit_that_is_reached_is_named() -> None:
    compiler = Compiler(bytes_vocabulary(), limits=Limits(grammar_nodes=3))
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in "abcdefgh"}}
    with pytest.raises(LimitError, match="grammar_nodes") as caught:
        compiler.compile(json_schema(schema))
    assert caught.value.limit == "grammar_nodes"
    assert caught.value.value == 3


@pytest.mark.parametrize(
    ("arguments", "error", "names"),
    [
        ({"vocabulary": [b"a"]}, TypeError, "vocabulary"),
        ({"limits": {"grammar_bytes": 1}}, TypeError, "limits"),
        ({"cache_size": -1}, ValueError, "cache_size"),
        ({"cache_size": 1.0}, TypeError, "cache_size"),
        ({"cache_size": True}, TypeError, "cache_size"),
        ({"cache_bytes": -1}, ValueError, "cache_bytes"),
        ({"cache_bytes": 1e9}, TypeError, "cache_bytes"),
        ({"cache_bytes": False}, TypeError, "cache_bytes"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        Compiler(**{"vocabulary": bytes_vocabulary(), **arguments})


def test_what_cannot_be_compiled() -> None:
    for wrong in ("a+", {"type": "integer"}, None, int):
        with pytest.raises(TypeError, match="constraint"):
            Compiler(bytes_vocabulary()).compile(wrong)  # type: ignore[arg-type]


def test_pickle() -> None:
    original = Compiler(bytes_vocabulary(), limits=Limits(grammar_bytes=1 << 20), cache_size=3, cache_bytes=0)
    compiler = pickle.loads(pickle.dumps(original))
    assert compiler.limits == Limits(grammar_bytes=1 << 20)
    assert compiler.vocabulary == bytes_vocabulary()
    first = compiler.compile(choice(["a"]))
    assert accepts(first, "a")
    compiler.compile(choice(["b"]))
    assert compiler.compile(choice(["a"])) is not first


def test_the_door_holds_what_it_names() -> None:
    assert all(hasattr(door, name) for name in door.__all__)
    assert [*door.__all__] == sorted(door.__all__)
    assert callable(door.regex) and callable(door.json_schema)


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (lark('start: A A\nA: "a"+'), "the grammar"),
        (regex("(?!a)a"), "regex"),
        (sequence("a", regex("(?!a)a")), "sequence"),
    ],
)
def test_only_schemas_are_unsatisfiable_schemas(constraint: Constraint, words: str) -> None:
    compiler = Compiler(Vocabulary([b"a", b"b", None], [2]))
    with pytest.raises(GrammarError, match=f"no text matches .*{words}") as caught:
        compiler.compile(constraint)
    assert not isinstance(caught.value, SchemaError)
    with pytest.raises(UnsatisfiableSchemaError):
        compiler.compile(json_schema({"not": {}}))
    with pytest.raises(UnsatisfiableSchemaError):
        compiler.compile(Grammar(Choice(())))

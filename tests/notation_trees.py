"""Random grammars, their spelling in GBNF, in both kinds of EBNF and in `re`, and their languages by brute force.

A tree is a tuple: ("text", t), ("class", letters, is_negative), ("name", i), ("series", trees), ("either", trees),
("repeat", tree, minimum, maximum) or ("except", tree, tree). A grammar is a list of trees; names are their indices, and
0 is the start.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from automaton_walk import compiled
from hypothesis import strategies as st
from oracle_containers import all_texts

from latticework.grammar.ir import Grammar

Tree: TypeAlias = tuple[Any, ...]

LETTERS = "abc"
RULES = ("root", "rule", "other")
EVERY_BYTE = [bytes([value]) for value in range(256)]

# ------------------------------------------------------------------------------------------------------------- random

_BOUNDS = st.sampled_from([(0, 1), (0, None), (1, None), (2, 2), (0, 2), (1, 3), (2, None), (0, 0)])
_LEAVES = st.one_of(
    st.tuples(st.just("text"), st.text(LETTERS, max_size=2)),
    st.tuples(st.just("class"), st.sampled_from(["a", "ab", "ac", "abc", "b"]), st.just(False)),
    st.tuples(st.just("class"), st.sampled_from(["a", "bc", "c"]), st.just(True)),
)


def _larger(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.tuples(st.just("series"), several),
        st.tuples(st.just("either"), several),
        st.builds(lambda tree, bounds: ("repeat", tree, *bounds), inner, _BOUNDS),
    )


def regular_trees(*, with_exceptions: bool = False) -> st.SearchStrategy[Tree]:
    """Trees without names."""
    found = st.recursive(_LEAVES, _larger, max_leaves=8)
    return st.recursive(found, lambda inner: st.tuples(st.just("except"), inner, inner)) if with_exceptions else found


def grammars() -> st.SearchStrategy[list[Tree]]:
    """Three rules that name each other, in any way."""
    leaves = st.one_of(_LEAVES, st.tuples(st.just("name"), st.sampled_from(range(3))))
    return st.lists(st.recursive(leaves, _larger, max_leaves=6), min_size=3, max_size=3)


# ------------------------------------------------------------------------------------------------------------- truth


def languages(rules: list[Tree], longest: int) -> list[frozenset[str]]:
    """The texts of each rule over `LETTERS`, up to a length, from the empty set until nothing is added."""
    found = [frozenset[str]() for _ in rules]
    while True:
        following = [_texts(tree, found, longest) for tree in rules]
        if following == found:
            return found
        found = following


def _texts(tree: Tree, known: list[frozenset[str]], longest: int) -> frozenset[str]:
    match tree:
        case ("text", text):
            return frozenset({text} if len(text) <= longest else ())
        case ("class", letters, negative):
            return frozenset(set(LETTERS) - set(letters) if negative else letters)
        case ("name", index):
            return known[index]
        case ("series", parts):
            found = frozenset({""})
            for part in parts:
                found = _joined(found, _texts(part, known, longest), longest)
            return found
        case ("either", parts):
            return frozenset[str]().union(*(_texts(part, known, longest) for part in parts))
        case ("repeat", inner, minimum, maximum):
            once, found, power = _texts(inner, known, longest), frozenset[str](), frozenset({""})
            for count in range((minimum + longest if maximum is None else maximum) + 1):
                found |= power if count >= minimum else frozenset()
                power = _joined(power, once, longest)
            return found
        case ("except", left, right):
            return _texts(left, known, longest) - _texts(right, known, longest)
    raise TypeError(tree)


def _joined(left: frozenset[str], right: frozenset[str], longest: int) -> frozenset[str]:
    return frozenset(a + b for a in left for b in right if len(a) + len(b) <= longest)


def is_productive(rules: list[Tree]) -> bool:
    """Whether every rule has a text: a rule of shortest length is found by going through the rules as often as there are."""
    known = [False] * len(rules)
    for _ in rules:
        known = [_has_text(tree, known) for tree in rules]
    return all(known)


def _has_text(tree: Tree, known: list[bool]) -> bool:
    match tree:
        case ("name", index):
            return known[index]
        case ("series", parts):
            return all(_has_text(part, known) for part in parts)
        case ("either", parts):
            return any(_has_text(part, known) for part in parts)
        case ("repeat", inner, minimum, _):
            return minimum == 0 or _has_text(inner, known)
    return True


# ----------------------------------------------------------------------------------------------------------- spellings


def as_pattern(tree: Tree) -> str:
    """As `re` writes it."""
    match tree:
        case ("text", text):
            return f"(?:{re.escape(text)})"
        case ("class", letters, negative):
            return f"[{'^' if negative else ''}{letters}]"
        case ("series", parts):
            return "".join(map(as_pattern, parts))
        case ("either", parts):
            return f"(?:{'|'.join(map(as_pattern, parts))})"
        case ("repeat", inner, minimum, maximum):
            return f"(?:{as_pattern(inner)}){{{minimum},{'' if maximum is None else maximum}}}"
    raise TypeError(tree)


def as_gbnf(rules: list[Tree]) -> str:
    return "".join(f"{name} ::= {_gbnf(tree)}\n" for name, tree in zip(RULES, rules, strict=False))


def _gbnf(tree: Tree) -> str:
    match tree:
        case ("text", text):
            return f'"{text}"'
        case ("repeat", inner, minimum, maximum):
            signs = {(0, 1): "?", (0, None): "*", (1, None): "+", (2, 2): "{2}"}
            count = signs.get((minimum, maximum), f"{{{minimum}, {'' if maximum is None else maximum}}}")
            return f"({_gbnf(inner)}){count}"
    return _w3c_like(tree, _gbnf)


def as_w3c(rules: list[Tree]) -> str:
    return "".join(f"{name} ::= {_w3c(tree)}\n" for name, tree in zip(RULES, rules, strict=False))


def _w3c(tree: Tree) -> str:
    match tree:
        case ("text", text):
            return f"'{text}'" if len(text) != 1 else f"#x{ord(text):X}"
        case ("except", left, right):
            return f"(({_w3c(left)}) - ({_w3c(right)}))"
        case ("repeat", inner, minimum, maximum):
            return " ".join(_counted(f"({_w3c(inner)})", minimum, maximum)) or "''"
    return _w3c_like(tree, _w3c)


def _counted(written: str, minimum: int, maximum: int | None) -> list[str]:
    """Without counts: x x x* or x x (x (x)?)?."""
    rest = [written + "*"] if maximum is None else []
    if maximum is not None and maximum > minimum:
        rest = [written.join(["("] * (maximum - minimum) + [""]) + ")?" * (maximum - minimum)]
    return [written] * minimum + rest


def _w3c_like(tree: Tree, spell: Any) -> str:
    match tree:
        case ("class", letters, negative):
            return f"[{'^' if negative else ''}{letters}]"
        case ("name", index):
            return RULES[index]
        case ("series", parts):
            return f"({' '.join(map(spell, parts))})"
        case ("either", parts):
            return f"({' | '.join(map(spell, parts))})"
    raise TypeError(tree)


def as_iso(rules: list[Tree]) -> str:
    return "".join(f"{name} = {_iso(tree)};\n" for name, tree in zip(RULES, rules, strict=False))


def _iso(tree: Tree) -> str:
    match tree:
        case ("text", text):
            return f'"{text}"' if text else "()"
        case ("class", letters, negative):
            written = " | ".join(f"'{letter}'" for letter in letters)
            return f"(? any character ? - ({written}))" if negative else f"({written})"
        case ("name", index):
            return RULES[index]
        case ("series", parts):
            return f"({', '.join(map(_iso, parts))})"
        case ("either", parts):
            return f"({' | '.join(map(_iso, parts))})"
        case ("except", left, right):
            return f"(({_iso(left)}) - ({_iso(right)}))"
        case ("repeat", inner, minimum, maximum):
            written = _iso(inner)
            rest = f"{{{written}}}"
            if maximum is not None:
                rest = f"[{written}, " * (maximum - minimum) + "]" * (maximum - minimum)
            return f"({minimum} * ({written}), {rest})" if minimum != 1 else f"({written}, {rest})"
    raise TypeError(tree)


# --------------------------------------------------------------------------------------------------------- automaton


def accepted(grammar: Grammar, longest: int) -> frozenset[str]:
    """The texts over `LETTERS` up to a length that the automaton accepts; no state on the way is a dead end."""
    automaton = compiled(grammar, EVERY_BYTE)
    found = set()
    waiting = [("", automaton.start)]
    while waiting:
        text, state = waiting.pop()
        assert automaton.allowed_tokens(state), f"a dead end behind {text!r}"
        if automaton.is_accepting(state):
            found.add(text)
        for letter in LETTERS:
            after = automaton.step(state, ord(letter))
            if after >= 0 and len(text) < longest:
                waiting.append((text + letter, after))
    return frozenset(found)


def every_text(longest: int) -> frozenset[str]:
    return all_texts(LETTERS, longest)


def stop(grammar: Grammar, text: str) -> int | None:
    """The number of bytes after which the text goes wrong, its length if it only is not finished; None if it is right."""
    automaton = compiled(grammar, EVERY_BYTE)
    state = automaton.start
    for at, byte in enumerate(text.encode()):
        state = automaton.step_bytes(state, bytes([byte]))
        if state < 0:
            return at
    return None if automaton.is_accepting(state) else len(text.encode())

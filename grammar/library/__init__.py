"""Grammars that come along, in the syntax of Lark: `names` lists them, `text` reads one, `grammar` builds it."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from latticework.grammar import ir

_BASIC = "// lexer: basic\n"


def names() -> tuple[str, ...]:
    """The names of the grammars, sorted."""
    return tuple(sorted(path.name[:-5] for path in files(__package__).iterdir() if path.name.endswith(".lark")))


def text(name: str) -> str:
    """The source of a grammar. Its first lines tell the specification, and what is left out or let through.

    Raises `KeyError` for an unknown name.
    """
    if name not in names():
        raise KeyError(f"no grammar {name!r} comes along; there are {', '.join(names())}")
    return (files(__package__) / f"{name}.lark").read_text(encoding="utf-8")


def lexer(name: str) -> Literal["contextual", "basic"]:
    """Which of lark's lexers a grammar is written for: "basic" where key words are reserved everywhere.

    Raises `KeyError` for an unknown name.
    """
    return "basic" if _BASIC in text(name) else "contextual"


def grammar(name: str) -> ir.Grammar:
    """A grammar, ready to be compiled.

    Raises `KeyError` for an unknown name.
    """
    from latticework.grammar.lark_reader import from_lark

    return from_lark(text(name), lexer=lexer(name))

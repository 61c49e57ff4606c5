"""A Lark grammar compiled by lark as far as terminals and templates go: patterns, and one tree for each rule."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lark.load_grammar
from lark import Tree
from lark.exceptions import LarkError
from lark.lexer import TerminalDef

from .errors import GrammarSyntaxError
from .lark_source import Source, start_of, tokens_in

MAX_INSTANCES = 2_000  # of templates
MAX_NAME = 2_000  # of an instance: the template and its arguments
MAX_TERMINAL_PARTS = 500_000

_LARK: Any = lark.load_grammar
_FAILURES = (
    LarkError,
    OSError,
    AssertionError,
    RecursionError,
    ValueError,
    TypeError,
    RuntimeError,
    ImportError,
    re.error,
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A grammar with its imports and templates worked in.

    The trees of rules are made of `expansions`, `expansion`, `alias`, `expr`, `maybe` and the symbols of lark.
    """

    rules: dict[str, Tree[Any]]
    terminals: dict[str, TerminalDef]
    ignored: tuple[str, ...]
    declared: frozenset[str]


def load(source: Source, import_paths: Sequence[str]) -> Loaded:
    """Let lark read the imports, put together the terminals and write out the templates.

    Raises GrammarSyntaxError.
    """
    with _located(source):
        grammar = _built(source, import_paths)
        declared = frozenset(name for name, (tree, _) in grammar.term_defs if tree is None)
        _refuse_size(source, grammar)
        terminals = _terminals(grammar)
        rules = _rules(source, grammar, terminals)
        defined = {terminal.name: terminal for terminal in terminals}
    for name in sorted(declared & defined.keys()):
        message = f"{name} is also what lark calls a string of a rule; choose another name for the declared terminal"
        raise source.error(message, source.place(name))
    _check_imported(source, {*rules, *defined, *declared, *(name for name, *_ in grammar.rule_defs)})
    return Loaded(rules, defined, tuple(dict.fromkeys(grammar.ignore)), declared)


def _built(source: Source, import_paths: Sequence[str]) -> Any:
    folders = [str(path) for path in import_paths]
    for one in source.imports:
        if one.relative and not folders:
            raise source.error("a relative import needs import_paths=(folder, ...) to start from", one.offset)
    builder = _LARK.GrammarBuilder(False, folders)
    builder.load_grammar(source.text, str(Path(folders[0]) / "grammar.lark") if folders else "the grammar")
    return builder.build()


def _check_imported(source: Source, found: Collection[str]) -> None:
    for one in source.imports:
        for name, alias in one.names.items():
            if alias not in found:
                raise source.error(f"{'.'.join(one.path)} defines no {name}", name)


def _refuse_size(source: Source, grammar: Any) -> None:
    """Refuse terminals that grow too large when the terminals in them are written out."""
    sizes: dict[int, int] = {}
    for name, (tree, _) in grammar.term_defs:
        for node in [] if tree is None else tree.iter_subtrees():  # parts come before what they are part of
            sizes[id(node)] = 1 + sum(sizes.get(id(child), 1) for child in node.children)
            if sizes[id(node)] > MAX_TERMINAL_PARTS:
                raise source.error(f"the terminal {name} is too large when it is written out", source.place(name))


def _terminals(grammar: Any) -> list[TerminalDef]:
    patterns = _LARK.PrepareLiterals() * _LARK.TerminalTreeToPattern()
    return [
        TerminalDef(name, patterns.transform(_LARK.nr_deepcopy_tree(tree)), priority)
        for name, (tree, priority) in grammar.term_defs
        if tree is not None
    ]


def _rules(source: Source, grammar: Any, terminals: list[TerminalDef]) -> dict[str, Tree[Any]]:
    """The trees of the rules; the terminals that stand in them without a name are added to `terminals`."""
    definitions = list(grammar.rule_defs)  # grows: a use of a template is a new rule
    anonymous = _LARK.PrepareAnonTerminals(terminals)
    prepare = _LARK.PrepareLiterals() * _LARK.ValidateSymbols() * anonymous * _LARK.ApplyTemplates(definitions)
    rules: dict[str, Tree[Any]] = {}
    for name, parameters, tree, _ in definitions:
        if tree is None:
            raise source.error(f"the rule {name} is declared, but not defined", source.place(name))
        if parameters:
            continue
        rules[name] = prepare.transform(tree)
        if len(definitions) - len(grammar.rule_defs) > MAX_INSTANCES or len(name) > MAX_NAME:
            raise source.error("this template is used with ever new arguments, or too many", source.place(name))
    return rules


# ------------------------------------------------------------------------------------------------------------- errors


@contextmanager
def _located(source: Source) -> Iterator[None]:
    """What lark complains of, with a place: most of it names a symbol."""
    try:
        yield
    except GrammarSyntaxError:
        raise
    except FileNotFoundError as error:
        raise _missing(source, error) from None
    except RecursionError:
        message = "definitions nest too deeply; do files import each other in a circle?"
        raise source.error(message, source.imports[0].offset if source.imports else 0) from None
    except _FAILURES as error:
        message = str(error).strip() or type(error).__name__
        undefined = re.search("'(\\w+)' used but not defined", message)
        if undefined:
            _check_imported(source, {name for one in source.imports for name in one.names.values()} - {undefined[1]})
        raise source.error(f"lark refuses this: {message[:400]}", _mentioned(source, message)) from None


def _missing(source: Source, error: FileNotFoundError) -> GrammarSyntaxError:
    wanted = Path(str(error.filename)).with_suffix("").parts
    where = next((one.offset for one in source.imports if one.path == wanted), None)
    if where is None:
        where = source.imports[0].offset if source.imports else 0
    hint = "lark itself brings common, python, unicode and lark; others are looked for in import_paths"
    return source.error(f"there is no grammar {'/'.join(wanted)}.lark ({hint})", where)


def _mentioned(source: Source, message: str) -> int:
    """Where the first name or literal of a message stands in the text, outside of definitions if that can be."""
    places: dict[str, int] = {}
    for body in source.bodies():
        for token in tokens_in(body):
            places.setdefault(str(token), start_of(token))
    for word in re.findall(r'[A-Za-z_][A-Za-z_0-9]*|"[^"]*"', message):
        if word.strip('"') and (word in places or source.place(word)):
            return source.place(word) or places[word]
    return 0

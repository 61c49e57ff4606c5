"""Grammars in the syntax of Lark: text to `ir.Grammar`, exactly, or an error with the place.

    from_lark -> lark_source (tree, places) -> lark_checks (mistakes) -> lark_loading (lark: imports, terminals, templates)
              -> lark_terminals (lexer) and lark_rules (nodes) -> left_recursion

The language is what lark accepts with `parser="lalr"` and its contextual lexer, or with its basic lexer. Priorities of
rules, aliases, `?` and `!` shape lark's trees; they do not change the language.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Literal

from lark.lexer import PatternStr

from . import ir
from .errors import GrammarSyntaxError, GrammarWarning
from .lark_checks import check
from .lark_loading import Loaded, load
from .lark_rules import build_rules, kept_terminals, reached, symbols
from .lark_source import Source, read_source, start_of, symbols_in, tokens_in
from .lark_terminals import build_terminals
from .left_recursion import without_left_recursion
from .rule_analysis import components, reachable_nodes, references, unproductive_rules


def from_lark(
    text: str,
    *,
    start: str = "start",
    lexer: Literal["contextual", "basic"] = "contextual",
    import_paths: Sequence[str] = (),
    terminals: Mapping[str, ir.Node] | None = None,
    marked: bool = False,
) -> ir.Grammar:
    """The texts that a Lark grammar describes, cut into terminals as lark's lexer cuts them.

    Args:
        text: the grammar, in the syntax of Lark (https://lark-parser.readthedocs.io/en/stable/grammar.html).
        start: the rule to start from.
        lexer: "contextual" tries, at each place, the terminals that can be read there; "basic" tries all of them.
        import_paths: folders that `%import` looks in, before the grammars that lark brings.
        terminals: what the terminals of `%declare` stand for.
        marked: in the place of each terminal may also stand the special token of its name, `mark_of(name)`. It is no text,
            so all else stays as it is: which marks are allowed behind a text tells which terminals may begin there.

    Raises GrammarSyntaxError for a text that is malformed, that has no meaning (an undefined name, a rule without an
    end), or that cannot be enforced exactly (a terminal that looks at its surroundings). Issues a GrammarWarning for
    rules and terminals that nothing uses.
    """
    if not isinstance(text, str):
        raise TypeError(f"grammar: str expected, not {type(text).__name__}")
    if lexer not in ("contextual", "basic"):
        raise ValueError(f'lexer must be "contextual" or "basic", not {lexer!r}')
    if isinstance(import_paths, str):
        raise TypeError("import_paths: a tuple of folders expected, not one str")
    bound = dict(terminals or {})
    source = read_source(text)
    check(source, bound)
    loaded = load(source, import_paths)
    _check_bound(source, loaded, bound)
    _check_start(source, loaded, start)
    return without_left_recursion(
        _grammar(source, loaded, start, bound, contextual=lexer == "contextual", marked=marked)
    )


def _grammar(
    source: Source, loaded: Loaded, start: str, bound: Mapping[str, ir.Node], *, contextual: bool, marked: bool
) -> ir.Grammar:
    names, read = reached(loaded.rules, start)
    _refuse_ignored(source, loaded, read)
    _warn(source, names, read)
    lexed = (read if contextual else kept_terminals(loaded.rules, start)) | set(loaded.ignored)
    own = build_terminals(
        source,
        [terminal for name, terminal in loaded.terminals.items() if name in lexed],
        loaded.ignored,
        bound,
        contextual=contextual,
        read=read,
        marks=_marks(source, loaded) if marked else {},
    )
    rules = build_rules(loaded.rules, names, own.nodes) | own.rules
    grammar = ir.Grammar(ir.Sequence((*own.leading(), ir.Reference(start))), rules)
    _refuse_endless(source, grammar)
    return grammar


# -------------------------------------------------------------------------------------------------------------- marks

_MARK = "terminal "


def mark_of(name: str) -> str:
    """The name of the special token that marks a terminal."""
    return _MARK + name


def terminals_of(grammar: ir.Grammar) -> list[str]:
    """The names of the terminals that are marked in a grammar."""
    nodes = reachable_nodes(grammar)
    names = {node.name for node in nodes if isinstance(node, ir.SpecialToken) and node.name.startswith(_MARK)}
    return sorted(name.removeprefix(_MARK) for name in names)


def _marks(source: Source, loaded: Loaded) -> dict[str, ir.Node]:
    """A mark for each terminal: its name, or its text where it has no name in the grammar."""
    own = {str(definition.name) for definition in source.definitions if definition.is_terminal}
    shown = dict.fromkeys(loaded.declared, "")
    for name, terminal in loaded.terminals.items():
        is_text = isinstance(terminal.pattern, PatternStr) and name not in own
        shown[name] = json.dumps(terminal.pattern.value, ensure_ascii=False) if is_text else terminal.user_repr()
    return {name: ir.SpecialToken(mark_of(text or name)) for name, text in shown.items()}


# ------------------------------------------------------------------------------------------------------------- checks


def _check_bound(source: Source, loaded: Loaded, bound: Mapping[str, ir.Node]) -> None:
    for name in bound:
        if name not in loaded.declared:
            raise GrammarSyntaxError(f"terminals: {name!r} is not declared in the grammar; add %declare {name}")
    for name in sorted(loaded.declared - bound.keys()):
        message = (
            f"{name} is declared by an imported file, and has no meaning here; bind it with terminals={{{name!r}: ...}}"
        )
        raise source.error(message, source.place(name))


def _check_start(source: Source, loaded: Loaded, start: str) -> None:
    if start not in loaded.rules:
        own = [name for name in loaded.rules if "{" not in name and "__" not in name]
        raise source.error(f"there is no rule {start!r} to start from; choose one with start=...", 0, *own[:20])
    for name, tree in loaded.rules.items():
        for symbol in symbols(tree):
            if not symbol.is_term and symbol.name not in loaded.rules:
                message = f"the template {symbol.name} is used without its arguments"
                raise source.error(message, source.place(name))


def _refuse_endless(source: Source, grammar: ir.Grammar) -> None:
    endless = set(unproductive_rules(grammar))
    graph = {name: [r for r in references(grammar.rules[name]) if r in endless] for name in endless}
    for group in components(graph):  # the first one is at fault by itself
        name = min((name for name in group if not name.startswith("%")), key=source.place, default="")
        if name:
            message = (
                f"the rule {name} never comes to an end: each of its alternatives needs a text that does not exist"
            )
            raise source.error(message, source.place(name))


def _refuse_ignored(source: Source, loaded: Loaded, read: set[str]) -> None:
    for name in sorted(read & set(loaded.ignored)):
        shown = loaded.terminals[name].user_repr()
        uses = (t for d in source.definitions if not d.is_terminal for t in tokens_in(d.body) if t in (name, shown))
        place = min(map(start_of, uses), default=source.place(name))
        raise source.error(f"{shown} is ignored, so no rule can read it; leave it out here, or do not ignore it", place)


def _warn(source: Source, names: list[str], read: set[str]) -> None:
    """Warn of what the text defines and does not use."""
    used = {name.partition("{")[0] for name in names}
    fragments = {str(t) for d in source.definitions if d.is_terminal for t in symbols_in(d.body)}
    fragments |= {str(t) for body in source.ignored for t in symbols_in(body)}
    for definition in source.definitions:
        name = str(definition.name)
        if definition.changes or name in used | read | fragments:
            continue
        kind = "terminal" if definition.is_terminal else "rule"
        _warn_at(source, f"the {kind} {name} is never used", start_of(definition.name))


def _warn_at(source: Source, message: str, offset: int) -> None:
    warnings.warn(GrammarWarning(message, text=source.text, offset=offset), stacklevel=5)

"""Grammar texts as constraints: `lark`, `gbnf` and `ebnf`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from .composition import Part, as_constraint
from .composition_rules import Assembly
from .constraint import Constraint
from .constraint_options import check_one_of, check_text, compact_json
from .ebnf import from_ebnf
from .errors import GrammarError
from .gbnf import from_gbnf
from .ir import Grammar, Node, Terminal, Text
from .limits import DEFAULT_LIMITS, Limits
from .rule_analysis import nullable_nodes

LarkLexer: TypeAlias = Literal["contextual", "basic"]
Notation: TypeAlias = Literal["w3c", "iso"]


class GrammarText(Constraint):
    """A constraint made by `lark`, `gbnf` or `ebnf`; its parts are what declared terminals stand for."""

    def grammar(self, limits: Limits = DEFAULT_LIMITS) -> Grammar:
        """As `Constraint.grammar`; a mistake in the text is a `GrammarSyntaxError` with its line and column."""
        options: dict[str, Any] = dict(self.options)
        if self.kind == "gbnf":
            return from_gbnf(self.source, **options)
        if self.kind == "ebnf":
            return from_ebnf(self.source, **options)
        return self._lark_grammar(options, limits)

    def marked_grammar(self, limits: Limits = DEFAULT_LIMITS) -> Grammar:
        """The grammar of a Lark text with a mark for each terminal, as `from_lark(..., marked=True)` makes it."""
        return self._lark_grammar(dict(self.options) | {"marked": True}, limits)

    def _lark_grammar(self, options: dict[str, Any], limits: Limits) -> Grammar:
        from .lark_reader import from_lark  # where it is needed, because lark is a large library

        options["import_paths"] = tuple(json.loads(options["import_paths"]))
        names = json.loads(options.pop("terminals"))
        if not names:
            return from_lark(self.source, **options)
        return _with_terminals(self, dict(zip(names, self.parts, strict=True)), options, limits)


def lark(
    text: str,
    *,
    start: str = "start",
    lexer: LarkLexer = "contextual",
    import_paths: Sequence[str] = (),
    terminals: Mapping[str, Part] | None = None,
) -> Constraint:
    """Text that a grammar in Lark's syntax describes (https://lark-parser.readthedocs.io/en/stable/grammar.html).

    Text is cut into terminals as lark cuts it: the longest match, by priority, keywords before what they are an instance
    of. The parser is a general one: ambiguous and left-recursive rules are fine.

    Args:
        text: the grammar.
        start: the rule to start from.
        lexer: "contextual" tries, at each place, the terminals that can be read there; "basic" tries all of them.
        import_paths: folders that `%import` looks in, before the grammars that lark brings.
        terminals: what the terminals of `%declare` stand for: constraints, or texts. Where the grammar reads such a
            terminal, a text of the constraint stands, however a lexer would cut it.

    Raises `TypeError` or `ValueError` for a wrong option; a mistake in the grammar is a `GrammarSyntaxError` at compile
    time, and what is only suspicious in it a `GrammarWarning`.
    """
    check_one_of("lexer", lexer, LarkLexer)
    if isinstance(import_paths, str):
        raise TypeError("import_paths: a tuple of folders expected, not one text")
    paths = [check_text(f"import_paths[{index}]", str(path)) for index, path in enumerate(import_paths)]
    bound = dict(terminals or {})
    parts = tuple(as_constraint(f"terminals[{name!r}]", part) for name, part in bound.items())
    options = (("import_paths", compact_json(paths)), ("lexer", lexer), ("terminals", compact_json(list(bound))))
    return GrammarText("lark", _source(text), (("start", check_text("start", start)), *options), parts=parts)


def gbnf(text: str, *, start: str = "root") -> Constraint:
    """Text that a grammar in GBNF describes, the notation of llama.cpp (grammars/README.md there).

    Raises `TypeError` for a wrong option; a mistake in the grammar is a `GrammarSyntaxError` at compile time, and what is
    only suspicious in it a `GrammarWarning`.
    """
    return GrammarText("gbnf", _source(text), (("start", check_text("start", start)),))


def ebnf(text: str, *, start: str | None = None, notation: Notation = "w3c") -> Constraint:
    """Text that a grammar in EBNF describes, by default from its first rule.

    `notation="w3c"` is the spelling of W3C specifications (XML 1.0, section 6), `notation="iso"` that of ISO/IEC 14977.

    Raises `TypeError` or `ValueError` for a wrong option; a mistake in the grammar is a `GrammarSyntaxError` at compile
    time, and what is only suspicious in it a `GrammarWarning`.
    """
    check_one_of("notation", notation, Notation)
    first = None if start is None else check_text("start", start)
    return GrammarText("ebnf", _source(text), (("start", first), ("notation", notation)))


def _source(text: object) -> str:
    return check_text("grammar", text)


def _with_terminals(
    constraint: Constraint, bound: Mapping[str, Constraint], options: Mapping[str, Any], limits: Limits
) -> Grammar:
    """The grammar with constraints in it. They are put in last, so that their rules do not meet those of the text."""
    from .lark_reader import from_lark

    assembly = Assembly(limits)
    holes: dict[str, Node] = {name: Terminal(Text(name)) for name in bound}
    grammar = from_lark(constraint.source, **options, terminals=holes)
    filled: dict[int, Node] = {}
    for name, part in bound.items():
        inner = part.grammar(limits)
        if inner.start in nullable_nodes([inner.start, *inner.rules.values()], inner.rules):
            raise GrammarError(f"terminals[{name!r}]: it may be the empty text, which no terminal may be")
        filled[id(holes[name])] = assembly.part(part)
    return assembly.grammar(assembly.inlined(grammar, filled))

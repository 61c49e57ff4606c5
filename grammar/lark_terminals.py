"""The terminals of a Lark grammar as an `ir.Lexer` that cuts texts as lark's lexers do.

Lark tries the terminals in an order of preference; the first one that matches is taken. A string that a regular
expression of the same priority matches too is a keyword: it is no candidate, but what a match of the expression is taken
for if its text is that string.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lark.lexer import PatternStr, TerminalDef

from . import ir
from .errors import GrammarSyntaxError
from .lark_checks import offset_in
from .lark_preference import Preference, outside_error, preferred
from .lark_source import Source, tokens_in
from .regex import from_regex

MAX_TERMINALS = 4_000
MAX_WORK = 2_000_000

IGNORED = "%ignore"
"""The rule for what may stand between lexemes; no rule of a grammar text can have this name."""


@dataclass(frozen=True, slots=True)
class Terminals:
    """The nodes of the terminals by name, each with the ignored text behind it, and the rules that these refer to."""

    nodes: dict[str, ir.Node]
    rules: dict[str, ir.Node]

    def leading(self) -> tuple[ir.Node, ...]:
        """What may stand before the first lexeme."""
        return (ir.Reference(IGNORED),) if self.rules else ()


def build_terminals(
    source: Source,
    terminals: Iterable[TerminalDef],
    ignored: Iterable[str],
    bound: Mapping[str, ir.Node],
    *,
    contextual: bool,
    read: Iterable[str],
    marks: Mapping[str, ir.Node] | None = None,
) -> Terminals:
    """The nodes of `terminals`, of which the rules that count read those in `read`.

    `bound`: the nodes of the declared ones. `marks`: what may stand in the place of terminals that are not ignored, by
    their names. Raises GrammarSyntaxError.
    """
    reader = _Terminals(source, terminals, frozenset(ignored), frozenset(read))
    places = reader.places()
    lexer = ir.Lexer(
        tuple(entry for _, entry in places),
        contextual,
        tuple(i for i, (name, _) in enumerate(places) if name in reader.ignored),
    )
    lexemes: dict[str, list[ir.Node]] = {}
    for i, (name, _) in enumerate(places):
        lexemes.setdefault(name, []).append(ir.Lexeme(lexer, i))
    nodes = {name: _one_of(own) for name, own in lexemes.items()} | {n: ir.Scope(node) for n, node in bound.items()}
    for name, mark in (marks or {}).items():
        if name in nodes and name not in reader.ignored:
            nodes[name] = ir.Choice((nodes[name], mark))
    if not reader.ignored:
        return Terminals(nodes, {})
    between: ir.Node = ir.Reference(IGNORED)
    skipped = _one_of([nodes[name] for name in sorted(reader.ignored)])
    rules: dict[str, ir.Node] = {IGNORED: ir.Choice((ir.Sequence(()), ir.Sequence((skipped, between))))}
    followed: dict[str, ir.Node] = {name: ir.Sequence((node, between)) for name, node in nodes.items()}
    return Terminals(followed, rules)


def _one_of(nodes: list[ir.Node]) -> ir.Node:
    return nodes[0] if len(nodes) == 1 else ir.Choice(tuple(nodes))


class _Terminals:
    """The terminals of one lexer, in lark's order, and which string is a keyword of which expression."""

    def __init__(
        self, source: Source, terminals: Iterable[TerminalDef], ignored: frozenset[str], read: frozenset[str]
    ) -> None:
        self.source = source
        self.ignored = ignored
        self.read = read
        terminals = list(terminals)
        if len(terminals) > MAX_TERMINALS:
            raise source.error(f"{len(terminals)} terminals are not supported (at most {MAX_TERMINALS})", 0)
        self.work = 0
        self.terminals = [self._checked(terminal) for terminal in terminals]
        self.terminals.sort(key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
        self.preferences = {t.name: self._preference(t) for t in self.terminals if not _is_string(t)}
        self._refuse_second_thoughts()

    def places(self) -> list[tuple[str, ir.LexerTerminal]]:
        """What the lexer tries, in order, each with the name of its terminal; some terminals stand there twice."""
        found: list[tuple[TerminalDef, tuple[str, ...]]] = []
        for terminal in self.terminals:
            found += [(terminal, names) for names in self._keyword_of(terminal)]
        index = {terminal.name: i for i, (terminal, _) in enumerate(found) if terminal.name in self.preferences}
        return [(t.name, self._entry(t, tuple(index[name] for name in keyword_of))) for t, keyword_of in found]

    def _entry(self, terminal: TerminalDef, keyword_of: tuple[int, ...]) -> ir.LexerTerminal:
        own = self.preferences.get(terminal.name)
        if own is None:
            return ir.LexerTerminal(from_regex(terminal.pattern.to_regexp()), False, keyword_of)
        return ir.LexerTerminal(own.regex, own.shortest, keyword_of, own.undone, own.begun)

    def _refuse_second_thoughts(self) -> None:
        """Refuse terminals that give up a text of which another one has read the beginning meanwhile."""
        for place, terminal in enumerate(self.terminals):
            own = self.preferences.get(terminal.name)
            if own is None or own.undone is ir.NOTHING:
                continue
            for other in self.terminals[place + 1 :]:
                if terminal.name in self._embedding(other):
                    continue
                if own.undoes_beyond(preferred(other.pattern.to_regexp())):
                    raise self._located(terminal, outside_error(terminal.pattern.to_regexp()))

    # ------------------------------------------------------------------------------------------------------ keywords

    def _embedding(self, string: TerminalDef) -> tuple[str, ...]:
        """The expressions that keep a string from being a candidate."""
        if not _is_string(string):
            return ()
        hosts = [t for t in self.terminals if self._is_host(t, string)]
        return tuple(t.name for t in hosts if set(string.pattern.flags) <= set(t.pattern.flags))

    def _keyword_of(self, terminal: TerminalDef) -> list[tuple[str, ...]]:
        """The expressions that a string is a keyword of; twice, if not all of them hinder it from being a candidate.

        Lark keeps a string as a candidate beside an expression that lacks a flag of it ("if"i and /[a-z]+/).
        """
        if not _is_string(terminal):
            return [()]
        hosts = [t for t in self.terminals if self._is_host(t, terminal)]
        embedding = self._embedding(terminal)
        naming = tuple(t.name for t in hosts if t.name not in self.ignored)
        for host in hosts:
            self._refuse_ignored(terminal, host)
        if any(name in self.ignored for name in embedding):  # which is always a candidate, and never named otherwise
            return [naming] if naming else []
        return [naming] if naming == embedding else [naming, embedding]

    def _is_host(self, expression: TerminalDef, string: TerminalDef) -> bool:
        own = self.preferences.get(expression.name)
        return own is not None and expression.priority == string.priority and own.takes(string.pattern.value)

    def _refuse_ignored(self, string: TerminalDef, host: TerminalDef) -> None:
        """Refuse what lark can hardly be meant to do with strings that an ignored expression matches, and the like."""
        embedded = set(string.pattern.flags) <= set(host.pattern.flags)
        if host.name in self.ignored and string.name in self.read and embedded:
            message = f"lark never reads this text, as the ignored terminal {_shown(host)} matches it too"
        elif host.name not in self.ignored and string.name in self.ignored:
            message = f"lark does not ignore this text where the terminal {_shown(host)} matches it too"
        else:
            return
        raise self.source.error(f"{message}; give it a name and a priority: NAME.1: ...", self._place(string))

    # -------------------------------------------------------------------------------------------------------- errors

    def _checked(self, terminal: TerminalDef) -> TerminalDef:
        if not _is_string(terminal):
            self._add_work(terminal)
        if terminal.pattern.min_width == 0:
            message = f"the terminal {_shown(terminal)} matches the empty text, which no lexer can read"
            raise self.source.error(f"{message}; let it match at least one character", self._place(terminal))
        return terminal

    def _add_work(self, terminal: TerminalDef) -> None:
        table = self._preference(terminal).automaton
        self.work += len(table.targets) * len(table.classes)
        if self.work > MAX_WORK:
            message = "the terminals up to this one are too large to find out which matches Python's re prefers"
            raise self.source.error(message, self._place(terminal))

    def _preference(self, terminal: TerminalDef) -> Preference:
        try:
            found = preferred(terminal.pattern.to_regexp())
        except GrammarSyntaxError as error:
            raise self._located(terminal, error) from None
        if found.takes_nothing():
            raise self.source.error(f"the terminal {_shown(terminal)} matches no text at all", self._place(terminal))
        return found

    def _located(self, terminal: TerminalDef, error: GrammarSyntaxError) -> GrammarSyntaxError:
        for body in self.source.bodies():
            for token in tokens_in(body):
                if token.type == "REGEXP" and token == terminal.pattern.raw:
                    offset = offset_in(token, error.offset - 4 * len(terminal.pattern.flags))
                    return self.source.error(f"in this regular expression: {error.message}", offset, *error.expected)
        pattern = error.text if len(error.text) < 80 else error.text[:77] + "..."
        message = f"in the terminal {_shown(terminal)}, which is /{pattern}/ for Python: {error.message}"
        return self.source.error(message, self._place(terminal), *error.expected)

    def _place(self, terminal: TerminalDef) -> int:
        """Where a terminal is defined, or first written."""
        place = self.source.place(terminal.name)
        return place or next(self._literals(terminal), 0)

    def _literals(self, terminal: TerminalDef) -> Iterator[int]:
        for body in self.source.bodies():
            for token in tokens_in(body):
                if token.type in ("STRING", "REGEXP") and token == terminal.pattern.raw:
                    yield token.start_pos or 0


def _is_string(terminal: TerminalDef) -> bool:
    return isinstance(terminal.pattern, PatternStr)


def _shown(terminal: TerminalDef) -> str:
    return str(terminal.user_repr() if terminal.name.startswith("__") else terminal.name)

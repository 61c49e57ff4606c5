"""Regular parts of a grammar as single terminals, since the automaton is fast inside one.

Grammars without a lexer spell out each character: `string ::= "\\"" chars "\\""`, `chars ::= [^"] chars | ""`. Whatever in
them is a regular language by its form becomes one expression: rules that do not lead back to themselves and are made of
regular ones, and groups of rules that are right-linear (or all left-linear) in each other, which are solved by Arden's rule:
X = A X | B is A* B. What would be large as an expression stays a rule, and so the result is not larger than the grammar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import is_
from typing import Final

from . import ir
from .errors import GrammarError
from .linear_rules import Form, joined, solved, united, variable
from .node_parts import children, with_parts
from .regex_pieces import EMPTY, Piece, alternation, chain, is_narrow, piece_of
from .rule_analysis import components, reachable_nodes, references

_MOST_FLAT: Final = 4  # parts that are written again in the sequence or choice around them
_MOST_RULES: Final = 16  # that are solved together


def fused(grammar: ir.Grammar) -> ir.Grammar:
    """An equal grammar with as few and as large terminals as are worth it; rules that it does not need are left out.

    Raises:
        GrammarError: a rule is not defined.
    """
    return _Fusing(grammar).grammar()


class _Fusing:
    """First what is regular, rule by rule from the bottom up, then the rest with terminals in its places."""

    def __init__(self, grammar: ir.Grammar) -> None:
        self._start = grammar.start
        self._kept = list(reachable_nodes(grammar))  # nodes are known by their ids
        self._rules = self._used(grammar)
        self._regular: dict[str, Piece] = {}
        self._forms: dict[int, Form | None] = {}  # of nodes that lead to none but finished rules: constants
        self._new: dict[int, ir.Node] = {}
        self._terminals: dict[int, tuple[ir.Terminal, Piece | None]] = {}  # by themselves, and by their expressions

    def _used(self, grammar: ir.Grammar) -> dict[str, ir.Node]:
        names = dict.fromkeys(node.rule for node in self._kept if isinstance(node, ir.Reference))
        for name in names:
            if name not in grammar.rules:
                raise GrammarError(f"rule {name!r} is not defined")
        return {name: grammar.rules[name] for name in names}

    def grammar(self) -> ir.Grammar:
        """The new grammar."""
        for group in components({name: references(node) for name, node in self._rules.items()}):
            found = self._solved(group, True) or (self._solved(group, False) if len(group) <= _MOST_RULES else None)
            self._regular.update(found or {})
        self._form(self._start, set(), True, {})
        start = self._node(self._start)
        rules = {name: self._node(node) for name, node in self._rules.items() if name not in self._regular}
        return ir.Grammar(start, rules)

    # ------------------------------------------------------------------------------------------------------- regular

    def _solved(self, group: list[str], right: bool) -> dict[str, Piece] | None:
        """What the rules of a component are, if they are linear in this direction and not too large."""
        names = set(group)
        unfinished: dict[int, Form | None] = {}
        system = {name: self._form(self._rules[name], names, right, unfinished) for name in group}
        forms = {name: form for name, form in system.items() if form is not None}
        return solved(forms, right) if len(forms) == len(group) <= _MOST_RULES else None

    def _form(self, node: ir.Node, names: set[str], right: bool, unfinished: dict[int, Form | None]) -> Form | None:
        """The node in terms of some rules; parts come first, with a stack of our own."""
        finished = self._forms
        stack = [node]
        while stack:
            last = stack[-1]
            parts = () if id(last) in finished or id(last) in unfinished else children(last)
            missing = [part for part in parts if id(part) not in finished and id(part) not in unfinished]
            if missing:
                stack += missing
                continue
            stack.pop()
            if isinstance(last, ir.Reference) and last.rule in names:
                unfinished[id(last)] = variable(last.rule)
            elif any(id(part) in unfinished for part in parts):
                unfinished[id(last)] = self._form_of(last, right, unfinished)
            elif id(last) not in finished and id(last) not in unfinished:
                finished[id(last)] = self._form_of(last, right, {})
        return unfinished[id(node)] if id(node) in unfinished else finished[id(node)]

    def _form_of(self, node: ir.Node, right: bool, unfinished: Mapping[int, Form | None]) -> Form | None:
        match node:
            case ir.Terminal(regex):
                piece = piece_of(regex)
                return None if piece is None else Form(piece)
            case ir.Reference(rule):
                return Form(self._regular[rule]) if rule in self._regular else None
            case ir.Sequence(parts) | ir.Choice(parts):
                forms = []
                for part in parts:
                    form = unfinished[id(part)] if id(part) in unfinished else self._forms[id(part)]
                    if form is None:
                        return None
                    forms.append(form)
                return joined(forms, right) if isinstance(node, ir.Sequence) else united(forms)
        return None

    # ---------------------------------------------------------------------------------------------------------- nodes

    def _node(self, node: ir.Node) -> ir.Node:
        """The node with terminals for what is regular; parts come first, with a stack of our own."""
        stack = [node]
        while stack:
            node = stack[-1]
            if id(node) not in self._new:
                form = self._forms.get(id(node))
                missing = [part for part in children(node) if form is None and id(part) not in self._new]
                if missing:
                    stack += missing
                    continue
                self._new[id(node)] = self._write(node) if form is None else self._whole(node, form.constant)
            stack.pop()
        return self._new[id(node)]

    def _whole(self, node: ir.Node, piece: Piece) -> ir.Node:
        return node if isinstance(node, ir.Terminal) else self._terminal(piece)

    def _terminal(self, piece: Piece) -> ir.Terminal:
        if id(piece.regex) not in self._terminals:
            terminal = ir.Terminal(piece.regex)
            self._terminals[id(piece.regex)] = self._terminals[id(terminal)] = terminal, piece
        return self._terminals[id(piece.regex)][0]

    def _piece(self, terminal: ir.Terminal) -> Piece | None:
        if id(terminal) not in self._terminals:
            self._terminals[id(terminal)] = terminal, piece_of(terminal.regex)
        return self._terminals[id(terminal)][1]

    def _write(self, node: ir.Node) -> ir.Node:
        """A node that is not regular, with new parts."""
        match node:
            case ir.Sequence(parts):
                found = tuple(self._joined(self._flat(parts, ir.Sequence)))
            case ir.Choice(parts):
                found = tuple(self._united(self._flat(parts, ir.Choice)))
            case _:
                new = {id(part): self._new[id(part)] for part in children(node)}
                return with_parts(node, new) if any(new[id(part)] is not part for part in children(node)) else node
        if len(found) == 1:
            return found[0]
        return node if len(found) == len(parts) and all(map(is_, found, parts)) else type(node)(found)

    def _flat(self, parts: tuple[ir.Node, ...], kind: type[ir.Sequence | ir.Choice]) -> Iterator[ir.Node]:
        """The new parts; those of small ones of the same kind in their places."""
        for part in parts:
            new = self._new[id(part)]
            if isinstance(new, kind) and len(new.parts) <= _MOST_FLAT:
                yield from new.parts
            else:
                yield new

    def _joined(self, parts: Iterable[ir.Node]) -> Iterator[ir.Node]:
        """Neighbouring terminals as one, if they are narrow."""
        last: ir.Node | None = None
        for part in parts:
            if isinstance(last, ir.Terminal) and isinstance(part, ir.Terminal):
                both = self._both(self._piece(last), self._piece(part))
                if both is not None:
                    last = self._terminal(both)
                    continue
            if last is not None:
                yield last
            last = part
        if last is not None:
            yield last

    def _both(self, one: Piece | None, other: Piece | None) -> Piece | None:
        """One after the other, where that is better than by themselves."""
        if one is None or other is None:
            return None
        return chain(one, other) if EMPTY in (one, other) or (is_narrow(one) and is_narrow(other)) else None

    def _united(self, parts: Iterable[ir.Node]) -> Iterator[ir.Node]:
        """All terminals as one, where the first of them stands."""
        parts = list(parts)
        pieces = [piece for part in parts if isinstance(part, ir.Terminal) and (piece := self._piece(part)) is not None]
        together = alternation(pieces)
        if len(pieces) < 2 or together is None:
            yield from parts
            return
        united: ir.Terminal | None = None
        for part in parts:
            if not isinstance(part, ir.Terminal) or self._piece(part) is None:
                yield part
            elif united is None:
                united = self._terminal(together)
                yield united

"""Which terminals may come: the marks that are allowed behind a text, against what lark's own parser takes there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from grammar_sampler import lalr
from grammar_texts import VALID
from lark import Lark
from lark.lexer import PatternStr
from small_languages import accepts

from latticework.cli_expected import expected_terminals
from latticework.grammar import CompiledGrammar, Compiler, Grammar, Vocabulary, choice, json_schema, lark, library
from latticework.grammar.lark_reader import from_lark, mark_of, terminals_of

_MOST = 12  # places of each text


def marked(text: str, lexer: str) -> tuple[CompiledGrammar, dict[int, str]]:
    """The automaton over single bytes and marks, and the terminals by the ids of their marks."""
    grammar: Grammar = from_lark(text, lexer=lexer, marked=True)  # type: ignore[arg-type]
    names = terminals_of(grammar)
    ids = {mark_of(name): 256 + index for index, name in enumerate(names)}
    data = [bytes([value]) for value in range(256)]
    vocabulary = Vocabulary([*data, *[None] * len(names), None], [256 + len(names)], special_tokens=ids)
    return Compiler(vocabulary).compile(grammar), {256 + index: name for index, name in enumerate(names)}


def places(parser: Lark, text: str) -> Iterator[tuple[int, set[str]]]:
    """The end of each lexeme of a text, and the names of what lark takes next."""
    interactive = parser.parse_interactive(text)
    end = 0
    for lexeme in interactive.iter_parse():  # gives the lexeme before the parser gets it
        yield end, {shown(parser, name) for name in interactive.accepts() - {"$END"}}
        end = lexeme.end_pos or 0


def shown(parser: Lark, name: str) -> str:
    """A terminal's name in the grammar, or its text where it has none."""
    terminal = next(one for one in parser.terminals if one.name == name)
    is_named = re.search(rf"^{name}(\.-?\d+)?:", parser.source_grammar, re.MULTILINE)
    is_text = isinstance(terminal.pattern, PatternStr) and not is_named
    return json.dumps(terminal.pattern.value, ensure_ascii=False) if is_text else terminal.user_repr()


@pytest.mark.parametrize("name", ["arithmetic", "json", "sql", "graphql", "csv", "c"])
def test_marks_are_what_lark_takes(name: str) -> None:
    parser = lalr(library.text(name), library.lexer(name))
    automaton, names = marked(library.text(name), library.lexer(name))
    seen = 0
    for text in VALID[name][-6:]:
        for place, expected in [*places(parser, text)][:_MOST]:
            state = automaton.step_bytes(automaton.start, text[:place].encode())
            found = {names[token] for token in automaton.allowed_tokens(state) if token in names}
            assert found == expected, (text[:place], found ^ expected)
            seen += 1
    assert seen > 10


def test_marks_change_nothing_else(byte_vocabulary: Vocabulary) -> None:
    text = 'start: (NAME | INT | "if" start "end")+\nNAME: /[a-z]+/\nINT: /[0-9]+/\n%ignore " "'
    plain = Compiler(byte_vocabulary).compile(from_lark(text))
    other, names = marked(text, "contextual")
    for sample in ("if a end", "if if 1 end", "12ab", "if", "end", "a end"):
        assert accepts(plain, sample) == accepts(other, sample), sample
    assert sorted(names.values()) == ['"end"', '"if"', "INT", "NAME"]


def test_terminals_of_constraints() -> None:
    made = lark(
        'start: A ("," B | VALUE)*\nA: "a"\nB: /b+/\n%declare VALUE', terminals={"VALUE": json_schema({"type": "null"})}
    )
    assert expected_terminals(made, b"a") == ['","', "VALUE"]
    assert expected_terminals(made, b"a,") == ["B"]
    assert expected_terminals(made, b"a,bb") == ['","', "VALUE"]
    assert expected_terminals(made, b"anu") == []
    assert expected_terminals(choice(["a"]), b"") == []

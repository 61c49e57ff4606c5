"""Lark grammars as nodes: the order of terminals, keywords, what is ignored, imports, templates and bound terminals."""

from __future__ import annotations

from pathlib import Path

import pytest
from automaton_walk import compiled
from lark_judges import BYTES, accepts, automaton_of, quietly_read

from latticework.grammar import Compiler, Matcher, Vocabulary
from latticework.grammar.errors import GrammarError, GrammarWarning
from latticework.grammar.ir import Grammar, Lexer, Terminal
from latticework.grammar.lark_reader import from_lark
from latticework.grammar.regex import from_regex
from latticework.grammar.rule_analysis import reachable_nodes


def lexer_of(grammar: Grammar) -> Lexer:
    """The one lexer of a grammar."""
    lexers = {id(node.lexer): node.lexer for node in reachable_nodes(grammar) if hasattr(node, "lexer")}
    (lexer,) = lexers.values()
    return lexer


def verdicts(grammar: Grammar, *samples: str) -> list[bool]:
    automaton = compiled(grammar, BYTES)
    return [accepts(automaton, sample) for sample in samples]


# --------------------------------------------------------------------------------------------------------- the lexer


def test_order_and_keywords() -> None:
    """Lark's order: priority, greatest width, length of the pattern, name."""
    grammar = quietly_read('start: "if" | NAME | B | "=="\nNAME: /[a-z]+/\nB.1: "b"\n%ignore " "\n')
    lexer = lexer_of(grammar)
    assert [terminal.keyword_of for terminal in lexer.terminals] == [(), (), (1,), (), ()]
    assert lexer.ignored == (4,)
    assert lexer.contextual
    assert not lexer_of(quietly_read('start: "a"', "basic")).contextual


def test_keywords_whose_flags_differ() -> None:
    """A string that ignores case is a keyword and a candidate of its own beside a name that does not."""
    lexer = lexer_of(quietly_read('start: "if"i | NAME\nNAME: /[a-z]+/\n'))
    assert [terminal.keyword_of for terminal in lexer.terminals] == [(), (0,), ()]
    lexer = lexer_of(quietly_read('start: "if"i | NAME\nNAME: /[a-z]+/i\n'))
    assert [terminal.keyword_of for terminal in lexer.terminals] == [(), (0,)]


def test_no_keyword_across_priorities() -> None:
    lexer = lexer_of(quietly_read('start: "if" | NAME\nNAME.1: /[a-z]+/\n'))
    assert [terminal.keyword_of for terminal in lexer.terminals] == [(), ()]


def test_terminals_that_nothing_reads_are_no_candidates() -> None:
    text = 'start: A\nA: "a"\nB: "ab"\nb: B\n'
    assert len(lexer_of(quietly_read(text, "basic")).terminals) == 1
    circle = text + "c: B c | B d\nd: c\n"  # lark keeps rules that use each other
    assert len(lexer_of(quietly_read(circle, "basic")).terminals) == 2
    assert len(lexer_of(quietly_read(circle)).terminals) == 1


def test_one_node_for_each_terminal() -> None:
    grammar = quietly_read('start: A B A\nA: "a"\nB: "b"\n')
    lexemes = [node for node in reachable_nodes(grammar) if hasattr(node, "lexer")]
    assert len(lexemes) == 2


# ------------------------------------------------------------------------------------------- what else there is


def test_imports(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "lists.lark").write_text('%import .atoms.ATOM\nlist: "[" [ATOM ("," ATOM)*] "]"\n%ignore "?"\n')
    (folder / "atoms.lark").write_text('ATOM: "x" | DIGIT\nDIGIT: "0".."3"\n')
    text = "start: list+\n%import parts.lists.list\n%ignore WS\n%import common.WS\n"
    grammar = from_lark(text, import_paths=(str(tmp_path),))
    assert verdicts(grammar, "[]", "[x,3] [ 0 ]", "[x,4]", "[?]", "[x,]") == [True, True, False, False, False]
    relative = from_lark("start: ATOM\n%import .parts.atoms.ATOM\n", import_paths=(str(tmp_path),))
    assert verdicts(relative, "x", "y") == [True, False]


def test_changed_imports() -> None:
    extended = from_lark('%import common.INT\n%extend INT: "x"\nstart: INT\n')
    assert verdicts(extended, "12", "x", "1x") == [True, True, False]
    overridden = from_lark('%import common.INT -> NUM\n%override NUM: "x"\nstart: NUM\n')
    assert verdicts(overridden, "12", "x") == [False, True]


def test_templates() -> None:
    grammar = from_lark('start: list{A, ","} ";" list{pair{A}, "|"}\nlist{x, s}: x (s x)*\npair{x}: x x\nA: "a"\n')
    assert verdicts(grammar, "a;aa", "a,a;aa|aa", "a,;aa", "a;a") == [True, True, False, False]


def test_any_start() -> None:
    text = 'start: "a" b\nb: "b" [b]\n'
    with pytest.warns(GrammarWarning, match="the rule start is never used"):
        grammar = from_lark(text, start="b")
    assert verdicts(grammar, "bb", "ab") == [True, False]


@pytest.mark.parametrize("lexer", ["contextual", "basic"])
def test_bound_terminals(lexer: str) -> None:
    """What is bound is cut out by itself: neither longest matches nor what is ignored reach into it."""
    node = Terminal(from_regex(r"\{[a-z ]*\}?"))
    text = 'start: NAME X NAME\nNAME: /[a-z]+/\n%declare X\n%ignore " "\n'
    grammar = from_lark(text, lexer=lexer, terminals={"X": node})  # type: ignore[arg-type]
    samples = "a{}b", "a { b } b ", "a{bb", "a { b}", "a{}{}b"
    assert verdicts(grammar, *samples) == [True, True, True, False, False]


def test_ignored_text_stands_anywhere() -> None:
    automaton = automaton_of('start: "a"*\n%ignore " "\n%ignore /#[^\\n]*\\n/\n', "contextual")
    for sample in ("", " ", "  a a# a\n ", "#\n"):
        assert accepts(automaton, sample)
    assert not accepts(automaton, "a #")


def test_counts() -> None:
    grammar = from_lark('start: "a"~2..4 "b"~0 "c"~60 ["d"]~3\n')
    for number in range(7):
        for others in (59, 60, 61):
            sample = "a" * number + "c" * others
            assert verdicts(grammar, sample) == [2 <= number <= 4 and others == 60], sample


def test_a_real_vocabulary_has_tokens_across_lexemes() -> None:
    tokens = [b"if", b" x", b"x", b" ", b"= ", b"=", b"1", b"fx", b"i"]
    vocabulary = Vocabulary([*tokens, None], eos_token_ids=[len(tokens)])
    grammar = Compiler(vocabulary).compile(from_lark('start: "if" NAME "=" /1/\nNAME: /[a-z]+/\n%ignore " "\n'))
    matcher = Matcher(grammar)
    for token in (0, 1, 4, 6):
        matcher.accept_token(token)
    assert matcher.is_accepting


def test_a_python_grammar_of_lark() -> None:
    """Its rules refer to the indentation that only code can find, so they are refused; its terminals can be used."""
    with pytest.raises(GrammarError, match="DEDENT"):
        from_lark("%import python.file_input\nstart: file_input\n")
    grammar = from_lark("%import python (NAME, HEX_NUMBER, LONG_STRING)\nstart: (NAME | HEX_NUMBER | LONG_STRING)+\n")
    assert verdicts(grammar, "é1", "0x_1F", "'''a''b'''", "'''", "1") == [True, True, True, False, False]

"""How a lexer cuts a text, as slow and plain as it can be said: the truth about `Lexer`, for finite sets of lexemes."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from latticework.grammar.ir import Choice, Grammar, Lexeme, Lexer, LexerTerminal, Node, TextSet
from latticework.grammar.ir import Sequence as NodeSequence


@dataclass(frozen=True)
class Kind:
    """A terminal: its texts, whether its shortest match counts, and what it is a keyword of."""

    texts: tuple[str, ...]
    shortest: bool = False
    keyword_of: tuple[int, ...] = ()


def best(kinds: Sequence[Kind], candidates: Collection[int], rest: str) -> tuple[int, str] | None:
    """The terminal that a lexer takes at the beginning of `rest`, and its text."""
    for index in sorted(candidates):
        if set(kinds[index].keyword_of) & set(candidates):
            continue
        matches = sorted((text for text in kinds[index].texts if rest.startswith(text)), key=len)
        if not matches:
            continue
        text = matches[0 if kinds[index].shortest else -1]
        keywords = (k for k in sorted(candidates) if index in kinds[k].keyword_of and text in kinds[k].texts)
        return next(keywords, index), text
    return None


def is_read(kinds: Sequence[Kind], sentences: Collection[tuple[int, ...]], contextual: bool, text: str) -> bool:
    """Whether the lexer cuts the text into one of the sentences."""
    read: tuple[int, ...] = ()
    while text:
        readable = {s[len(read)] for s in sentences if len(s) > len(read) and s[: len(read)] == read}
        found = best(kinds, readable if contextual else range(len(kinds)), text)
        if found is None or found[0] not in readable:
            return False
        read, text = (*read, found[0]), text[len(found[1]) :]
    return read in sentences


def texts(kinds: Sequence[Kind], sentences: Iterable[tuple[int, ...]], contextual: bool) -> set[str]:
    """All texts of a finite grammar."""
    sentences = set(sentences)
    spelled = itertools.chain.from_iterable(_spellings(kinds, sentence) for sentence in sentences)
    return {text for text in spelled if is_read(kinds, sentences, contextual, text)}


def _spellings(kinds: Sequence[Kind], sentence: tuple[int, ...]) -> Iterator[str]:
    return map("".join, itertools.product(*(kinds[index].texts for index in sentence)))


def grammar(kinds: Sequence[Kind], sentences: Iterable[tuple[int, ...]], contextual: bool) -> Grammar:
    """The same for the automaton."""
    terminals = (LexerTerminal(TextSet(kind.texts), kind.shortest, kind.keyword_of) for kind in kinds)
    lexer = Lexer(tuple(terminals), contextual)
    lexemes: list[Node] = [Lexeme(lexer, index) for index in range(len(kinds))]
    return Grammar(Choice(tuple(NodeSequence(tuple(lexemes[i] for i in s)) for s in sorted(sentences))))

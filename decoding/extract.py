"""The most probable verbatim span of a passage: best-first search over all of its spans, exact like trying each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple, TypeAlias

from latticework.grammar.compiler import Compiler
from latticework.grammar.composition_substring import pieces_between, pieces_of
from latticework.grammar.composition_texts import ending_with
from latticework.grammar.constraint_options import check_bounds, check_one_of, check_text
from latticework.grammar.ir import ANY_TEXT, Concat, Grammar, Intersection, Regex, Terminal, Text
from latticework.grammar.regex import from_regex

from .argmax import Extent, Found, best_first
from .compilers import model_compiler
from .hypothesis import Law, bytes_of, check_count, check_law
from .prompt_tree import PromptTree
from .prompts import Prompt, encode_prompt, split_prompts
from .search import GrammarSpace, Space, run
from .token_spans import TokenSpans, passage_tokens

Unit: TypeAlias = Literal["words", "chars", "tokens"]

_UNIT = {"words": re.compile(r"\w+|[^\w\s]|\s+"), "chars": re.compile(r"(?s:.)")}
_COUNTED = {"words": r"(?:\s*(?:\b\w+\b|[^\w\s]))", "chars": r"(?s:.)"}


@dataclass(frozen=True)
class Extraction:
    """The most probable span of a passage.

    Attributes:
        text: the span, word for word: `passage[start:end]`.
        start, end: its first character in the passage, and the one behind its last, where it stands first.
        occurrences: all places where it stands, as pairs of these.
        token_ids: what the model would write: opening, span, and closing or end token; the last may go on behind the
            closing.
        log_probability: of `token_ids` under the model itself (temperature 1, no mask).
        log_weight: as in `Hypothesis`.
        score: the log-probability under the law that the search was asked for.
        proven, bound, expansions, forward_passes: as in `Best`.
    """

    text: str
    start: int
    end: int
    occurrences: tuple[tuple[int, int], ...]
    token_ids: tuple[int, ...]
    log_probability: float
    log_weight: float
    score: float
    proven: bool
    bound: float
    expansions: int
    forward_passes: int


def extract(
    model: Any,
    tokenizer: Any,
    prompt: Prompt | Sequence[Prompt],
    passage: str | Sequence[str],
    *,
    by: Unit = "words",
    min_length: int = 1,
    max_length: int | None = None,
    opening: str = "",
    closing: str = "",
    law: Law = "model",
    node_cap: int = 1000,
    width: int = 8,
    compiler: Compiler | None = None,
) -> Extraction | list[Extraction]:
    """The most probable span of `passage` as the model's answer to `prompt`, as if every span had been scored.

        extract(model, tokenizer, f"{text}\\nQ: Where does Ana live?\\nA:", text, opening=" ").text

    This is the answer of exact-extract (Castel et al., "How optimal is greedy decoding for extractive question
    answering?", 2022), found by best-first search, which looks at few of the prefixes.

    Args:
        model, tokenizer, prompt: as for `generate`.
        passage: what is quoted from; for a list of prompts, one for all or one for each. The prompt must hold it itself.
        by: where spans begin and end. "words": with a word (letters, digits and underscores in a row) or a sign, none of
            which is cut. "chars": with any character. In both cases every spelling by tokens that the masks allow
            competes. "tokens": with one of the tokens that the tokenizer writes for the passage, as far as that does
            not cut a character; spans are spelled by these tokens, and may begin with the space that is part of one.
        min_length, max_length: how many words and signs, characters or tokens a span may have.
        opening: what the model writes before the span, such as a space or a quotation mark; not with by="tokens". A
            token may hold the end of it and the beginning of the span.
        closing: what the model writes behind it, by which the span ends, in place of the end token. The token that
            completes it may go on with any text. A span in which it stands itself is no span. Not with by="tokens".
        law, node_cap, width: as for `argmax`.
        compiler: compiles for the tokenizer's vocabulary; by default one is kept for each tokenizer.

    Returns an `Extraction` for one prompt, a list of them for a list of prompts.

    Raises:
        ConstraintError: there is no such span, or it cannot be spelled with this vocabulary; a limit was reached.
        TypeError, ValueError: an argument is wrong, or the tokenizer does not spell the passage (by="tokens").
    """
    check_law(law)
    check_count("node_cap", node_cap)
    check_count("width", width)
    wanted = _Wanted(by, min_length, max_length, opening, closing)
    wanted.check()
    prompts, is_batch = split_prompts(prompt)
    passages = _passages(passage, len(prompts), is_batch)
    if not prompts:
        return []
    compiler = compiler or model_compiler(model, tokenizer)
    tree = PromptTree(model, [encode_prompt(tokenizer, one) for one in prompts], nodes_per_pass=width * len(prompts))
    spaces = [wanted.space(tokenizer, compiler, one) for one in passages]
    searches = []
    for row, (space, one) in enumerate(zip(spaces, passages, strict=True)):
        longest = len((opening + one + closing).encode()) + 1
        extent = Extent(law, node_cap, width, int(min(longest, tree.room(row))))
        searches.append(partial(best_first, space, extent))
    found = run(tree, spaces, searches)
    extracted = [
        _extraction(wanted, *row, compiler.vocabulary, tree.forward_passes)
        for row in zip(passages, spaces, found, strict=True)
    ]
    return extracted if is_batch else extracted[0]


class _Wanted(NamedTuple):
    """Which spans; as the arguments of `extract`."""

    by: Unit
    min_length: int
    max_length: int | None
    opening: str
    closing: str

    def check(self) -> None:
        """Raises `TypeError`, `ValueError` or `GrammarError` for wrong arguments."""
        check_one_of("by", self.by, Unit)
        check_count("min_length", self.min_length)
        check_bounds("min_length", self.min_length, "max_length", self.max_length)
        check_text("opening", self.opening)
        check_text("closing", self.closing)
        if self.by == "tokens" and (self.opening or self.closing):
            raise ValueError("opening and closing have no effect with by='tokens': spans end with the end token")

    def space(self, tokenizer: Any, compiler: Compiler, passage: str) -> Space:
        """The spans of a passage, to be searched."""
        check_text("passage", passage)
        vocabulary = compiler.vocabulary
        if self.by != "tokens":
            self._check_units(passage, sum(not unit.isspace() for unit in _UNIT[self.by].findall(passage)))
            return GrammarSpace(compiler.compile(_grammar(self, passage)), ends_itself=bool(self.closing))
        ids = passage_tokens(tokenizer, vocabulary, passage)
        self._check_units(passage, len(ids))
        spans = TokenSpans(passage, ids, vocabulary, shortest=self.min_length, longest=self.max_length)
        if spans.is_empty:
            raise ValueError(f"no span of at most {self.max_length} tokens begins and ends between characters")
        return spans

    def _check_units(self, passage: str, count: int) -> None:
        if count < self.min_length:
            raise ValueError(f"min_length={self.min_length}: the passage has {count} {self.by}: {passage!r:.60}")


@lru_cache(maxsize=8)  # compilers know grammars by identity, and so find that of the same passage again
def _grammar(wanted: _Wanted, passage: str) -> Grammar:
    """The spans, with what stands before and behind them."""
    if wanted.by == "words":
        units = _UNIT["words"].findall(passage)
        spans = pieces_between(units, [not unit.isspace() for unit in units])
    else:
        spans = pieces_of(passage, "chars", allow_empty=False)
    if wanted.min_length > 1 or wanted.max_length is not None:
        most = "" if wanted.max_length is None else wanted.max_length
        spans = Intersection((spans, from_regex(f"{_COUNTED[wanted.by]}{{{wanted.min_length},{most}}}")))
    if not wanted.closing:
        return Grammar(Terminal(Concat((Text(wanted.opening), spans))))
    closed: Regex = Concat((spans, Text(wanted.closing)))
    if set(wanted.closing) & set(passage):  # it may stand in a span
        closed = Intersection((closed, ending_with((wanted.closing,))))
    return Grammar(Terminal(Concat((Text(wanted.opening), closed, ANY_TEXT))))


def _extraction(
    wanted: _Wanted, passage: str, space: Space, found: Found, vocabulary: Any, forward_passes: int
) -> Extraction:
    path = found.path
    span = _span(wanted, bytes_of(vocabulary, path.token_ids))
    if isinstance(space, TokenSpans):
        places = space.occurrences(path.token_ids[:-1])
    else:
        places = _occurrences(passage, span, wanted.by)
    return Extraction(
        text=span,
        start=places[0][0],
        end=places[0][1],
        occurrences=tuple(places),
        token_ids=path.token_ids,
        log_probability=path.log_p,
        log_weight=path.log_mass,
        score=path.score,
        proven=found.proven,
        bound=found.bound,
        expansions=found.expansions,
        forward_passes=forward_passes,
    )


def _span(wanted: _Wanted, written: bytes) -> str:
    """What stands between opening and closing."""
    begin = len(wanted.opening.encode())
    end = written.index(wanted.closing.encode(), begin) if wanted.closing else len(written)
    return written[begin:end].decode()


def _passages(passage: Any, count: int, is_batch: bool) -> list[str]:
    if isinstance(passage, str):
        return [passage] * count
    if not is_batch or isinstance(passage, bytes) or not isinstance(passage, Sequence):
        raise TypeError(f"passage: a text expected, or for a list of prompts a list, not {type(passage).__name__}")
    if len(passage) != count:
        raise ValueError(f"{len(passage)} passages for {count} prompts")
    return list(passage)


def _occurrences(passage: str, span: str, by: Unit) -> list[tuple[int, int]]:
    """Where a span stands: anywhere, or only where no word is cut."""
    places = [found.start() for found in re.finditer(f"(?={re.escape(span)})", passage)]
    if by == "words":
        places = [place for place in places if not (_is_cut(passage, place) or _is_cut(passage, place + len(span)))]
    return [(place, place + len(span)) for place in places]


def _is_cut(passage: str, place: int) -> bool:
    """Whether both sides of a place are of one word."""
    return re.fullmatch(r"\w\w", passage[max(place - 1, 0) : place + 1]) is not None

"""Forced drafts: the text that the grammar demands, in the tokens that the tokenizer would write for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from latticework.grammar._native import CompiledGrammar

from .draft_tables import TableOf
from .draft_tree import DraftTree
from .drafting import DraftContext, Observed, tokens_before
from .healing import unhealed_length
from .likely_texts import LikelyTexts
from .retokenise import canonical_tokens, text_and_special_tokens

_CONTEXT = 4  # tokens before the forced text that are encoded with it
_DRAFT_CONTEXT = 1  # of mere drafts, so that they are found again behind other values
_CHANCE = 0.97  # under a mask that forces bytes, not tokens, the model may still cut them otherwise
_LEAST_REACH = 0.1
_RUNS = 1 << 16  # of each grammar

_Runs = TableOf[tuple[int, int, bytes, tuple[int, ...]], tuple[int, ...]]
_known: WeakKeyDictionary[Any, _Runs] = WeakKeyDictionary()


class ForcedDrafts:
    """Proposes the canonical tokens of forced bytes, where the row stands and below other drafts.

    Where a small choice follows (white space or none, one of two keys), the likely ways to go on are proposed too, so
    that tokens across its border are among the drafts.

    With `canonical` what is forced where the row stands is sure: taken without asking the model. That is another law
    than masked decoding, under which a model sometimes writes the same bytes in other tokens; here it cannot.
    """

    name = "forced"
    candidates = 0
    free = True

    def __init__(self, tokenizer: Any, *, look_back: int = 4, canonical: bool = False) -> None:
        """`look_back` as in `canonical_forced_tokens`. Raises `ValueError` if it is negative."""
        if look_back < 0:
            raise ValueError(f"look_back={look_back}: at least 0 expected")
        self._tokenizer = tokenizer
        self._look_back = look_back
        self._canonical = canonical
        self._likely = LikelyTexts()

    def begin(self, rows: Sequence[DraftContext]) -> None:
        """Nothing to do: what is known belongs to the grammar."""

    def propose(self, rows: Sequence[DraftContext], trees: Sequence[DraftTree]) -> None:
        """Below the root and below every likely leaf, what follows."""
        for row, tree in zip(rows, trees, strict=True):
            # states that are only looked at may be dropped in the meantime if the memory of the grammar is small
            with suppress(IndexError):
                if self._canonical and not len(tree):
                    self._commit(row, tree)
                for leaf in range(DraftTree.ROOT, len(tree)):  # before it grows
                    if not tree.children(leaf) and tree.reach(leaf) >= _LEAST_REACH:
                        self._extend(row, tree, leaf)

    def observe(self, row: DraftContext, seen: Sequence[Observed]) -> None:
        """Learn which byte is usual in a choice."""
        grammar = row.matcher.grammar
        for one in seen:
            if one.token_id is not None:
                self._likely.learn(_text_of(grammar, [one.previous]), _text_of(grammar, [one.token_id]))

    def _commit(self, row: DraftContext, tree: DraftTree) -> None:
        node, grammar, before = DraftTree.ROOT, tree.grammar, row.token_ids[-_CONTEXT:]
        for token_id in canonical_forced_tokens(
            grammar, tree.root_state, self._tokenizer, before, look_back=self._look_back
        ):
            node = tree.add(node, token_id, _CHANCE, sure=True)
            if node == DraftTree.REFUSED:
                return

    def commits(self, row: DraftContext, tree: DraftTree, node: int) -> bool:
        """Whether there are canonical tokens of forced text behind a node: then the model is not to be asked there."""
        before = tokens_before(row.token_ids, tree, node, _CONTEXT)
        try:
            state = tree.state(node)
            return bool(
                canonical_forced_tokens(tree.grammar, state, self._tokenizer, before, look_back=self._look_back)
            )
        except IndexError:  # dropped: the row itself will tell when it is there
            return True

    def _extend(self, row: DraftContext, tree: DraftTree, leaf: int) -> None:
        before = tokens_before(row.token_ids, tree, leaf, _DRAFT_CONTEXT)
        state, text = tree.state(leaf), _text_of(tree.grammar, before)
        likely = [
            (_tokens_of(tree.grammar, state, self._tokenizer, tuple(before), written, self._look_back), chance)
            for written, chance in self._likely.find(tree.grammar, state, text)
        ]
        _add_weighted(tree, leaf, likely)


def _add_weighted(tree: DraftTree, node: int, likely: list[tuple[tuple[int, ...], float]], mass: float = 1.0) -> None:
    """Add lists of tokens with their probabilities below a node, which `mass` of them all goes through."""
    firsts: dict[int, list[tuple[tuple[int, ...], float]]] = {}
    for tokens, chance in likely:
        if tokens:
            firsts.setdefault(tokens[0], []).append((tokens[1:], chance))
    for token_id, rests in firsts.items():
        through = sum(chance for _, chance in rests)
        child = tree.add(node, token_id, _CHANCE * min(1.0, through / mass))
        if child != DraftTree.REFUSED:
            _add_weighted(tree, child, rests, through)


def canonical_forced_tokens(
    grammar: CompiledGrammar, state: int, tokenizer: Any, before: Sequence[int], *, look_back: int = 4
) -> tuple[int, ...]:
    """The tokens that the tokenizer would write for what is forced at a state, as far as no continuation changes them.

    Args:
        grammar: compiled for the vocabulary of the tokenizer.
        state: of the grammar, alive.
        tokenizer: called as those of Hugging Face.
        before: the tokens before the state; the last four are used, to encode the forced text in its context.
        look_back: how many tokens from the end of the forced text another token may begin that changes its tokens; 0
            does not look, and gives tokens at the end that the tokenizer would often not write.

    Where the grammar drops states meanwhile, to make room for others, there are none. Raises `IndexError` for a state
    that does not exist.
    """
    forced = grammar.forced_bytes(state)
    return _tokens_of(grammar, state, tokenizer, tuple(before[-_CONTEXT:]), forced, look_back) if forced else ()


def _tokens_of(
    grammar: CompiledGrammar, state: int, tokenizer: Any, before: tuple[int, ...], text: bytes, look_back: int
) -> tuple[int, ...]:
    runs = _known.get(tokenizer)
    if runs is None:
        runs = _known.setdefault(tokenizer, _Runs(_RUNS))
    table = runs(grammar)
    key = (state, look_back, text, before)
    found = table.get(key)
    if found is None:
        try:
            found = tuple(_forced_tokens(grammar, state, tokenizer, before, text, look_back))
        except IndexError:  # a state on the way was dropped to make room
            return ()
        table.put(key, found)
    return found


def _forced_tokens(
    grammar: CompiledGrammar, state: int, tokenizer: Any, before: Sequence[int], forced: bytes, look_back: int
) -> list[int]:
    vocabulary = grammar.vocabulary
    context = _text_of(grammar, before)
    found: list[int] = []
    for text, special in text_and_special_tokens(vocabulary, forced):
        tokens = canonical_tokens(tokenizer, vocabulary, context, text)
        spelled = [vocabulary.token_bytes(token_id) for token_id in tokens]
        if special is None:  # something else may follow: what, the healing asks
            return found + tokens[: unhealed_length(grammar, state, spelled, look_back)]
        found += tokens
        if b"".join(spelled) != text or special < 0:
            return found
        found.append(special)
        for token_id in (*tokens, special):
            state = grammar.step(state, token_id)
        context = b""
    return found


def _text_of(grammar: CompiledGrammar, token_ids: Sequence[int]) -> bytes:
    """The bytes behind the last token that spells none."""
    text = b""
    for token_id in reversed(token_ids):
        data = grammar.vocabulary.token_bytes(token_id) if token_id < grammar.vocabulary.size else b""
        if not data:
            break
        text = data + text
    return text

"""Counted drafts: the tokens that most often came next at a state of the grammar, in all outputs so far."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

from latticework.grammar._native import CompiledGrammar, Matcher

from .draft_tables import Bounded, TableOf, expand
from .draft_tree import DraftTree
from .drafting import DraftContext, Observed
from .retokenise import canonical_tokens

_ENTRIES = 1 << 16  # of each grammar
_TOKENS = 16  # of each entry: rarer ones are forgotten
_ANY = -1  # whatever the token before was
_LEAST_REACH = 0.05

# (state, token before or any) -> (token, count), most frequent first
_Counts: TypeAlias = Bounded[tuple[int, int], tuple[tuple[int, int], ...]]
_counts: TableOf[tuple[int, int], tuple[tuple[int, int], ...]] = TableOf(_ENTRIES)


class CountDrafts:
    """Proposes what usually comes next at a state, as long as it comes often enough.

    The counts belong to the grammar (as in DOMINO, Beurer-Kellner et al., 2024), so the second request for a schema
    finds them warm; `warm` fills them from examples. Those behind the same token are taken where there are some: inside
    a free text the state alone says little.
    """

    name = "counts"
    candidates = 0
    free = False

    def __init__(self, *, threshold: float = 0.4, nodes: int = 24) -> None:
        """A token is proposed if its share at a state is `threshold` or more; at most `nodes` for each row.

        Raises `ValueError` unless 0 < threshold < 1 and nodes >= 1.
        """
        if not 0 < threshold < 1 or nodes < 1:
            raise ValueError(f"threshold={threshold}, nodes={nodes}: 0 < threshold < 1 and nodes >= 1 expected")
        self._threshold = threshold
        self._nodes = nodes

    def begin(self, rows: Sequence[DraftContext]) -> None:
        """Nothing to do: what is known belongs to the grammar."""

    def propose(self, rows: Sequence[DraftContext], trees: Sequence[DraftTree]) -> None:
        """Grow each tree from its root, and on from the nodes that are there."""
        for row, tree in zip(rows, trees, strict=True):
            offers = partial(self._frequent, _counts(tree.grammar))
            expand(tree, row.token_ids[-1], offers, most=self._nodes, least=_LEAST_REACH)

    def observe(self, row: DraftContext, seen: Sequence[Observed]) -> None:
        """Count what was drawn."""
        for one in seen:
            if one.token_id is not None:
                _count(row.matcher.grammar, one.state, one.previous, one.token_id)

    def _frequent(self, table: _Counts, state: int, previous: int) -> Iterable[tuple[int, float]]:
        counted = table.get((state, previous)) or table.get((state, _ANY), ())
        total = 1 + sum(count for _, count in counted)  # one for what has not been seen
        return [(token, count / total) for token, count in counted if count >= self._threshold * total]


def warm(grammar: CompiledGrammar, tokenizer: Any, examples: Iterable[Any]) -> None:
    """Count the tokens of examples, as if they had been generated.

    Args:
        grammar: whose counts are meant.
        tokenizer: of its vocabulary, called as those of Hugging Face.
        examples: texts of the grammar, or JSON values, which are written as `json.dumps` does.

    Raises `ValueError` for an example that is no text of the grammar, or that the tokenizer cannot spell.
    """
    for example in examples:
        text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
        tokens = canonical_tokens(tokenizer, grammar.vocabulary, b"", text.encode())
        spelled = b"".join(map(grammar.vocabulary.token_bytes, tokens))
        if spelled != text.encode():
            raise ValueError(f"the tokenizer spells only {len(spelled)} bytes of the example {text!r:.60}")
        after = grammar.step_bytes(grammar.start, spelled)
        if after < 0 or not grammar.is_accepting(after):
            raise ValueError(f"the example {text!r:.60} is no text of the grammar")
        matcher, previous = Matcher(grammar), _ANY  # the prompt is not known
        for token_id in (*tokens, grammar.vocabulary.eos_token_ids[0]):
            _count(grammar, matcher.state, previous, token_id)
            matcher.accept_token(token_id)
            previous = token_id


def _count(grammar: CompiledGrammar, state: int, previous: int, token_id: int) -> None:
    table = _counts(grammar)
    for key in {(state, previous), (state, _ANY)}:
        counts = dict(table.get(key, ()))
        counts[token_id] = counts.get(token_id, 0) + 1
        table.put(key, tuple(sorted(counts.items(), key=lambda item: -item[1])[:_TOKENS]))

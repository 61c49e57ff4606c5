"""Copied drafts: what followed the last tokens where they stood before, in the prompt or in the output (prompt look-up)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

from .draft_tree import DraftTree
from .drafting import DraftContext, Observed, tokens_before

_PLACES = 16  # kept for each gram
_CONTEXT = 8  # a match is measured over so many tokens
_TIP_REACH = 0.3


class CopyDrafts:
    """Proposes what followed the last tokens earlier; the most recent places first, and several of them.

    As CopySpec (Dumitru et al., 2025), with the grams themselves as keys, all their places, and under the point-mass
    rule, so it works at every temperature. What the grammar forbids ends a copy. Copies start where the row stands,
    and where the likeliest of the drafts before them ends.
    """

    name = "copy"
    candidates = 0
    free = False

    def __init__(self, *, gram: int = 3, least_gram: int = 2, tokens: int = 10, branches: int = 3) -> None:
        """What is looked for and proposed.

        Args:
            gram: how many of the last tokens must have stood there.
            least_gram: with how many to go on if so many did not.
            tokens: how many are copied from one place.
            branches: from how many places.

        Raises `ValueError` unless 1 <= least_gram <= gram, 1 <= tokens and 1 <= branches.
        """
        if not 1 <= least_gram <= gram or tokens < 1 or branches < 1:
            raise ValueError(
                f"gram={gram}, least_gram={least_gram}, tokens={tokens}, branches={branches}: 1 <= least_gram <= gram, "
                "1 <= tokens and 1 <= branches expected"
            )
        self._sizes = range(gram, least_gram - 1, -1)
        self._tokens = tokens
        self._branches = branches
        self._places: WeakKeyDictionary[DraftContext, GramIndex] = WeakKeyDictionary()

    def begin(self, rows: Sequence[DraftContext]) -> None:
        """Nothing to do: a row is read when it is first seen."""

    def propose(self, rows: Sequence[DraftContext], trees: Sequence[DraftTree]) -> None:
        """Below the root and below the likeliest leaf, up to `branches` copies each."""
        for row, tree in zip(rows, trees, strict=True):
            index = self._places.get(row)
            if index is None:
                index = self._places[row] = GramIndex(self._sizes)
            index.read(row.token_ids)
            for node in _tips(tree):
                self._copy(row.token_ids, index, tree, node)

    def observe(self, row: DraftContext, seen: Sequence[Observed]) -> None:
        """Nothing to learn."""

    def _copy(self, token_ids: list[int], index: GramIndex, tree: DraftTree, node: int) -> None:
        context = tokens_before(token_ids, tree, node, _CONTEXT)
        copies: set[tuple[int, ...]] = set()
        for place in index.places(context):
            copy = tuple(token_ids[place : place + self._tokens])
            if copy not in copies:
                copies.add(copy)
                matched = _match(token_ids, place, context)
                # the longer the agreement, the likelier that it goes on
                tree.add_chain(node, copy, [length / (length + 2) for length in range(matched, matched + len(copy))])
            if len(copies) == self._branches:
                return


class GramIndex:
    """Where each n-gram of a growing list of tokens ends."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._ends: defaultdict[tuple[int, ...], deque[int]] = defaultdict(lambda: deque(maxlen=_PLACES))
        self._next = 1  # the first end that is not indexed

    def read(self, token_ids: Sequence[int]) -> None:
        """Index what is new; grams at the very end are left out, since nothing follows them yet."""
        for end in range(self._next, len(token_ids)):
            for size in self._sizes:
                if size <= end:
                    self._ends[tuple(token_ids[end - size : end])].append(end)
        self._next = max(self._next, len(token_ids))

    def places(self, context: Sequence[int]) -> Iterator[int]:
        """The places behind earlier occurrences of the end of `context`: long grams first, of these the latest first."""
        for size in self._sizes:
            if size <= len(context):
                yield from reversed(self._ends.get(tuple(context[-size:]), ()))


def _tips(tree: DraftTree) -> list[int]:
    chain = [node for node in tree.best_chain() if tree.reach(node) >= _TIP_REACH]
    return [DraftTree.ROOT, *chain[-1:]]


def _match(token_ids: Sequence[int], place: int, context: Sequence[int]) -> int:
    """How many tokens before `place` are those at the end of the context."""
    length = 0
    while length < min(place, len(context)) and token_ids[place - 1 - length] == context[-1 - length]:
        length += 1
    return length

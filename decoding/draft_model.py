"""Drafts of a small model: what it writes under the same mask, with the laws that it was drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from .bitmask import allocate_token_bitmask, apply_token_bitmask_
from .draft_tree import DraftTree
from .drafting import DraftContext, Observed, tokens_before
from .sampling import Sampling, draw, precise, probabilities
from .tree_model import TreeModel

_START_REACH = 0.8


class ModelDrafts:
    """Proposes a chain of tokens that a smaller causal model writes, below what the drafters before it are sure of.

    At a temperature above 0 the tokens are drawn from the small model's masked law q, which goes with the node: so the
    loop accepts them with min(1, p / q) (Leviathan et al., 2023). For that to keep the law of the output, nothing that
    happens to a drawn token may depend on which one it is. So its length is decided before it is drawn, its chance is
    that of the most likely token, and end tokens, which are no drafts, are left out of q.

    The small model keeps a cache for each generation: a proposal reads what is new since the last one. (A model whose
    cache cannot forget single tokens reads the text again.)
    """

    name = "model"
    candidates = 0
    free = False

    def __init__(
        self,
        model: Any,
        sampling: Sampling | None = None,
        *,
        tokens: int = 5,
        least: float = 0.3,
    ) -> None:
        """A small model as drafter.

        Args:
            model: called as Hugging Face's causal models are, with the tokens of the large one.
            sampling: how drafts are drawn, best as the output is; greedy by default. The random numbers are the row's.
                Penalties have no effect on drafts.
            tokens: the most tokens of a chain.
            least: a chain ends where it is right to its end with a smaller probability, as the small model believes.

        Raises `ValueError` unless tokens >= 1 and 0 <= least <= 1.
        """
        if tokens < 1 or not 0 <= least <= 1:
            raise ValueError(f"tokens={tokens}, least={least}: tokens >= 1 and 0 <= least <= 1 expected")
        self._model = model
        self._sampling = sampling or Sampling()
        self._tokens = tokens
        self._least = least
        self._readers: WeakKeyDictionary[DraftContext, _Reader] = WeakKeyDictionary()

    def begin(self, rows: Sequence[DraftContext]) -> None:
        """A generation of these rows starts."""
        reader = _Reader(self._model, rows)
        for row in rows:
            self._readers[row] = reader

    @torch.no_grad()
    def propose(self, rows: Sequence[DraftContext], trees: Sequence[DraftTree]) -> None:
        """A chain for each row, in one pass of the small model for each token of the longest, and sometimes one more.

        Raises `KeyError` for rows that did not begin together.
        """
        reader = self._readers[rows[0]]
        chains = [_Chain(row, tree) for row, tree in zip(rows, trees, strict=True)]
        reader.go_to(chains, self._tokens)
        for _ in range(self._tokens):
            live = [chain for chain in chains if chain.goes_on]
            if not live:
                return
            laws = self._laws(_masked(reader.logits(live), live))
            for chain, law in zip(live, laws, strict=True):
                chain.extend(law, self._sampling.temperature > 0, self._least)
            reader.move_on(live)

    def observe(self, row: DraftContext, seen: Sequence[Observed]) -> None:
        """Nothing to learn: the next proposal compares the texts."""

    def _laws(self, held: Tensor) -> Tensor:
        return probabilities(held, self._sampling) if self._sampling.temperature else held.softmax(dim=-1)


class _Reader:
    """The small model on its way through the texts of one generation."""

    def __init__(self, model: Any, rows: Sequence[DraftContext]) -> None:
        self._model = TreeModel(model, [row.token_ids for row in rows])
        self._places = WeakKeyDictionary({row: place for place, row in enumerate(rows)})
        self._count = len(rows)

    def go_to(self, chains: Sequence[_Chain], tokens: int) -> None:
        """Where the chains begin. One without room for so many tokens does not go on; rows without a chain are done."""
        places = [self._places[chain.row] for chain in chains]
        for place in set(range(self._count)).difference(places):
            self._model.end(place)
        for place, chain in zip(places, chains, strict=True):
            self._model.replace(place, chain.text)
            chain.goes_on = self._model.room(place) >= tokens

    def logits(self, chains: Sequence[_Chain]) -> Tensor:
        """[n, W], what follows each chain; they are in the order of their rows."""
        trees: list[DraftTree | None] = [None] * self._count
        for chain in chains:
            trees[self._places[chain.row]] = DraftTree(chain.row.matcher)
        return self._model(trees)

    def move_on(self, chains: Sequence[_Chain]) -> None:
        """By the token that each chain has got, if it has."""
        for chain in chains:
            token_id = chain.tree.token_ids[chain.node] if chain.goes_on else None
            self._model.commit(self._places[chain.row], DraftTree(chain.row.matcher), [], token_id)


class _Chain:
    """The chain of one row in the making; `node` is its end."""

    def __init__(self, row: DraftContext, tree: DraftTree) -> None:
        certain = [node for node in tree.best_chain() if tree.reach(node) >= _START_REACH]
        self.row, self.tree, self.node = row, tree, certain[-1] if certain else DraftTree.ROOT
        self.text = tokens_before(row.token_ids, tree, self.node, len(row.token_ids) + len(certain))
        self.goes_on = True
        self._reach = 1.0

    def extend(self, law: Tensor, is_drawn: bool, least: float) -> None:
        """One more token by the law [V], which is not a number anywhere if nothing but the end is allowed."""
        chance = float(law.max())
        self._reach *= chance
        if not self._reach >= least or not chance > 0:
            self.goes_on = False
            return
        if is_drawn:
            uniform = torch.tensor([self.row.random.fresh()], dtype=torch.float64, device=law.device)
            child = self.tree.add(self.node, int(draw(law[None], uniform)), min(1.0, chance), law=law)
        else:
            child = self.tree.add(self.node, int(law.argmax()), min(1.0, chance))
        self.goes_on = child != DraftTree.REFUSED
        self.node = child if self.goes_on else self.node


def _masked(logits: Tensor, chains: Sequence[_Chain]) -> Tensor:
    """[n, W] -> [n, V]: -inf for what the grammar forbids behind the chains, and for end tokens."""
    vocabulary = chains[0].tree.grammar.vocabulary
    missing = max(0, vocabulary.size - logits.shape[1])  # tokens that the small model does not know
    held = torch.nn.functional.pad(precise(logits)[:, : vocabulary.size], (0, missing), value=-torch.inf).contiguous()
    bitmask = allocate_token_bitmask(len(chains), vocabulary.size)
    for place, chain in enumerate(chains):
        chain.tree.grammar.fill_bitmask([chain.tree.state(chain.node)], bitmask[place : place + 1])
    held = held.clone()
    apply_token_bitmask_(held, bitmask.to(held.device))
    held[:, list(vocabulary.eos_token_ids)] = -torch.inf
    return held

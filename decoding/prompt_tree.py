"""A prompt run once, and a tree of continuations behind it that grows by any nodes, many in one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from .holes import can_have_holes, close_holes
from .hypothesis import check_count
from .model_facts import added_to_scores, attends_trees, device_of, inputs_of, position_limit, text_config

ROOT = -1
_SPARE = 64
Node: TypeAlias = tuple[int, int]  # (parent, token); the parent is an earlier node or ROOT


class PromptTree:
    """A batch of prompts, each with a tree of tokens behind it. Node ROOT of a row is the end of its prompt.

    Where the model can (`attends_trees`), a node is one more entry of the key-value cache. It sees the prompt and the
    nodes above it, and takes the position behind its parent (tree attention: Miao et al., "SpecInfer", 2024), so that
    nothing is computed twice. Other models are given the whole text of every path again, without
    a cache: the same numbers, for more work.

    Attributes:
        roots: logits [B, W] behind each prompt, of the model's dtype.
        share: how many nodes of each row may be asked for at once.
        forward_passes: how often the model was called.
    """

    @torch.no_grad()
    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], *, nodes_per_pass: int = 256, lasting: bool = True
    ) -> None:
        """A tree of each prompt alone.

        Args:
            model: called as Hugging Face's causal models are.
            prompts: their tokens.
            nodes_per_pass: bounds the nodes of all rows in one forward pass, and with it the memory of their logits.
            lasting: whether any node may get children later. Otherwise only ROOT and those of the last round may, and
                the cache forgets the others.

        Raises `ValueError` for an encoder-decoder model, a prompt without tokens, and one beyond the model's positions,
        `TypeError` or `ValueError` for a number that is none.
        """
        if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
            raise ValueError("an encoder-decoder model: there is no search over its outputs")
        check_count("nodes_per_pass", nodes_per_pass)
        self._model = model
        self._inputs = inputs_of(model)
        self._limit = position_limit(model)
        self._device = device_of(model)
        self._prompts = [list(prompt) for prompt in prompts]
        for prompt in self._prompts:
            if not prompt or len(prompt) > self._limit:
                raise ValueError(f"a prompt of {len(prompt)} tokens; the model has {self._limit} positions")
        self._rows = [_Row() for _ in self._prompts]
        self.share = max(1, nodes_per_pass // max(1, len(self._prompts)))
        self.forward_passes = 0
        self._cache: Any = None
        self._slots = 0  # of the cache, in every row
        self._slots_seen: float = 0  # so many of them can be used
        self._lasting = lasting
        self._newest = [0] * len(self._prompts)  # of each row, the first node of the last round
        self._spare = _SPARE  # so many slots behind the prompts are not worth moving the rest
        self.roots = self._prefill()

    def room(self, row: int) -> float:
        """How many tokens the model's positions leave behind the prompt of a row (the last one is never fed)."""
        return self._limit - len(self._prompts[row]) + 1

    @torch.no_grad()
    def extend(self, nodes: Sequence[Sequence[Node]]) -> Tensor:
        """Add `nodes[b]` to row b, parents before children -> logits [nodes of all rows, W], row after row.

        The nodes of a row are numbered from 0 in the order in which they are added. Raises `ValueError` for a node
        beyond the model's positions.
        """
        first = [len(row.parents) for row in self._rows]
        for row, prompt, added in zip(self._rows, self._prompts, nodes, strict=True):
            deepest = row.add(added)
            if len(prompt) + deepest > self._limit:
                raise ValueError(f"a continuation is longer than the {self._limit} positions of the model allow")
        newest, self._newest = self._newest, first
        width = max(map(len, nodes))
        if not self._lasting and self._slots - self._seen.shape[1] > self._spare:
            self._forget([range(*bounds) for bounds in zip(newest, first, strict=True)])
        if self._slots + width > self._slots_seen:
            self._cache, self._slots_seen = None, 0  # layers that see a window would lose what the mask shows
        return self._attend(first, width) if self._slots_seen else self._reread(first)

    def _call(self, ids: Tensor, mask: Tensor, positions: Tensor, keep: int, cache: Any, *, use_cache: bool) -> Any:
        optional = {"position_ids": positions, "logits_to_keep": keep}
        self.forward_passes += 1
        return self._model(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=use_cache,
            **{name: value for name, value in optional.items() if name in self._inputs},
        )

    def _prefill(self) -> Tensor:
        ids, seen = _padded(self._prompts, self._device)
        trees = attends_trees(self._model)
        output = self._call(ids, seen, _positions(seen), 1, None, use_cache=trees)
        self._cache = getattr(output, "past_key_values", None) if trees else None
        self._slots_seen = _visible_slots(self._model, self._cache)
        self._seen = seen.bool()  # (B, T)
        self._slots = ids.shape[1]
        logits: Tensor = output.logits[:, -1]
        return logits

    def _attend(self, first: list[int], width: int) -> Tensor:
        """The new nodes of all rows as one block behind the cache; short rows are filled up with what nobody sees."""
        ids = torch.zeros((len(self._rows), width), dtype=torch.int64)
        positions = torch.zeros_like(ids)
        visible = torch.zeros((*ids.shape, self._slots - self._seen.shape[1] + width), dtype=torch.bool)
        own = torch.arange(width)
        visible[:, own, own + visible.shape[2] - width] = True
        for index, (row, start) in enumerate(zip(self._rows, first, strict=True)):
            row.place(start, self._slots - self._seen.shape[1])
            for query, node in enumerate(range(start, len(row.parents))):
                ids[index, query] = row.tokens[node]
                positions[index, query] = len(self._prompts[index]) - 1 + row.depth(node)
                visible[index, query, list(row.slots[node])] = True
        prompt = self._seen[:, None].expand(-1, width, -1)
        mask = added_to_scores(self._model, torch.cat([prompt, visible.to(self._device)], dim=-1))
        self._slots += width
        ids, positions = ids.to(self._device), positions.to(self._device)
        output = self._call(ids, mask, positions, 0, self._cache, use_cache=True)
        self._cache = output.past_key_values
        counts = [len(row.parents) - start for row, start in zip(self._rows, first, strict=True)]
        return torch.cat([logits[:count] for logits, count in zip(output.logits, counts, strict=True)])

    def _forget(self, parents: Sequence[range]) -> None:
        """Move together what these nodes see behind the prompts; in each row as many slots as the fullest needs."""
        behind = self._slots - self._seen.shape[1]
        if not can_have_holes(self._cache):
            return
        needed = [row.slots_of(nodes) for row, nodes in zip(self._rows, parents, strict=True)]
        most = max(map(len, needed))
        kept = torch.zeros((len(self._rows), behind), dtype=torch.bool)
        for index, (row, nodes, slots) in enumerate(zip(self._rows, parents, needed, strict=True)):
            others = [slot for slot in range(behind) if slot not in slots][: most - len(slots)]
            places = sorted([*slots, *others])
            kept[index, places] = True
            row.move(nodes, {slot: place for place, slot in enumerate(places)})
        close_holes(self._cache, torch.cat([torch.ones_like(self._seen), kept.to(self._device)], dim=1))
        self._slots -= behind - most
        self._spare = 2 * most + _SPARE

    def _reread(self, first: list[int]) -> Tensor:
        """The paths to the lowest new nodes, each with its prompt; those above are on the way."""
        texts: list[list[int]] = []
        places: list[tuple[int, int]] = []  # of each node: its text, and how many tokens are behind it there
        for row, prompt, start in zip(self._rows, self._prompts, first, strict=True):
            lowest = row.lowest(start)
            number = {node: len(texts) + i for i, node in enumerate(sorted(set(lowest)))}
            texts += [prompt + row.path(node) for node in number]
            nodes = range(start, len(row.parents))
            places += [(number[low], row.depth(low) - row.depth(node)) for node, low in zip(nodes, lowest, strict=True)]
        ids, seen = _padded(texts, self._device)
        keep = max(behind for _, behind in places) + 1
        logits = self._call(ids, seen, _positions(seen), keep, None, use_cache=False).logits
        where = torch.tensor(places, device=logits.device)
        found: Tensor = logits[where[:, 0], logits.shape[1] - 1 - where[:, 1]]
        return found


class _Row:
    """The tree of one row: of each node its parent, its token, and the cache slots that it sees behind the prompt."""

    def __init__(self) -> None:
        self.parents: list[int] = []
        self.tokens: list[int] = []
        self.slots: list[tuple[int, ...]] = []
        self._depths: list[int] = []

    def add(self, nodes: Sequence[Node]) -> int:
        """How deep the deepest of the new nodes is."""
        known = len(self.parents)
        for parent, token in nodes:
            self._depths.append(1 + self.depth(parent))
            self.parents.append(parent)
            self.tokens.append(token)
        return max(self._depths[known:], default=0)

    def depth(self, node: int) -> int:
        return 0 if node == ROOT else self._depths[node]

    def place(self, start: int, slot: int) -> None:
        """Give the nodes from `start` on the slots from `slot` on."""
        for node in range(start, len(self.parents)):
            parent = self.parents[node]
            above = () if parent == ROOT else self.slots[parent]
            self.slots.append((*above, slot + node - start))

    def slots_of(self, nodes: Sequence[int]) -> set[int]:
        """All that nodes see behind the prompt, themselves included."""
        return {slot for node in nodes for slot in self.slots[node]}

    def move(self, nodes: Sequence[int], place: Mapping[int, int]) -> None:
        """What these nodes see is elsewhere now; the slots of the others are gone."""
        for node in nodes:
            self.slots[node] = tuple(place[slot] for slot in self.slots[node])

    def path(self, node: int) -> list[int]:
        tokens = []
        while node != ROOT:
            tokens.append(self.tokens[node])
            node = self.parents[node]
        return tokens[::-1]

    def lowest(self, start: int) -> list[int]:
        """For each node from `start` on, one without new children that is below it, or itself."""
        low = list(range(start, len(self.parents)))
        for node in range(len(self.parents) - 1, start - 1, -1):
            if self.parents[node] >= start:
                low[self.parents[node] - start] = low[node - start]
        return low


def _visible_slots(model: Any, cache: Any) -> float:
    """How many entries of the cache every layer keeps and sees; none, if a layer keeps something else."""
    layers = getattr(cache, "layers", None) or ()
    if not layers or not all(type(layer).__name__ in ("DynamicLayer", "DynamicSlidingWindowLayer") for layer in layers):
        return 0
    if all(type(layer).__name__ == "DynamicLayer" for layer in layers):
        return float("inf")
    config = text_config(model)
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min((size - 1 for size in windows if isinstance(size, int)), default=0)


def _padded(texts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """int64[B, T] token ids, padded on the left, and int64[B, T], 0 where padding is."""
    longest = max(map(len, texts))
    ids = [[0] * (longest - len(text)) + list(text) for text in texts]
    seen = [[0] * (longest - len(text)) + [1] * len(text) for text in texts]
    return torch.tensor(ids, device=device), torch.tensor(seen, device=device)


def _positions(seen: Tensor) -> Tensor:
    return (seen.cumsum(dim=-1) - 1).clamp(min=0)

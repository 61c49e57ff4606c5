"""A causal language model with its key-value cache, fed trees of tokens: what may come next is looked at in one pass.

One pass feeds, for each row, the tokens that the cache does not hold yet, and below them a tree of drafts. What is not
accepted stays in the cache as a hole that nothing attends to; positions are given by name, so holes take none. Holes
at the end are cut off, and when too many have gathered, the rest moves together. A row may be left out of a pass, and may
be given another text, of which it keeps what it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from .draft_block import Block, make_block
from .draft_tree import DraftTree
from .holes import attends_only, can_have_holes, close_holes, cut_off, is_static, select_rows, slots_of
from .model_facts import added_to_scores, attends_trees, device_of, inputs_of, position_limit
from .sending import send

_SPARE = 64  # so many holes are worth moving the rest
# Whether the cache of a model can have holes, once it is known.
_known: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


class TreeModel:
    """A batch of prompts of different lengths on its way through a model.

    The model is called as Hugging Face's causal models are: `input_ids`, `attention_mask`, `past_key_values` and
    `use_cache` by name (and `position_ids` and `logits_to_keep` if it takes them); its output has `logits` [B, T, W] and
    `past_key_values`, which may be missing or None: then each pass feeds the whole text again. Rows are padded on the
    left of what is fed: padding is masked and takes no position, so each row sees what it would see alone.

    Attributes:
        device: where the logits are.
        passes: how often the model has been called.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], *, past_key_values: Any = None) -> None:
        if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
            raise ValueError("an encoder-decoder model: use its own generate() with ConstraintLogitsProcessor")
        self.device = device_of(model)
        self.passes = 0
        self._model = model
        self._inputs = inputs_of(model)
        self._attends_trees = attends_trees(model)
        self._limit = position_limit(model)
        self._cache = past_key_values
        self._texts = [list(prompt) for prompt in prompts]
        self._cached = [0] * len(prompts)  # how many tokens of each text the cache holds
        self._rows = list(range(len(prompts)))  # which are in the batch
        self._seen = torch.zeros((len(prompts), 0), dtype=torch.bool, device=self.device)  # (B, S): no hole
        self._kept = torch.zeros((len(prompts), 0), dtype=torch.bool)  # (B, T): of the last block, on the host
        self._padding = self._kept  # of these, what need not be forgotten
        self._is_suited = _known.get(model) if isinstance(model, torch.nn.Module) else None
        self._holes = 0  # about how many there are, in the row that has the most
        self._rewound = 0  # how many of the tokens in the cache are no longer in the text, in that row
        self._ended: set[int] = set()

    @property
    def can_draft(self) -> bool:
        """Whether drafts can be looked at: the model takes positions, and its cache can have holes.

        That of a sliding window or of a recurrent model cannot.
        """
        return "position_ids" in self._inputs and self._is_suited is not False

    @property
    def can_branch(self) -> bool:
        """Whether a draft may have several children; otherwise only chains are looked at."""
        return self.can_draft and self._is_suited is True and self._attends_trees

    def room(self, row: int) -> float:
        """How many tokens the model's positions leave for the answer (the last one is never fed back)."""
        return self._limit - len(self._texts[row]) + 1

    def __call__(self, trees: Sequence[DraftTree | None]) -> Tensor:
        """One pass: [N, W], for each row with a tree the logits behind its text, then those behind each node.

        Rows whose tree is None get no logits. Does not wait for the device.
        """
        self._settle()
        block = self._next_block(trees)
        if self._is_suited is False and self._seen.shape[1] and not block.real.all():
            self._forget()  # padding behind what was read would take places in the windows
            block = self._next_block(trees)
        count = max(block.counts)
        seen = torch.cat([self._seen, send(block.real, self.device)], dim=1)
        places = block.places(count)
        where = None if places is None else send(places, self.device)  # before the pass, which a copy might wait for
        output = self._model(**self._fed(block, seen, count))
        self.passes += 1
        self._seen = seen
        self._cache = getattr(output, "past_key_values", None)
        self._kept, self._padding = block.kept, self._harmless(block)
        if self._cache is not None and self._is_suited is None:
            self._is_suited = can_have_holes(self._cache)
            if isinstance(self._model, torch.nn.Module):
                _known[self._model] = self._is_suited
        logits: Tensor = output.logits[:, -count:]
        return logits[:, 0] if where is None else logits[where[0], where[1]]

    def commit(self, row: int, tree: DraftTree, path: Sequence[int], token_id: int | None) -> None:
        """After a pass: the nodes on `path` are the text's next tokens, then `token_id`; other drafts are forgotten."""
        text, place = self._texts[row], self._rows.index(row)
        root = self._kept.shape[1] - len(tree)
        self._kept[place, root:] = False
        self._kept[place, [root + node for node in path]] = True
        self._cached[row] = len(text) + len(path)
        text.extend(tree.token_ids[node] for node in path)
        if token_id is not None:
            text.append(token_id)

    def replace(self, row: int, text: Sequence[int]) -> None:
        """Let a row go on from another text, of one token at least. What the cache holds of its beginning is kept."""
        old, self._texts[row] = self._texts[row], list(text)
        differ = (place for place, (one, other) in enumerate(zip(old, text, strict=False)) if one != other)
        same = min(next(differ, len(old)), len(text) - 1)  # the last token is fed again, for what comes behind it
        if same < self._cached[row]:
            self._rewound = max(self._rewound, self._cached[row] - same)
            self._cached[row] = same

    def end(self, row: int) -> None:
        """A row is done: no tree will be given for it again."""
        self._ended.add(row)

    def _next_block(self, trees: Sequence[DraftTree | None]) -> Block:
        texts = [self._texts[row] for row in self._rows]
        begin = [self._cached[row] for row in self._rows]
        pending = [text[first:] for text, first in zip(texts, begin, strict=True)]
        return make_block(pending, begin, [trees[row] for row in self._rows])

    def _fed(self, block: Block, seen: Tensor, count: int) -> dict[str, Any]:
        fed: dict[str, Any] = {
            "input_ids": send(block.token_ids, self.device),
            "attention_mask": self._looks(block) if block.branches else seen,
            "past_key_values": self._cache,
            "use_cache": True,
        }
        if "position_ids" in self._inputs:
            fed["position_ids"] = send(block.positions, self.device)
        if "logits_to_keep" in self._inputs:
            fed["logits_to_keep"] = count
        return fed

    def _looks(self, block: Block) -> Tensor:
        """What is added to the attention's scores, [B, 1, T, length of the cache]."""
        inside = send(block.attention(), self.device)  # (B, T, T)
        before = self._seen[:, None, :].expand(-1, inside.shape[1], -1)
        looks = torch.cat([before, inside], dim=2)
        looks = torch.nn.functional.pad(looks, (0, (slots_of(self._cache) or looks.shape[2]) - looks.shape[2]))
        return added_to_scores(self._model, looks)

    def _settle(self) -> None:
        """After a pass: make the cache hold what the texts say, and drop rows that are done."""
        if not self._kept.shape[1]:
            return
        live = [place for place, row in enumerate(self._rows) if row not in self._ended]
        kept, self._kept = self._kept, self._kept[:, :0]
        has_holes = self._rewound > 0 or not (kept | self._padding)[live].all()
        if self._cache is None or (has_holes and not self._is_suited):
            self._forget()
            return
        self._seen[:, -kept.shape[1] :] = send(kept, self.device)
        self._rewind()
        if self._is_suited:
            self._drop_rows(live)
            self._close_holes(kept[live])

    def _rewind(self) -> None:
        """Make holes of what is behind the beginnings that are kept."""
        if self._rewound:
            most = torch.tensor([self._cached[row] for row in self._rows])[:, None]
            self._seen &= self._seen.cumsum(dim=1) <= send(most, self.device)
            self._holes += self._rewound
            self._rewound = 0

    def _harmless(self, block: Block) -> Tensor:
        """bool[B, T]: padding before the texts, which other caches of attention can have too: sliding windows."""
        is_first = block.real.shape[1] == self._seen.shape[1]
        return ~block.real & (is_first and attends_only(self._cache))

    def _forget(self) -> None:
        """Give up a cache that does not hold what the texts say: the next pass feeds them from the beginning."""
        self._cache = None
        self._seen = self._seen[:, :0]
        self._cached = [0] * len(self._cached)
        self._holes = self._rewound = 0

    def _drop_rows(self, live: list[int]) -> None:
        if 2 * len(live) > len(self._rows) or is_static(self._cache):
            return
        kept = torch.tensor(live, device=self.device)
        select_rows(self._cache, kept)
        self._seen = self._seen[kept]
        self._rows = [self._rows[place] for place in live]

    def _close_holes(self, kept: Tensor) -> None:
        """`kept` bool[B, T]: which slots of the last block the live rows still need."""
        needed = kept.any(dim=0).nonzero()
        tail = kept.shape[1] - 1 - int(needed[-1]) if len(needed) else kept.shape[1]
        if tail:
            cut_off(self._cache, tail)
            self._seen = self._seen[:, :-tail]
        self._holes += int((~kept[:, : kept.shape[1] - tail]).sum(dim=1).max())
        if self._holes > max(_SPARE, self._seen.shape[1] // 4):
            self._seen = close_holes(self._cache, self._seen)
            self._holes = 0

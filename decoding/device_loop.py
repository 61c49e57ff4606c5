"""Generation that does not ask the host: masks, draws and steps of finite automata beside the model, in one CUDA graph.

One step is a pass of the model over the token drawn last, the mask rows of the states, a draw, and the next states: all
reads and writes go to buffers that stay where they are. On a CUDA device a step is captured once and replayed; the host
looks only every few steps whether all rows are done. Rows that are done go on being fed, and what they draw is dropped.

The tokens are those of the ordinary loop, given the same random numbers: greedy, and plain sampling at a temperature.
Penalties, truncation, stop strings and drafts are the ordinary loop's alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .budget import NEAR, BudgetTooSmall, rehashed
from .device_automaton import DeviceAutomaton
from .fused_sampling import Drawn, draw_allowed
from .model_facts import device_of, inputs_of, position_limit

_WARM_UP = 3  # steps before the capture: libraries make their handles, Triton compiles


class DeviceOutput(NamedTuple):
    """What a batch has drawn, on the host.

    Attributes:
        token_ids: int64[B, n], the end token included; -1 behind the end of a row.
        log_probabilities: [B, n], of each token under the model's own law; NaN behind the end.
        log_masses: [B, n], of all allowed tokens together under the model's own law; NaN behind the end.
        statuses: int32[B]; 0, or why a row has stopped before its end (`fused_sampling.Drawn`). The caller raises.
        passes: how often the model was called.
    """

    token_ids: Tensor
    log_probabilities: Tensor
    log_masses: Tensor
    statuses: Tensor
    passes: int


class DeviceLoop:
    """A loop for batches of one size under one set of automata; `run` may be called again and again.

    Args:
        model: called as Hugging Face's causal models are, with `input_ids`, `attention_mask`, `position_ids`,
            `past_key_values` and `use_cache` by name.
        cache: a static key-value cache for it (`transformers.StaticCache`), of full attention in every layer, with room
            for the longest prompt and all new tokens but the last. It is emptied by each run.
        automaton: of the grammars; moved to the model's device if it is elsewhere.
        batch: how many rows there are.
        max_new_tokens: how many tokens a row may get at most, the end token included.
        temperature: 0 is greedy.
        finish: whether rows are to be finished within their tokens, as `budget.py` tells.
        steps_per_check: how many steps are taken before the host looks whether all rows are done.

    Attributes:
        automaton: on the model's device.

    Raises `ValueError` for numbers below 1, a model that takes no positions, or a cache that is not static.
    """

    def __init__(
        self,
        model: Any,
        cache: Any,
        automaton: DeviceAutomaton,
        *,
        batch: int,
        max_new_tokens: int,
        temperature: float = 0.0,
        finish: bool = True,
        steps_per_check: int = 16,
    ) -> None:
        if min(batch, max_new_tokens, steps_per_check) < 1:
            raise ValueError(f"{batch=}, {max_new_tokens=}, {steps_per_check=}: at least 1 expected of each")
        self._slots = _slots(cache)
        if "position_ids" not in inputs_of(model):
            raise ValueError("a model that takes position_ids expected")
        device = device_of(model)
        self._model, self._cache = model, cache
        self._keeps = {"logits_to_keep": 1} if "logits_to_keep" in inputs_of(model) else {}
        self._positions_limit = position_limit(model)
        self.automaton = automaton if automaton.device == device else DeviceAutomaton(automaton.parts, device)
        self._temperature = temperature
        self._finish = finish
        self._steps_per_check = steps_per_check
        self._most = max_new_tokens
        self._buffers = _Buffers(batch, max_new_tokens, self._slots, device)
        self._graphs: dict[bool, torch.cuda.CUDAGraph] = {}  # of steps near the limit, and far from it
        self._warm = {False: 0, True: 0}
        self._passes = 0

    @torch.no_grad()
    def run(
        self,
        prompts: Sequence[Sequence[int]],
        states: Sequence[int],
        *,
        uniform: Tensor | None = None,
        limits: Sequence[int] | None = None,
    ) -> DeviceOutput:
        """Generate until every row has drawn an end token or used up its tokens.

        Args:
            prompts: token ids, at least one each.
            states: where each row stands in the automaton: `automaton.starts`, or `automaton.number(...)`.
            uniform: float64[batch, max_new_tokens] in [0, 1), one number for each token; with a positive temperature only.
            limits: how many tokens each row may get; by default, and at most, `max_new_tokens`.

        Raises:
            ValueError: another number of rows than `batch`; an empty prompt; a cache or a model whose positions end too
                early; states that the automaton does not have; randomness without a use, or none where it has one.
            BudgetTooSmall: a row cannot be finished within its tokens.
        """
        self._check(prompts, states, uniform, limits)
        least = min(limits if limits is not None else [self._most])
        self._check_budget(states, limits if limits is not None else [self._most] * len(states))
        self._cache.reset()
        self._passes = 0
        fed = self._buffers.begin(prompts, states, uniform, limits)
        self._take(self._forward(fed, self._buffers.prompt_positions(fed)), self._is_near(least))
        steps = 1
        while steps < self._most and not bool(self._buffers.done.all()):
            count = min(self._steps_per_check, self._most - steps)
            for step in range(steps, steps + count):
                self._go(self._is_near(least - step))
            steps += count
        return self._buffers.output(self._passes)

    def _check(
        self,
        prompts: Sequence[Sequence[int]],
        states: Sequence[int],
        uniform: Tensor | None,
        limits: Sequence[int] | None,
    ) -> None:
        batch, longest = len(self._buffers.states), max(map(len, prompts), default=0)
        if not len(prompts) == len(states) == batch or (limits is not None and len(limits) != batch):
            raise ValueError(f"{batch} prompts expected, and a state (and a limit) for each")
        if not all(prompts):
            raise ValueError("a prompt without tokens")
        if limits is not None and not all(1 <= limit <= self._most for limit in limits):
            raise ValueError(f"limits from 1 to {self._most} expected")
        if not all(0 <= state < self.automaton.size for state in states):
            raise ValueError("states that the automaton does not have")
        needed = longest + self._most - 1
        if needed > min(self._slots, self._positions_limit):
            raise ValueError(
                f"{needed} positions are needed; the cache has {self._slots}, the model {self._positions_limit}"
            )
        if (uniform is None) != (self._temperature == 0):
            raise ValueError(
                f"temperature={self._temperature}: uniform numbers belong to a positive one, and only there"
            )
        if uniform is not None and (uniform.dtype != torch.float64 or uniform.shape != (batch, self._most)):
            raise ValueError(
                f"uniform: float64[{batch}, {self._most}] expected, not {uniform.dtype}{list(uniform.shape)}"
            )

    def _check_budget(self, states: Sequence[int], limits: Sequence[int]) -> None:
        for state, limit in zip(states, limits, strict=True):
            needed = int(self.automaton.distances[state]) - 1
            if self._finish and needed > limit:
                raise BudgetTooSmall(limit, needed)

    def _is_near(self, remaining: int) -> bool:
        """Whether a token may lead too far, if so many remain for the row that has fewest, this one included."""
        return self._finish and self.automaton.largest_distance + NEAR - 1 > remaining

    def _go(self, near: bool) -> None:
        """One step; on a CUDA device replayed, once it has been captured."""
        self._passes += 1
        if self._buffers.states.device.type != "cuda":
            self._step(near)
        elif self._warm[near] < _WARM_UP:
            self._warm[near] += 1
            self._warm_up(near)
        else:
            if near not in self._graphs:
                self._graphs[near] = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graphs[near]):  # records a step and takes none
                    self._step(near)
            self._graphs[near].replay()

    def _warm_up(self, near: bool) -> None:
        """A step on a stream of its own, as a capture asks for."""
        stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._step(near)
        torch.cuda.current_stream().wait_stream(stream)

    def _step(self, near: bool) -> None:
        self._take(self._forward(self._buffers.next_ids, self._buffers.positions), near)

    def _forward(self, fed: Tensor, positions: Tensor) -> Tensor:
        """The logits [B, W] that follow int64[B, T]."""
        output = self._model(
            input_ids=fed,
            attention_mask=self._buffers.attends,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            **self._keeps,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def _draw(self, logits: Tensor, table: Tensor, numbers: Tensor, uniform: Tensor) -> Drawn:
        place = uniform.index_select(1, self._buffers.step)[:, 0] if self._temperature else None
        return draw_allowed(logits, table, numbers, temperature=self._temperature, uniform=place)

    def _draw_near(self, logits: Tensor) -> Drawn:
        """A token for each row, behind which the text can be finished in time: drawn as the ordinary loop does."""
        now, automaton = self._buffers, self.automaton
        remaining = now.limits - now.step
        masks = automaton.mask_rows(now.states)
        within, each = automaton.masks_within(now.states, remaining), now.each
        is_near = automaton.distance_of(now.states) + NEAR - 1 > remaining
        first = torch.where(is_near[:, None], within, masks.table[masks.numbers])
        drawn = self._draw(logits, first, each, now.uniform)
        misfits = automaton.distance_of(automaton.advance(now.states, drawn.tokens)) > remaining
        again = self._draw(logits, within, each, now.uniform_again)
        return Drawn(*(torch.where(misfits, new, old) for new, old in zip(again, drawn, strict=True)))

    def _take(self, logits: Tensor, near: bool) -> None:
        """Draw a token for each row, write it down, and move on."""
        now = self._buffers
        if near:
            drawn = self._draw_near(logits)
        else:
            masks = self.automaton.mask_rows(now.states)
            drawn = self._draw(logits, masks.table, masks.numbers, now.uniform)
        live = ~now.done
        now.token_ids.index_copy_(1, now.step, drawn.tokens.masked_fill(now.done, -1)[:, None])
        for figures, found in ((now.log_probabilities, drawn.log_probability), (now.log_masses, drawn.log_mass)):
            figures.index_copy_(1, now.step, found.to(figures.dtype).masked_fill(now.done, torch.nan)[:, None])
        now.statuses.copy_(drawn.statuses.where(live, now.statuses))
        now.states.copy_(self.automaton.advance(now.states, drawn.tokens).where(live, now.states))
        now.next_ids.copy_(drawn.tokens.clamp(min=0)[:, None])
        now.step.add_(1)
        now.positions.add_(1)
        ended = self.automaton.is_terminated(now.states) | (now.statuses != 0) | (now.step >= now.limits)
        now.done.logical_or_(ended)


class _Buffers:
    """Everything that a step reads and writes, at places that never change; B rows, n new tokens, S slots."""

    def __init__(self, batch: int, tokens: int, slots: int, device: torch.device) -> None:
        self.states = torch.zeros(batch, dtype=torch.int64, device=device)
        self.done = torch.zeros(batch, dtype=torch.bool, device=device)
        self.statuses = torch.zeros(batch, dtype=torch.int32, device=device)
        self.limits = torch.zeros(batch, dtype=torch.int64, device=device)
        self.next_ids = torch.zeros((batch, 1), dtype=torch.int64, device=device)
        self.positions = torch.zeros((batch, 1), dtype=torch.int64, device=device)
        self.step = torch.zeros(1, dtype=torch.int64, device=device)
        self.attends = torch.ones((batch, slots), dtype=torch.int64, device=device)  # 0 for padding
        self.uniform = torch.zeros((batch, tokens), dtype=torch.float64, device=device)
        self.uniform_again = torch.zeros_like(self.uniform)  # for what is drawn again
        self.each = torch.arange(batch, device=device)
        self.token_ids = torch.full((batch, tokens), -1, dtype=torch.int64, device=device)
        self.log_probabilities = torch.full((batch, tokens), torch.nan, dtype=torch.float64, device=device)
        self.log_masses = torch.full_like(self.log_probabilities, torch.nan)

    def begin(
        self,
        prompts: Sequence[Sequence[int]],
        states: Sequence[int],
        uniform: Tensor | None,
        limits: Sequence[int] | None,
    ) -> Tensor:
        """Reset all; gives the prompts, padded on the left: int64[B, T]."""
        longest = max(map(len, prompts))
        fed = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        self.states.copy_(torch.tensor(states))
        self.limits.copy_(torch.tensor(limits if limits is not None else [self.token_ids.shape[1]] * len(prompts)))
        self.attends.fill_(1)
        for row, prompt in enumerate(prompts):
            self.attends[row, : longest - len(prompt)] = 0
        self.positions.copy_(torch.tensor([[len(prompt) - 1] for prompt in prompts]))
        if uniform is not None:
            again = [[rehashed(number) for number in row] for row in uniform.tolist()]
            self.uniform.copy_(uniform)
            self.uniform_again.copy_(torch.tensor(again, dtype=torch.float64))
        for cleared in (self.done, self.statuses, self.step):
            cleared.zero_()
        self.token_ids.fill_(-1)
        self.log_probabilities.fill_(torch.nan)
        self.log_masses.fill_(torch.nan)
        return fed.to(self.states.device)

    def prompt_positions(self, fed: Tensor) -> Tensor:
        """int64[B, T]; padding takes none."""
        return (self.attends[:, : fed.shape[1]].cumsum(dim=-1) - 1).clamp(min=0)

    def output(self, steps: int) -> DeviceOutput:
        """What was drawn, on the host."""
        return DeviceOutput(
            self.token_ids.cpu(), self.log_probabilities.cpu(), self.log_masses.cpu(), self.statuses.cpu(), steps + 1
        )


def _slots(cache: Any) -> int:
    """How many slots a static cache has. Raises `ValueError` for any other cache."""
    kinds = {type(layer).__name__ for layer in getattr(cache, "layers", None) or ()}
    if kinds != {"StaticLayer"}:  # layers of a sliding window count on the host, which a replay would not repeat
        raise ValueError(f"a static cache of full attention in every layer expected, not {', '.join(kinds) or 'none'}")
    return int(cache.layers[0].get_max_length())

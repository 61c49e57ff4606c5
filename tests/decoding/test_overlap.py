"""Masks are computed between the launch of the model's pass and the first word with the device, which nothing else asks for."""

from __future__ import annotations

import copy

import pytest
import torch
from draft_rows import row_of
from tiny_models import bpe_tokenizer, llama
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import latticework as lw
from latticework.decoding import Sampling, compiler_for
from latticework.decoding import loop as loop_module
from latticework.decoding.loop import Loop
from latticework.decoding.running import RunningSequence
from latticework.decoding.tree_model import TreeModel
from latticework.decoding.verification import Verdict, verify

CONSTRAINT = lw.json_schema({"type": "object", "properties": {"name": {"type": "string", "maxLength": 90}}})
PROMPTS = [[5, 60, 7], [80], [9, 10, 11, 12]]


class HostWatch(TorchDispatchMode):
    """Notes what makes the host wait for a device: numbers that are read, and copies that are not told not to wait."""

    READS = ("_local_scalar_dense", "nonzero.")

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self.events = events

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        crosses = len({tensor.device.type for tensor in tensors if tensor.dim()}) > 1
        reads = any(name in str(function) for name in self.READS)
        asks = reads and any(tensor.device.type != "cpu" for tensor in tensors)
        if asks or (crosses and not (kwargs or {}).get("non_blocking")):
            self.events.append(f"wait: {function}")
        return result


class Telling(torch.nn.Module):
    """Notes its calls."""

    def __init__(self, model, events: list[str]) -> None:
        super().__init__()
        self.model, self.config, self.device, self.events = model, model.config, model.device, events

    def forward(self, *, position_ids, logits_to_keep, **inputs):
        output = self.model(position_ids=position_ids, logits_to_keep=logits_to_keep, **inputs)
        self.events.append("model")
        return output


class Branching:
    """Drafts two tokens below the root, and one below the first."""

    name, candidates, free = "branching", 0, False

    def begin(self, rows) -> None:
        pass

    def propose(self, rows, trees) -> None:
        for tree in trees:
            first, second = tree.grammar.allowed_tokens(tree.root_state)[:2]
            tree.add(-1, first, 0.5)
            tree.add(-1, second, 0.5)
            tree.add(0, tree.grammar.allowed_tokens(tree.state(0))[0], 0.5) if len(tree) else None

    def observe(self, row, seen) -> None:
        pass


def watched(monkeypatch, events: list[str]) -> None:
    """Note masks that are filled, tensors that are made on a device from the host's numbers, and the first read."""
    fill, make = lw.CompiledGrammar.fill_bitmask, torch.tensor

    def filled(grammar, states, bitmask):
        events.append("fill")
        fill(grammar, states, bitmask)

    def made(*args, device=None, **options):
        if device is not None and torch.device(device).type != "cpu":
            events.append("wait: tensor")
        return make(*args, device=device, **options)

    def verified(laws, trees, random):
        """The device computes nothing, so that what is drawn cannot be read: the first tokens that are allowed instead."""
        try:
            verify(laws, trees, random)
        except (RuntimeError, NotImplementedError):
            events.append("read")
        found = []
        for tree in trees:
            path = [0] if len(tree) else []
            token_id = tree.grammar.allowed_tokens(tree.state(path[-1] if path else -1))[0]
            token_ids = [*(tree.token_ids[node] for node in path), token_id]
            found.append(Verdict(path, token_ids, [-1.0] * len(token_ids), [-1.0] * len(token_ids)))
        return found

    monkeypatch.setattr(lw.CompiledGrammar, "fill_bitmask", filled)
    monkeypatch.setattr(torch, "tensor", made)
    monkeypatch.setattr(loop_module, "verify", verified)


@pytest.mark.parametrize("drafts", [None, Branching()])
@pytest.mark.parametrize("temperature", [0, 0.8])
def test_masks_are_computed_while_the_device_computes(monkeypatch, drafts, temperature):
    events: list[str] = []
    inner = copy.deepcopy(llama()).float().to("meta")
    inner.set_attn_implementation("eager")  # transformers looks at the mask for the other, before it launches anything
    model = Telling(inner, events)
    grammar = compiler_for(bpe_tokenizer()).compile(CONSTRAINT)
    rows = [RunningSequence(prompt, CONSTRAINT, grammar, 60, row_of(grammar).random) for prompt in PROMPTS]
    loop = Loop(TreeModel(model, PROMPTS), rows, Sampling(temperature), drafts)
    watched(monkeypatch, events)
    with torch.no_grad(), HostWatch(events):
        for step in range(4):
            events.clear()
            loop.step()
            behind = events[events.index("model") :]  # until then the device has nothing to do
            assert [event for event in behind if event != "fill"][:2] == ["model", "read"], (step, events)
            assert step > 0 or behind[1] == "fill"
            assert "fill" not in behind[behind.index("read") :]


def test_what_the_watch_is_there_to_find(monkeypatch):
    events: list[str] = []
    watched(monkeypatch, events)
    numbers = torch.zeros(3, device="meta")
    with HostWatch(events):
        torch.zeros(3).to("meta")
        torch.tensor([1, 2], device="meta")
        numbers[:] = torch.zeros(3)
        numbers.nonzero_static(size=1)
        torch.zeros(3).to("meta", non_blocking=True)
    assert len(events) == 3

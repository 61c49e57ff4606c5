"""The tree of continuations: its logits equal those of whole texts, for models with and without tree attention."""

from __future__ import annotations

import copy
import random

import pytest
import torch
from tiny_models import bpe_tokenizer, gpt2, llama, t5, toy
from transformers import BloomConfig, BloomForCausalLM, MistralConfig, MistralForCausalLM

from latticework.decoding import prompt_tree
from latticework.decoding.model_facts import attends_trees
from latticework.decoding.prompt_tree import ROOT, PromptTree

PROMPTS = [[70, 71, 72, 73, 74], [80], [90, 91, 92]]


def mistral():
    """Sees eight tokens only."""
    torch.manual_seed(5)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = MistralConfig(
        vocab_size=len(bpe_tokenizer()), **size, num_key_value_heads=2, sliding_window=8, initializer_range=0.5
    )
    return MistralForCausalLM(config).double().eval()


def bloom():
    """Knows places by the attention mask alone."""
    torch.manual_seed(6)
    config = BloomConfig(vocab_size=len(bpe_tokenizer()), hidden_size=32, n_layer=2, n_head=4, initializer_range=0.5)
    return BloomForCausalLM(config).eval()


def eager():
    """Eager attention sums in float32, whatever the model's dtype."""
    model = copy.deepcopy(llama(seed=4)).float()
    model.set_attn_implementation("eager")
    return model


MODELS = {"llama": llama, "eager": eager, "gpt2": gpt2, "mistral": mistral, "bloom": bloom, "table": lambda: toy()[0]}
TREES = {"llama": True, "eager": True, "gpt2": True, "mistral": True, "bloom": False, "table": False}


def alone(model, tokens):
    ids = torch.tensor([tokens])
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=None, use_cache=False).logits[
            0, -1
        ]


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-9 if found.dtype == torch.float64 else 1e-4, rtol=0)


def grown(generator, known, most, width):
    """Some nodes more, below old and new ones."""
    nodes = []
    for _ in range(generator.randint(0, most)):
        parent = generator.choice([ROOT, *range(known + len(nodes))])
        nodes.append((parent, generator.randrange(width)))
    return nodes


def path(nodes, node):
    return [] if node == ROOT else [*path(nodes, nodes[node][0]), nodes[node][1]]


@pytest.mark.parametrize("name", MODELS)
def test_logits_equal_those_of_whole_texts(name):
    model = MODELS[name]()
    assert attends_trees(model) == TREES[name]
    width = 9 if name == "table" else 300
    generator = random.Random(name)
    prompts = [[token % width for token in prompt] for prompt in PROMPTS]
    tree = PromptTree(model, prompts)
    for prompt, logits in zip(prompts, tree.roots, strict=True):
        close(logits, alone(model, prompt))
    nodes = [[] for _ in prompts]
    for _ in range(5):
        added = [grown(generator, len(row), 5, width) for row in nodes]
        added[0] = added[0] or [(ROOT, 1)]
        for row, new in zip(nodes, added, strict=True):
            row += new
        found = tree.extend(added)
        expected = [
            alone(model, prompts[row] + path(nodes[row], node))
            for row, new in enumerate(added)
            for node in range(len(nodes[row]) - len(new), len(nodes[row]))
        ]
        close(found, torch.stack(expected))
    assert tree.forward_passes == 6


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral", "bloom"])
def test_what_no_node_sees_is_forgotten(name, monkeypatch):
    """With children of the last round and of the prompt alone; rows are of different sizes, and one ends early."""
    monkeypatch.setattr(prompt_tree, "_SPARE", 4)
    model, generator = MODELS[name](), random.Random(name)
    tree, nodes = PromptTree(model, PROMPTS, lasting=False), [[] for _ in PROMPTS]
    newest, fed = [[] for _ in PROMPTS], max(map(len, PROMPTS))
    for depth in range(14):
        added = []
        for row, (known, last) in enumerate(zip(nodes, newest, strict=True)):
            count = 0 if row == 1 and depth > 7 else generator.randint(1, 4)
            parents = last or [ROOT]
            if generator.random() < 0.3:
                parents = [*parents, ROOT]
            added.append([(generator.choice(parents), generator.randrange(300)) for _ in range(count)])
            if generator.random() < 0.3 and count:  # below one of the same round
                added[-1].append((len(known), generator.randrange(300)))
        newest = [list(range(len(row), len(row) + len(new))) for row, new in zip(nodes, added, strict=True)]
        for row, new in zip(nodes, added, strict=True):
            row += new
        expected = [
            alone(model, PROMPTS[row] + path(nodes[row], node))
            for row, numbers in enumerate(newest)
            for node in numbers
        ]
        close(tree.extend(added), torch.stack(expected))
        fed += max(map(len, added))
    if name in ("llama", "gpt2"):
        slots = tree._cache.layers[0].keys.shape[2]
        assert slots == tree._slots
        assert slots < 0.8 * fed


def test_nothing_is_read_twice():
    """Behind the prompt's pass only the new nodes are fed."""
    model, fed = llama(), []
    hook = model.register_forward_pre_hook(
        lambda _, __, given: fed.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    tree = PromptTree(model, PROMPTS)
    tree.extend([[(ROOT, 1), (0, 2)], [], [(ROOT, 3)]])
    tree.extend([[(1, 1)], [(ROOT, 2), (ROOT, 3), (1, 4)], []])
    hook.remove()
    assert fed == [(3, 5), (3, 2), (3, 3)]


def test_room():
    model = gpt2(positions=7)
    tree = PromptTree(model, PROMPTS)
    assert [tree.room(row) for row in range(3)] == [3, 7, 5]
    tree.extend([[(ROOT, 1), (0, 2)], [], []])
    with pytest.raises(ValueError, match="7 positions"):
        tree.extend([[(1, 1)], [], []])
    with pytest.raises(ValueError, match="7 positions"):
        PromptTree(model, [[1] * 8])


def test_wrong_arguments():
    with pytest.raises(ValueError, match="encoder-decoder"):
        PromptTree(t5(), PROMPTS)
    with pytest.raises(ValueError, match="0 tokens"):
        PromptTree(llama(), [[]])
    for wrong, error in ((0, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="nodes_per_pass"):
            PromptTree(llama(), PROMPTS, nodes_per_pass=wrong)

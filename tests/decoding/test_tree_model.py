"""Every logit of a pass equals that of the model called on the whole text alone, whatever was drafted and dropped before."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
import torch
from tiny_models import TableModel, bpe_tokenizer, gpt2, llama
from transformers import MistralConfig, MistralForCausalLM, StaticCache

import latticework as lw
from latticework.decoding import compiler_for
from latticework.decoding.draft_tree import DraftTree
from latticework.decoding.tree_model import TreeModel

WIDTH = 300


def anything() -> lw.CompiledGrammar:
    return compiler_for(bpe_tokenizer()).compile(lw.regex("(?s)[ -~]*"))


class Walk:
    """Random rows with random drafts, of which random ones are accepted."""

    def __init__(self, model, rows: int, seed: int, cache=None) -> None:
        self.rng = random.Random(seed)
        self.model = model
        grammar = anything()
        self.tokens = [
            token for token in grammar.allowed_tokens(grammar.start) if token != bpe_tokenizer().eos_token_id
        ]
        self.texts = [self.rng.choices(self.tokens, k=self.rng.randrange(1, 9)) for _ in range(rows)]
        self.matchers = [lw.Matcher(grammar) for _ in range(rows)]
        self.fed = TreeModel(model, self.texts, past_key_values=cache)
        self.worst = 0.0

    def alone(self, text: list[int]) -> torch.Tensor:
        ids = torch.tensor([text])
        if isinstance(self.model, TableModel):
            return self.model.table[text[-1]]
        return self.model(ids).logits[0, -1]

    def draft(self, row: int, most: int) -> DraftTree:
        tree = DraftTree(self.matchers[row])
        for _ in range(self.rng.randrange(most)) if self.fed.can_draft else ():
            parent = self.rng.randrange(-1, len(tree)) if self.fed.can_branch else len(tree) - 1
            tree.add(parent, self.rng.choice(self.tokens), 0.5)
        return tree

    def accept(self, row: int, tree: DraftTree) -> None:
        path, node = [], DraftTree.ROOT
        while tree.children(node) and self.rng.random() < 0.6:
            node = self.rng.choice(list(tree.children(node).values()))
            path.append(node)
        new = [*(tree.token_ids[node] for node in path), self.rng.choice(self.tokens)]
        self.fed.commit(row, tree, path, new[-1])
        self.texts[row] += new
        for token_id in new:
            self.matchers[row].accept_token(token_id)

    def compare(self, logits: torch.Tensor, trees: list[DraftTree | None]) -> None:
        place = 0
        for text, tree in zip(self.texts, trees, strict=True):
            for node in range(-1, -1 if tree is None else len(tree)):
                path, up = [], node
                while up != DraftTree.ROOT:
                    path, up = [tree.token_ids[up], *path], tree.parents[up]
                difference = (logits[place] - self.alone(text + path)).abs().max()
                self.worst, place = max(self.worst, difference.item()), place + 1
        assert place == len(logits)

    def rewrite(self, row: int) -> None:
        """Go on from another text, that begins as this one does."""
        text = self.texts[row][: self.rng.randrange(len(self.texts[row]) + 1)]
        text += self.rng.choices(self.tokens, k=self.rng.randrange(0 if text else 1, 5))
        self.fed.replace(row, text)
        self.texts[row] = text

    @torch.no_grad()
    def run(self, passes: int, most: int = 7, rests: float = 0.0) -> TreeModel:
        """`rests`: how often a row is left out of a pass, or given another text."""
        last = [passes * (row + 1) // len(self.texts) for row in range(len(self.texts))]  # rows end one by one
        for step in range(passes):
            trees: list[DraftTree | None] = [None] * len(self.texts)
            for row in range(len(self.texts)):
                if self.rng.random() < rests:
                    self.rewrite(row)
                if step > last[row]:
                    self.fed.end(row)
                elif row == len(self.texts) - 1 or self.rng.random() >= rests:
                    trees[row] = self.draft(row, most)
            self.compare(self.fed(trees), trees)
            for row, tree in enumerate(trees):
                if tree is not None:
                    self.accept(row, tree)
        assert self.worst < 1e-12
        return self.fed


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("make", [llama, gpt2])
def test_trees(make, rows):
    fed = Walk(make(), rows, seed=rows).run(14)
    assert fed.can_branch
    assert fed.passes == 14


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("make", [llama, gpt2])
def test_rows_that_pause_and_texts_that_change(make, rows):
    for seed in range(3):
        assert Walk(make(), rows, seed=seed).run(20, rests=0.4).can_branch


def test_many_holes_are_closed():
    walk = Walk(llama(), 3, seed=5)
    walk.accept = lambda row, tree: walk.fed.commit(row, tree, [], None)  # nothing stands
    with torch.no_grad():
        for _ in range(12):
            trees = [walk.draft(row, 20) for row in range(3)]
            walk.compare(walk.fed(trees), trees)
            for row, tree in enumerate(trees):
                walk.fed.commit(row, tree, [], walk.tokens[row])
                walk.texts[row].append(walk.tokens[row])
                walk.matchers[row].accept_token(walk.tokens[row])
    assert walk.worst < 1e-12


def test_static_cache():
    model = llama()
    walk = Walk(model, 3, seed=9, cache=StaticCache(config=model.config, max_cache_len=160))
    assert walk.run(10).can_branch
    walk = Walk(model, 3, seed=8, cache=StaticCache(config=model.config, max_cache_len=400))
    walk.run(20, rests=0.4)


def test_sliding_window_takes_no_drafts_and_stays_right():
    torch.manual_seed(4)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = MistralConfig(vocab_size=WIDTH + 25, num_key_value_heads=2, sliding_window=6, **size)
    model = MistralForCausalLM(config).double().eval()
    assert not Walk(model, 3, seed=1).run(12).can_draft  # the first pass had drafts, which were given up
    Walk(model, 3, seed=2).run(12, rests=0.4)
    fed, walk = [], Walk(model, 3, seed=3)
    hook = model.register_forward_pre_hook(
        lambda _, __, given: fed.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    walk.compare = lambda logits, trees: None  # which calls the model too
    longest = max(map(len, walk.texts))
    walk.run(12)
    hook.remove()
    assert fed == [longest] + [1] * 11, "what was read is not read again, though the texts differ in length"
    assert not TreeModel(model, [[1]]).can_draft  # from now on it is known


def test_model_without_cache_gets_the_whole_text():
    table = torch.randn(325, 325, dtype=torch.float64)
    fed = Walk(TableModel(table), 3, seed=2).run(6)
    assert not fed.can_draft  # it takes no positions
    assert fed.passes == 6
    Walk(TableModel(table), 3, seed=3).run(6, rests=0.4)


def test_encoder_decoder_is_refused():
    with pytest.raises(ValueError, match="encoder-decoder"):
        TreeModel(SimpleNamespace(config=SimpleNamespace(is_encoder_decoder=True)), [[1]])


# ------------------------------------------------------------------------------------------------------- the tree itself


def test_trees_hold_what_the_grammar_allows():
    vocabulary = lw.Vocabulary([b"a", b"b", b"ab", None], [3])
    tree = DraftTree(lw.Matcher(lw.Compiler(vocabulary).compile(lw.regex("(ab){2}"))))
    assert tree.add(-1, 2, 0.5) == 0
    assert tree.add(-1, 1, 0.9) == DraftTree.REFUSED
    assert tree.add_chain(0, [0, 1, 0], 0.5) == 2  # the text is complete there
    assert tree.add(2, 3, 0.5) == DraftTree.REFUSED  # an end token
    assert tree.add(-1, 0, 0.25) == 3
    assert tree.add(-1, 2, 0.75) == 0  # known: the better chance counts
    assert (tree.chances[0], tree.reach(2), tree.depth(2), tree.depths) == (0.75, 0.1875, 3, [1, 2, 3, 1])
    assert tree.best_chain() == [0, 1, 2]
    assert not tree.is_chain
    tree.keep([0, 3])
    assert (tree.token_ids, tree.parents, tree.children(-1)) == ([2, 0], [-1, -1], {2: 0, 0: 1})
    with pytest.raises(ValueError, match="parent"):
        tree.add_chain(0, [0], 0.5), tree.keep([2])

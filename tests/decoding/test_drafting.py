"""Several drafters in one tree: what is kept is worth its cost, what is learned is what happened."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from draft_rows import laws_of, paths, proposed, row_of, walk, write
from hypothesis import given
from hypothesis import strategies as st

import latticework as lw
from latticework.decoding.draft_acceptance import Acceptance
from latticework.decoding.draft_names import DRAFTERS, drafters_for
from latticework.decoding.draft_tree import DraftTree
from latticework.decoding.drafting import Drafts, Observed
from latticework.decoding.sampling import Sampling
from latticework.decoding.verification import verify

VOCABULARY = lw.Vocabulary([b"a", b"b", b"c", None], [3])
ANY = lw.Compiler(VOCABULARY).compile(lw.regex("[abc]*"))


class Fixed:
    """Proposes the same nodes every time: (parent, token, chance)."""

    candidates = 0

    def __init__(self, nodes, name: str = "fixed", *, free: bool = False, sure: bool = False, laws=None) -> None:
        self.nodes, self.name, self.free, self.sure, self.laws = nodes, name, free, sure, laws or {}
        self.seen = []

    def begin(self, rows) -> None:
        pass

    def propose(self, rows, trees) -> None:
        for tree in trees:
            number = {-1: -1}
            for place, (parent, token_id, chance) in enumerate(self.nodes):
                above = number.get(parent, DraftTree.REFUSED)
                if above != DraftTree.REFUSED:
                    law = self.laws.get(place)
                    number[place] = tree.add(above, token_id, chance, sure=self.sure, law=law)

    def observe(self, row, seen) -> None:
        self.seen.append(list(seen))


@st.composite
def trees(draw):
    """Up to seven nodes with different children."""
    nodes, used = [], set()
    for _ in range(draw(st.integers(1, 7))):
        parent, token_id = draw(st.integers(-1, len(nodes) - 1)), draw(st.integers(0, 2))
        if (parent, token_id) not in used:
            used.add((parent, token_id))
            nodes.append((parent, token_id, draw(st.sampled_from([0.05, 0.2, 0.5, 0.9]))))
    return nodes


def speed(nodes, chosen, cost: float) -> float:
    """Expected tokens per unit of time with these nodes."""
    reach = {-1: 1.0}
    for place, (parent, _, chance) in enumerate(nodes):
        reach[place] = reach[parent] * chance
    return (1 + sum(reach[place] for place in chosen)) / (1 + cost * len(chosen))


@given(trees(), st.sampled_from([0.01, 0.1, 0.3]), st.integers(0, 7))
def test_the_kept_nodes_are_the_fastest_choice(nodes, cost, budget):
    kept = proposed(Drafts([Fixed(nodes)], nodes=budget, node_cost=cost), row_of(ANY))
    best = 0.0
    for count in range(min(budget, len(nodes)) + 1):
        for chosen in itertools.combinations(range(len(nodes)), count):
            if all(nodes[place][0] in (-1, *chosen) for place in chosen):
                best = max(best, speed(nodes, chosen, cost))
    tokens = [
        (parent, token_id, chance)
        for parent, token_id, chance in zip(kept.parents, kept.token_ids, kept.chances, strict=True)
    ]
    assert len(kept) <= budget
    assert speed(tokens, range(len(kept)), cost) == pytest.approx(best)


def test_free_nodes_do_not_count_and_sure_ones_always_stay():
    wide = Fixed([(-1, 0, 0.5), (-1, 1, 0.4)], "wide")
    chain = Fixed([(-1, 2, 0.95), (0, 2, 0.95), (1, 2, 0.95)], "chain", free=True)
    assert set(paths(proposed(Drafts([chain, wide], nodes=1), row_of(ANY)))) == {(2,), (2, 2), (2, 2, 2), (0,)}
    sure = Fixed([(-1, 2, 0.01), (0, 2, 0.01)], "sure", sure=True)
    tree = proposed(Drafts([sure, wide], nodes=0, node_cost=0.9), row_of(ANY))
    assert set(paths(tree)) == {(2,), (2, 2)}
    assert tree.sure == [True, True]


def test_nothing_is_drafted_beyond_the_last_token():
    chain = Fixed([(-1, 0, 1.0), (0, 0, 1.0), (1, 0, 1.0), (2, 0, 1.0)])
    for remaining in range(1, 6):
        tree = proposed(Drafts([chain], node_cost=0.0), row_of(ANY, remaining=remaining))
        assert len(tree) == min(4, remaining - 1)


def test_later_drafters_go_on_from_earlier_ones_and_free_ones_are_asked_twice():
    class Continues(Fixed):
        """One token below every leaf."""

        def propose(self, rows, trees) -> None:
            for tree in trees:
                for leaf in [node for node in range(-1, len(tree)) if not tree.children(node)]:
                    tree.add(leaf, self.nodes[0][1], 0.9)

    first, second = Continues([(-1, 0, 0.9)], "first", free=True), Continues([(-1, 1, 0.9)], "second")
    assert max(paths(proposed(Drafts([first, second]), row_of(ANY))), key=len) == (0, 1, 0)


def test_chances_are_learned_for_each_drafter_also_off_the_tree():
    good, bad = Fixed([(-1, 0, 0.5), (0, 1, 0.5)], "good"), Fixed([(-1, 2, 0.5)], "bad")
    drafts, row = Drafts([good, bad], nodes=0), row_of(ANY, remaining=2000)
    for _ in range(300):
        assert not len(proposed(drafts, row))
        walk(row, [0, 1])
        drafts.observe(row, [Observed(0, 0, 0), Observed(0, 0, 1)])
    drafts.nodes = 9
    tree = proposed(drafts, row)
    assert tree.chances[paths(tree)[0,]] > 0.98
    assert (2,) not in paths(tree)
    assert drafts.acceptance.estimate("bad", 0.5) < 0.02
    assert drafts.acceptance.estimate("new", 0.5) == 0.5
    assert len(good.seen) == 300 and good.seen[0][0].token_id == 0


def test_estimates_are_probabilities_near_the_truth():
    rng, acceptance = random.Random(1), Acceptance()
    for _ in range(3000):
        acceptance.learn("x", 0.9, is_right=rng.random() < 0.3)
    assert 0.2 < acceptance.estimate("x", 0.9) < 0.4
    assert acceptance.estimate("x", 1.0) == 1.0
    for _ in range(5000):
        acceptance.learn("x", 0.9, is_right=False)
    assert 0 < acceptance.estimate("x", 0.9) < 0.03


class Numbers:
    """Random numbers that are given."""

    def __init__(self, fresh) -> None:
        self._fresh = iter(fresh)

    def ahead(self, depth: int) -> float:
        return 0.5

    def fresh(self) -> float:
        return next(self._fresh)


@pytest.mark.parametrize("order", [("points", "drawn"), ("drawn", "points")])
@pytest.mark.parametrize("budget", [0, 9])
def test_a_drawn_draft_keeps_the_law_whatever_others_propose(order, budget):
    """Averaged over what is drawn, also when it is what another drafter proposes; the logits are wider than the law."""
    p = torch.tensor([0.5, 0.3, 0.2, 0.0, 0.0], dtype=torch.float64)
    q = torch.tensor([0.2, 0.7, 0.1, 0.0], dtype=torch.float64)
    law, numbers = torch.zeros(5, dtype=torch.float64), torch.quasirandom.SobolEngine(6).draw(256).tolist()
    for token_id in range(3):
        made = {"points": Fixed([(-1, 1, 0.8), (-1, 0, 0.01)], "points")}
        made["drawn"] = Fixed([(-1, token_id, 0.7)], "drawn", laws={0: q})
        tree = proposed(Drafts([made[name] for name in order], nodes=budget), row_of(ANY))
        for fresh in numbers:
            laws = laws_of(p.log().expand(1 + len(tree), -1), Sampling(1.0))
            (verdict,) = verify(laws, [tree], [Numbers(fresh)])
            law[verdict.token_ids[0]] += q[token_id] / len(numbers)
    assert torch.allclose(law, p, atol=0.012)


def test_drafters_by_name():
    tokenizer = object()
    names = [drafter.name for drafter in drafters_for(["copy", "forced", Fixed([], "mine")], tokenizer)]
    assert names == ["forced", "copy", "mine"]
    assert [drafter.name for drafter in drafters_for(DRAFTERS, tokenizer)] == list(DRAFTERS)
    assert [drafter.name for drafter in drafters_for("recycle", tokenizer)] == ["recycle"]
    with pytest.raises(ValueError, match="'copied' is none of"):
        drafters_for("copied", tokenizer)
    with pytest.raises(TypeError, match="not int"):
        drafters_for([3], tokenizer)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="same name"):
        Drafts([Fixed([]), Fixed([])])
    for options in ({"nodes": -1}, {"node_cost": -0.1}):
        with pytest.raises(ValueError, match="at least 0"):
            Drafts([], **options)
    assert Drafts([]).candidates == 0


@given(st.integers(0, 10**6))
def test_the_output_is_the_same_with_all_drafters(seed):
    """Against a random greedy model over a small language, in which everything can be drafted."""
    grammar = lw.Compiler(lw.Vocabulary([b"a", b"b", b"ab", b",", b"ba,", None], [5])).compile(
        lw.regex("(ab|ba,){2,9}")
    )
    rng = random.Random(seed)
    ranks = [rng.sample(range(6), 6) for _ in range(6)]

    def answer(text, allowed):
        return sorted(allowed, key=ranks[text[-1]].index)

    drafters = drafters_for(["copy", "recycle", "counts"], None)
    expected, steps = write(Drafts([]), row_of(grammar, remaining=20), answer)
    for _ in range(2):
        written, passes = write(Drafts(drafters, node_cost=0.0), row_of(grammar, remaining=20), answer)
        assert written == expected and passes <= steps == len(written)
    assert passes <= max(2, steps // 2)

"""Which of finitely many outputs: the exact probability of every one, from a single tree of their tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple, TypeAlias, Unpack

from latticework.grammar._native import CompiledGrammar
from latticework.grammar.constraint import Constraint
from latticework.grammar.constraint_options import check_one_of

from .hypothesis import Law, check_count, check_law
from .options import SearchOptions
from .output_trie import Trie, canonical_trie, full_trie
from .outputs import readable, texts_of
from .prompt_tree import ROOT, PromptTree
from .prompts import Prompt, split_prompts
from .search import Asked, GrammarSpace, Laws, Rounds, job, run

Tokenization: TypeAlias = Literal["canonical", "all"]


@dataclass(frozen=True)
class ScoredOutput:
    """One output of a finite constraint.

    Attributes:
        text: the output.
        log_probability: of the text and the end behind it, under the law that was asked for, summed over the token
            sequences that were scored.
        probability: its share of the probability of all outputs together: the posterior.
        constraint: what it was held to.
    """

    text: str
    log_probability: float
    probability: float
    constraint: Constraint = field(repr=False)

    @cached_property
    def value(self) -> Any:
        """The text read as the constraint says: instance of the Python type, JSON value, or text."""
        return self.constraint.parse(self.text)


@dataclass(frozen=True)
class Classification:
    """All outputs of a finite constraint behind one prompt, with their probabilities.

    Attributes:
        outputs: the most probable first; equally probable ones in the order of their bytes.
        log_mass: the logarithm of the probability of all outputs together, under the law that was asked for.
        law, tokenization: as they were asked for.
        forward_passes: how often the model was called, for all prompts of the call together.
    """

    outputs: tuple[ScoredOutput, ...]
    log_mass: float
    law: Law
    tokenization: Tokenization
    forward_passes: int

    @property
    def best(self) -> ScoredOutput:
        """The most probable output."""
        return self.outputs[0]

    @property
    def probabilities(self) -> dict[str, float]:
        """Text -> probability, the most probable first; they sum to 1."""
        return {output.text: output.probability for output in self.outputs}


def classify(
    model: Any,
    tokenizer: Any,
    prompt: Prompt | Sequence[Prompt],
    labels: Sequence[str] | None = None,
    *,
    law: Law = "model",
    tokenization: Tokenization = "canonical",
    max_outputs: int = 1000,
    max_nodes: int = 10_000,
    nodes_per_pass: int = 256,
    **options: Unpack[SearchOptions],
) -> Classification | list[Classification]:
    """The probability of every output of a finite constraint: of labels, an enum, or a small schema.

        classify(model, tokenizer, "Great film! Sentiment: ", ["good", "bad"]).probabilities   # {"good": 0.9, "bad": 0.1}

    The prompt is run once, and the tokens of all outputs as one tree behind it, in one more forward pass if it has no
    more than `nodes_per_pass` nodes. The end token counts as part of an output (several end tokens together), so that
    "yes" and "yes, sir" are told apart.

    Args:
        model, tokenizer, prompt: as for `generate`.
        labels: the outputs; the same as `choice=`.
        law: "model": the model's own probability, so that the posterior is that of the model given that its output is one
            of these. "masked": the probability under masked decoding at temperature 1.
        tokenization: "canonical" scores each text by the tokens that the tokenizer itself writes for it, standing alone.
            A text can be spelled by other tokens, which models rarely write: "all" sums over every sequence that the
            masks allow, which is exact for the text, and grows exponentially with its length.
        max_outputs: how many outputs there may be.
        max_nodes: how many nodes the tree may have.
        nodes_per_pass: how many nodes, of all prompts together, go through the model at once.
        options: `schema` (by default with whitespace="compact", so that each value has one text), `regex`, `choice` or
            `constraint`; not `max_new_tokens`.

    Returns a `Classification` for one prompt, a list of them for a list of prompts.

    Raises:
        SearchLimitError: `max_outputs` or `max_nodes` is too small, or the constraint is not finite.
        ConstraintError: the constraint is wrong, is not supported, or cannot be spelled with this vocabulary.
        TypeError, ValueError: an argument is wrong, the tokenizer cannot write a text (it is lower-casing, for one), or
            the model gives all outputs the probability 0.
    """
    check_law(law)
    check_one_of("tokenization", tokenization, Tokenization)
    check_count("max_outputs", max_outputs)
    check_count("max_nodes", max_nodes)
    prompts, is_batch = split_prompts(prompt)
    if not prompts:
        return []
    work = job(model, tokenizer, prompts, _completed(labels, options))
    listing = _Listing(tokenizer, work.compiler.vocabulary, tokenization, max_outputs, max_nodes)
    listed = listing.of_each(work.grammars)
    tree = PromptTree(model, work.prompts, nodes_per_pass=nodes_per_pass)
    spaces = [GrammarSpace(grammar) for grammar in work.grammars]
    searches = [partial(_search, one.trie, space, law, tree.share) for one, space in zip(listed, spaces, strict=True)]
    scores = run(tree, spaces, searches)
    ranked = [_posterior(*row) for row in zip(listed, scores, work.constraints, strict=True)]
    found = [Classification(outputs, mass, law, tokenization, tree.forward_passes) for outputs, mass in ranked]
    return found if is_batch else found[0]


def _completed(labels: Sequence[str] | None, options: SearchOptions) -> SearchOptions:
    if "max_new_tokens" in options:
        raise TypeError("max_new_tokens: no option of classify, which scores whole outputs")
    completed = options.copy()
    if labels is not None:
        if "choice" in options:
            raise ValueError("labels and choice= are the same: give one of them")
        completed["choice"] = labels
    if options.get("schema") is not None and "whitespace" not in options:
        completed["whitespace"] = "compact"
    return completed


class _Outputs(NamedTuple):
    """The outputs of a grammar, and the tokens that spell them."""

    texts: list[bytes]
    trie: Trie


class _Listing(NamedTuple):
    """How outputs are listed; as the arguments of `classify`."""

    tokenizer: Any
    vocabulary: Any
    tokenization: Tokenization
    max_outputs: int
    max_nodes: int

    def of_each(self, grammars: Sequence[CompiledGrammar]) -> list[_Outputs]:
        """The outputs of each grammar, listed once for those that are the same."""
        known = {id(grammar): self._outputs(grammar) for grammar in {id(one): one for one in grammars}.values()}
        return [known[id(grammar)] for grammar in grammars]

    def _outputs(self, grammar: CompiledGrammar) -> _Outputs:
        texts = sorted(texts_of(grammar, self.max_outputs))
        if self.tokenization == "canonical":
            return _Outputs(texts, canonical_trie(grammar, self.tokenizer, self.vocabulary, texts, self.max_nodes))
        return _Outputs(texts, full_trie(grammar, self.vocabulary, texts, self.max_nodes))


class _Scores:
    """Log-probabilities along a trie, as far as laws have been taken in."""

    def __init__(self, trie: Trie, space: GrammarSpace, law: Law) -> None:
        self.ended = {node: -math.inf for node, _ in trie.ends}
        self._trie = trie
        self._ends = space.end_tokens
        self._is_masked = law == "masked"
        self._reached = {ROOT: 0.0}
        self._below: dict[int, list[int]] = {}
        for node, parent in enumerate(trie.parents):
            self._below.setdefault(parent, []).append(node)
        # behind these nothing but the end may come, to which the masked law gives all
        grammar = space.grammar
        self._over = {i for i, state in enumerate(trie.states) if self._is_masked and not grammar.next_bytes(state)}

    def wanted(self) -> list[int]:
        """The nodes whose law is needed."""
        return [node for node in range(len(self._trie.parents)) if node not in self._over]

    def take(self, nodes: Sequence[int], laws: Laws) -> None:
        """Go on from `nodes` by their laws."""
        edges = [(row, child) for row, node in enumerate(nodes) for child in self._below.get(node, ())]
        found = laws.of([row for row, _ in edges], [self._trie.tokens[child] for _, child in edges])
        for (row, child), log_p in zip(edges, found, strict=True):
            self._reached[child] = self._reached[nodes[row]] + self._step(log_p, laws.log_masses[row])
            if child in self._over:
                self.ended[child] = self._reached[child]
        final = [(row, node) for row, node in enumerate(nodes) if node in self.ended]
        for row, node in final:
            end = log_sum(laws.of([row] * len(self._ends), self._ends))
            self.ended[node] = self._reached[node] + self._step(end, laws.log_masses[row])

    def _step(self, log_p: float, log_mass: float) -> float:
        return log_p - log_mass if self._is_masked and log_p > -math.inf else log_p


def _search(trie: Trie, space: GrammarSpace, law: Law, share: int, root: Laws) -> Rounds[list[float]]:
    """The log-probability of each sequence of the trie, its end included."""
    scores = _Scores(trie, space, law)
    scores.take([ROOT], root)
    wanted = scores.wanted()
    number = {ROOT: ROOT} | {node: index for index, node in enumerate(wanted)}
    for first in range(0, len(wanted), share):
        nodes = wanted[first : first + share]
        laws = yield [
            Asked(number[trie.parents[node]], trie.tokens[node], trie.states[node], trie.depths[node]) for node in nodes
        ]
        scores.take(nodes, laws)
    return [scores.ended[node] for node, _ in trie.ends]


def _posterior(
    outputs: _Outputs, scores: Sequence[float], constraint: Constraint
) -> tuple[tuple[ScoredOutput, ...], float]:
    """The outputs, best first, and the logarithm of their probability together."""
    of_text: list[list[float]] = [[] for _ in outputs.texts]
    for (_, text), score in zip(outputs.trie.ends, scores, strict=True):
        of_text[text].append(score)
    totals = [log_sum(parts) for parts in of_text]
    mass = log_sum(totals)
    if mass == -math.inf:
        raise ValueError("the model gives every output the probability 0")
    ranked = sorted(range(len(totals)), key=lambda index: -totals[index])
    scored = [
        ScoredOutput(readable(outputs.texts[i]), totals[i], math.exp(totals[i] - mass), constraint) for i in ranked
    ]
    return tuple(scored), mass


def log_sum(values: Sequence[float]) -> float:
    """The logarithm of the sum of what these are logarithms of."""
    peak = max(values, default=-math.inf)
    return peak if peak == -math.inf else peak + math.log(math.fsum(math.exp(value - peak) for value in values))

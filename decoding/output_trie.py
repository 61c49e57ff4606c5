"""The outputs of a constraint as a trie of the token sequences that spell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latticework.grammar._native import CompiledGrammar, Matcher

from .hypothesis import SearchLimitError
from .outputs import canonical_tokens, token_text
from .prompt_tree import ROOT


class Trie:
    """Token sequences as a tree: node ROOT is the empty one, parents come before their children, depth first.

    Attributes:
        parents, tokens, states, depths: of each node.
        ends: the node of each sequence, and the index of the text that it spells.
        start: the state of the grammar before the first token.
    """

    def __init__(self, grammar: CompiledGrammar) -> None:
        self.parents: list[int] = []
        self.tokens: list[int] = []
        self.states: list[int] = []
        self.depths: list[int] = []
        self.ends: list[tuple[int, int]] = []
        self.start = grammar.start
        self._matcher = Matcher(grammar)
        self._children: dict[tuple[int, int], int] = {}

    def add(self, sequence: Sequence[int], text: int) -> None:
        """A sequence of tokens that spells an output, and the index of its text."""
        node = ROOT
        for token in sequence:
            known = self._children.get((node, token))
            node = self.append(node, token, self.step(node, token)) if known is None else known
        self.ends.append((node, text))

    def append(self, parent: int, token: int, state: int) -> int:
        """A new node."""
        self._children[parent, token] = len(self.parents)
        self.parents.append(parent)
        self.tokens.append(token)
        self.states.append(state)
        self.depths.append(1 + (0 if parent == ROOT else self.depths[parent]))
        return len(self.parents) - 1

    def step(self, node: int, token: int) -> int:
        """The state behind a token behind a node, -1 if it is not allowed."""
        return self._matcher.peek(self.start if node == ROOT else self.states[node], token)


def canonical_trie(
    grammar: CompiledGrammar, tokenizer: Any, vocabulary: Any, texts: Sequence[bytes], max_nodes: int
) -> Trie:
    """One sequence for each text: that of the tokenizer."""
    trie = Trie(grammar)
    sequences = [(canonical_tokens(tokenizer, vocabulary, text), index) for index, text in enumerate(texts)]
    for sequence, index in sorted(sequences):  # depth first, and so cut into few pieces
        trie.add(sequence, index)
        _check_size(trie, max_nodes)
    return trie


def full_trie(grammar: CompiledGrammar, vocabulary: Any, texts: Sequence[bytes], max_nodes: int) -> Trie:
    """Every sequence of tokens that the masks allow, for all texts."""
    trie, number = Trie(grammar), {text: index for index, text in enumerate(texts)}
    ends = set(vocabulary.eos_token_ids)
    stack: list[tuple[int, int, int, bytes]] = [(ROOT, -1, grammar.start, b"")]
    while stack:
        parent, token, state, text = stack.pop()
        node = ROOT if token < 0 else trie.append(parent, token, state)
        if grammar.is_accepting(state):
            trie.ends.append((node, number[text]))
        allowed = [token for token in grammar.allowed_tokens(state) if token not in ends]
        _check_size(trie, max_nodes, len(stack) + len(allowed))
        stack += [
            (node, token, trie.step(node, token), text + token_text(vocabulary, token)) for token in allowed[::-1]
        ]
    return trie


def _check_size(trie: Trie, most: int, waiting: int = 0) -> None:
    if len(trie.parents) + waiting > most:
        raise SearchLimitError("max_nodes", most, "the outputs have more token sequences")

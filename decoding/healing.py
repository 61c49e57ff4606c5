"""Which of the tokens that spell forced bytes would stand whatever comes next: the others are given back to the model.

The tokens of a text depend on what follows it. If `order` is forced because the keys are `orderId` and `orderName`, the
canonical tokens of a key may be `orderId` or `order` `Name`; to write `order` now would push the model to the second.
So the end of a forced run is cut where a token of the vocabulary begins that reaches beyond it and is allowed ("token
healing", as in guidance-ai/llguidance).
"""

from __future__ import annotations

from bisect import bisect_left
from threading import Lock
from weakref import WeakKeyDictionary

from latticework.grammar._native import CompiledGrammar, Vocabulary
from latticework.grammar.special_tokens import MARK

_FEW = 8


class TokenPrefixes:
    """The spellings of a vocabulary, sorted, so that those with one beginning stand together."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        spelled = {vocabulary.token_bytes(token_id) for token_id in range(vocabulary.size)}
        ends = {vocabulary.token_bytes(token_id) for token_id in vocabulary.eos_token_ids}
        self._sorted = sorted(data for data in spelled - ends if MARK not in data)

    def goes_beyond(self, grammar: CompiledGrammar, state: int, beginning: bytes) -> bool:
        """Whether a token starts with `beginning`, is longer, and its rest is allowed at `state`."""
        return self._reaches(grammar, state, beginning, *self._range(beginning, 0, len(self._sorted)), len(beginning))

    def _reaches(self, grammar: CompiledGrammar, state: int, read: bytes, low: int, high: int, least: int) -> bool:
        """The same for the tokens low..high - 1, which begin with `read`; `state` is behind it."""
        if low < high and self._sorted[low] == read:
            if len(read) > least:
                return True
            low += 1
        if high - low <= _FEW:
            rests = (data[len(read) :] for data in self._sorted[low:high])
            return any(grammar.step_bytes(state, rest) >= 0 for rest in rests)
        for byte in grammar.next_bytes(state):
            longer = read + bytes([byte])
            inner = self._range(longer, low, high)
            if inner[0] < inner[1]:
                reached = grammar.step_bytes(state, longer[-1:])
                if reached >= 0 and self._reaches(grammar, reached, longer, *inner, least):
                    return True
        return False

    def _range(self, beginning: bytes, low: int, high: int) -> tuple[int, int]:
        """The places of the tokens with this beginning; the byte of marks is in none of them."""
        first = bisect_left(self._sorted, beginning, low, high)
        return first, bisect_left(self._sorted, beginning + MARK, first, high)


def token_prefixes(vocabulary: Vocabulary) -> TokenPrefixes:
    """The sorted spellings of a vocabulary, made once."""
    found = _known.get(vocabulary)
    if found is None:
        with _lock:
            found = _known.setdefault(vocabulary, TokenPrefixes(vocabulary))
    return found


def unhealed_length(grammar: CompiledGrammar, state: int, spelled: list[bytes], look_back: int) -> int:
    """How many of these tokens, written at `state`, stand whatever comes next.

    Args:
        grammar: which allows the tokens there.
        state: where they begin.
        spelled: the bytes of each.
        look_back: at how many tokens from the end another token may begin; 0 believes all of them.
    """
    text = b"".join(spelled)
    after = grammar.step_bytes(state, text)
    if after < 0:
        return 0
    prefixes = token_prefixes(grammar.vocabulary)
    window = sum(map(len, spelled[len(spelled) - min(look_back, len(spelled)) :]))
    for begin in range(len(text) - window, len(text)):
        if prefixes.goes_beyond(grammar, after, text[begin:]):
            return _ending_by(spelled, begin)
    return len(spelled)


def _ending_by(spelled: list[bytes], place: int) -> int:
    """How many tokens end at this byte or before."""
    end = 0
    for count, data in enumerate(spelled):
        end += len(data)
        if end > place:
            return count
    return len(spelled)


_known: WeakKeyDictionary[Vocabulary, TokenPrefixes] = WeakKeyDictionary()
_lock = Lock()

"""How often drafts turn out right: learned online for each drafter and how confident it was."""

from __future__ import annotations

import math
from collections import defaultdict
from weakref import WeakKeyDictionary

_BINS = 12
_PRIOR = 4.0  # a drafter's own estimate weighs as much as so many proposals
_MEMORY = 0.995  # what a proposal weighs when the next one of its kind has been judged
_LEAST = 1e-4


class Acceptance:
    """A table of (drafter, bin of confidence) -> how many proposals were judged, and were right.

    The older a judgement, the less it weighs: a drafter is as good as it was on the last two hundred proposals.
    """

    def __init__(self) -> None:
        self._judged: defaultdict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0, 0.0])

    def estimate(self, name: str, chance: float) -> float:
        """The probability that a proposal with this chance is right, given that its parent is; in (0, 1]."""
        right, count = self._judged.get((name, _bin(chance)), (0.0, 0.0))
        return min(1.0, max(_LEAST, (right + _PRIOR * chance) / (count + _PRIOR)))

    def learn(self, name: str, chance: float, *, is_right: bool) -> None:
        """A proposal with this chance was judged, at a place that the output went through."""
        entry = self._judged[name, _bin(chance)]
        entry[0] = entry[0] * _MEMORY + is_right
        entry[1] = entry[1] * _MEMORY + 1


def _bin(chance: float) -> int:
    """Finer where chances are small, since tokens of lower rank differ there."""
    return int(_BINS * math.sqrt(chance))


def acceptance_of(model: object) -> Acceptance:
    """What was learned with a model; kept as long as the model lives, where it can be kept."""
    try:
        return _kept.setdefault(model, Acceptance())
    except TypeError:  # it cannot be a key
        return Acceptance()


_kept: WeakKeyDictionary[object, Acceptance] = WeakKeyDictionary()

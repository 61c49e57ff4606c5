"""Drafters by their names, as they are asked for in the options of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .draft_copy import CopyDrafts
from .draft_counts import CountDrafts
from .draft_forced import ForcedDrafts
from .draft_recycling import RecyclingDrafts
from .drafting import Drafter

# In the order in which they should propose: the surest first, since others go on from its nodes.
_MAKERS: dict[str, Callable[[Any], Drafter]] = {
    "forced": ForcedDrafts,
    "counts": lambda tokenizer: CountDrafts(),
    "copy": lambda tokenizer: CopyDrafts(),
    "recycle": lambda tokenizer: RecyclingDrafts(),
}
DRAFTERS = tuple(_MAKERS)
"""The names of all drafters that need nothing but the tokenizer."""


def drafters_for(drafts: str | Drafter | Iterable[str | Drafter], tokenizer: Any) -> list[Drafter]:
    """The drafters with these names, and those that are given as such, in the order in which they should propose.

    Args:
        drafts: "forced", "copy", "recycle", "counts", a drafter, or several of these.
        tokenizer: of the model.

    Raises `ValueError` for another name, `TypeError` for what is neither a name nor a drafter.
    """
    given = [drafts] if isinstance(drafts, str) or not isinstance(drafts, Iterable) else list(drafts)
    found = [_drafter(entry, tokenizer) for entry in given]
    places = {name: place for place, name in enumerate(DRAFTERS)}
    return sorted(found, key=lambda drafter: places.get(drafter.name, len(places)))


def _drafter(entry: Any, tokenizer: Any) -> Drafter:
    if isinstance(entry, str):
        if entry not in _MAKERS:
            raise ValueError(f"drafts: {entry!r} is none of {', '.join(map(repr, DRAFTERS))}")
        return _MAKERS[entry](tokenizer)
    if not all(hasattr(entry, name) for name in ("name", "candidates", "free", "begin", "propose", "observe")):
        raise TypeError(f"drafts: names and drafters expected, not {type(entry).__name__}")
    drafter: Drafter = entry
    return drafter

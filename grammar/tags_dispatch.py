"""The grammar of tags in free text: exactly where free text ends and which tags may follow.

Free text ends with the first trigger in it. As no trigger lies inside another (`triggers_of` sees to that), at most one
ends at a place, and the tags that begin with it are what may follow.
"""

from __future__ import annotations

from collections.abc import Sequence as Texts

from .composition_rules import Assembly, matching, spelled
from .composition_texts import ending_with, without
from .errors import GrammarError
from .ir import Choice, Node, Sequence, SpecialToken

# Free text that ends with one trigger is an expression that all grammars share, and so are its masks; but each trigger is
# one more to follow.
_FEW = 8


class Dispatch:
    """Tags, and how free text leads to them. Triggers that may overlap must be beginnings of the tags.

    The `special_tokens` may stand for their names in the beginnings and ends of tags. No free text holds one.

    Attributes:
        free: free text, which holds no trigger.
        tags: a whole tag.
        triggered: free text up to a tag, and the tag.
    """

    def __init__(
        self, tags: Texts[tuple[str, Node, str]], triggers: tuple[str, ...], special_tokens: tuple[str, ...] = ()
    ) -> None:
        self.free: Node = matching(without(triggers))
        self.tags: Node = Choice(tuple(_tag(*tag, special_tokens) for tag in tags))
        self.triggered: Node
        if may_overlap(triggers) or (len(triggers) <= _FEW and all(begin.startswith(triggers) for begin, _, _ in tags)):
            ways = [_triggered(trigger, tags, triggers, special_tokens) for trigger in triggers]
            starts = [_started(name, tags, special_tokens) for name in special_tokens]
            self.triggered = Choice((*ways, *(Sequence((self.free, start)) for start in starts if start.parts)))
        else:  # free text and then a trigger hold no other trigger
            self.triggered = Sequence((self.free, self.tags))

    def node(
        self,
        assembly: Assembly,
        around: tuple[Node | None, Node | None, Node | None],
        at_least: int,
        at_most: int | None,
    ) -> Node:
        """The texts with so many tags; `around` is what stands before, between and after them (None: free text)."""
        before, between, after = around
        without_tags = self.free if before is None else before
        if at_most == 0:
            return without_tags
        first, following = self._entered(before), self._entered(between)
        rest = assembly.chain(following, max(at_least - 1, 0), None if at_most is None else at_most - 1)
        some = Sequence((first, rest, self.free if after is None else after))
        return some if at_least else Choice((without_tags, some))

    def _entered(self, gap: Node | None) -> Node:
        return self.triggered if gap is None else Sequence((gap, self.tags))


def triggers_of(begins: Texts[str], triggers: Texts[str]) -> list[str]:
    """The triggers without those that begin with another, which is complete before them.

    Raises `GrammarError` if there is a tag without trigger or a trigger without tag, or if a trigger lies inside another
    but not at its beginning: free text would end with it before the longer one is complete.
    """
    needed = [text for text in dict.fromkeys(triggers) if not any(text.startswith(o) for o in triggers if o != text)]
    for begin in begins:
        if not begin.startswith(tuple(needed)):
            raise GrammarError(f"the tag that begins with {begin!r} begins with none of the triggers")
    for text in triggers:
        if not any(begin.startswith(text) for begin in begins):
            raise GrammarError(f"no tag begins with the trigger {text!r}")
        for other in needed:
            if other in text[1:]:
                raise GrammarError(
                    f"tags: the trigger {other!r} lies inside the trigger {text!r}, which is never reached"
                )
    return needed


def _tag(begin: str, content: Node, end: str, special_tokens: Texts[str]) -> Node:
    return Sequence((spelled(begin, special_tokens), content, spelled(end, special_tokens)))


def _rests(start: str, tags: Texts[tuple[str, Node, str]], special_tokens: Texts[str]) -> list[Node]:
    """What follows this start in the tags that begin with it."""
    return [
        _tag(begin[len(start) :], content, end, special_tokens)
        for begin, content, end in tags
        if begin.startswith(start)
    ]


def _started(name: str, tags: Texts[tuple[str, Node, str]], special_tokens: Texts[str]) -> Sequence:
    """The tags that begin with a special token; no parts if there are none."""
    rests = _rests(name, tags, special_tokens)
    return Sequence((SpecialToken(name), Choice(tuple(rests)))) if rests else Sequence(())


def _triggered(
    trigger: str, tags: Texts[tuple[str, Node, str]], triggers: tuple[str, ...], special_tokens: Texts[str]
) -> Node:
    """Free text that ends with this trigger as the first, and then the rest of a tag that begins with it."""
    rests = _rests(trigger, tags, special_tokens)
    return Sequence((matching(ending_with((trigger,), among=triggers)), Choice(tuple(rests))))


def may_overlap(triggers: tuple[str, ...]) -> bool:
    """Whether the end of a trigger is the beginning of one, so that two occurrences can overlap."""
    beginnings = {text[:length] for text in triggers for length in range(1, len(text))}
    return any(text[-length:] in beginnings for text in triggers for length in range(1, len(text)))

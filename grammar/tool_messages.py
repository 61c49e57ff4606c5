"""What a model wrote, with the calls of tools in it: `ToolMessage` and `ToolCall`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: the name of a tool and the JSON object of its arguments.

    Attributes:
        number: what the model counts the call by, in formats that have such a number (Kimi K2).
    """

    name: str
    arguments: dict[str, Any]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """A whole message.

    Attributes:
        text: the free text, exactly as it is written; "" if there is none.
        calls: the calls in their order.
        reasoning: what was reasoned before, without its tags; None if there was no such span.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None

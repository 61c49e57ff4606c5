"""Patterns that ECMA-262 reads without the flag u only: brackets that stand for themselves, as in `{{name}}`."""

from __future__ import annotations

import json
import re
from typing import Any

from .json_places import Place, Schema, all_places

_PIECES = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\{[0-9]+(?:,[0-9]*)?\}|[\]{}]", re.DOTALL)
_UNICODE = re.compile(r"\\[pPu]\{")


def loosened(schema: Schema) -> Schema | None:
    """The schema with a backslash before each bracket in patterns that stands for itself; None if there is none.

    The flag u demands it, and so does the canonical form; without the flag it changes nothing (appendix B.1.2). Patterns
    with escapes that mean something with the flag alone stay as they are.
    """
    copy: Schema = json.loads(json.dumps(schema))
    found = False
    for place in all_places(Place(copy)):
        own: dict[str, Any] = place.schema
        if isinstance(own.get("pattern"), str):
            found |= own["pattern"] != escaped(own["pattern"])
            own["pattern"] = escaped(own["pattern"])
        if isinstance(own.get("patternProperties"), dict):
            found |= any(pattern != escaped(pattern) for pattern in own["patternProperties"])
            own["patternProperties"] = {escaped(key): value for key, value in own["patternProperties"].items()}
    return copy if found else None


def escaped(pattern: str) -> str:
    """The pattern with a backslash before each bracket that stands for itself: "{{.+}}" -> r"\\{\\{.+\\}\\}"."""
    if _UNICODE.search(pattern):
        return pattern
    return _PIECES.sub(lambda piece: "\\" + piece[0] if piece[0] in "]{}" else piece[0], pattern)

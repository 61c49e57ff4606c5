"""Names of tools and arguments in texts that are not JSON: which can be written and found again."""

from __future__ import annotations

import keyword
import unicodedata


def is_name(name: str, in_python: bool, following: str) -> bool:
    """Whether a name can be written where `following` stands behind it.

    In Python it is an identifier, and spelled as Python reads it (PEP 3131: normal form KC).
    """
    if in_python:
        plain = unicodedata.normalize("NFKC", name) == name and name.isidentifier()
        return plain and not keyword.iskeyword(name) and name != "__debug__"
    return bool(name) and following[:1] not in name and "\n" not in name

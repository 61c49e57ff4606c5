"""Reads the official JSON-Schema-Test-Suite: groups of tests by draft and file, each instance as the file spells it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any] | bool

SUITE_FOLDER = Path("json-schema-test-suite")
DRAFTS = ("draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")
FORMAT_SUFFIX = "/format"
_REMOTE_ADDRESS = "http://localhost:1234/"


@dataclass(frozen=True, slots=True)
class Test:
    """An instance as text, and whether it is valid."""

    __test__ = False  # not one of pytest's

    name: str
    text: str
    valid: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Tests of one schema. `section` is the draft, with "/format" behind it for its optional tests of formats."""

    section: str
    file: str
    name: str
    schema: Schema
    tests: tuple[Test, ...]

    @property
    def draft(self) -> str:
        """As the option `draft` of `json_schema` takes it: "4", ..., "2020-12"."""
        return self.section.removesuffix(FORMAT_SUFFIX).removeprefix("draft")

    @property
    def is_format(self) -> bool:
        """Whether the tests are about formats as assertions, which is optional."""
        return self.section.endswith(FORMAT_SUFFIX)


def read_groups(suite: Path) -> Iterator[Group]:
    """All required tests of the five drafts, each draft followed by its optional tests of formats."""
    for draft in DRAFTS:
        for section, folder in ((draft, draft), (draft + FORMAT_SUFFIX, f"{draft}/optional/format")):
            for file in sorted((suite / "tests" / folder).glob("*.json")):
                yield from _groups_of(section, file)


def read_remotes(suite: Path) -> dict[str, Schema]:
    """The schemas that the suite refers to, by the address it knows them under."""
    files = sorted((suite / "remotes").rglob("*.json"))
    return {_REMOTE_ADDRESS + file.relative_to(suite / "remotes").as_posix(): _load(file) for file in files}


def digest(suite: Path) -> str:
    """Tells one edition of the suite from another."""
    state = hashlib.sha256()
    for folder in (*DRAFTS, *(f"{draft}/optional/format" for draft in DRAFTS)):
        for file in sorted((suite / "tests" / folder).glob("*.json")):
            state.update(file.relative_to(suite).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return state.hexdigest()


def _groups_of(section: str, file: Path) -> Iterator[Group]:
    spelled = json.loads(file.read_text(encoding="utf-8"), parse_float=_Spelling, parse_int=_Spelling)
    for group, written in zip(_load(file), spelled, strict=True):
        tests = [
            Test(test["description"], spell(instance["data"]), test["valid"])
            for test, instance in zip(group["tests"], written["tests"], strict=True)
        ]
        yield Group(section, file.name, group["description"], group["schema"], tuple(tests))


def _load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


class _Spelling(str):
    """The text of a number."""

    __slots__ = ()


def spell(value: Any) -> str:
    """As `json.dumps` without spaces writes it, characters as themselves, and numbers as they were read."""
    match value:
        case _Spelling():
            return str(value)
        case dict():
            return "{" + ",".join(f"{_text(name)}:{spell(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(spell, value)) + "]"
        case str():
            return _text(value)
        case _:
            return json.dumps(value)


def _text(value: str) -> str:
    is_lone = any("\ud800" <= character <= "\udfff" for character in value)
    return json.dumps(value, ensure_ascii=is_lone)

"""What the parts of the JSON Schema front end need of each other: the translator, as they see it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

from jsonschema_rs import CanonicalSchema

from .ir import JsonLayout, Node, Regex
from .json_places import Part

PropertyOrder: TypeAlias = Literal["declared", "any"]


class Translator(Protocol):
    """Translates canonical schemas to nodes, with the options of one run."""

    layout: JsonLayout
    unique: bool
    """Whether each value must have one spelling: inside arrays whose items must differ."""

    property_order: PropertyOrder

    @property
    def fractions(self) -> bool:
        """Whether a whole number may have a fraction of zeros: if it is an option, and where spelling is not unique."""

    @property
    def any_value(self) -> Node:
        """Every value."""

    def spend(self, work: int) -> None:
        """Count schemas that came of others. Raises LimitError if they are too many."""

    def spelled_uniquely(self, on: bool) -> AbstractContextManager[None]:
        """What is translated meanwhile has one spelling for each value, if `on`."""

    def node(self, schema: CanonicalSchema, part: Part) -> Node:
        """The values of `schema` as JSON text; `NO_VALUE` if there is none."""

    def known(self, schema: CanonicalSchema) -> Node | None:
        """What `node` returns for a schema wherever it stands, if that has been found."""

    def content(self, schema: CanonicalSchema, part: Part) -> Regex:
        """The strings of `schema`, decoded; `ir.NOTHING` if there is none."""

    def outside(self, schema: CanonicalSchema, part: Part) -> Regex:
        """Strings that are not of `schema`: not the complement of `content`, where a format is written narrowly."""

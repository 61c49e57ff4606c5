"""The algebra of schemas: from a source schema to its canonical form.

The algebra (conjunction of `allOf`, negation, `oneOf`, conditions, `unevaluated...`, emptiness) is that of the package
jsonschema-rs: `canonicalize` turns a schema into a tree of typed views without these operators. What was found before
it was chosen: on thousands of real schemas its form agreed with `jsonschema` on every instance, it takes a tenth of a
millisecond at the median, and it says so (`RawView`) where it does not model something. What it does not give is made
elsewhere: property order and pointers (`json_places.py`); the operators it leaves symbolic where a reference is
involved (`json_operators.py`); a limit on schemas whose cases multiply (`json_cases.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import jsonschema_rs
from jsonschema_rs import CanonicalSchema, canonical

from .errors import SchemaError, UnsupportedSchemaError
from .json_apart import set_apart
from .json_cases import check_cases
from .json_chains import untangled
from .json_depth import cut
from .json_dialects import in_standard_dialect, make_references_plain
from .json_formats_given import with_formats
from .json_formats_unknown import refuse_unknown_formats
from .json_mistakes import malformed, unreadable
from .json_patterns import loosened
from .json_places import Place, Schema, Source
from .json_reading import Reading, dialect
from .json_registry import identifier, join
from .json_rewriting import in_other_words
from .limits import DEFAULT_LIMITS, Limits

_DOCUMENT = "json-schema:///"
"""What a document without a name is called by jsonschema-rs."""
_Read: TypeAlias = "Callable[[Schema, Reading, int | None], tuple[CanonicalSchema, Schema]]"


def canonicalize(
    schema: Schema, reading: Reading, limits: Limits = DEFAULT_LIMITS, *, rewritten: bool = False
) -> tuple[CanonicalSchema, Source]:
    """The canonical form of a schema, and the places it comes from. Nothing is fetched.

    `rewritten`: in other words (`json_rewriting.py`), which takes longer, and has a form more often.

    Raises:
        SchemaError: the schema is malformed; the place is that of the first mistake.
        UnsupportedSchemaError: an unknown dialect, a reference to an unknown document, too deep.
        LimitError: its branches are too many, or have too many cases.
    """
    read: _Read = _in_other_words if rewritten else _as_written
    if rewritten and reading.has_conditions(schema):
        schema, reading = untangled(schema), replace(reading, conditions=True)
    source = Source(schema, old_references=False, registry=reading.registry)
    if reading.unknown_formats == "refuse":
        refuse_unknown_formats(source)
    origins: dict[str, Place] = {}
    try:
        apart = _apart(schema, reading, read) if check_cases(source, limits) else None
        if apart is not None:
            return apart
        form, document = _patiently(schema, reading, read)
    except canonical.CanonicalizationError as error:
        raise unreadable(source, str(error)) from error
    except (ValueError, TypeError) as error:
        if isinstance(error, SchemaError):
            raise
        if "ecursion" not in str(error):
            raise SchemaError("", "", f"the schema is not JSON: {error}") from error
        flat, origins = cut(schema)
        form, document = _in_some_draft(flat, reading, _as_written)[0], schema
    source = Source(document, old_references=form.draft <= 7, registry=reading.registry)
    source.origins.update(origins)
    return form, source


def _apart(schema: Schema, reading: Reading, read: _Read) -> tuple[CanonicalSchema, Source] | None:
    """The form with the branches of large `oneOf` set apart; None if that is not possible, or there is a mistake."""
    try:
        divided, origins = set_apart(schema)
        form, document = _in_some_draft(divided, reading, read)
    except (canonical.CanonicalizationError, ValueError, TypeError):
        return None  # whatever it is, the schema as it is written tells better
    is_same = document is divided
    source = Source(schema if is_same else document, old_references=form.draft <= 7, registry=reading.registry)
    source.origins.update(origins if is_same else {})
    return form, source


def _patiently(schema: Schema, reading: Reading, read: _Read) -> tuple[CanonicalSchema, Schema]:
    """The form, with brackets in patterns escaped if it takes that."""
    try:
        return _in_some_draft(schema, reading, read)
    except UnsupportedSchemaError:
        raise
    except (canonical.CanonicalizationError, SchemaError):
        loose = loosened(schema)
        if loose is None:
            raise
        return _in_some_draft(loose, reading, read)


def _in_some_draft(schema: Schema, reading: Reading, read: _Read) -> tuple[CanonicalSchema, Schema]:
    mistake: jsonschema_rs.ValidationError | None = None
    for draft in reading.drafts(schema):
        try:
            told, registry = schema, reading.registry
            if reading.formats == "assertion":
                told, registry = with_formats(schema, registry, draft or dialect(schema))
            form, document = read(told, replace(reading, registry=registry), draft)
            return form, schema if document is told else document
        except jsonschema_rs.ValidationError as error:
            mistake = mistake or error
    assert mistake is not None
    raise malformed(schema, mistake) from mistake


def _as_written(schema: Schema, reading: Reading, draft: int | None) -> tuple[CanonicalSchema, Schema]:
    return jsonschema_rs.canonicalize(schema, **reading.options(schema, draft)), schema


def _in_other_words(schema: Schema, reading: Reading, draft: int | None) -> tuple[CanonicalSchema, Schema]:
    """The form of a document that is nothing but a reference to the rewritten one, which makes its root a definition.

    References to the root of its own document are what jsonschema-rs does not negate.
    """
    schema = in_standard_dialect(schema, reading.registry)
    number = draft or dialect(schema)
    document = in_other_words(schema, number)
    name = join(_DOCUMENT, identifier(document) or "").partition("#")[0]
    make_references_plain(document, name, number)
    others = {uri: in_other_words(other, number) for uri, other in reading.registry.items() if isinstance(other, dict)}
    beginning = {"$ref": name, **({"$schema": schema["$schema"]} if "$schema" in schema else {})}
    apart = replace(reading, registry={**reading.registry, **others, name: document})
    options = apart.options(beginning, draft)
    return jsonschema_rs.canonicalize(beginning, base_uri=_DOCUMENT + "beginning", **options), document

"""Python types as constraints: the JSON schema of a type, and the instance that a JSON text stands for.

Pydantic's `TypeAdapter` does both, so everything it takes is taken here: models, dataclasses, TypedDict, NamedTuple, Enum,
Literal, unions, containers, dates, generics, recursive types. A function stands for its parameters.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PydanticSchemaGenerationError,
    PydanticUserError,
    TypeAdapter,
    create_model,
)
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo

from .errors import UnsupportedSchemaError
from .python_schema import ReadableSchema


@dataclass(frozen=True)
class PythonType:
    """A type that can be constrained to: `schema()` says which JSON it is read from, `parse` reads it.

    Raises `TypeError` when made from something that is not a type or whose annotations cannot be resolved.
    """

    source: Any

    def __post_init__(self) -> None:
        _ = self._reader

    def schema(self) -> dict[str, Any]:
        """The JSON schema (draft 2020-12) of the JSON that `parse` reads.

        Raises `UnsupportedSchemaError` if no schema can say which JSON that is.
        """
        try:
            return self._reader.json_schema(mode="validation", schema_generator=ReadableSchema)
        except PydanticInvalidForJsonSchema as error:
            raise UnsupportedSchemaError("", "", f"{self.source!r:.80}: {error.message}") from None
        except PydanticUserError as error:
            raise TypeError(f"{self.source!r:.80}: {error}") from None

    def parse(self, text: str) -> Any:
        """The instance; for a function, the validated keyword arguments that the text gives.

        Raises `pydantic.ValidationError` (a `ValueError`).
        """
        value = self._reader.validate_json(text)
        return _given_arguments(value) if is_function(self.source) else value

    @functools.cached_property
    def _reader(self) -> TypeAdapter[Any]:
        try:
            if isinstance(self.source, TypeAdapter):
                return self.source
            return TypeAdapter(parameters_model(self.source) if is_function(self.source) else self.source)
        except (PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
            raise TypeError(
                f"{self.source!r:.80} is neither a JSON schema nor a type that Pydantic reads: {error}"
            ) from None

    def __reduce__(self) -> tuple[object, ...]:
        return PythonType, (self.source,)


def is_function(source: object) -> bool:
    """Whether `source` stands for its parameters: a function, a method, or a partial of one."""
    return inspect.isroutine(source) or isinstance(source, functools.partial)


def parameters_model(function: Any) -> type[BaseModel]:
    """A model with one field for each parameter, read and written under the parameter's name.

    The fields have names of their own, because a parameter may be named as a method of a model is. Raises `TypeError`
    for parameters that JSON cannot name.
    """
    try:
        signature = inspect.signature(function, eval_str=True)
    except ValueError as error:
        raise TypeError(f"{function!r}: {error}") from None
    name = getattr(function, "__name__", "arguments")
    fields: dict[str, Any] = {}
    for index, parameter in enumerate(signature.parameters.values()):
        fields[f"argument_{index}"] = _field(name, parameter)
    model: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    model.model_rebuild()  # says which annotation cannot be resolved
    return model


def _field(function: str, parameter: inspect.Parameter) -> tuple[Any, Any]:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise TypeError(
            f"{function}: the parameter {parameter} is {parameter.kind.description}, so JSON cannot name it"
        )
    annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
    default = ... if parameter.default is parameter.empty else parameter.default
    if isinstance(default, FieldInfo):
        return annotation, FieldInfo.merge_field_infos(default, alias=parameter.name, validation_alias=parameter.name)
    return annotation, Field(default, alias=parameter.name)


def _given_arguments(arguments: BaseModel) -> dict[str, Any]:
    fields = type(arguments).model_fields.items()
    return {str(field.alias): getattr(arguments, name) for name, field in fields if name in arguments.model_fields_set}

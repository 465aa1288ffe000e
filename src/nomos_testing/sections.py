"""Sections of a scenario file: the base of their pydantic models, number types, and the text of their errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A frozen pydantic model that refuses unknown fields and converts no types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OneOf(Section):
    """A section of which exactly one key is given, for example a word."""

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        fields = type(self).model_fields
        given = [name for name in fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(fields)}; got {', '.join(given) or 'none'}")
        return self

    def given(self) -> tuple[str, Any]:
        """Return the key and its value."""
        ((name, value),) = (
            (name, getattr(self, name)) for name in type(self).model_fields if getattr(self, name) is not None
        )
        return name, value


def problem_of(error: Mapping[str, Any]) -> str:
    """Say what one of pydantic's errors found: ``expected less than or equal to 1 (got 2)``."""
    match error["type"]:
        case "extra_forbidden":
            return "unknown field"
        case "missing":
            return "is missing"
    text = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")
    given = error["input"]
    return text + (f" (got {given!r})" if isinstance(given, str | int | float | bool | None) else "")

"""A section of params.yaml becomes a frozen, range-checked type; each stage's `params.py` has the fields."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from stages.failure import ParameterError as ParameterError
from stages.read_yaml import read_yaml as read_yaml

SHOWN = 60  # characters of a value that a message shows
# What a value must be, by pydantic's name of the error: the value is of another kind.
KINDS = {
    "int_type": "must be a whole number, without quotes and without a point",
    "float_type": "must be a number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "string_type": "must be text; put it in quotes if it looks like a number or a date",
    "tuple_type": "must be a list such as [a, b]",
    "none_required": "must be null",
    "model_type": "must be a mapping",
}


class Section(BaseModel):
    """Base of every section: frozen, strict in its types, finite, and closed to unknown keys.

    YAML's lists become tuples. An int is taken where a float is meant, nothing else is converted.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=False, strict=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


T = TypeVar("T", bound=Section)


def load_section(path: Path | str, name: str, model: type[T]) -> T:
    """Section `name` of the file, checked.

    Raises:
        ParameterError: one line for each problem: key, value, rule, remedy.
    """
    return check_section(name, read_yaml(path).get(name), model, path)


def check_section(name: str, values: Any, model: type[T], path: Path | str = "params.yaml") -> T:
    """The values as the section's type, or a ParameterError with a line for each problem."""
    if values is None:
        raise ParameterError(f"section `{name}` is missing in {path}; write it, as in the README")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ParameterError("\n".join(_sentences(name, error.errors(), model))) from None


def nearest(word: str, known: list[str]) -> str:
    """`did you mean x? ` where a known name is near, and the list of them."""
    near = difflib.get_close_matches(word, known, 1, 0.5)
    return (f"did you mean {near[0]}? " if near else "") + f"known: {', '.join(known)}"


def _sentences(section: str, errors: list[ErrorDetails], model: type[BaseModel]) -> list[str]:
    """One for each key: where a value may be of several kinds, its errors for all of them become one."""
    by_key: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for detail in errors:
        by_key.setdefault(tuple(p for p in detail["loc"] if not _is_variant(p)), []).append(detail)
    sentences = []
    for location, details in by_key.items():
        of_kind = [d for d in details if d["type"] in KINDS]
        deeper = any(k[: len(location)] == location and len(k) > len(location) for k in by_key)
        if of_kind and not deeper and len(of_kind) == len(details):
            rules = " or ".join(dict.fromkeys(KINDS[d["type"]] for d in details))
            key, value = _key(section, location), _shown(details[0]["input"])
            sentences.append(f"{key} = {value}: {rules}; change it in params.yaml")
        others = (d for d in details if d["type"] not in KINDS)
        sentences += [_sentence(section, location, detail, model) for detail in others]
    return list(dict.fromkeys(sentences))


def _sentence(
    section: str, location: tuple[int | str, ...], detail: ErrorDetails, model: type[BaseModel]
) -> str:
    key = _key(section, location)
    if detail["type"] == "extra_forbidden":
        near = nearest(str(location[-1]), _names(model, location[:-1]))
        return f"{key} is not a parameter; {near}"
    if detail["type"] == "missing":
        return f"{key} is missing; write it under `{section}:` in params.yaml"
    rule = detail["msg"].removeprefix("Value error, ")
    rule = rule[0].lower() + rule[1:]
    value = detail["input"]
    if detail["type"] == "value_error":
        return f"{key}: {rule}" if isinstance(value, dict) else f"{key} = {_shown(value)}: {rule}"
    return f"{key} = {_shown(value)}: {rule}; change it in params.yaml"


def _key(section: str, location: tuple[int | str, ...]) -> str:
    return ".".join([section, *(str(p) for p in location)])


def _shown(value: Any) -> str:
    """The value as YAML has it, and short."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _is_variant(part: int | str) -> bool:
    """Whether a part of pydantic's location is the name of a union's variant, not a key."""
    return (isinstance(part, str) and not re.fullmatch(r"[a-z_]+", part)) or part in (
        "int", "float", "str", "bool", "tuple", "none", "date",
    )  # fmt: skip


def _names(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that are known at a location in the section."""
    for part in location:
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = [field.annotation] if field else []
        inner += list(getattr(field.annotation, "__args__", ())) if field else []
        nested = [t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return [field.alias or name for name, field in model.model_fields.items()]

"""A section of params.yaml becomes a frozen, range-checked type. No fields here: each stage has its own."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class ParameterError(ValueError):
    """A value of params.yaml breaks a rule; the message names key, value, rule and remedy."""


class Section(BaseModel):
    """Base of every section: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


T = TypeVar("T", bound=Section)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads 1e-05, as DVC writes 0.00001, as a string; this loader reads a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The whole file as a mapping.

    Raises:
        ParameterError: it is not there, no YAML, or no mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ParameterError(f"{path} is not there; run from the folder that holds it") from error
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise ParameterError(f"{path} is no YAML: {error}; mend that line") from error
    if not isinstance(found, dict):
        raise ParameterError(
            f"{path} must hold sections such as `train:`, not {type(found).__name__}"
        )
    return found


def load_section(path: Path | str, name: str, model: type[T]) -> T:
    """Section `name` of the file, checked.

    Raises:
        ParameterError: one line for each problem: key, value, rule, remedy.
    """
    values = read_yaml(path).get(name)
    if values is None:
        raise ParameterError(f"section `{name}` is missing in {path}; write it, as in the README")
    return check_section(name, values, model)


def check_section(name: str, values: Any, model: type[T]) -> T:
    """The values as the section's type, or a ParameterError with a line for each problem."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = dict.fromkeys(_sentence(name, detail, model) for detail in error.errors())
        raise ParameterError("\n".join(lines)) from None


def nearest(word: str, known: list[str]) -> str:
    """`did you mean x? ` where a known name is near, and the list of them."""
    found = difflib.get_close_matches(word, known, 1, 0.5)
    return (f"did you mean {found[0]}? " if found else "") + f"known: {', '.join(known)}"


def _sentence(section: str, detail: ErrorDetails, model: type[BaseModel]) -> str:
    places = [p for p in detail["loc"] if not _is_variant(p)]
    key = ".".join([section, *(str(p) for p in places)])
    if detail["type"] == "extra_forbidden":
        return f"{key} is no parameter; {nearest(str(places[-1]), _names(model, places[:-1]))}"
    if detail["type"] == "missing":
        return f"{key} is missing; write it under `{section}:` in params.yaml"
    rule = detail["msg"].removeprefix("Value error, ")
    rule = rule[0].lower() + rule[1:]
    value = detail["input"]
    if detail["type"] == "value_error":
        return f"{key} = {value!r}: {rule}" if not isinstance(value, dict) else f"{key}: {rule}"
    return f"{key} = {value!r}: {rule}; change it in params.yaml"


def _is_variant(place: int | str) -> bool:
    """Whether a place in pydantic's path is the name of a union's variant, not a key."""
    return (isinstance(place, str) and not re.fullmatch(r"[a-z_]+", place)) or place in (
        "int", "float", "str", "bool", "list", "none", "date",
    )  # fmt: skip


def _names(model: type[BaseModel], places: list[int | str]) -> list[str]:
    """The keys that are known at a place of the section."""
    for place in places:
        field = next((f for n, f in model.model_fields.items() if place in (n, f.alias)), None)
        inner = [field.annotation] if field else []
        inner += list(getattr(field.annotation, "__args__", ())) if field else []
        nested = [t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return [field.alias or name for name, field in model.model_fields.items()]

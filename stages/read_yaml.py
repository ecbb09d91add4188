"""params.yaml as DVC reads it, or an error of one sentence: what is wrong, in which line, and what to do.

DVC reads YAML 1.2 by ruamel.yaml's safe loader, and so does this module: `010` is 10 and `1:0` is text, in
the stage that trains as in dvc.lock, which records what was trained. What nobody would mean is refused.
"""

from __future__ import annotations

import re
import warnings
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from stages.failure import ParameterError

LARGEST = 1 << 20  # bytes: parsing takes about three seconds for as many
MOST_VALUES = 100_000  # with every alias written out
LONGEST_INT = 1000  # bits; far longer ones cannot even be shown
_TAG = "tag:yaml.org,2002:"
_NAMES = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge")
_PLAIN = {_TAG + name for name in _NAMES}

_KINDS = {"int": "whole number", "float": "number", "bool": "truth value"}


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The whole file as a mapping.

    Raises:
        ParameterError: it is missing, too large, not text, or not a mapping that can be read in one way only.
    """
    text = _text(Path(path))
    if re.search(r"^\ufeff?%YAML", text, re.MULTILINE):
        raise ParameterError(f"{path} has a line %YAML, and DVC reads YAML 1.2; take that line out")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", YAMLWarning)
            # A loader keeps settings of an earlier document, so every reading gets a new one.
            loader = YAML(typ="safe")
            root = loader.compose(text)
            if not isinstance(root, MappingNode):
                raise ParameterError(f"{path} must hold sections such as `train:`; see the README")
            _Nodes(path, loader).count(root)
            values: dict[str, Any] = YAML(typ="safe").load(text)
            return values
    except YAMLWarning:
        raise ParameterError(f"{path}: an anchor (&) appears twice; rename one") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        reason = str(error.problem or error.context).splitlines()[0]
        raise ParameterError(f"{path}{where}: not valid YAML ({reason}); fix that line") from None
    except YAMLError as error:
        reason = str(error).splitlines()[0]
        raise ParameterError(f"{path}: not valid YAML ({reason}); take that out") from None
    except RecursionError:
        raise ParameterError(f"{path} is nested too deep; five levels are enough") from None


def _text(path: Path) -> str:
    if path.is_dir():
        raise ParameterError(f"{path} is a folder; move it away and write the file of parameters")
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise ParameterError(
                f"{path} has {size:,} bytes, and a file of parameters at most {LARGEST:,}; take out what is "
                "not a parameter"
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParameterError(f"{path} is not there; run from the folder that holds it") from None
    except UnicodeDecodeError as error:
        byte = error.start + 1
        raise ParameterError(
            f"{path} is not UTF-8 (byte {byte} is not); save it as UTF-8"
        ) from None
    except OSError as error:
        reason = error.strerror
        raise ParameterError(f"{path} cannot be read ({reason}); make it a readable file") from None


class _Nodes:
    """Looks at the parsed lines before they become values: for the sentences that only lines can give."""

    def __init__(self, path: Path | str, loader: YAML) -> None:
        self.path, self.loader = path, loader
        self.sizes: dict[int, int] = {}
        self.open: set[int] = set()

    def count(self, node: Node) -> int:
        """How many values the node holds, every alias written out.

        Raises:
            ParameterError: a key appears twice or is not text, a value has a tag that no parameter has or
                is not what its spelling promises, or aliases contain themselves or too many values.
        """
        identity = id(node)
        if identity in self.open:
            raise self._error(node, "an alias (*) lies within what it names; write the value out")
        if identity not in self.sizes:
            if node.tag not in _PLAIN:
                tag = str(node.tag).replace(_TAG, "!!")
                raise self._error(node, f"the tag {tag} is not for parameters; take it out")
            self.open.add(identity)
            self.sizes[identity] = 1 + sum(self.count(child) for child in self._children(node))
            self.open.remove(identity)
            if self.sizes[identity] > MOST_VALUES:
                rule = f"this holds more than {MOST_VALUES:,} values; write fewer aliases (*)"
                raise self._error(node, rule)
        return self.sizes[identity]

    def _children(self, node: Node) -> list[Node]:
        if isinstance(node, ScalarNode):
            self._value(node)
            return []
        if not isinstance(node, MappingNode):
            return list(node.value)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag not in (_TAG + "str", _TAG + "merge"):
                rule = f"the key {_shown(key)} is not text; write a parameter's name"
                raise self._error(key, rule)
            if key.value in lines:
                first = lines[key.value] + 1
                raise self._error(
                    key, f"`{key.value}` appears twice (first in line {first}); keep one"
                )
            lines[key.value] = key.start_mark.line
        return [value for _, value in node.value]

    def _value(self, node: ScalarNode) -> None:
        try:
            value = self.loader.constructor.construct_object(node)
            if isinstance(value, int) and value.bit_length() > LONGEST_INT:
                raise OverflowError
            if isinstance(value, date):
                rule = f"DVC does not take {node.value} as a date; put it in quotes: '{node.value}'"
                raise self._error(node, rule)
        except ParameterError:
            raise
        except (ValueError, LookupError, OverflowError):
            kind = _KINDS.get(str(node.tag).removeprefix(_TAG), "date")
            rule = f"{_shown(node)} cannot be read as a {kind}; correct it, or put it in quotes if it is text"
            raise self._error(node, rule) from None

    def _error(self, node: Node, rule_and_remedy: str) -> ParameterError:
        return ParameterError(f"{self.path}, line {node.start_mark.line + 1}: {rule_and_remedy}")


def _shown(node: Node) -> str:
    text = f"'{node.value}'" if isinstance(node, ScalarNode) else "of several values"
    return text if len(text) <= 60 else f"{text[:60]}…"

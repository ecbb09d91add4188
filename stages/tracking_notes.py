"""What a stage leaves to be logged: a note of its files and parameters, kept until MLflow has them.

Starting MLflow takes seconds, longer than most stages; so the stages of one `dvc repro` leave notes (a file
each, in `mlflow/pending` of the working folder) and the last one logs them all. A note holds the digest of
its files: when they have changed since, it is of no use any more and is passed over.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stages.params import read_yaml

# The paths that each stage is handed, by flag; its numbers depend on its section and those before it.
FLAGS = {
    "prepare": ("series",),
    "window": ("development",),
    "train": ("development", "fits"),
    "evaluate": ("development", "fits", "scores"),
    "report": ("development", "fits", "scores", "report"),
}
STAGES = tuple(FLAGS)
# The stages that do not wait for MLflow, and whether one core is likely to be free after them.
DEFERRED = {"prepare": False, "window": False, "train": True, "evaluate": True}
FOLDER = Path("mlflow", "pending")
PACKAGES = ("numpy", "numba", "scipy", "pandas")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "30",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def digest(*parts: bytes | str) -> str:
    """sha256 of the parts, each with its length, in hex."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "little") + raw)
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file, or of a folder's names and files (hidden ones left out)."""
    if path.is_dir():
        listed = sorted(p for p in path.iterdir() if not p.name.startswith("."))
        return digest(*(part for p in listed for part in (p.name, file_digest(p))))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}.{name}" if prefix else name
        flat |= flatten(value, key) if isinstance(value, Mapping) else {key: value}
    return flat


@dataclass(frozen=True)
class Note:
    """One stage's files, still to be logged.

    paths: the flag of each path → the absolute path. params: dotted. tags: what the environment told then.
    content: digest of the files.
    """

    stage: str
    paths: dict[str, str]
    params: dict[str, Any]
    tags: dict[str, str]
    content: str

    def save(self) -> None:
        """Write the note; an older one of the same stage is replaced, as its files were."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        partial = FOLDER / f".{self.stage}.{os.getpid()}"
        partial.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")
        partial.replace(FOLDER / f"{self.stage}.json")

    def discard(self) -> None:
        """Forget the note, but not a newer one of the same stage."""
        if self in pending():
            (FOLDER / f"{self.stage}.json").unlink(missing_ok=True)

    def current(self) -> bool:
        """Whether the files are still those that the note is about."""
        try:
            return content(self.paths) == self.content
        except FileNotFoundError:
            return False


def content(paths: Mapping[str, str]) -> str:
    """Digest of all files of a note."""
    return digest(
        *(part for flag, p in sorted(paths.items()) for part in (flag, file_digest(Path(p))))
    )


def pending() -> list[Note]:
    """The notes of this working folder, in the order of the stages; what is no note is passed over."""
    found = []
    for path in (FOLDER / f"{stage}.json" for stage in STAGES):
        with suppress(FileNotFoundError, TypeError, ValueError):
            found.append(Note(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def start_flush() -> None:
    """Log the notes in a process of its own, which nobody waits for; what it cannot log stays noted."""
    silent = subprocess.DEVNULL
    command = [sys.executable, "-m", "stages.tracking", "flush"]
    subprocess.Popen(  # noqa: S603
        command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True
    )


def note_of(stage: str, paths: Mapping[str, Path]) -> Note:
    """A note of these files and of params.yaml as it stands."""
    found, sections = read_yaml("params.yaml"), STAGES[: STAGES.index(stage) + 1]
    params = flatten({section: found.get(section) or {} for section in sections})
    absolute = {flag: str(path.resolve()) for flag, path in paths.items()}
    return Note(stage, absolute, params, surroundings(), content(absolute))


def surroundings() -> dict[str, str]:
    """Tags that tell where a run was made: versions, instruction set, the experiment of DVC."""
    tags = {
        "versions": ", ".join(
            [f"python {platform.python_version()}"] + [f"{p} {version(p)}" for p in PACKAGES]
        ),
        "instruction_set": f"{platform.machine()} {os.environ.get('MKL_CBWR', 'as found')}",
    }
    names = {"dvc.exp_name": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    return tags | {tag: os.environ[name] for tag, name in names.items() if os.environ.get(name)}


def arguments(argv: list[str] | None, text: str) -> tuple[str, dict[str, Path]]:
    """The stage (or `flush`) and its paths by flag."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="stages.tracking", description=text, formatter_class=form)
    commands = parser.add_subparsers(dest="stage", required=True)
    commands.add_parser("flush", help="log what earlier runs have left")
    for stage, flags in FLAGS.items():
        command = commands.add_parser(stage, help=f"log the files of {stage}")
        for flag in flags:
            command.add_argument(f"--{flag}", type=Path, required=True)
    found = vars(parser.parse_args(argv))
    return found.pop("stage"), found


def root() -> Path:
    """The repository: DVC's root (a queued experiment's is the one it was started from), or git's."""
    if os.environ.get("DVC_ROOT"):
        return Path(os.environ["DVC_ROOT"]).resolve()
    here = Path.cwd().resolve()
    return next((p for p in (here, *here.parents) if (p / ".git").exists()), here)


def quieten() -> None:
    """MLflow's telemetry, chatter and patience off, where the user has not set them; before its import."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("urllib3", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)

"""What the pages for people name is there: links, files of the repository, outputs, targets of make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.closure import ROOT

PAGES = [
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "mlflow/README.md", "data/raw/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
]  # fmt: skip
# In back quotes: a path from the repository's root, up to a `*` or `<cell>` in it, or a file at the root.
PATHS = re.compile(r"`((?:stages|tests|benchmarks|docs|data|\.github|\.ci)/[\w./-]*)")
AT_ROOT = re.compile(r"`([A-Z]+\.md|[\w-]+\.(?:toml|yaml|cff|lock))`")


def outputs() -> list[str]:
    """The files and folders that stages write."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    outs = [out for stage in stages for kind in ("outs", "metrics") for out in stage.get(kind, ())]
    return [next(iter(out)) if isinstance(out, dict) else out for out in outs]


def text_of(name: str) -> str:
    """The page; of the changelog the newest version alone, since older ones may name what is gone."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return "## ".join(text.split("## ")[:2]) if name == "CHANGELOG.md" else text


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for link in re.findall(r"\]\(([^)#:]+)\)", text_of(name)):
        assert (ROOT / name).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("name", PAGES)
def test_files_exist_or_are_outputs(name):
    text = text_of(name)
    for file in PATHS.findall(text) + AT_ROOT.findall(text):
        parents = [path.as_posix() for path in (Path(file), *Path(file).parents)]
        assert (ROOT / file).exists() or not {*parents}.isdisjoint(outputs()), file


@pytest.mark.parametrize("name", PAGES)
def test_targets_of_make_exist(name):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make\s+([a-z-]+)", text_of(name)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

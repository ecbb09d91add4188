"""One version: pyproject.toml, CITATION.cff and the newest heading of CHANGELOG.md agree."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.support.closure import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
# A version's heading, and the paragraph under it.
RELEASES = re.findall(
    r"^## (\d+\.\d+\.\d+)\n\n(.+?)\n(?:\n|\Z)", CHANGELOG, re.MULTILINE | re.DOTALL
)


def test_the_version_and_its_date_are_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest, words = RELEASES[0]
    assert project["version"] == str(citation["version"]) == newest
    assert words.startswith(f"{citation['date-released']}. ")


def test_each_version_says_first_whether_members_are_trained_anew():
    headings = re.findall(r"^## (\d.*)", CHANGELOG, re.MULTILINE)
    assert [version for version, _ in RELEASES] == headings
    numbers = [tuple(map(int, version.split("."))) for version in headings]
    assert numbers == sorted(set(numbers), reverse=True)
    for version, words in RELEASES:
        assert re.match(r"\d{4}-\d\d-\d\d\. [^.]*\bmembers\b", words), version

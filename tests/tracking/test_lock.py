"""dvc.lock: read as DVC reads it, and what it says of a study."""

from __future__ import annotations

import math
import subprocess
import time
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import dumps_yaml, parse_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.tracking.history.digests import SECTIONS
from stages.tracking.history.lock import FLAGS, Lock
from stages.tracking.history.read_lock import read_lock
from stages.tracking.history.revisions import Repository
from tests.repository.test_read_yaml import SPELLINGS, as_dvc
from tests.support.closure import ROOT

TEXT = (ROOT / "dvc.lock").read_text(encoding="utf-8")
COMMITS = 200

words = st.text("01289_-+.eExobyn:~'\"#&*!|>%@`,[]{}? \n\u00e9=<", max_size=8) | st.sampled_from(
    [
        "yes",
        "no",
        "on",
        "010",
        "1:0",
        "0x10",
        "1_000",
        "1e3",
        ".5",
        "null",
        "~",
        "",
        "<<",
        "=",
        "2001-01-01",
    ]
)
scalars = words | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(words, v, max_size=3), max_leaves=8
)


@settings(max_examples=400, deadline=None)
@given(values)
def test_what_dvc_writes_is_read_as_dvc_reads_it(value):
    """Parameters of every kind, by DVC's writer."""
    text = dumps_yaml({"schema": "2.0", "stages": {"a": value}})
    assert repr(read_lock(text)) == repr(parse_yaml(text, "dvc.lock"))


# DVC writes neither dates nor tags into a lock.
WRITTEN = [
    s for s in SPELLINGS if as_dvc(f"a: {s}\n") and s[:4] != "2001" and s[:1] != "!" and len(s) < 99
]


@pytest.mark.parametrize("spelling", WRITTEN, ids=lambda s: repr(s[:20]))
def test_a_spelling_is_read_as_dvc_reads_it(spelling):
    text = f"a: {spelling}\n"
    assert repr(read_lock(text)) == repr(parse_yaml(text, "dvc.lock"))


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", "a: [", "<<<<<<< ours\na: 1\n=======\n", "a: 0x_\n"]
)
def test_what_dvc_cannot_read_is_no_study(text):
    with pytest.raises((yaml.YAMLError, ValueError)):
        read_lock(text)
    assert Lock.parse(text) is None


def test_the_committed_lock_is_a_study():
    assert repr(read_lock(TEXT)) == repr(parse_yaml(TEXT, "dvc.lock"))
    lock = Lock.parse(TEXT)
    assert lock is not None
    assert list(lock.sections) == list(SECTIONS)


def changed(more: dict[str, Any]) -> str:
    """dvc.lock with these stages added."""
    values = parse_yaml(TEXT, "dvc.lock")
    return str(dumps_yaml({**values, "stages": {**more, **values["stages"]}}))


def test_a_stage_without_params_hides_no_study():
    before, after = Lock.parse(TEXT), Lock.parse(changed({"fetch": {"cmd": "true"}}))
    assert before is not None
    assert after is not None
    assert after.key == before.key
    assert after.params == before.params


def test_a_section_is_that_of_its_stage_not_what_the_check_saw_later():
    """`dvc repro train` checks all sections anew, and leaves the report as it is."""
    params = parse_yaml(TEXT, "dvc.lock")["stages"]
    seen = {name: params[name]["params"]["params.yaml"][name] for name in SECTIONS}
    seen["report"] = {"rule": "minimum", "confidence": 0.5}
    before = Lock.parse(TEXT)
    after = Lock.parse(changed({"zz": {"cmd": "true", "params": {"params.yaml": seen}}}))
    assert before is not None
    assert after is not None
    assert after.sections == before.sections
    assert after.key == before.key


@pytest.mark.slow
def test_a_long_history_is_read_in_seconds(tmp_path):
    def stream() -> str:
        parts = []
        for i in range(COMMITS):
            data = TEXT.replace("5a", f"{i % 256:02x}") + f"# {i}\n"
            size = len(data.encode())
            parts.append(
                f"commit refs/heads/main\ncommitter a <a@example.org> {1000000000 + i} +0000\ndata 1\nx\n"
                f"M 644 inline dvc.lock\ndata {size}\n{data}\n"
            )
        return "".join(parts)

    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=tmp_path, check=True)
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=tmp_path, input=stream().encode(), check=True
    )
    begun = time.perf_counter()
    studies = Repository(tmp_path).studies()
    spent = time.perf_counter() - begun
    assert math.isclose(sum(len(s.revisions) for s in studies.values()), COMMITS)
    assert spent < 60, f"{COMMITS} locks took {spent:.1f} s"


def test_a_commit_older_than_a_renamed_flag_holds_its_study(monkeypatch):
    assert Lock.parse(TEXT.replace(" --fits ", " --networks ")) is None
    monkeypatch.setitem(FLAGS, "fits", ("--fits", "--networks"))
    renamed = Lock.parse(TEXT.replace(" --fits ", " --networks "))
    today = Lock.parse(TEXT)
    assert renamed is not None
    assert today is not None
    assert renamed.key == today.key

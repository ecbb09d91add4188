"""`sync`: MLflow gets what it lacks of the files; its runs are tagged with their commits and experiments."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stages.environment import PACKAGES, root
from stages.tracking.history.digests import SHORT
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.revisions import RecordedStudy, Repository, Revision
from stages.tracking.store.log import complain, log_notes
from stages.tracking.store.pending import pending

if TYPE_CHECKING:
    from stages.tracking.store.mirror import Entry, Mirror


def sync(wanted: list[str]) -> int:
    """Log the studies of these revisions, or of the workspace, all commits and all experiments.

    Returns:
        0; 1 where the store did not answer, or a study that was asked for by name has no files.
    """
    from stages.tracking.store.mirror import mirror

    repository = Repository(root())
    try:
        every = repository.studies()
        studies = repository.studies(wanted) if wanted else every
        logged = log_notes()
        with mirror() as store:
            runs = store.load()
        missing = [s for s in studies.values() if not complete(runs, s)]
        unlogged = {}
        for study in missing:
            try:
                with mirror() as store:  # one for each study: other processes may log in between
                    log(store, repository, study)
            except (UnavailableError, ValueError) as error:  # of another version of the code
                unlogged[study.key] = str(error)
        with mirror() as store:
            changed = tag_revisions(store, {**studies, **every}, store.load())
    except UnavailableError as error:
        print(f"sync: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        complain("the studies of files and cache", error)
        return 1
    _forget(studies.keys() - unlogged.keys())
    new = logged + len(missing) - len(unlogged)
    tagged = f"{changed} runs newly tagged with their commits and experiments"
    print(f"sync: {len(studies)} studies here, {new} logged now, {tagged}")
    for line in unlogged.values():
        print(f"sync: not logged: {line}", file=sys.stderr)
    return 1 if unlogged and wanted else 0


def complete(runs: list[Entry], study: RecordedStudy) -> bool:
    """Whether the store has the study's run, finished, and those of all its (cell, λ)."""
    short = study.key[:SHORT]
    entry = next(
        (e for e in runs if e.tags.get("kind") == "study" and e.tags["study"] == short), None
    )
    if entry is None or entry.run is None or entry.run.info.status != "FINISHED":
        return False
    logged = sum(e.tags.get("kind") == "member" and f"study.{short}" in e.tags for e in runs)
    return logged >= int(entry.run.data.params.get("members", 0))


def log(store: Mirror, repository: Repository, study: RecordedStudy) -> None:
    """Log a study from the cache, the workspace or a remote.

    Raises:
        UnavailableError: the files of no revision are available; the reason of the first.
    """
    from stages.tracking.store.runs import Files, log_study

    with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
        reasons = []
        for i, revision in enumerate(study.revisions):
            try:
                files = Files(**repository.fetch(revision, Path(name, str(i))))
            except UnavailableError as error:
                reasons.append(error)
                continue
            store.run_tags = _tags(repository, study, revision)
            log_study(store, study.key, revision.lock.params, files)
            store.write()
            return
    raise reasons[0]


def _tags(repository: Repository, study: RecordedStudy, revision: Revision) -> dict[str, str]:
    """What was noted when the study ran; else what its revision says."""
    for note in pending():
        if note.key == study.key:
            return note.tags
    pins = repository.text(revision.sha, "requirements.txt") if revision.sha else ""
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", pins, re.MULTILINE))
    versions = ", ".join(f"{p} {pinned[p]}" for p in PACKAGES if p in pinned)
    tags = {"versions": f"{versions} (as pinned)"} if versions else {}
    if revision.baseline:
        tags |= {"dvc.exp_name": revision.name, "dvc.baseline": revision.baseline}
    return tags


def tag_revisions(store: Mirror, studies: dict[str, RecordedStudy], runs: list[Entry]) -> int:
    """Tag runs with the commits and experiments that hold their study; how many changed."""
    by_short = {key[:SHORT]: study for key, study in studies.items()}
    changed = 0
    for entry in runs:
        shorts = [t.removeprefix("study.") for t in entry.tags if t.startswith("study.")]
        shorts = shorts or [entry.tags.get("study", "")]
        held = [by_short[short] for short in shorts if short in by_short]
        if held:
            changed += store.tag(entry, _revision_tags(held))
    return changed


def _revision_tags(studies: list[RecordedStudy]) -> dict[str, str]:
    commits = dict.fromkeys(r.shown for s in studies for r in s.commits())
    experiments = dict.fromkeys(r.name for s in studies for r in s.experiments())
    return {"commits": ", ".join(commits), "experiments": ", ".join(experiments)}


def _forget(logged: set[str]) -> None:
    """Drop the notes whose study is in the store, and those whose files are gone."""
    for note in pending():
        if note.key in logged or not Path(note.paths["fits"]).parent.exists():
            note.discard()

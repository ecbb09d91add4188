"""`sync`: MLflow gets what the files have and it lacks, and its runs are told where they stand."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stages.environment import PACKAGES, root
from stages.tracking.history.digests import SHORT
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.revisions import Repository, Revision, Study
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
        left = {}
        for study in missing:
            try:
                with mirror() as store:  # its own: others may log between two studies
                    log(store, repository, study)
            except UnavailableError as error:
                left[study.key] = str(error)
        with mirror() as store:
            changed = place(store, {**studies, **every}, store.load())
    except UnavailableError as error:
        print(f"sync: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        complain("what files and cache have", error)
        return 1
    _forget(studies.keys() - left.keys())
    new = logged + len(missing) - len(left)
    print(
        f"sync: {len(studies)} studies here, {new} logged now, {changed} runs told where they stand"
    )
    for line in left.values():
        print(f"sync: not logged: {line}", file=sys.stderr)
    return 1 if left and wanted else 0


def complete(runs: list[Entry], study: Study) -> bool:
    """Whether the store has the study's run, finished, and all its members."""
    short = study.key[:SHORT]
    own = next(
        (e for e in runs if e.tags.get("kind") == "study" and e.tags["study"] == short), None
    )
    if own is None or own.run is None or own.run.info.status != "FINISHED":
        return False
    there = sum(e.tags.get("kind") == "member" and f"study.{short}" in e.tags for e in runs)
    return there >= int(own.run.data.params.get("members", 0))


def log(store: Mirror, repository: Repository, study: Study) -> None:
    """Log a study from the cache, the workspace or a remote.

    Raises:
        UnavailableError: no revision's files can be had; the first one's reason.
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


def _tags(repository: Repository, study: Study, revision: Revision) -> dict[str, str]:
    """What was noted when the study was made; else what its revision says."""
    for note in pending():
        if note.key == study.key:
            return note.tags
    pins = repository.text(revision.sha, "requirements.txt") if revision.sha else ""
    found = dict(re.findall(r"^([\w-]+)==(\S+)", pins, re.MULTILINE))
    named = ", ".join(f"{p} {found[p]}" for p in PACKAGES if p in found)
    tags = {"versions": f"{named} (as pinned)"} if named else {}
    if revision.baseline:
        tags |= {"dvc.exp_name": revision.name, "dvc.baseline": revision.baseline}
    return tags


def place(store: Mirror, studies: dict[str, Study], runs: list[Entry]) -> int:
    """Tag runs with the commits and experiments that hold their study; how many changed."""
    by_short = {key[:SHORT]: study for key, study in studies.items()}
    changed = 0
    for entry in runs:
        shorts = [t.removeprefix("study.") for t in entry.tags if t.startswith("study.")]
        shorts = shorts or [entry.tags.get("study", "")]
        own = [by_short[short] for short in shorts if short in by_short]
        if own:
            changed += store.tag(entry, _where(own))
    return changed


def _where(studies: list[Study]) -> dict[str, str]:
    commits = dict.fromkeys(r.shown for s in studies for r in s.commits())
    experiments = dict.fromkeys(r.name for s in studies for r in s.experiments())
    return {"commits": ", ".join(commits), "experiments": ", ".join(experiments)}


def _forget(logged: set[str]) -> None:
    """Drop the notes whose study is in the store, or whose files are gone and that no revision holds."""
    for note in pending():
        if note.key in logged or not Path(note.paths["fits"]).parent.exists():
            note.discard()

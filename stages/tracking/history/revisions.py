"""Commits and experiments: the study that the dvc.lock of each records, and that study's files.

Who runs first and commits afterwards has a run that is older than its commit; the same dvc.lock in both
connects them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stages.tracking.history.digests import PATHS
from stages.tracking.history.files import Cache
from stages.tracking.history.git import UnavailableError, git, prefix
from stages.tracking.history.lock import Lock

WORKSPACE = "workspace"
# refs/exps/<2 of the baseline>/<38>/<name>; stashes and other bookkeeping have other forms.
_EXPERIMENT = re.compile(r"^(\S+) refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(.+)$", re.MULTILINE)


@dataclass
class Revision:
    """A commit or experiment (or the workspace, sha "") with a study.

    name: the branch or tag, the experiment's name, or the short sha. baseline: the commit that an experiment
    was started from; "" for a commit.
    """

    name: str
    sha: str
    lock: Lock
    baseline: str = ""

    @property
    def shown(self) -> str:
        """For people: `a1b2c3d (main)`, or the experiment's name."""
        if self.baseline or not self.sha or self.sha.startswith(self.name):
            return self.name
        return f"{self.sha[:7]} ({self.name})"


@dataclass
class RecordedStudy:
    """A study that some dvc.lock records: its key and the revisions that hold it, commits first."""

    key: str
    revisions: list[Revision] = field(default_factory=list)

    def commits(self) -> list[Revision]:
        return [r for r in self.revisions if r.sha and not r.baseline]

    def experiments(self) -> list[Revision]:
        return [r for r in self.revisions if r.baseline]


class Repository:
    """The git repository and its DVC cache."""

    def __init__(self, root: Path) -> None:
        self.root, self.cache = root, Cache(root)

    def studies(self, wanted: list[str] | None = None) -> dict[str, RecordedStudy]:
        """Every study of the wanted revisions (default: the workspace, all commits, all experiments)."""
        studies: dict[str, RecordedStudy] = {}
        for revision in self._revisions(wanted or []):
            study = studies.setdefault(revision.lock.key, RecordedStudy(revision.lock.key))
            study.revisions.append(revision)
        return studies

    def _revisions(self, wanted: list[str]) -> Iterator[Revision]:
        names = self._experiments()
        if wanted:
            yield from (self.revision(name, names) for name in wanted)
            return
        tips, refs = self._tips(), ("--branches", "--tags", "--remotes")
        shas = git(self.root, "log", *refs, "--format=%H", "--", "dvc.lock").splitlines()
        commits = [(tips.get(sha, sha[:7]), sha, "") for sha in shas]
        experiments = [(name, *commit_and_baseline) for name, commit_and_baseline in names.items()]
        for name, sha, baseline in commits + experiments:
            lock = self._lock_of(sha)
            if lock is not None:
                yield Revision(name, sha, lock, baseline)
        here = self.workspace()
        if here is not None:
            yield here

    def workspace(self) -> Revision | None:
        """The workspace, if it holds a finished study."""
        path = self.root / "dvc.lock"
        lock = Lock.parse(path.read_text(encoding="utf-8")) if path.exists() else None
        return None if lock is None else Revision(WORKSPACE, "", lock)

    def revision(
        self, name: str, experiments: dict[str, tuple[str, str]] | None = None
    ) -> Revision:
        """An experiment by its name, or anything that git knows.

        Raises:
            UnavailableError: nothing has this name, or it holds no finished study.
        """
        experiments = self._experiments() if experiments is None else experiments
        sha, baseline = experiments.get(name, ("", ""))
        if not sha:
            sha = git(self.root, "rev-parse", "-q", "--verify", f"{name}^{{commit}}", check=False)
        if not sha:
            raise UnavailableError(
                f"{name!r} is not a run, experiment or revision of this repository; see `dvc exp list`, "
                "`git log`, or the ids in the MLflow UI (an experiment of another clone: `dvc exp pull`)"
            )
        lock = self._lock_of(sha)
        if lock is None:
            raise UnavailableError(
                f"{name} has no dvc.lock with a finished study; run `dvc repro` there"
            )
        return Revision(name, sha, lock, baseline)

    def _lock_of(self, sha: str) -> Lock | None:
        return Lock.parse(self.text(sha, "dvc.lock"))

    def _experiments(self) -> dict[str, tuple[str, str]]:
        """Name → (its commit, its baseline)."""
        form = "--format=%(objectname) %(refname)"
        refs = git(self.root, "for-each-ref", form, "refs/exps")
        return {name: (sha, start + rest) for sha, start, rest, name in _EXPERIMENT.findall(refs)}

    def _tips(self) -> dict[str, str]:
        """Commit → what points at it: a local branch, else a tag, else a remote's branch."""
        form = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(refname)"
        refs = git(self.root, "for-each-ref", f"--format={form}").splitlines()
        tips = {}
        for kind in ("refs/remotes/", "refs/tags/", "refs/heads/"):
            for sha, ref in (line.split(" ", 1) for line in refs):
                if ref.startswith(kind) and not ref.endswith("/HEAD"):
                    tips[sha] = ref.removeprefix(kind)
        return tips

    def text(self, sha: str, path: str) -> str:
        """A committed file; "" where there is none."""
        return git(self.root, "show", f"{sha}:{prefix(self.root)}{path}", check=False)

    def fetch(
        self, revision: Revision, folder: Path, names: tuple[str, ...] = PATHS
    ) -> dict[str, Path]:
        """The files of these flags below `folder`: links into DVC's cache, copies of what git tracks.

        Raises:
            UnavailableError: neither the cache, the workspace nor a remote has them.
        """
        for name in names:
            path = revision.lock.paths[name]
            outs = [p for p in revision.lock.md5s if p == path or p.startswith(f"{path}/")]
            for out in outs:
                if not self.cache.bring(revision.sha, out, revision.lock.md5s[out], folder / out):
                    checkout = f"`git checkout {revision.sha[:7]}` and " if revision.sha else ""
                    raise UnavailableError(
                        f"{out} of {revision.shown} is neither in DVC's cache nor at a remote; ask whoever "
                        f"ran it for `dvc push` (an experiment: `dvc exp push`), or run it again: {checkout}"
                        "`dvc repro`"
                    )
        return {name: folder / revision.lock.paths[name] for name in names}

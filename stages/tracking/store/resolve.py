"""From what a user names (a run's id, an experiment, a revision) to a study and its revisions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stages.tracking.history.digests import SHORT
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.revisions import WORKSPACE, RecordedStudy, Repository, Revision

_RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Named:
    """One study as the user named it.

    token: the user's word. study: with the revisions that hold it. point: (cell, λ) where the run of one was
    named. tags: of the run, where one was named.
    """

    token: str
    study: RecordedStudy
    point: tuple[str, float] | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def revision(self) -> Revision:
        """The best of its revisions: a commit, else an experiment, else the workspace."""
        return self.study.revisions[0]


def resolve(repository: Repository, token: str, studies: dict[str, RecordedStudy]) -> Named:
    """The study that the token names; `studies` are all that the repository has.

    Raises:
        UnavailableError: it names nothing, or a run whose study is in no revision.
    """
    if _RUN_ID.fullmatch(token):
        return _of_run(token, studies)
    if token == WORKSPACE:
        revision = repository.workspace()
        if revision is None:
            raise UnavailableError("the workspace holds no finished study; run `dvc repro`")
    else:
        revision = repository.revision(token)
    return Named(token, RecordedStudy(revision.lock.key, [revision]))


def _of_run(token: str, studies: dict[str, RecordedStudy]) -> Named:
    from stages.tracking.store.mirror import mirror

    with mirror() as store:
        run = store.run(token)
    tags, params = dict(run.data.tags), run.data.params
    kind = tags.get("kind")
    if kind not in ("member", "study"):
        raise UnavailableError(f"run {token} was not logged by this project")
    latest = tags.get("study", "")
    shorts = [latest, *(t.removeprefix("study.") for t in tags if t.startswith("study."))]
    by_short = {key[:SHORT]: study for key, study in studies.items()}
    point = (params["cell"], float(params["lam"])) if kind == "member" else None
    held = [by_short[short] for short in shorts if short in by_short]
    if held:  # several studies may have the run: the first that is committed, else the latest
        return Named(token, next((s for s in held if s.commits()), held[0]), point, tags)
    if not any(shorts):
        raise UnavailableError(
            f"run {token} belongs to no finished study: its training was interrupted; run `dvc repro` again"
        )
    raise UnavailableError(
        f"run {token} (study {latest}) is in no commit or experiment of this repository: either its "
        "dvc.lock was never committed, or it ran in another clone (there: `git push`, "
        "`dvc exp push`; here: `git fetch`, `dvc exp pull`)"
    )

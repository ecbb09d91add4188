"""What a user names (a run's id, an experiment, a revision) as a study, and where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stages.tracking.history.digests import SHORT
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.revisions import WORKSPACE, Repository, Revision, Study

_RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Named:
    """One study as the user named it.

    token: the user's word. study: with the revisions that hold it. place: (cell, λ) where a member was named.
    tags: of the run, where one was named.
    """

    token: str
    study: Study
    place: tuple[str, float] | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def revision(self) -> Revision:
        """The best of its revisions: a commit, else an experiment, else the workspace."""
        return self.study.revisions[0]


def resolve(repository: Repository, token: str, studies: dict[str, Study]) -> Named:
    """Find what the token names; `studies` are all that the repository has.

    Raises:
        UnavailableError: it names nothing, or a run whose study no revision holds.
    """
    if _RUN_ID.fullmatch(token):
        return _of_run(token, studies)
    if token == WORKSPACE:
        revision = repository.workspace()
        if revision is None:
            raise UnavailableError("the workspace holds no finished study; run `dvc repro`")
    else:
        revision = repository.revision(token)
    return Named(token, Study(revision.lock.key, [revision]))


def _of_run(token: str, studies: dict[str, Study]) -> Named:
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
    place = (params["cell"], float(params["lam"])) if kind == "member" else None
    held = [by_short[short] for short in shorts if short in by_short]
    if held:  # a member may be in several studies: one of a commit is the best, then the latest
        return Named(token, next((s for s in held if s.commits()), held[0]), place, tags)
    if not any(shorts):
        raise UnavailableError(
            f"run {token} belongs to no finished study: its training was broken off; run `dvc repro` again"
        )
    raise UnavailableError(
        f"run {token} (study {latest}) stands in no commit or experiment of this repository: either its "
        "dvc.lock was never committed, or it was made in another clone (there: `git push`, "
        "`dvc exp push`; here: `git fetch`, `dvc exp pull`)"
    )

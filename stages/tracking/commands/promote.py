"""`promote`: the chosen model of a committed study becomes the champion. A sweep never gets here."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from stages.environment import mlflow_address, root
from stages.serving.registry.registered_name import ALIAS, MODEL
from stages.tracking.commands.sync import sync
from stages.tracking.history.digests import SHORT
from stages.tracking.history.git import UnavailableError, git
from stages.tracking.history.revisions import Repository, Revision


def promote(name: str) -> int:
    """Register the chosen model of the commit's study, once, and point the alias at it.

    Returns:
        0; 1 where the store did not answer; 2 where the revision is not a commit or has no study.
    """
    repository = Repository(root())
    try:
        revision = repository.revision(name)
        refs = ("refs/heads", "refs/remotes", "refs/tags")
        held = git(repository.root, "for-each-ref", "--count=1", "--contains", revision.sha, *refs)
        if revision.baseline or not held:
            raise UnavailableError(
                f"{name} is an experiment, or a commit that is on no branch; apply it first "
                f"(`dvc exp apply {name}`, then commit) and promote the commit"
            )
        _committed(repository, revision)
        if sync([name]):
            return 1
        with tempfile.TemporaryDirectory(prefix="ridgeline-") as folder:
            files = repository.fetch(revision, Path(folder), ("report",))
            version, new = _register(revision, files["report"] / "chosen" / "model.safetensors")
    except UnavailableError as error:
        print(f"promote: {error}", file=sys.stderr)
        return 2
    what = "registered and made" if new else "was registered before; it is"
    print(f"promote: version {version} of `{MODEL}` {what} the {ALIAS}: models:/{MODEL}@{ALIAS}")
    return 0


def _committed(repository: Repository, revision: Revision) -> None:
    """The workspace may be ahead of HEAD: say so rather than promote what the user does not see."""
    here = repository.workspace()
    if revision.name == "HEAD" and here is not None and here.lock.key != revision.lock.key:
        raise UnavailableError(
            "the workspace's study is not the one that HEAD holds; commit it (dvc.lock, params.yaml and the "
            "report's files that git tracks), or name a revision: make promote REV=main"
        )


def _register(revision: Revision, path: Path) -> tuple[str, bool]:
    """The version that holds this study's model; whether it is new."""
    from stages.serving.registry.register import register
    from stages.tracking.store.mirror import KEY, mirror

    key = revision.lock.key
    with mirror() as store:
        entries = store.load(f"tags.study = '{key[:SHORT]}' AND tags.kind = 'study'")
        runs = [entry.run.info.run_id for entry in entries if entry.run is not None]
        tags = {KEY: key, "study": key[:SHORT], "commit": revision.sha}
        return register(store.client, mlflow_address()[0], runs[0], path, tags)

"""`reproduce`: a study is run again from its commit alone, and compared with what its dvc.lock records."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from stages.environment import instruction_set, of_a_clone, root, versions
from stages.tracking.history.digests import md5_of
from stages.tracking.history.distances import Distance, differing, distances
from stages.tracking.history.git import UnavailableError, git
from stages.tracking.history.lock import Lock
from stages.tracking.history.revisions import Repository, Revision
from stages.tracking.store.resolve import Named, resolve

TOLERANCE = 1e-3  # relative, on another instruction set: float32 training carries roundings on
SHOWN = 12  # differences that are listed


def reproduce(token: str) -> int:
    """Run a run's study again in a temporary clone, with an empty member store and cache.

    Returns:
        0: identical, or equal within TOLERANCE on another instruction set. 1: different. 2: not reproducible.
    """
    repository = Repository(root())
    try:
        named = resolve(repository, token, repository.studies())
        revision = _committed(named)
        with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
            clone = Path(name, "clone")
            _clone(repository, revision, clone)
            _check(clone, revision)
            print(
                f"reproduce: {revision.shown}, in a temporary clone without its results", flush=True
            )
            _dvc(clone, "repro", "--force", quiet=False)
            again = Lock.parse((clone / "dvc.lock").read_text(encoding="utf-8"))
            assert again is not None, "dvc repro has written a whole lock"
            return _verdict(repository, named, revision, again, clone, Path(name, "then"))
    except (UnavailableError, LookupError) as error:
        print(f"reproduce: {token} can't be reproduced: {error}", file=sys.stderr)
        return 2


def _committed(named: Named) -> Revision:
    held = [r for r in named.study.revisions if r.sha]
    if not held:
        raise UnavailableError(
            "its dvc.lock is in the workspace alone; commit it with params.yaml and the code, or run it "
            "as an experiment (`dvc exp run`)"
        )
    return held[0]


def _clone(repository: Repository, revision: Revision, clone: Path) -> None:
    """The revision's files and nothing else; raw data that DVC tracks come from the cache or a remote."""
    top = Path(git(repository.root, "rev-parse", "--show-toplevel"))
    git(top, "clone", "-q", "--no-checkout", "--shared", str(top), str(clone))
    git(clone, "checkout", "-q", "--detach", revision.sha)
    tracked = git(clone, "ls-files", "*.dvc").splitlines()
    if not tracked:
        return
    source = repository.cache.folder.parent.parent
    _dvc(clone, "remote", "add", "--local", "-f", "kept-here", str(source))
    for remote in (["-r", "kept-here"], []):
        try:
            _dvc(clone, "pull", *remote, *tracked)
            return
        except UnavailableError as error:
            reason = error
    raise UnavailableError(f"its raw data are neither in DVC's cache nor at a remote ({reason})")


def _check(clone: Path, revision: Revision) -> None:
    """The inputs that the lock names must be those that the revision holds."""
    for stage, entry in revision.lock.stages.items():
        for dep in entry.get("deps", []):
            path = clone / dep["path"]
            if dep["path"] in revision.lock.md5s:  # an output of another stage
                continue
            if not path.exists():
                raise UnavailableError(
                    f"{dep['path']}, which {stage} read, is not in {revision.shown}: neither git nor DVC "
                    "tracks it; `git add` or `dvc add` it, run again and commit"
                )
            if md5_of(path) != dep["md5"]:
                raise UnavailableError(
                    f"{dep['path']} in {revision.shown} is not the one that {stage} ran with (dvc.lock names "
                    f"{dep['md5'][:7]}); it was changed between the run and the commit: run again and commit"
                )


def _dvc(clone: Path, *arguments: str, quiet: bool = True) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    out = subprocess.PIPE if quiet else sys.stderr
    done = subprocess.run(  # noqa: S603
        command, cwd=clone, env=of_a_clone(), stdout=out, stderr=out, text=True
    )
    if done.returncode:
        last = (done.stderr or "").strip().splitlines()[-1:] if quiet else ["see above"]
        raise UnavailableError(f"`dvc {arguments[0]}` failed there: {' '.join(last)}")


def _verdict(
    repository: Repository, named: Named, revision: Revision, again: Lock, clone: Path, then: Path
) -> int:
    differ = differing(revision.lock, again)
    if not differ:
        print(f"reproduce: identical, bit for bit ({len(again.md5s)} outputs of {revision.shown})")
        return 0
    try:
        old = repository.fetch(revision, then)
    except UnavailableError as error:
        print(f"reproduce: different: {', '.join(differ)}; by how much can't be said: {error}")
        return 1
    new = {flag: clone / path for flag, path in again.paths.items()}
    apart = sorted(distances(old, new), key=lambda d: -d.relative)
    tags = _tags(named)
    before, now = tags.get("instruction_set", ""), instruction_set()
    largest = apart[0].relative if apart else 0.0
    if before not in ("", now) and largest <= TOLERANCE:
        print(
            f"reproduce: equal within tolerance on another instruction set: {', '.join(differ)} differ, "
            f"their numbers by {largest:.1g} relative at most (allowed: {TOLERANCE:g}); then: {before}; "
            f"now: {now}"
        )
        return 0
    _show(differ, apart, tags)
    return 1


def _tags(named: Named) -> dict[str, str]:
    """Those of the named run; for a revision, of its study's run, where the store has it."""
    if named.tags:
        return named.tags
    from stages.tracking.store.mirror import KEY, mirror

    try:
        with mirror() as store:
            runs = store.load(f"tags.`{KEY}` = '{named.study.key}'")
    except Exception:  # the store may not answer: all else is known without it
        return {}
    return runs[0].tags if runs else {}


def _show(differ: list[str], apart: list[Distance], tags: dict[str, str]) -> None:
    print(f"reproduce: different: {', '.join(differ)}")
    for distance in apart[:SHOWN]:
        print(f"  {distance}")
    if len(apart) > SHOWN:
        print(f"  and {len(apart) - SHOWN} more")
    for what, now in (("instruction_set", instruction_set()), ("versions", versions())):
        before = tags.get(what, "not known")
        if before != now:
            print(f"  {what} then: {before}; now: {now}")

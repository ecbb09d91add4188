"""`reproduce`: a study is made again from its commit alone, and compared with what was made then."""

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
    """Make a run's study again in a temporary clone, with an empty member store and cache.

    Returns:
        0: identical, or equal within TOLERANCE on another instruction set. 1: different. 2: cannot be.
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
                f"reproduce: {revision.shown}, in a temporary clone with nothing kept", flush=True
            )
            _dvc(clone, "repro", "--force", quiet=False)
            made = Lock.parse((clone / "dvc.lock").read_text(encoding="utf-8"))
            assert made is not None, "dvc repro has written a whole lock"
            return _verdict(repository, named, revision, made, clone, Path(name, "then"))
    except (UnavailableError, LookupError) as error:
        print(f"reproduce: {token} can't be reproduced: {error}", file=sys.stderr)
        return 2


def _committed(named: Named) -> Revision:
    held = [r for r in named.study.revisions if r.sha]
    if not held:
        raise UnavailableError(
            "its dvc.lock stands in the workspace alone; commit it with params.yaml and the code, or run it "
            "as an experiment (`dvc exp run`)"
        )
    return held[0]


def _clone(repository: Repository, revision: Revision, clone: Path) -> None:
    """The revision's files and nothing else; raw data that DVC keeps come from the cache or a remote."""
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
    """What the lock says went in must be what the revision holds."""
    made = set(revision.lock.md5s)
    for stage, entry in revision.lock.stages.items():
        for dep in entry.get("deps", []):
            path = clone / dep["path"]
            if dep["path"] in made:
                continue
            if not path.exists():
                raise UnavailableError(
                    f"{dep['path']}, which {stage} read, is not in {revision.shown}: neither git nor DVC "
                    "keeps it; `git add` or `dvc add` it, run again and commit"
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
    repository: Repository, named: Named, revision: Revision, made: Lock, clone: Path, then: Path
) -> int:
    differ = differing(revision.lock, made)
    if not differ:
        print(f"reproduce: identical, bit for bit ({len(made.md5s)} outputs of {revision.shown})")
        return 0
    try:
        old = repository.fetch(revision, then)
    except UnavailableError as error:
        print(f"reproduce: different: {', '.join(differ)}; by how much can't be said: {error}")
        return 1
    new = {flag: clone / path for flag, path in made.paths.items()}
    found = sorted(distances(old, new), key=lambda d: -d.relative)
    tags = _tags(named)
    before, now = tags.get("instruction_set", ""), instruction_set()
    largest = found[0].relative if found else 0.0
    if before not in ("", now) and largest <= TOLERANCE:
        print(
            f"reproduce: equal within tolerance on another instruction set: {', '.join(differ)} differ, "
            f"their numbers by {largest:.1g} relative at most (allowed: {TOLERANCE:g}); then: {before}; "
            f"now: {now}"
        )
        return 0
    _show(differ, found, tags)
    return 1


def _tags(named: Named) -> dict[str, str]:
    """Those of the named run; of a revision, its study's run's, where the store has it."""
    if named.tags:
        return named.tags
    from stages.tracking.store.mirror import KEY, mirror

    try:
        with mirror() as store:
            found = store.load(f"tags.`{KEY}` = '{named.study.key}'")
    except Exception:  # the store may be away: all else is known without it
        return {}
    return found[0].tags if found else {}


def _show(differ: list[str], found: list[Distance], tags: dict[str, str]) -> None:
    print(f"reproduce: different: {', '.join(differ)}")
    for distance in found[:SHOWN]:
        print(f"  {distance}")
    if len(found) > SHOWN:
        print(f"  and {len(found) - SHOWN} more")
    for what, now in (("instruction_set", instruction_set()), ("versions", versions())):
        before = tags.get(what, "not known")
        if before != now:
            print(f"  {what} then: {before}; now: {now}")

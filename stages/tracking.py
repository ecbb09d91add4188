"""python -m stages.tracking STAGE …: mirrors a stage's files in MLflow. The only module that imports mlflow.

One experiment, `ridgeline`, with four kinds of run (tag `kind`):

    data     the prepared series; key: digest of the series
    windows  the folds; key: digest of the development part
    member   a (cell, λ): curves, validation and test errors, mean over seeds with spread; key: digest of
             the development part, the recipe, λ, the seeds' weights and, once evaluated, their scores
    study    the report's files and the chosen λ of each cell; key: digest of its members, scores and rule

A run is found by its key (tag `ridgeline.key`), so work that is done again completes its run and never makes
a second one; tags lead from a study to its members (`study`) and from all to the development part (`data`).
Files are the truth: no stage reads anything from here, and a store that is slow or away fails none.

Within `dvc repro` a stage leaves a note (`tracking_notes`); after `train` and `evaluate` a process beside the
next stage logs what there is, and `report` waits for the rest. `python -m stages.tracking flush` logs what is
left. By environment: MLFLOW_TRACKING_URI; RIDGELINE_TRACKING = on, now (every stage waits) or off;
RIDGELINE_TRACKING_SECONDS (how long to wait for the store in all: 60).
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stages.pin  # noqa: F401  (a tag names the instruction set)
from stages import tracking_notes as notes

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import DatasetInput, Metric, Run
    from mlflow.tracking import MlflowClient

EXPERIMENT = "ridgeline"
KEY, MEMBER, CURVES = "ridgeline.key", "ridgeline.member", "ridgeline.curves"
BATCH = 800  # metrics to a log_batch call, which takes 1000 items with params and tags


@dataclass
class Entry:
    """A run of the store and what is to be added to it. `run` is None for one that is still to be made."""

    name: str
    tags: dict[str, str]
    run: Run | None = None
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Iterable[float]] = field(default_factory=dict)
    data: DatasetInput | None = None
    files: list[tuple[Path, str | None]] = field(default_factory=list)


class Mirror:
    """The experiment of one store. Entries are gathered, then written together: a few calls for each run."""

    def __init__(self, client: MlflowClient, seconds: float) -> None:
        self._client, self.seconds = client, seconds
        self.deadline = time.monotonic() + seconds
        self.entries: list[Entry] = []
        self.surroundings: dict[str, str] = {}
        self.datasets: dict[str, DatasetInput] = {}
        self.experiment = ""

    @property
    def client(self) -> MlflowClient:
        """The client, as long as there is time.

        Raises:
            TimeoutError: logging has taken longer than it may.
        """
        if time.monotonic() > self.deadline:
            raise TimeoutError(f"the store took more than {self.seconds:g} s")
        return self._client

    def entry(
        self, key: str, name: str, tags: dict[str, str], member: str = "", *, trained: bool = False
    ) -> Entry:
        """The run with this key, or a new one.

        member: digest of what training made. A run of it that nobody has evaluated yet takes the key; with
        `trained` (no evaluation is known) any run of it will do.
        """
        own = self._here(KEY, key)
        if own is None and trained:
            own = self._here(MEMBER, member) or self._stored(MEMBER, member)
        elif own is None:
            bare = self._here(KEY, member) if member else None
            if bare is None or bare.run is not None:  # a new one was looked for already
                own = self._stored(KEY, key)
                bare = bare or (self._stored(KEY, member) if member and not own else None)
            own = own or bare
            if own is bare and own is not None:
                own.tags[KEY] = key
        if own is None:
            own = Entry(name, {KEY: key, **tags, **self.surroundings})
            own.tags |= {MEMBER: member} if member else {}
            self.entries.append(own)
        return own

    def _here(self, tag: str, value: str) -> Entry | None:
        return next((e for e in self.entries if e.tags.get(tag) == value), None)

    def _stored(self, tag: str, value: str) -> Entry | None:
        found = self.client.search_runs(
            [self.experiment], f"tags.`{tag}` = '{value}'", max_results=1
        )
        if not found:
            return None
        self.entries.append(Entry(found[0].info.run_name, dict(found[0].data.tags), found[0]))
        return self.entries[-1]

    def dataset(self, frame: pd.DataFrame, source: str, name: str, digest: str) -> DatasetInput:
        """A pandas frame as a data set of MLflow, with its schema and size."""
        from mlflow.data.pandas_dataset import from_pandas
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if digest not in self.datasets:
            with warnings.catch_warnings(action="ignore"):  # on the kind of source, on integers
                data = from_pandas(frame, source=source, name=name[:400], digest=digest[:36])
            tag = InputTag("mlflow.data.context", "training")
            self.datasets[digest] = DatasetInput(Dataset(**data.to_dict()), [tag])
        return self.datasets[digest]

    def write(self) -> None:
        """Add to every run what it lacks."""
        for entry in self.entries:
            self._write(entry)
        self.entries = []

    def _write(self, entry: Entry) -> None:
        from mlflow.entities import Param, RunTag

        run = entry.run
        if run is None:
            run = self.client.create_run(self.experiment, tags=entry.tags, run_name=entry.name)
        old = run.data
        points = list(_points(entry, run))
        params = [Param(k, str(v)[:6000]) for k, v in entry.params.items() if k not in old.params]
        tags = [RunTag(k, v) for k, v in entry.tags.items() if old.tags.get(k) != v]
        if entry.curves and old.tags.get(CURVES) != "complete":
            tags.append(RunTag(CURVES, "complete"))  # with the last batch: unset after a kill
        while points or params or tags:
            last = tags if len(points) <= BATCH and len(params) <= 100 else []
            self.client.log_batch(run.info.run_id, points[:BATCH], params[:100], last)
            points, params, tags = points[BATCH:], params[100:], [] if last else tags
        if entry.data and not (run.inputs and run.inputs.dataset_inputs):
            self.client.log_inputs(run.info.run_id, [entry.data])
        for path, folder in entry.files:
            self.client.log_artifact(run.info.run_id, str(path), folder)
        if run.info.status != "FINISHED":
            self.client.set_terminated(run.info.run_id)


def _points(entry: Entry, run: Run) -> Iterator[Metric]:
    """The metrics that the run lacks. A curve's times are the run's own, so that no point comes twice."""
    from mlflow.entities import Metric

    if run.data.tags.get(CURVES) != "complete":
        for name, curve in entry.curves.items():
            for step, value in enumerate(curve, 1):
                if value == value:  # NaN: not trained so far
                    yield Metric(name, float(value), run.info.start_time, step)
    now = int(time.time() * 1000)
    for name, value in entry.metrics.items():
        if value == value and run.data.metrics.get(name) != float(value):
            yield Metric(name, float(value), now, 0)


@contextmanager
def mirror() -> Iterator[Mirror]:
    """The store, for one process at a time: two would migrate a new one at once, or make a run twice."""
    notes.quieten()
    from filelock import FileLock
    from mlflow.tracking import MlflowClient

    folder = notes.root() / "mlflow"
    seconds = float(os.environ.get("RIDGELINE_TRACKING_SECONDS", "60"))
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=seconds):
        own = Mirror(MlflowClient(uri or f"sqlite:///{folder / 'mlflow.db'}"), seconds)
        own.experiment = _experiment(own.client, None if uri else (folder / "artifacts").as_uri())
        yield own


def _experiment(client: MlflowClient, artifacts: str | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        return str(client.create_experiment(EXPERIMENT, artifact_location=artifacts))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def flush() -> None:
    """Log all notes of this working folder.

    Raises:
        Exception: whatever the store raised; the notes stay.
    """
    if not notes.pending():
        return
    from stages import tracking_stages

    with mirror() as store:
        own = [note for note in notes.pending() if note.current()]  # another process may be done
        for note in own:
            store.surroundings = note.tags
            paths = {flag: Path(path) for flag, path in note.paths.items()}
            getattr(tracking_stages, f"log_{note.stage}")(store, note.params, **paths)
        store.write()
        for note in own:
            note.discard()


def main(argv: list[str] | None = None) -> int:
    """Log one stage. Always 0 but for wrong usage: tracking never fails a study."""
    stage, paths = notes.arguments(argv, __doc__ or "")
    how = os.environ.get("RIDGELINE_TRACKING", "on").lower()
    if how in ("off", "0", "false", "no"):
        return 0
    try:
        if stage != "flush":
            notes.note_of(stage, paths).save()
        if how != "now" and "DVC_STAGE" in os.environ and stage in notes.DEFERRED:
            if notes.DEFERRED[stage]:
                notes.start_flush()
            return 0
        flush()
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        left = ", ".join(note.stage for note in notes.pending()) or stage
        print(
            f"tracking: not logged to MLflow: {left} ({reason[0][:200]}); nothing else is affected. "
            "The next run logs it, or: python -m stages.tracking flush",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

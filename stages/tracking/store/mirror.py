"""The store: its runs are identified by their tags, and what they lack is added. Apart from the served model,
this is the only module that imports mlflow.

One experiment, `ridgeline`, with two kinds of run (tag `kind`): `member`, the networks of one (cell, λ), and
`study`. No stage reads anything from here.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.environment import mlflow_address, mlflow_folder, quieten, tracking_seconds
from stages.tracking.history.digests import SHORT, digest
from stages.tracking.store.views import COLOR, STUDIES, views

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import DatasetInput, Metric, Run
    from mlflow.tracking import MlflowClient

EXPERIMENT = "ridgeline"
# Digests of what a run is about: a study or a scored (cell, λ); its networks; what was to be trained.
KEY, NETWORKS, PLAN = "ridgeline.key", "ridgeline.member", "ridgeline.plan"
CURVES = "ridgeline.curves"
BATCH = 800  # metrics to a log_batch call, which takes 1000 items with params and tags


@dataclass(eq=False)
class Entry:
    """A run of the store and what is to be added to it. `run` is None until the store has it.

    metrics: one value each. curves: values by step from 1, logged once and whole. live: points (name, step,
    value) of a run that is still training, as they come.
    """

    name: str
    tags: dict[str, str]
    run: Run | None = None
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Iterable[float]] = field(default_factory=dict)
    live: list[tuple[str, int, float]] = field(default_factory=list)
    data: DatasetInput | None = None
    files: list[tuple[Path, str | None]] = field(default_factory=list)
    running: bool = False


class Mirror:
    """The experiment of one store. Entries are gathered, then written together: a few calls for each run."""

    def __init__(self, client: MlflowClient, seconds: float) -> None:
        self._client, self.seconds = client, seconds
        self.deadline = time.monotonic() + seconds
        self.entries: list[Entry] = []
        self.runs: dict[str, Entry] = {}
        self.run_tags: dict[str, str] = {}
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

    def load(self, condition: str = "") -> list[Entry]:
        """The store's runs that meet the condition, the oldest first; `entry` knows them from now on."""
        token, entries = None, []
        while True:
            page = self.client.search_runs(
                [self.experiment], condition, max_results=1000, page_token=token,
                order_by=["attributes.start_time ASC"],
            )  # fmt: skip
            for run in page:
                entry = Entry(run.info.run_name, dict(run.data.tags), run)
                entries.append(self.runs.setdefault(run.info.run_id, entry))
            token = page.token
            if not token:
                return entries

    def run(self, run_id: str) -> Run:
        """The run with this id.

        Raises:
            LookupError: the store has none.
        """
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise LookupError(
                f"{mlflow_address()[0]} has no run {run_id}; see the ids in its UI"
            ) from error

    def entry(self, name: str, tags: dict[str, str], digests: list[tuple[str, str]]) -> Entry:
        """The run that fits best, or a new one; it gets the tags in either case.

        digests: (tag, value), those that say most first. A run with the value fits unless it has one of the
        tags before: then it is another result of the same plan.
        """
        entry = None
        for i, (tag, value) in enumerate(digests):
            before = dict(digests[:i]).keys()
            equal = (e for e in [*self.runs.values(), *self.entries] if e.tags.get(tag) == value)
            entry = entry or next((e for e in equal if not before & e.tags.keys()), None)
        if entry is None:
            entry = Entry(name, dict(self.run_tags))
        if entry not in self.entries:
            self.entries.append(entry)
        entry.name, entry.running = name, False
        # What `sync` logged from another clone's files has the same bits here: this environment's tags hold.
        environment = {k: v for k, v in self.run_tags.items() if not k.startswith("dvc.")}
        entry.tags = environment | entry.tags | tags | dict(digests)
        return entry

    def dataset(self, frame: pd.DataFrame, source: str, name: str, key: str) -> None:
        """Keep a pandas frame in `datasets` as MLflow has it, with its schema and size."""
        from mlflow.data.pandas_dataset import from_pandas
        from mlflow.entities import Dataset, DatasetInput, InputTag

        with warnings.catch_warnings(action="ignore"):  # on the kind of source, on integers
            data = from_pandas(frame, source=source, name=name[:400], digest=key[:SHORT])
        tag = InputTag("mlflow.data.context", "training")
        self.datasets[key] = DatasetInput(Dataset(**data.to_dict()), [tag])

    def write(self) -> None:
        """Add to every run what it lacks, in the order in which the entries came."""
        for entry in self.entries:
            self._write(entry)
        self.entries = []

    def _write(self, entry: Entry) -> None:
        from mlflow.entities import Param, RunTag

        run = entry.run
        if run is None:
            before = sum(other.tags.get("kind") == "study" for other in self.runs.values())
            first = {COLOR: STUDIES[before % len(STUDIES)], **entry.tags}
            run = self.client.create_run(self.experiment, tags=first, run_name=entry.name)
            self.runs[run.info.run_id], entry.run = entry, run
        elif run.info.run_name != entry.name:
            self.client.update_run(run.info.run_id, name=entry.name)
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
        entry.live = []
        if entry.running and run.info.status != "RUNNING":
            self.client.update_run(run.info.run_id, status="RUNNING")
        elif not entry.running and run.info.status != "FINISHED":
            self.client.set_terminated(run.info.run_id)

    def tag(self, entry: Entry, tags: Mapping[str, str]) -> bool:
        """Set those tags that the run of the store does not have yet; whether there were any."""
        assert entry.run is not None, "the run is in the store"
        changed = {k: v for k, v in tags.items() if entry.tags.get(k) != v}
        if changed:
            from mlflow.entities import RunTag

            listed = [RunTag(k, v) for k, v in changed.items()]
            self.client.log_batch(entry.run.info.run_id, tags=listed)
            entry.tags |= changed
        return bool(changed)


def _points(entry: Entry, run: Run) -> Iterator[Metric]:
    """The metrics that the run lacks. A curve's points have the run's start time, so none is logged twice."""
    from mlflow.entities import Metric

    begun = run.info.start_time
    if run.data.tags.get(CURVES) != "complete":
        for name, curve in entry.curves.items():
            for step, value in enumerate(curve, 1):
                if value == value:  # NaN: not trained so far
                    yield Metric(name, float(value), begun, step)
    for name, step, value in entry.live:
        yield Metric(name, float(value), begun, step)
    now = int(time.time() * 1000)
    for name, value in entry.metrics.items():
        if value == value and run.data.metrics.get(name) != float(value):
            yield Metric(name, float(value), now, 0)


@contextmanager
def mirror() -> Iterator[Mirror]:
    """The store, for one process at a time: two would migrate a new one at once, or create a run twice."""
    quieten()
    from filelock import FileLock
    from mlflow.tracking import MlflowClient

    uri, local = mlflow_address()
    folder, seconds = mlflow_folder(), tracking_seconds()
    # Clones that share a server on this machine also wait for each other.
    shared = Path(tempfile.gettempdir(), f"ridgeline-{os.getuid()}-{digest(uri)[:SHORT]}.lock")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock" if local else shared, timeout=seconds):
        store = Mirror(MlflowClient(uri), seconds)
        artifacts = (folder / "artifacts").as_uri() if local else None
        store.experiment = _experiment(store.client, artifacts)
        yield store


def _experiment(client: MlflowClient, artifacts: str | None) -> str:
    """The id of our experiment, which has the views that the UI can show."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return str(client.create_experiment(EXPERIMENT, artifacts, views()))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    for tag, view in views().items():
        if experiment.tags.get(tag) != view:
            client.set_experiment_tag(experiment.experiment_id, tag, view)
    return str(experiment.experiment_id)

"""A small synthetic study with known numbers, as the stages before the report would leave it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.artifacts.fits import Fit, save_fits
from stages.artifacts.intervals import save as save_intervals
from stages.artifacts.scores import EARLY_STOPPED, ENSEMBLE
from stages.artifacts.series import Series
from stages.artifacts.windows import Fold, Layout, Windows
from stages.forecast.calibration import calibrated

L, H, DEVELOPMENT, TEST, EPOCHS, SEEDS, STOPPED = 8, 4, 80, 60, 300, 3, 40
GRID = (0.0, 1.0, 10.0, 100.0)
# Error level of each λ: rnn is best at λ = 10 and near there at 100, lstm at λ = 0.
LEVELS = {"rnn": (1.0, 0.8, 0.5, 0.502), "lstm": (0.6, 0.7, 0.8, 0.9)}
BASELINES = {"repeat_last": 1.5, "ridge": 0.7}
# Of absolute errors, by which other λ are best: rnn at λ = 1, lstm at λ = 10.
ABSOLUTE = {
    "rnn": (1.0, 0.5, 0.7, 0.9),
    "lstm": (0.9, 0.8, 0.6, 0.7),
}
ABSOLUTE_BASELINES = {"repeat_last": 1.2, "ridge": 0.55}
CALENDAR = Calendar("YS", "datetime")
FLAGS = ("series", "development", "fits", "scores", "forecasts")


class Maker:
    """Writes the artifacts of the stages before the report."""

    def __init__(self, root: Path, names: tuple[str, ...], grid: tuple[float, ...] = GRID) -> None:
        self.rng, self.absolute_rng = np.random.default_rng(7), np.random.default_rng(8)
        self.root, self.names, self.grid, self.loss = root, names, grid, "squared"
        self.time = pd.date_range("1800-01-01", periods=DEVELOPMENT + TEST, freq="YS", unit="us")
        y = 10 + np.sin(np.arange(self.time.size) / 1.7)[:, None] * np.arange(1, len(names) + 1)
        self.y = y + 0.1 * self.rng.normal(size=y.shape)  # (T, series)
        self.validation: dict[str, dict[str, np.ndarray]] = {}  # cell → fold → (Λ, S, N)
        self.hard = self.rng.exponential(1.0, size=(len(names), TEST - H + 1))

    def write(self) -> dict[str, Path]:
        paths = {flag: self.root / flag for flag in FLAGS}
        paths["development"] = self.root / "windows" / "development.safetensors"
        self.series().save(paths["series"])
        windows = self.windows()
        paths["development"].parent.mkdir(parents=True)
        windows.save(paths["development"])
        save_fits(paths["fits"], [self.fit(cell, windows) for cell in LEVELS])
        for flag in ("scores", "forecasts"):
            paths[flag].mkdir()
        index = {"cells": list(LEVELS), "baselines": list(BASELINES)}
        (paths["scores"] / "cells.json").write_text(json.dumps(index))
        for cell in LEVELS:
            members = [(cell, lam, s) for lam in self.grid for s in (*range(SEEDS), ENSEMBLE)]
            self.member_files(paths, cell, members)
        stopped = [(cell, 0.0, seed) for cell in LEVELS for seed in (*range(SEEDS), ENSEMBLE)]
        if 0.0 in self.grid:
            self.member_files(paths, EARLY_STOPPED, stopped)
        baselines = [(name, 3.0 if name == "ridge" else np.nan, -1) for name in BASELINES]
        self.member_files(paths, "baselines", baselines)
        ensembles = {cell: [(cell, lam, ENSEMBLE) for lam in self.grid] for cell in LEVELS}
        self.intervals(paths["scores"], ensembles | {"baselines": baselines})
        return paths

    def intervals(self, scores: Path, files: dict[str, list[tuple[str, float, int]]]) -> None:
        """The same of every forecaster: all test values inside 95 %, four fifths of them inside 80 %."""
        errors, series = (
            np.linspace(-2, 2, 40)[:, None] * np.ones(H),
            np.arange(40) % len(self.names),
        )
        one = calibrated("none", (80.0, 95.0), errors, series, np.ones(len(self.names)), 30.0)
        assert one is not None
        members = [member for group in files.values() for member in group]
        names = [(cell, None if seed == -1 else lam) for cell, lam, seed in members]
        save_intervals(scores, dict.fromkeys(names, (one, one)))
        cutoff = self.time[DEVELOPMENT - 1 + np.arange(self.hard.shape[1])]
        inside = (np.arange(len(cutoff)) % 5 > 0) * 1.0  # by window
        overall = {"coverage-10": 0.05, "coverage-80": inside.mean(), "coverage-95": 1.0}
        overall |= {"width-80": 3.2, "width-95": 3.8, "crps": 0.5}
        for file, group in files.items():
            rows, windows = [], []
            for cell, lam, seed in group:
                key = {"cell": cell, "lam": lam, "seed": seed}
                labels = {**key, "unique_id": "", "step": 0}
                rows += [{**labels, "metric": name, "value": v} for name, v in overall.items()]
                covered = {"cutoff": cutoff, "coverage-80": inside, "coverage-95": 1.0}
                windows += [
                    pd.DataFrame({**key, "unique_id": name, **covered}) for name in self.names
                ]
            pd.DataFrame(rows).to_parquet(scores / f"intervals_{file}.parquet", index=False)
            kinds = {"cell": "category", "unique_id": "category"}
            table = pd.concat(windows).astype(kinds)
            table.to_parquet(scores / f"covered_{file}.parquet", index=False)

    def series(self) -> Series:
        frames = [
            pd.DataFrame({"unique_id": name, "ds": self.time, "y": self.y[:, g]})
            for g, name in enumerate(self.names)
        ]
        rows = [
            {
                "unique_id": name,
                "first": str(self.time[0].date()),
                "last": str(self.time[-1].date()),
                "rows": int(self.time.size),
                "gaps": 0,
            }
            for name in self.names
        ]
        summary = {
            "calendar": asdict(CALENDAR),
            "covariates": [],
            "shared_covariates": False,
            "series": rows,
            "left_out": {},
            "source": {"file": "CSV", "separator": ",", "dates": "%Y-%m-%d"},
        }
        return Series(pd.concat(frames, ignore_index=True), summary)

    def windows(self) -> Windows:
        groups = len(self.names)
        layout = Layout(
            lookback=L,
            horizon=H,
            normalise="none",
            channels="independent",
            series=self.names,
            covariates=(),
            difference={"order": 0, "lag": 0},
            fill=0,
            scaler="standard",
            calendar=CALENDAR,
        )
        values = np.ascontiguousarray(self.y[:DEVELOPMENT].T.reshape(-1, 1))
        unit = np.ones((groups, 1))
        folds = []
        for name, start in (("fold0", 50), ("fold1", 65), ("final", DEVELOPMENT)):
            train = np.arange(L - 1, start - H)
            block = np.arange(start - 1, start + 15 - H) if start < DEVELOPMENT else train[:0]
            rows = [(np.arange(groups)[:, None] * DEVELOPMENT + t).ravel() for t in (train, block)]
            folds.append(Fold(name, rows[0], rows[1], 2 * unit, 3 * unit))
        return Windows(
            layout=layout,
            values=values,
            levels=values,
            observed=np.ones(values.shape, bool),
            starts=np.arange(groups + 1) * DEVELOPMENT,
            first=np.zeros(groups, np.int64),
            time=self.time[:DEVELOPMENT].to_numpy().astype("datetime64[us]").astype(np.int64),
            folds=tuple(folds),
            rows=np.empty(0, np.int64),
            center=unit,
            scale=unit,
            train_end=50,
            offset=0,
        )

    def fit(self, cell: str, windows: Windows) -> Fit:
        level = np.array(LEVELS[cell])[: len(self.grid)]
        count, folds = level.size, [fold.name for fold in windows.folds]
        shape = (len(folds), count, SEEDS)
        decay = 1 + 3 * np.exp(-np.arange(EPOCHS) / 40)
        curve = np.broadcast_to(level[:, None, None] * decay, (*shape, EPOCHS)).copy()
        validation = curve * 1.2
        validation[-1] = np.nan
        losses, absolute = {}, {}
        size = np.array(ABSOLUTE[cell])[: len(self.grid)]
        for difficulty, fold in zip((1.0, 1.2), windows.folds[:-1], strict=True):
            hard = self.rng.exponential(1, size=fold.validation.size)
            noise = 0.1 * self.rng.normal(size=(count, SEEDS, hard.size))
            noise -= noise.mean(axis=(1, 2), keepdims=True)
            losses[fold.name] = difficulty * level[:, None, None] * hard / hard.mean() + noise
            absolute[fold.name] = size[:, None, None] * hard / hard.mean() + noise / 10
        self.validation[cell] = losses
        training = np.broadcast_to(0.9 * level[:, None], shape).copy()
        return Fit(
            cell=cell,
            config={
                "cell": cell,
                "hidden": 2,
                "loss": self.loss,
                "penalty": "l2",
                "ratio": None,
                "multipliers": [1.0] * 3,
            },
            lambdas=self.grid,
            seeds=SEEDS,
            folds=tuple(folds),
            m=tuple(fold.m for fold in windows.folds),
            weights=self.rng.normal(size=(len(folds), count, SEEDS, 5)).astype(np.float32),
            epochs=np.full(shape, EPOCHS, np.int32),
            train_loss=curve,
            validation_loss=validation,
            gradient_norm=curve,
            clipped=0 * curve,
            norms=np.broadcast_to(np.array([2.0, 3.0, 6.0]), (*shape, 3)).copy(),
            zeros=np.zeros((*shape, 3)),
            spectral_radii=np.ones((*shape, 1, 4 if cell == "lstm" else 1)),
            state_gradients=np.ones((*shape, 2, 1, L)) * np.linspace(0.1, 1, L),
            stopped_epochs=STOPPED if 0.0 in self.grid else 0,
            stopped_weights=np.zeros((SEEDS if 0.0 in self.grid else 0, 5), np.float32),
            train_losses={
                "mse": training,
                "mae": np.broadcast_to(0.8 * size[:, None], shape).copy(),
            },
            window_losses={
                "mse": losses,
                "mae": absolute,
            },
        )

    def member_files(
        self, paths: dict[str, Path], name: str, members: list[tuple[str, float, int]]
    ) -> None:
        losses, scores, forecasts = [], [], []
        starts = DEVELOPMENT - 1 + np.arange(self.hard.shape[1])
        for cell, lam, seed in members:
            level = BASELINES.get(cell) or LEVELS[cell][self.grid.index(lam)]
            level *= 0.9 if seed == ENSEMBLE else 1.0
            level *= 0.8 if name == EARLY_STOPPED else 1.0
            loss = level * self.hard + 0.02 * self.rng.normal(size=self.hard.shape)
            size = ABSOLUTE_BASELINES.get(cell) or ABSOLUTE[cell][self.grid.index(lam)]
            absolute = size * self.hard + 0.02 * self.absolute_rng.normal(size=self.hard.shape)
            key = {"cell": cell, "lam": lam, "seed": seed}
            for g, unique_id in enumerate(self.names):
                labels = {**key, "unique_id": unique_id}
                losses.append(
                    pd.DataFrame(
                        {**labels, "cutoff": self.time[starts], "mse": loss[g], "mae": absolute[g]}
                    )
                )
                for h in range(1, H + 1):
                    ds, y = self.time[starts + h], self.y[starts + h, g]
                    data = {"ds": ds, "cutoff": self.time[starts], "y": y, "y_hat": y + level / 3}
                    forecasts.append(pd.DataFrame({**labels, **data}))
            for metric, value in (("mse", 4 * loss.mean()), ("mae", 1.5 * level)):
                overall = {"unique_id": "", "step": 0, "metric": metric, "value": value}
                scores += [{**key, **overall}, {**key, **overall, "step": 1, "value": 99.0}]
            for metric, values in (("scaled_mse", loss), ("scaled_mae", absolute)):
                scaled = {**key, "unique_id": "", "step": 0, "metric": metric}
                scores.append({**scaled, "value": values.mean()})
                scores += [{**scaled, "step": h, "value": level * h} for h in range(1, H + 1)]
                for g, unique_id in enumerate(self.names):
                    scores.append({**scaled, "unique_id": unique_id, "value": values[g].mean()})
        kinds = {"cell": "category", "unique_id": "category"}  # dictionaries in the file
        rows = pd.concat(losses).astype(kinds)
        rows.to_parquet(paths["scores"] / f"losses_{name}.parquet", index=False)
        pd.DataFrame(scores).to_parquet(paths["scores"] / f"{name}.parquet", index=False)
        rows = pd.concat([self.validated(member) for member in members]).astype(kinds)
        rows.to_parquet(paths["scores"] / f"validation_{name}.parquet", index=False)
        rows = pd.concat(forecasts).astype(kinds)
        rows.to_parquet(paths["forecasts"] / f"{name}.parquet", index=False)

    def validated(self, member: tuple[str, float, int]) -> pd.DataFrame:
        """Losses of the validation windows: of a network those that its fit has."""
        cell, lam, seed = member
        windows, parts = self.windows(), []
        for fold in windows.folds[:-1]:
            group, origin = windows.group_origin(fold.validation)
            if cell in BASELINES:
                loss = np.full(group.size, BASELINES[cell])
            else:
                loss = self.validation[cell][fold.name][self.grid.index(lam), max(seed, 0)]
            labels = {
                "cell": cell,
                "lam": lam,
                "seed": seed,
                "fold": fold.name,
                "mse": loss,
                "mae": loss,
            }
            names = np.array(self.names)[group]
            parts.append(pd.DataFrame(labels | {"unique_id": names, "cutoff": self.time[origin]}))
        return pd.concat(parts)

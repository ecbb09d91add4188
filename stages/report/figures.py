"""The report's figures, drawn from tables alone: λ path, latest forecasts, training curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from stages.report.intervals import Array
from stages.report.study import Cell, Study
from stages.report.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    legend,
    panels,
    save,
    style,
)
from stages.report.tables import curves, log_axis, over_folds


def draw_lambda_path(study: Study, stem: Path) -> None:
    """Above: validation and training loss against λ; below: test loss; a column per cell."""
    with style():
        figure, axes = panels((2, len(study.cells)), (3.7, 2.5))
        for column, cell in enumerate(study.cells):
            top, bottom = axes[0][column], axes[1][column]
            x = log_axis(cell.path.lambdas)
            _validation(top, cell, x)
            _test(bottom, cell, x, study)
            _lambda_axis(bottom, cell.path.lambdas, x)
            _break(top, cell.path.lambdas, x)
            top.set_title(f"{cell.name}, λ = {cell.lam:.4g}")
        means = [_shown(cell) for cell in study.cells]
        _limits(axes[0][0], np.concatenate([top for top, _ in means]))
        reference = study.baselines["loss"].to_numpy()[:1] if study.best_baseline else np.empty(0)
        _limits(axes[1][0], np.concatenate([*(low for _, low in means), reference]))
        axes[0][0].set_ylabel("validation MSE\n(scaled units)")
        axes[1][0].set_ylabel("test MSE\n(scaled units)")
        legend(figure, [row[0] for row in axes], 4, _ORDER)
        save(figure, stem, png=True)


def _validation(ax: Axes, cell: Cell, x: Array) -> None:
    path = cell.path
    for seed in path.by_seed.T:
        ax.plot(x, seed, color=BLUE, lw=0.7, alpha=0.22, label="one seed")
    ax.fill_between(
        x,
        path.loss - path.se,
        path.loss + path.se,
        color=BLUE,
        alpha=0.16,
        lw=0,
        label="± standard error of the difference to the minimum",
    )
    ax.axhline(path.loss[path.minimum], color=BLUE, lw=0.9, ls=(0, (1, 2)))
    train = over_folds(cell.fit, cell.fit.train_mse).mean(axis=1)
    ax.plot(x, train, color=GREEN, ls=(0, (5, 2)), label="training")
    ax.plot(x, path.loss, color=BLUE, label="validation")
    _marks(ax, cell, x, path.loss, BLUE)


def _test(ax: Axes, cell: Cell, x: Array, study: Study) -> None:
    for seed in cell.test_by_seed.T:
        ax.plot(x, seed, color=ORANGE, lw=0.7, alpha=0.25)
    if study.best_baseline is not None:
        name = study.best_baseline
        loss = study.baseline_losses[name].loss.mean()
        ax.axhline(loss, color=INK, lw=1.1, ls=(0, (4, 3)), label=f"best baseline ({name})")
    ax.plot(x, cell.test, color=ORANGE, label="test")
    _marks(ax, cell, x, cell.test, ORANGE)


def _marks(ax: Axes, cell: Cell, x: Array, y: Array, color: str) -> None:
    """Both rules' λ, and a vertical line at the one that the report uses."""
    low, one = cell.path.minimum, cell.path.one_standard_error
    ax.axvline(x[cell.chosen], color=PURPLE, lw=0.9, alpha=0.7, zorder=1, label="chosen λ")
    ax.plot(
        x[low],
        y[low],
        "o",
        ms=8,
        mfc="white",
        mec=color,
        mew=1.5,
        ls="",
        label="lowest validation",
        zorder=4,
    )
    ax.plot(
        x[one], y[one], "D", ms=4.6, color=PURPLE, ls="", label="one-standard-error rule", zorder=5
    )


def _lambda_axis(ax: Axes, lambdas: Sequence[float], x: Array) -> None:
    """A log axis on which λ = 0 stands at a place of its own, left of a dotted break."""
    ax.set_xscale("log")
    positive = [lam for lam in lambdas if lam > 0]
    ticks, labels = [], []
    if 0.0 in lambdas:
        ticks, labels = [float(x[0])], ["0"]
        _break(ax, lambdas, x)
    if positive:
        low, high = np.log10(positive[0]), np.log10(positive[-1])
        decades = [10.0**k for k in range(int(np.ceil(low - 1e-9)), int(np.floor(high + 1e-9)) + 1)]
        shown = decades if len(decades) > 1 else sorted({positive[0], positive[-1]})
        shown = shown[:: (len(shown) - 1) // 6 + 1]
        ticks, labels = ticks + shown, labels + [f"{lam:.3g}" for lam in shown]
    ax.set_xticks(ticks, labels)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("λ")


def _break(ax: Axes, lambdas: Sequence[float], x: Array) -> None:
    if lambdas[0] == 0 and len(lambdas) > 1:
        ax.axvline(np.sqrt(x[0] * lambdas[1]), color=FAINT, lw=0.7, ls=(0, (1, 3)))


def _shown(cell: Cell) -> tuple[Array, Array]:
    """Values that the panels of validation and of test must show: means and bands, not seeds."""
    path = cell.path
    train = over_folds(cell.fit, cell.fit.train_mse).mean(axis=1)
    return np.concatenate([path.loss, path.loss - path.se, path.loss + path.se, train]), cell.test


def _limits(ax: Axes, values: Array) -> None:
    """Room for finite values, of which a blow-up of more than 5 medians is cut off."""
    finite = values[np.isfinite(values)]
    high = min(float(finite.max()), 5 * float(np.median(finite)))
    low = float(finite.min())
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    ax.set_ylim(max(0.0, low - margin) if low >= 0 else low - margin, high + margin)


_ORDER = (
    "validation",
    "± standard error of the difference to the minimum",
    "training",
    "one seed",
    "test",
    "lowest validation",
    "one-standard-error rule",
    "chosen λ",
)


def draw_curves(study: Study, stem: Path) -> None:
    """Training (dashed) and validation (solid) loss by epoch, a line per λ, a panel per cell."""
    with style():
        figure, (row,) = panels((1, len(study.cells)), (3.7, 2.9))
        colors = mpl.colormaps["viridis_r"]
        for ax, cell in zip(row, study.cells, strict=True):
            train, validation = curves(cell.fit)
            epochs = np.arange(1, train.shape[1] + 1)
            count = len(cell.path.lambdas)
            for place, lam in enumerate(cell.path.lambdas):
                color = INK if lam == 0 else colors(0.08 + 0.92 * place / max(count - 1, 1))
                ax.plot(epochs, train[place], color=color, lw=0.9, ls=(0, (3, 1.5)), alpha=0.8)
                ax.plot(epochs, validation[place], color=color, lw=1.3, label=f"λ = {lam:.3g}")
                if place == cell.chosen:
                    ax.plot(epochs, validation[place], color=color, lw=2.8)
            ax.set_yscale("log")
            ax.set_title(cell.name)
            ax.set_xlabel("epoch")
        _log_labels(row[0])
        row[0].set_ylabel("MSE per element\nsolid: validation, dashed: training\nwide: chosen λ")
        legend(figure, row[:1], min(6, len(study.cells) * 3))
        save(figure, stem)


def _log_labels(ax: Axes) -> None:
    """Label 1, 2 and 5 of each decade of a log y-axis; every digit where it shows few decades."""
    low, high = ax.get_ylim()
    labelled = (2, 5) if high > 8 * low else range(10)

    def minor(value: float, _: float) -> str:
        digit = round(value / 10 ** np.floor(np.log10(value) + 1e-9))
        return f"{value:.3g}" if digit in labelled else ""

    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    ax.yaxis.set_minor_formatter(minor)


_KINDS: dict[str, dict[str, Any]] = {
    "actual": {"color": INK, "lw": 1.3},
    "chosen λ": {"color": BLUE, "lw": 1.9, "zorder": 3},
    "λ = 0": {"color": ORANGE, "lw": 1.4, "ls": (0, (4, 2))},
    "best baseline": {"color": FAINT, "lw": 1.5, "ls": (0, (1, 1))},
}


def draw_forecasts(panes: pd.DataFrame, baseline: str | None, stem: Path) -> None:
    """The latest test origins: a row per cell, a column per series.

    Args:
        panes: columns cell, unique_id, kind (see _KINDS), cutoff, ds, value; in drawing order.
            Lines of one kind break between cutoffs.
        baseline: name of the best baseline, for the legend.
    """
    cells, series = list(panes["cell"].unique()), list(panes["unique_id"].unique())
    with style():
        figure, axes = panels((len(cells), len(series)), (max(3.7, 7.4 / len(series)), 2.0), "col")
        for row, cell in zip(axes, cells, strict=True):
            for ax, name in zip(row, series, strict=True):
                shown = panes[(panes["cell"] == cell) & (panes["unique_id"] == name)]
                for (kind, cutoff), line in shown.groupby(["kind", "cutoff"], sort=False):
                    label = f"{kind} ({baseline})" if kind == "best baseline" else str(kind)
                    ax.plot(line["ds"], line["value"], label=label, **_KINDS[str(kind)])
                    if kind == "chosen λ":
                        ax.axvline(cutoff, color="#d9d9d9", lw=0.8, zorder=0)
                ax.set_title(f"{cell}: {name}" if len(series) > 1 else cell)
                ax.grid(axis="x", visible=False)
        legend(figure, axes[0][:1], 4)
        save(figure, stem)

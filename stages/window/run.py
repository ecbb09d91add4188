"""Series → the development part with its folds, and the test part."""

from __future__ import annotations

import numpy as np

from stages.artifacts.series import Series
from stages.artifacts.windows import Fold, Layout, Windows
from stages.params import ParameterError
from stages.season import infer_season
from stages.window.panel import Panel, build_panel, usable
from stages.window.params import WindowParams
from stages.window.scaler import fit_scaler
from stages.window.split import Cuts, cut


def make_windows(
    series: Series, params: WindowParams, season: int | None
) -> tuple[Windows, Windows]:
    """The development part and the test part.

    Training windows of a fold end before its validation block begins; validation and test windows may
    look back over their part's beginning, but their targets lie inside it.

    Raises:
        ParameterError: gaps that are not allowed, or a part without a window.
    """
    lag = _lag(params, season, series.summary["frequency"])
    panel = build_panel(series, params, lag)
    cuts = cut(panel.time, series.summary["time"], params.split, params.folds)
    good = usable(panel, params.lookback, params.horizon, lag)
    layout = Layout(
        params.lookback, params.horizon, params.normalise, params.channels, panel.names,
        tuple(series.summary["covariates"]), {"order": int(lag > 0), "lag": max(lag, 1)},
        series.summary["frequency"], series.summary["time"],
    )  # fmt: skip
    reference = fit_scaler(params.scaler, panel, cuts.validation)
    development = Windows(
        layout, panel.values[:, : cuts.test], panel.levels[:, : cuts.test],
        panel.observed[:, : cuts.test], panel.time[: cuts.test],
        _folds(panel, cuts, good, params), np.empty(0, np.int64), *reference, cuts.validation, 0,
    )  # fmt: skip
    return development, _test_part(panel, cuts, good, params, layout, reference, lag)


def _lag(params: WindowParams, season: int | None, frequency: str) -> int:
    if params.difference != "seasonal":
        return params.difference
    lag = season if season is not None else infer_season(frequency)
    if lag is None:
        raise ParameterError(
            f"window.difference = 'seasonal' needs a season, and the frequency {frequency!r} tells none; "
            "set evaluate.season to the steps of one cycle (11 for yearly sunspots, say)"
        )
    return lag


def _rows(
    good: np.ndarray,
    length: int,
    first: int,
    stop: int,
    horizon: int,
    stride: int = 1,
    base: int = 0,
) -> np.ndarray:
    """Rows g·length + t of usable windows whose targets lie in steps first … stop − 1."""
    low, high = max(first - 1, 0), stop - horizon  # origins low … high − 1
    groups, origins = np.nonzero(good[:, low : max(low, high)])
    origins = origins + low
    kept = (origins - base) % stride == 0
    return (groups[kept] * length + origins[kept]).astype(np.int64)


def _folds(panel: Panel, cuts: Cuts, good: np.ndarray, params: WindowParams) -> tuple[Fold, ...]:
    horizon, folds = params.horizon, []

    def train_rows(stop: int) -> np.ndarray:
        base = params.lookback - 1
        return _rows(good, cuts.test, 0, stop, horizon, params.stride, base)

    for k, (begin, end) in enumerate(zip(cuts.blocks, cuts.blocks[1:], strict=False)):
        validation = _rows(good, cuts.test, begin, end, horizon)
        name = f"fold{k}"
        train = train_rows(begin)
        _need(train, f"{name}'s training part (steps 0 to {begin - 1})", params)
        _need(validation, f"{name}'s validation block (steps {begin} to {end - 1})", params)
        folds.append(Fold(name, train, validation, *fit_scaler(params.scaler, panel, begin)))
    stop = cuts.test if params.final_fit == "train_and_validation" else cuts.validation
    train = train_rows(stop)
    scaler = fit_scaler(params.scaler, panel, stop)
    return (*folds, Fold("final", train, np.empty(0, np.int64), *scaler))


def _test_part(
    panel: Panel, cuts: Cuts, good: np.ndarray, params: WindowParams, layout: Layout,
    reference: tuple[np.ndarray, np.ndarray], lag: int,
) -> Windows:  # fmt: skip
    offset = max(0, cuts.test - max(params.lookback, lag))
    steps = len(panel.time) - offset
    rows = _rows(good[:, offset:], steps, cuts.test - offset, steps, params.horizon)
    _need(rows, f"the test part (steps {cuts.test} to {len(panel.time) - 1})", params)
    return Windows(
        layout, panel.values[:, offset:], panel.levels[:, offset:], panel.observed[:, offset:],
        panel.time[offset:], (), rows, *reference, cuts.validation, offset,
    )  # fmt: skip


def _need(rows: np.ndarray, part: str, params: WindowParams) -> None:
    if not len(rows):
        raise ParameterError(
            f"{part} holds no whole window of window.lookback = {params.lookback} and window.horizon = "
            f"{params.horizon} steps without gaps; shorten them, use fewer window.folds, enlarge the part "
            "in window.split, or fill gaps (window.missing = forward)"
        )

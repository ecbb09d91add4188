"""Series → the development part with its folds, and the test part."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stages.artifacts.series import Series
from stages.artifacts.windows import Fold, Layout, Windows
from stages.params import ParameterError
from stages.season import unknown_season
from stages.window.panel import Panel, build_panel
from stages.window.params import WindowParams
from stages.window.scaler import fit_scaler, refusals
from stages.window.split import Cuts, cut, until
from stages.window.usable import usable


@dataclass(frozen=True)
class Training:
    """A fold's training part: the steps before `stop`; reasons: group → why it is not admitted."""

    name: str
    stop: int
    reasons: dict[int, str]
    admitted: np.ndarray  # (G,)


def make_windows(
    series: Series, params: WindowParams, season: int | None
) -> tuple[Windows, Windows]:
    """The development part and the test part.

    Training windows of a fold end before its validation block begins; validation and test windows may
    look back beyond their block's or part's beginning, but their targets lie inside it. A fold admits the
    series whose values in its training part are enough and vary (see `scaler.refusals`); one that begins in
    the validation part or later is in no fold but the final one, wherever the blocks lie. Series that nothing
    admits are left out by name and do not move the cuts.

    Raises:
        ParameterError: gaps that are not allowed, a part without a window, or no series that can be ranked.
    """
    lag = _lag(params, season, series)
    series = until(series, params.split.end)
    panel = build_panel(series, params, lag)
    left_out = dict(series.summary["left_out"])
    panel = _without(panel, refusals(panel, params.least), "in its whole life", params, left_out)
    panel, cuts, trainings = _settled(panel, params, series, left_out)
    layout = Layout(
        params.lookback, params.horizon, params.normalise, params.channels, panel.names,
        tuple(series.summary["covariates"]), {"order": int(lag > 0), "lag": max(lag, 1)},
        params.fill, params.scaler, series.calendar, params.scaler_range,
        params.transform, series.future, params.calendar, panel.known,
    )  # fmt: skip
    before = panel.part(0, cuts.test)
    folds = _folds(panel, before, cuts, trainings, params)
    reference = _reference(panel.part(0, cuts.validation), params)
    development = Windows(
        layout, before.values, before.levels, before.observed, before.starts, before.first, before.time,
        folds, np.empty(0, np.int64), *reference, cuts.validation, 0, left_out,
    )  # fmt: skip
    return development, _test_part(panel, cuts, trainings[-1], params, layout, reference)


def _settled(
    panel: Panel, params: WindowParams, series: Series, left_out: dict[str, str]
) -> tuple[Panel, Cuts, list[Training]]:
    """The series that some fold admits, and the cuts of their time line alone.

    A series that nothing admits may reach further than the others: without it time is cut again.
    """
    while True:
        panel = panel.compact()
        cuts = cut(panel.time, series.calendar, params)
        trainings = _trainings(panel, cuts, params)
        admitted = np.logical_or.reduce([training.admitted for training in trainings])
        lost = {group: why for group, why in trainings[-1].reasons.items() if not admitted[group]}
        if not lost:
            return panel, cuts, trainings
        panel = _without(panel, lost, "in the final fit's training part", params, left_out)


def _reference(training: Panel, params: WindowParams) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale of the split's training part, wherever the folds' blocks lie."""
    reasons = refusals(training, params.least)
    admitted = np.array([group not in reasons for group in range(len(training.first))])
    return fit_scaler(params.scaler, params.scaler_range, training, admitted)


def _lag(params: WindowParams, season: int | None, series: Series) -> int:
    if params.difference != "seasonal":
        return params.difference
    if season is None:
        needs = ["window.difference = seasonal"]
        raise ParameterError(unknown_season(needs, series.calendar.frequency))
    return season


def _without(
    panel: Panel, reasons: dict[int, str], where: str, params: WindowParams, left_out: dict[str, str]
) -> Panel:  # fmt: skip
    """The panel without the groups that have a reason; they are added to `left_out`.

    Raises:
        ParameterError: none remains, or the channels are joint, which need every series.
    """
    if not reasons:
        return panel
    rule = f"a series needs window.lookback + 2 · window.horizon = {params.least} values there that vary"
    joint = len(panel.names) > len(panel.first)
    if joint or len(reasons) == len(panel.first):
        group, reason = next(iter(reasons.items()))
        who = "" if joint else f"series {panel.names[group]!r} has "
        raise ParameterError(
            f"{'' if joint else 'no series can be trained on: '}{who}{reason} {where}; {rule}; "
            "shorten window.lookback or window.horizon, make window.split's parts smaller, or take the "
            "series out of prepare.targets"
        )
    left_out |= {panel.names[g]: f"{reason} {where}; {rule}" for g, reason in reasons.items()}
    return panel.of_groups(np.array([g not in reasons for g in range(len(panel.first))]))


def _trainings(panel: Panel, cuts: Cuts, params: WindowParams) -> list[Training]:
    """Of each fold, `final` last."""
    stop = cuts.test if params.final_fit == "train_and_validation" else cuts.validation
    ends = {f"fold{k}": begin for k, begin in enumerate(cuts.blocks[:-1])} | {"final": stop}
    trainings = []
    for name, end in ends.items():
        reasons = refusals(panel.part(0, end), params.least)
        admitted = np.array([group not in reasons for group in range(len(panel.first))])
        if name != "final":  # a block may begin after the validation part has
            admitted &= panel.first < cuts.validation
        trainings.append(Training(name, end, reasons, admitted))
    return trainings


def _rows(
    part: Panel, good: np.ndarray, admitted: np.ndarray, first: int, stop: int, params: WindowParams
) -> np.ndarray:  # fmt: skip
    """Rows of usable windows of admitted groups whose targets lie in steps first … stop − 1."""
    steps = part.steps
    chosen = good & admitted[part.groups] & (steps >= first - 1) & (steps < stop - params.horizon)
    return np.flatnonzero(chosen).astype(np.int64)


def _folds(
    panel: Panel, before: Panel, cuts: Cuts, trainings: list[Training], params: WindowParams
) -> tuple[Fold, ...]:  # fmt: skip
    good, steps, folds = usable(before, params.lookback, params.horizon), before.steps, []
    blocks = [*pairwise(cuts.blocks), (cuts.test, cuts.test)]
    for training, (begin, end) in zip(trainings, blocks, strict=True):
        train = _rows(before, good, training.admitted, 0, training.stop, params)
        train = train[(steps[train] - params.lookback + 1) % params.stride == 0]
        validation = _rows(before, good, training.admitted, begin, end, params)
        # From the block's first window on: baselines are fitted up to its origin, as networks are.
        validation = validation[(steps[validation] + 1 - begin) % params.validation_stride == 0]
        what = f"{training.name}'s training part (steps 0 to {training.stop - 1})"
        remedy = (
            "use fewer window.folds or fewer window.fold_steps, make window.split's parts smaller"
        )
        _need(train, what, params, remedy)
        if end > begin:
            block = f"{training.name}'s validation block (steps {begin} to {end - 1})"
            remedy = "use fewer window.folds, enlarge window.split.validation or window.fold_steps"
            _need(validation, block, params, remedy, params.validation_stride)
        part = panel.part(0, training.stop)
        scaler = fit_scaler(params.scaler, params.scaler_range, part, training.admitted)
        folds.append(Fold(training.name, train, validation, *scaler))
    return tuple(folds)


def _test_part(
    panel: Panel, cuts: Cuts, final: Training, params: WindowParams, layout: Layout,
    reference: tuple[np.ndarray, np.ndarray],
) -> Windows:  # fmt: skip
    offset, end = max(0, cuts.test - max(params.lookback, panel.lag)), len(panel.time)
    part = panel.part(offset, end)
    good = usable(part, params.lookback, params.horizon)
    rows = _rows(part, good, final.admitted, cuts.test - offset, end - offset, params)
    what = f"the test part (steps {cuts.test} to {end - 1})"
    _need(rows, what, params, "enlarge window.split.test")
    ranked = np.isfinite(reference[1][:, 0])
    if not ranked[part.groups[rows]].any():
        raise ParameterError(
            "no series of the test part has enough values in the training part (steps 0 to "
            f"{cuts.validation - 1}), so none can be ranked; it needs {params.least} there that vary: make "
            "the parts of window.split smaller, or name longer series in prepare.targets"
        )
    return Windows(
        layout, part.values, part.levels, part.observed, part.starts, part.first, part.time,
        (), rows, *reference, cuts.validation, offset,
    )  # fmt: skip


def _need(rows: np.ndarray, part: str, params: WindowParams, remedy: str, stride: int = 1) -> None:
    if not len(rows):
        thinned = f", {stride} steps apart (window.validation_stride)" if stride > 1 else ""
        raise ParameterError(
            f"{part} holds no whole window of window.lookback = {params.lookback} and window.horizon = "
            f"{params.horizon} steps without gaps{thinned}; shorten them, {remedy}, or fill gaps "
            "(window.missing = forward)"
        )

"""Exponential smoothing per series: AutoETS of statsforecast, fitted once for each part and rolled forward.

AutoETS chooses error, trend and season by AICc among the models with additive or no trend. The fit
sees at most the last `RECENT` levels before `Part.fit_end`, gaps filled with the last level. From there on
its smoothing parameters stay fixed and its states go on to the part's last origin:

    e = y − ŷ,  ŷ = (l + φ b) ∘ s,   l' = l + φ b + α e ⊘ s,   b' = φ b + β e ⊘ s,
    s' = s + γ e ⊘ (l + φ b)          (∘: + or ×; ⊘: e alone, or e divided, as the season is)

(Hyndman, Koehler, Ord & Snyder 2008, tables 2.2 and 2.3; with e = ŷ ε the same lines are the models with
multiplicative error, so one recursion serves all.) A gap has e = 0: the state moves on as predicted.
The states at every origin give its forecasts, so 20,000 origins cost one pass.

A season of more than `LONGEST` steps has too many states to estimate well (AutoETS then drops
it); as R's `stlf` does, it is taken out first, here as the mean profile of a moving-average
decomposition, and added to the forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import numpy as np

from stages.evaluate.baselines.part import AbsentError, Baseline, Part, of_series
from stages.scale import largest, unit, varies

RECENT = 4000
LONGEST = 12
SHORTEST = 12  # levels below which AutoETS has too little to choose from


@dataclass(frozen=True)
class Smoother:
    """A fitted model with its state after the fit: season (m,), newest first, as statsforecast has it."""

    alpha: float
    beta: float
    gamma: float
    phi: float
    multiplicative: bool
    level: float
    trend: float
    season: np.ndarray
    profile: np.ndarray  # (long season,), by time mod its length; zeros where there is none


@dataclass(frozen=True)
class States:
    """States after each step: level and trend (T + 1,), season (T + 1, m), newest first."""

    level: np.ndarray
    trend: np.ndarray
    season: np.ndarray


def smoother(line: np.ndarray, season: int, start: int) -> Smoother:
    """Fit the finite levels `line` (T,), whose first lies at `start` on the time line.

    Raises:
        AbsentError: the levels are too few, do not vary, or a package cannot fit them.
    """
    if len(line) < SHORTEST:
        raise AbsentError(
            f"exponential smoothing needs {SHORTEST} values to be fitted, and there are {len(line)}"
        )
    if not varies(float(np.ptp(line)), largest(line)):
        raise AbsentError("exponential smoothing needs values that vary to be fitted")
    try:
        return _smoother(line, season, start)
    except Exception as error:  # the packages may raise anything on odd values
        reason = f"statsforecast cannot fit exponential smoothing ({type(error).__name__})"
        raise AbsentError(reason) from error


def _smoother(line: np.ndarray, season: int, start: int) -> Smoother:
    profile = np.zeros(1)
    if season > LONGEST and len(line) >= 2 * season:
        profile = np.roll(_profile(line, season), start)
        line = line - profile[(start + np.arange(len(line))) % season]
    model = fitted(line, season if season <= LONGEST else 1)
    return replace(model, profile=profile)


def _profile(line: np.ndarray, season: int) -> np.ndarray:
    from statsmodels.tsa.seasonal import seasonal_decompose

    return np.asarray(seasonal_decompose(line, period=season).seasonal[:season])


def fitted(line: np.ndarray, season: int) -> Smoother:
    """AutoETS on `line` (T,)."""
    from statsforecast.models import AutoETS

    model = "ZZZ" if season > 1 else "ZZN"
    return from_library(AutoETS(season_length=season, model=model).fit(line).model_)


def from_library(model: dict[str, Any]) -> Smoother:
    """The fitted model as statsforecast keeps it (`AutoETS.model_`)."""
    _, trend, seasonal, damped = model["components"]
    alpha, beta, gamma, phi = np.nan_to_num(model["par"][:4]).tolist()
    state = model["states"][-1]
    return Smoother(
        alpha,
        beta,
        gamma,
        phi if damped == "D" else 1.0,
        seasonal == "M",
        float(state[0]),
        float(state[1]) if trend != "N" else 0.0,
        np.array(state[-model["m"] :]) if seasonal != "N" else np.zeros(1),
        np.zeros(1),
    )


def roll(model: Smoother, line: np.ndarray) -> States:
    """The states before and after each of the levels `line` (T,), the profile taken out; NaN is a gap."""
    m, level, trend = len(model.season), model.level, model.trend
    ring = model.season[::-1].tolist()  # ring[i % m] is the season of step i
    out = np.empty((2, len(line) + 1))
    seasons = np.empty((len(line) + m, 1))
    seasons[:m, 0] = ring
    out[:, 0] = level, trend
    for i, y in enumerate(line.tolist()):
        s, damped = ring[i % m], model.phi * trend
        base = level + damped
        e = 0.0 if isnan(y) else y - (base * s if model.multiplicative else base + s)
        by_level = e / s if model.multiplicative else e
        level, trend = base + model.alpha * by_level, damped + model.beta * by_level
        ring[i % m] = s + model.gamma * (e / base if model.multiplicative else e)
        out[:, i + 1] = level, trend
        seasons[i + m] = ring[i % m]
    newest = np.lib.stride_tricks.sliding_window_view(seasons[:, 0], m)[:, ::-1]
    return States(out[0], out[1], newest)


def project(model: Smoother, states: States, at: np.ndarray, horizon: int) -> np.ndarray:
    """Forecasts (N, H) from the states number `at` (N,), the profile not yet added."""
    m = len(model.season)
    steps = np.arange(horizon)
    damped = np.cumsum(np.full(horizon, model.phi) ** (steps + 1))
    base = states.level[at, None] + states.trend[at, None] * damped
    season = states.season[at[:, None], m - 1 - steps % m]
    return base * season if model.multiplicative else base + season


@dataclass(frozen=True)
class Rolled:
    """A fitted model with its states over a part; levels are divided by `unit`."""

    model: Smoother
    states: States
    unit: float


def _rolled(part: Part, series: int) -> Rolled:
    """One series: fitted before `fit_end`, rolled on to the last origin."""
    end, lines, known = part.fit_end, part.lines, part.known(series)
    begin = max(len(known) - RECENT, int(np.isfinite(known).argmax()) if len(known) else 0)
    known = known[begin:]
    divisor = unit(largest(known))
    first = int(lines.first[series])
    model = smoother(known / divisor, part.season or 1, first + begin)
    new = lines[series][max(0, end - first) :] / divisor
    when = np.arange(end, end + len(new)) % len(model.profile)
    try:
        return Rolled(model, roll(model, new - model.profile[when]), divisor)
    except ZeroDivisionError:
        raise AbsentError("a model with a multiplied season met a level of 0") from None


def auto_ets(part: Part) -> Baseline:
    """AutoETS of every series.

    Raises:
        AbsentError: it cannot be fitted to a series that comparisons need.
    """

    def forecast(fit: Rolled, _: int, origins: np.ndarray) -> np.ndarray:
        profile = fit.model.profile
        ahead = (origins[:, None] + 1 + np.arange(part.horizon)) % len(profile)
        levels = project(fit.model, fit.states, origins + 1 - part.fit_end, part.horizon)
        return (levels + profile[ahead]) * fit.unit

    return of_series("auto_ets", part, lambda series: _rolled(part, series), forecast)

"""Prediction intervals in the report: shares with their intervals, what is said of them, where they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.report.judging.coverage import Coverage
from stages.report.judging.intervals import two_way
from stages.report.study import Study
from stages.report.writing.intervals import cautions, head, note, row
from tests.support.synthetic_study import H


def share(mean: float, n: int = 400, seed: int = 0) -> Any:
    inside = np.random.default_rng(seed).permutation(n) < n * mean
    return two_way([inside[None] * 1.0], H, 0.95)


def test_every_forecaster_at_its_choice_has_its_shares(written: tuple[Study, Path]) -> None:
    study, folder = written
    assert list(study.coverages) == ["rnn", "lstm", "ridge", "repeat_last"]
    one = study.coverages["rnn"]
    assert one.lam == study.cells[0].lam
    assert one.shares[95].mean == 1
    assert one.shares[80].mean == pytest.approx(0.8, abs=0.02)
    assert one.shares[80].low < 0.8 < one.shares[80].high
    assert one.off(80) == one.off(95) == ""
    assert cautions(study) == []
    table = pd.read_csv(folder / "plots" / "coverage.csv")
    assert list(table) == ["forecaster", "lam", "level", "share"]
    assert set(table["level"]) == {10, 80, 95}
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "## Prediction intervals" in text
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "95 % interval of the chosen λ" in page.replace("\u00a0", " ")


def test_the_latest_forecasts_have_their_interval(written: tuple[Study, Path]) -> None:
    study, folder = written
    drawn = pd.read_csv(folder / "figures" / "forecasts.csv")
    chosen = drawn[(drawn["line"] == "chosen λ") & drawn["panel"].str.startswith("rnn")]
    low, high = (chosen[end] - chosen["value"] for end in ("low", "high"))
    one = study.coverages["rnn"].intervals
    size = one.size[0]
    taus = [float(one.taus[0]), float(one.taus[-1])]  # of 95 %
    ends = [one.at(tau, np.zeros((1, H)), np.array([size]))[0, 0] for tau in taus]
    np.testing.assert_allclose(low, ends[0], rtol=1e-3)
    np.testing.assert_allclose(high, ends[1], rtol=1e-3)
    assert drawn.loc[drawn["line"] == "λ = 0", "low"].isna().all()


@pytest.mark.parametrize(
    ("mean", "level", "horizons", "word"),
    [
        (0.6, 80.0, 100.0, "narrow"),
        (0.97, 80.0, 100.0, "wide"),
        (0.8, 80.0, 100.0, ""),
        (1.0, 80.0, 16.0, ""),  # 0.8^16 = .028: it can happen
        (1.0, 80.0, 17.0, "wide"),  # .0225
        (0.0, 80.0, 5.0, "narrow"),
        (0.9675, 95.0, 100.0, ""),  # the plain interval, 95.1 to 98.4 %, would say wide
    ],
)
def test_a_share_is_off_where_more_than_chance_parts_it_from_the_level(
    written: tuple[Study, Path], mean: float, level: float, horizons: float, word: str
) -> None:
    one = written[0].coverages["rnn"]
    one = replace(one, shares={level: share(mean)}, horizons=horizons)
    assert one.off(level) == word


def test_what_is_off_is_said_first(written: tuple[Study, Path]) -> None:
    study = written[0]
    name = study.leader.name
    off = replace(study.coverages[name], shares={80.0: share(0.6), 95.0: share(0.95)})
    (sentence,) = cautions(replace(study, coverages={name: off}))
    assert sentence.startswith(f"The 80 % intervals of {name} are too narrow: they held 60 %")
    assert len(row(off)) == len(head((80.0, 95.0)))
    assert "too narrow" in row(off)[2]
    assert cautions(replace(study, coverages={})) == []


def test_the_note_says_what_they_rest_on(written: tuple[Study, Path]) -> None:
    study = written[0]
    one: Coverage = study.coverages["rnn"]
    few = replace(one.intervals, horizons=4.5, outside=np.ones_like(one.intervals.outside))
    text = note(replace(study, coverages={"rnn": replace(one, intervals=few)}))
    assert "4.5 independent horizons" in text
    assert "fewer than 30 horizons say little about tails" in text
    assert "too few windows for 80 % and 95 %" in text

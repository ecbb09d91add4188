"""Hourly data with a zone: UTC and the zone in the files, the zone's clock on the page, across its change."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from stages.report.params import ReportParams
from stages.report.stage import run as write_report
from tests.support.damped_study import Damped, damped, waves

pytestmark = pytest.mark.slow

STEPS = 240
CLOCK = {"Europe/Berlin": ("+01:00", "+02:00"), "+05:30": ("+05:30", "+05:30")}


def study(root: Path, zone: str | None) -> Damped:
    """Ten days up to 31 March 2024, when clocks in Berlin went from 2 to 3 o'clock (1:00 UTC)."""
    frame = waves(STEPS)
    hours = pd.date_range("2024-03-21 06:00", periods=STEPS, freq="h")
    frame["ds"] = hours.strftime("%Y-%m-%d %H:%M")
    return damped(root, frame, frequency="h", zone=zone, season=24)


@pytest.mark.parametrize("zone", CLOCK)
def test_times_are_utc_in_the_files_and_local_on_the_page(
    zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, local = study(tmp_path / "plain", None), study(tmp_path / "local", zone)
    assert local.study.answers == plain.study.answers
    for folder, name in (
        ("forecasts", "rnn"),
        ("forecasts", "baselines"),
        ("scores", "losses_rnn"),
    ):
        ours, theirs = (pq.read_table(s.paths[folder] / f"{name}.parquet") for s in (local, plain))
        for column in {"ds", "cutoff"} & set(ours.column_names):
            assert ours.schema.field(column).type.tz == zone
            assert ours[column].cast("int64").equals(theirs[column].cast("int64"))
    reports = []
    for case in (plain, local):
        report = tmp_path / "report" / case.paths["series"].parent.name
        write_report(**case.paths, folder=report, params=ReportParams())
        reports.append(report)
    assert (reports[0] / "report.md").read_bytes() == (reports[1] / "report.md").read_bytes()
    for name in ("data", "forecasts", "folds"):
        utc, zoned = (pd.read_csv(report / "figures" / f"{name}.csv") for report in reports)
        assert set(zoned["ds"].str[-6:]) <= set(CLOCK[zone])
        back = pd.to_datetime(zoned["ds"], utc=True).dt.tz_localize(None)
        np.testing.assert_array_equal(back, pd.to_datetime(utc["ds"], format="ISO8601"))
        columns = [column for column in utc.columns if column not in ("ds", "origin")]
        pd.testing.assert_frame_equal(zoned[columns], utc[columns])
    page = (reports[1] / "index.html").read_text(encoding="utf-8")
    assert f"in the time of {zone}" in page.replace("&#43;", "+")
    shown = set(re.findall(r"2024-03-31 (\d\d:\d\d): ", page))
    assert len(shown) > 3
    if zone == "Europe/Berlin":
        assert "03:00" in shown
        assert not any(time.startswith("02") for time in shown)  # there was no such hour
    else:
        assert all(time.endswith(":30") for time in shown)

"""Weekly sales of five shops, from the file as Excel exports it to forecasts over HTTP.

One opens in the second year, one in the third, one closes a year before the end; four weeks are missing in
each, and a promotion is a covariate. Names of shops look like numbers.
"""

from __future__ import annotations

import json
import urllib.request
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.experiments import free_port, serving
from tests.support.study import commit, edit, run, small_repository

pytestmark = pytest.mark.slow

WEEKS = 52 * 5
LIVES = {
    "01": (0, WEEKS),
    "1": (60, WEEKS),
    "Süd": (110, WEEKS),
    "NA": (0, WEEKS - 54),
    "7": (0, WEEKS),
}
MISSING = 4
HORIZON = 4


def sales(units: dict[str, float] | None = None) -> str:
    """The export: semicolons, decimal commas, day-first dates."""
    rng = np.random.default_rng(5)
    weeks = pd.date_range("2019-01-07", periods=WEEKS, freq="W-MON").strftime("%d.%m.%Y")
    lines = ["Filiale;Woche;Umsatz;Aktion"]
    for k, (shop, (opens, closes)) in enumerate(LIVES.items()):
        t = np.arange(opens, closes)
        promotion = rng.random(len(t)) < 0.15
        wave = (
            800 + 200 * np.sin(2 * np.pi * t / 52) + 150 * promotion + 30 * rng.normal(size=len(t))
        )
        lost = set(rng.choice(np.arange(5, len(t) - 60), MISSING, replace=False).tolist())
        values = wave * (k + 1) * (units or {}).get(shop, 1.0)
        lines += [
            f"{shop};{week};{f'{value:.2f}'.replace('.', ',')};{int(on)}"
            for i, (week, value, on) in enumerate(zip(weeks[t], values, promotion, strict=True))
            if i not in lost
        ]
    return "\n".join(lines) + "\n"


def study(folder: Path, text: str) -> Path:
    """The study of one file, as the README's three steps make it."""
    repository = small_repository(folder)
    (repository / "sales (1).csv").write_text(text, encoding="cp1252")
    for key, value in {
        "prepare.path": "sales (1).csv", "prepare.format": "long", "prepare.id": "Filiale",
        "prepare.time": "Woche", "prepare.value": "Umsatz", "prepare.targets": [],
        "prepare.covariates": ["Aktion"], "prepare.frequency": "infer", "window.missing": "forward",
        "window.lookback": 12, "window.horizon": HORIZON, "window.difference": 0,
        "window.split.validation": 52, "window.split.test": 44, "window.folds": 2, "evaluate.season": None,
        "evaluate.baselines": ["repeat_last", "seasonal_repeat", "ridge", "auto_ets"],
        "train.cells": ["gru"], "train.hidden": 16, "train.segment": 1, "train.epochs": 15,
        "train.batch_size": 64, "train.seeds": 2, "train.penalty.lambdas": [0, 1, 1000],
    }.items():  # fmt: skip
        edit(repository, key, value)
    commit(repository, "The shops")
    return repository


@pytest.fixture(scope="module")
def shops(tmp_path_factory) -> tuple[Path, str]:
    """The repository after `dvc repro`, and its output."""
    repository = study(tmp_path_factory.mktemp("shops") / "clone", sales())
    return repository, run(repository, "dvc", "repro")


def scores(repository: Path) -> pd.Series:
    rows = pd.read_parquet(repository / "data/scores/gru.parquet")
    rows = rows[(rows["metric"] == "scaled_mse") & (rows["step"] == 0) & (rows["seed"] >= 0)]
    return rows.groupby(["unique_id", "lam"])["value"].mean()


def test_the_file_is_read_as_it_was_meant(shops):
    repository, text = shops
    summary = json.loads((repository / "data/series/summary.json").read_text(encoding="utf-8"))
    series = {shop["unique_id"]: shop for shop in summary["series"]}
    assert list(series) == list(LIVES)
    assert all(shop["gaps"] == MISSING for shop in series.values())
    assert [shop["rows"] for shop in series.values()] == [b - a for a, b in LIVES.values()]
    assert series["1"]["first"] == "2020-03-02"
    assert summary["calendar"]["frequency"] == "W-MON"
    assert "neither in git nor in DVC" not in text  # it was committed
    assert "decimal sign `,`" in text


def test_the_report_says_which_shops_take_part(shops):
    repository, _ = shops
    summary = json.loads((repository / "data/windows/summary.json").read_text(encoding="utf-8"))
    assert summary["left_out"] == {}
    assert all(fold["not_admitted"] == [] for fold in summary["folds"].values())
    report = (repository / "data/report/report.md").read_text(encoding="utf-8")
    assert "NA (it has no window in the test part)" in report
    ranked = set(scores(repository).index.get_level_values(0)) - {""}
    assert ranked == set(LIVES) - {"NA"}


def test_a_shop_in_another_unit_changes_no_answer(shops, tmp_path):
    """The same λ, the same words, the same scaled errors up to single precision."""
    other = study(tmp_path / "clone", sales({"7": 1e6}))
    run(other, "dvc", "repro")
    first, second = (
        json.loads((folder / "data/report/metrics.json").read_text())
        for folder in (shops[0], other)
    )
    assert first["gru"]["lam"] == second["gru"]["lam"]
    assert first["best_baseline"]["name"] == second["best_baseline"]["name"]
    pd.testing.assert_series_equal(scores(shops[0]), scores(other), rtol=0.02)
    words = [
        [
            line.split(":")[1].split("(")[0]
            for line in report.splitlines()
            if line.startswith("- gru at")
        ]
        for report in (
            (folder / "data/report/report.md").read_text(encoding="utf-8")
            for folder in (shops[0], other)
        )
    ]
    assert words[0] == words[1]


def test_forecasts_come_for_all_but_the_closed_shop(shops):
    repository, _ = shops
    run(repository, "make", "-o", ".venv/installed", "forecast")
    table = pd.read_csv(
        repository / "tmp/forecast/forecast.csv", dtype={"unique_id": str}, keep_default_na=False
    )
    counts = table.groupby("unique_id")["ds"].apply(lambda ds: sum(ds != "")).to_dict()
    assert counts == {**dict.fromkeys(LIVES, HORIZON), "NA": 0}
    (note,) = table.loc[table["unique_id"] == "NA", "note"]
    assert note.startswith("refused: it ends at 2022-12-12")


def test_the_served_model_takes_the_file(shops):
    repository, _ = shops
    make = ["make", "-o", ".venv/installed"]
    text = run(repository, *make, "serve", "PORT=1", check=False)
    assert "no model has been promoted" in text
    assert "Traceback" not in text
    commit(repository, "The study of the shops")
    run(repository, *make, "promote")
    table = pd.read_csv(
        StringIO(sales()), sep=";", decimal=",", dtype={"Filiale": str}, keep_default_na=False
    )
    table = table.rename(columns={"Filiale": "unique_id", "Woche": "ds", "Umsatz": "y"})
    body = table.to_csv(index=False).encode()
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with serving(repository, *make, "serve", f"PORT={port}", ready=f"{address}/ping"):
        request = urllib.request.Request(
            f"{address}/invocations", body, {"Content-Type": "text/csv"}
        )
        with urllib.request.urlopen(request) as response:
            answer = json.loads(response.read(), parse_constant=pytest.fail)["predictions"]
    written = pd.read_csv(
        repository / "tmp/forecast/forecast.csv", dtype={"unique_id": str}, keep_default_na=False
    )
    served = [(row["unique_id"], row["y_hat"]) for row in answer if row["y_hat"] is not None]
    expected = written[written["y_hat"] != ""]
    assert [name for name, _ in served] == expected["unique_id"].tolist()
    np.testing.assert_allclose([y for _, y in served], expected["y_hat"].astype(float), rtol=1e-9)

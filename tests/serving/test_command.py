"""python -m stages.serving: what it writes, draws and says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.series import Series
from stages.serving import __main__ as command
from stages.serving.input.value_cells import TableError
from stages.serving.picture import draw
from stages.serving.served import Served
from tests.support.serving_model import H, L, T, model, series, table_of

FLAGS = ["--model", "model.safetensors", "--series", "series", "--out", "out"]
PARAMS = "prepare:\n  path: sales.csv\n"


@pytest.fixture
def study(tmp_path, monkeypatch) -> Series:
    """A folder with a model and its series."""
    study = series()
    write(study, model(study)[0], tmp_path)
    monkeypatch.chdir(tmp_path)
    return study


def write(study: Series, chosen: Served, folder) -> None:
    chosen.save(folder / "model.safetensors")
    study.save(folder / "series")
    (folder / "params.yaml").write_text(PARAMS)


def test_the_command_writes_a_table_and_a_picture(study, capsys):
    command.main(FLAGS)
    written = pd.read_csv("out/forecast.csv", keep_default_na=False)
    assert list(written) == ["unique_id", "ds", "y_hat", "y_hat_spread", "note"]
    wanted = Served.load("model.safetensors").forecast(table_of(study))
    np.testing.assert_allclose(written["y_hat"], wanted["y_hat"])
    drawn = pd.read_csv("out/picture.csv").set_index("line")
    np.testing.assert_allclose(drawn.loc[["forecast"], "y"], written["y_hat"], rtol=1e-5)
    spread = 2 * written["y_hat_spread"]
    np.testing.assert_allclose((drawn["high"] - drawn["low"]).dropna(), spread, rtol=1e-3)
    past = study.frame.groupby("unique_id").tail(2 * L)
    assert list(drawn.loc[["observed"], "y"]) == pytest.approx(list(past["y"]), rel=1e-5)
    with open("out/picture.svg", encoding="utf-8") as file:
        picture = file.read()
    assert ">shop</text>" in picture
    assert "± standard deviation over seeds" in picture
    assert capsys.readouterr().err == ("gru at λ = 1, 3 seeds: out/forecast.csv, out/picture.svg\n")


def test_a_closed_series_is_named_and_the_others_are_forecast(study, tmp_path, capsys):
    early = series(ends={"web": T - 30})
    early.save(tmp_path / "series")
    command.main(FLAGS)
    notes = capsys.readouterr().err.splitlines()
    assert notes[0] == (
        "web: refused: it ends at 2003-06-30, more than 3 steps before 2005-12-31, where 'shop' ends: its "
        "forecast would lie in the past"
    )
    written = pd.read_csv("out/forecast.csv")
    assert list(written["unique_id"]) == ["shop"] * H + ["web"]
    assert written["y_hat"].notna().tolist() == [True] * H + [False]
    assert set(pd.read_csv("out/picture.csv")["panel"]) == {"shop"}


def test_the_studys_gaps_are_filled_as_in_its_windows(tmp_path, monkeypatch, capsys):
    gappy = series()
    gappy.frame.loc[T - 3, "y"] = np.nan  # of `shop`
    monkeypatch.chdir(tmp_path)
    write(gappy, model(gappy, missing="drop")[0], tmp_path)
    command.main(FLAGS)
    assert "shop: refused: y at 2005-10-31 is missing" in capsys.readouterr().err
    write(gappy, model(gappy, missing="forward")[0], tmp_path)
    command.main(FLAGS)
    assert "refused" not in capsys.readouterr().err


def test_another_file_is_read_as_text(study, capsys):
    table_of(study).assign(unique_id=lambda t: t["unique_id"].replace("web", "007")).to_csv(
        "sales (1).csv", index=False, encoding="utf-8-sig"
    )
    command.main([*FLAGS, "--csv", "sales (1).csv"])
    assert capsys.readouterr().err.startswith("007: scale from 60 rows\n")
    written = pd.read_csv("out/forecast.csv", dtype={"unique_id": str})
    assert list(dict.fromkeys(written["unique_id"])) == ["shop", "007"]


def test_a_file_of_the_studys_form_is_read_by_the_studys_reader(study, capsys):
    wide = study.frame.pivot(index="ds", columns="unique_id", values="y").reset_index()
    wide.to_csv("wide.csv", index=False)
    command.main([*FLAGS, "--csv", "wide.csv"])
    command.main([*FLAGS[:-1], "plain"])
    by_csv, by_series = (pd.read_csv(f"{folder}/forecast.csv") for folder in ("out", "plain"))
    pd.testing.assert_frame_equal(by_csv, by_series)
    assert "refused" not in capsys.readouterr().err


def test_what_does_not_exist_is_reported(study, tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.csv does not exist; name a CSV"):
        command.main([*FLAGS, "--csv", "nowhere.csv"])
    with pytest.raises(
        ValueError, match=r"nothing does not exist; run a study first \(make repro\)"
    ):
        command.main(["--model", "nothing", *FLAGS[2:]])
    other = pd.date_range("2001-01-01", periods=T, freq="D", unit="us")
    series(times=other, calendar={"frequency": "D", "time": "datetime"}).save(tmp_path / "series")
    wanted = r"the series have steps of D \(datetime\), the model of ME \(datetime\); run dvc repro"
    with pytest.raises(TableError, match=wanted):
        command.main(FLAGS)


@pytest.mark.parametrize(
    ("calendar", "times", "ahead"),
    [
        ({"frequency": "2", "time": "integer"}, pd.Index(np.arange(0, 2 * T, 2)), [120, 122, 124]),
        (
            {"frequency": "rows", "time": "datetime"},
            pd.bdate_range("2024-01-01", periods=T),
            [1, 2, 3],
        ),
    ],
)
def test_the_picture_of_one_seed_shows_no_spread(tmp_path, calendar, times, ahead):
    study = series(times=times, calendar=calendar)
    chosen, _ = model(study, seeds=1)
    draw(
        chosen.read(study),
        chosen.forecast(study),
        chosen.layout.calendar,
        2 * chosen.steps,
        tmp_path,
    )
    picture = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert "forecast, mean over seeds" in picture
    assert "deviation" not in picture
    drawn = pd.read_csv(tmp_path / "picture.csv")
    assert drawn["low"].isna().all()
    assert drawn.loc[drawn["line"] == "forecast", "ds"].tolist() == 2 * ahead

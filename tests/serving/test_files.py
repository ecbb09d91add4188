"""`make forecast CSV=…`: a table in any form of file, also where the study's file is wide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from stages.params import ParameterError
from stages.serving import __main__ as command
from tests.serving.test_command import FLAGS, write
from tests.support.serving_model import H, L, model, series, table_of

WIDE = "prepare:\n  path: sales.csv\n  targets: [shop, web]\n"


@pytest.fixture
def table(tmp_path, monkeypatch) -> pd.DataFrame:
    """A folder with the model of a wide study; its series as a table."""
    study = series()
    write(study, model(study)[0], tmp_path)
    (tmp_path / "params.yaml").write_text(WIDE)
    monkeypatch.chdir(tmp_path)
    return table_of(study).round({"y": 4})


def forecast(name: str) -> pd.DataFrame:
    command.main([*FLAGS, "--csv", name])
    return pd.read_csv("out/forecast.csv", keep_default_na=False, dtype={"unique_id": str})


def commas(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers with a decimal comma."""
    return table.assign(y=table["y"].map(lambda y: f"{y}".replace(".", ",")))


FORMS: dict[str, Callable[[pd.DataFrame, str], object]] = {
    "semicolons.csv": lambda t, name: t.to_csv(name, index=False, sep=";"),
    "commas.csv": lambda t, name: commas(t).to_csv(name, index=False, sep=";"),
    "quoted.csv": lambda t, name: commas(t).to_csv(name, index=False),
    "tabs.csv": lambda t, name: t.to_csv(name, index=False, sep="\t"),
    "utf16.csv": lambda t, name: t.to_csv(name, index=False, sep="\t", encoding="utf-16"),
    "bom.csv": lambda t, name: t.to_csv(name, index=False, encoding="utf-8-sig"),
    "packed.csv.gz": lambda t, name: t.to_csv(name, index=False),
    "stored.parquet": lambda t, name: t.to_parquet(name),
    "noted.csv": lambda t, name: Path(name).write_text("Sales\n\n" + t.to_csv(index=False)),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_table_in_any_form_is_read_as_one(table, name, capsys):
    table.to_csv("plain.csv", index=False)
    plain = forecast("plain.csv")
    assert plain["note"].tolist() == 2 * H * [""]
    FORMS[name](table, name)
    pd.testing.assert_frame_equal(forecast(name), plain)


@pytest.mark.parametrize("name", FORMS)
def test_one_bad_series_is_refused_by_name_and_the_others_are_served(table, name):
    bad = "n/k" if not name.endswith(".parquet") else None
    odd = table.astype({"y": object} if bad else {})
    odd.loc[len(odd) - 2, "y"] = bad
    FORMS[name](odd, name)
    answer = forecast(name)
    assert answer["unique_id"].tolist() == [*H * ["shop"], "web"]
    assert answer["note"].tolist()[:H] == H * [""]
    wanted = "y at 2005-11-30 is n/k, not" if bad else "y at 2005-11-30 is missing; the last"
    assert answer["note"].iloc[-1].startswith(f"refused: {wanted}")


def test_a_file_of_the_wide_studys_form_is_still_read_by_the_prepare_section(table):
    table.to_csv("plain.csv", index=False)
    wide = table.pivot(index="ds", columns="unique_id", values="y").reset_index()
    wide.to_csv("wide.csv", index=False, sep=";")
    pd.testing.assert_frame_equal(forecast("wide.csv"), forecast("plain.csv"))
    wide.rename(columns={"web": "net"}).to_csv("wide.csv", index=False)
    with pytest.raises(
        ParameterError, match=r"prepare\.targets = 'web' is not a column of the file"
    ):
        command.main([*FLAGS, "--csv", "wide.csv"])


def test_numbers_that_may_be_read_in_two_ways_are_read_as_params_yaml_says(table):
    written = commas(table.assign(y=table["y"].abs().map("{:07.3f}".format))).assign(
        y=lambda t: t["y"].str.replace("^0+", "1", regex=True)
    )
    assert written["y"].str.fullmatch("[1-9][0-9]{0,2},[0-9]{3}").all()
    written.to_csv("open.csv", index=False, sep=";")
    with pytest.raises(ParameterError, match=r"set prepare\.decimal to `,` for the first"):
        command.main([*FLAGS, "--csv", "open.csv"])
    Path("params.yaml").write_text(WIDE + "  decimal: ','\n")
    points = written.assign(y=written["y"].str.replace(",", "."))
    points.to_csv("points.csv", index=False)  # between commas a point is a decimal sign
    pd.testing.assert_frame_equal(forecast("open.csv"), forecast("points.csv"))


def test_ids_keep_their_zeros_and_words_and_lose_their_blanks(table):
    named = table.replace({"unique_id": {"shop": "007", "web": "web "}})
    named.to_csv("named.csv", index=False, sep=";")
    assert list(dict.fromkeys(forecast("named.csv")["unique_id"])) == ["007", "web"]
    table.replace({"unique_id": {"shop": "NA"}}).to_csv("named.csv", index=False)
    assert list(dict.fromkeys(forecast("named.csv")["unique_id"])) == ["NA", "web"]


def test_a_folder_is_refused_as_one(table):
    Path("sales").mkdir()
    with pytest.raises(ValueError, match=r"^sales is a folder, not a file; name a CSV$"):
        command.main([*FLAGS, "--csv", "sales"])
    with pytest.raises(ValueError, match="series is a folder, not a file; run a study first"):
        command.main(["--model", "series", *FLAGS[2:]])


@pytest.mark.parametrize("sep", [",", ";"])
def test_a_covariate_called_y_has_its_column_in_a_file(tmp_path, monkeypatch, sep):
    study = series(("y",))
    write(study, model(study)[0], tmp_path)
    monkeypatch.chdir(tmp_path)
    table = table_of(study)
    table.to_csv("table.csv", index=False, sep=sep)
    answer = forecast("table.csv")
    command.main([*FLAGS[:-1], "plain"])
    plain = pd.read_csv("plain/forecast.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(answer, plain)
    table.drop(columns="covariate:y").to_csv("table.csv", index=False, sep=sep)
    with pytest.raises(ValueError, match="column 'covariate:y' is missing"):
        command.main([*FLAGS, "--csv", "table.csv"])
    long = "prepare:\n  path: sales.csv\n  format: long\n  value: sold\n  covariates: [y]\n"
    Path("params.yaml").write_text(long)  # the study's file has a column y, its covariate
    table.rename(columns={"y": "sold", "covariate:y": "y"}).to_csv(
        "study.csv", index=False, sep=sep
    )
    pd.testing.assert_frame_equal(forecast("study.csv"), plain)


def test_a_short_table_is_refused(table):
    table.tail(5).to_csv("short.csv", index=False, sep=";")
    with pytest.raises(ValueError, match=f"it has 5 steps; a forecast looks back on {L}"):
        command.main([*FLAGS, "--csv", "short.csv"])

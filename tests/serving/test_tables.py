"""Tables that people have: life spans, gaps, types of columns; what cannot be forecast is refused by name."""

from __future__ import annotations

import decimal
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.series import COVARIATE
from stages.serving.input.value_cells import TableError
from tests.support.serving_model import H, L, T, model, series, table_of

SHOPS = {"shop": 50.0, "web": 400.0, "kiosk": 7.0}


@pytest.fixture(scope="module")
def served():
    study = series(levels=SHOPS)
    chosen, _ = model(study)
    table = table_of(study)
    return chosen, table, chosen.forecast(table)


def changed(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """The table with something odd about `web`."""
    table = table.copy()
    web = table.index[table["unique_id"] == "web"]
    if what == "null":
        table.loc[web[-3], "y"] = np.nan
    elif what == "old gap":
        table.loc[web[5], "y"] = np.nan
    elif what in ("infinite", "word"):
        table["y"] = table["y"].astype(object)
        table.loc[web[3], "y"] = np.inf if what == "infinite" else "high"
    elif what == "off":
        table.loc[web[-2], "ds"] += pd.Timedelta(days=3)
    elif what == "first off":
        table.loc[web[0], "ds"] -= pd.Timedelta(days=3)
    elif what == "huge":
        table.loc[web[-1], "y"] = 1e300
    elif what == "trailing nulls":
        table.loc[web[-2:], "y"] = np.nan
    elif what == "no value":
        table.loc[web, "y"] = np.nan
    return {
        "short": table.drop(web[:-5]),
        "gap": table.drop(web[-3]),
        "one earlier": table.drop(web[-1]),
        "horizon earlier": table.drop(web[-H:]),
        "closed": table.drop(web[-H - 1 :]),
        "twice": pd.concat([table, table.loc[web[-1:]]]),
        "unseen, short": table.replace("web", "new").drop(web[: T - L - 1]),
        "unseen": table.replace("web", "new"),
        "unseen, flat": table.assign(y=table["y"].mask(table["unique_id"] == "web", 5)).replace(
            "web", "new"
        ),
        "only web": table.loc[web],
    }.get(what, table)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("short", "it has 5 steps; a forecast looks back on 8: give that many"),
        ("gap", "y at 2005-10-31 is missing; the last 8 steps must be there without a gap"),
        ("null", "y at 2005-10-31 is missing; the last 8 steps must be there without a gap"),
        ("closed", "it ends at 2005-08-31, more than 3 steps before 2005-12-31, where 'shop' ends"),
        ("infinite", "y at 2001-04-30 is inf, not a finite number"),
        ("word", "y at 2001-04-30 is high, not a finite number"),
        ("twice", "it has two rows at 2005-12-31; keep one, or aggregate them"),
        ("off", "2005-12-03 does not lie on the model's calendar (frequency ME); correct the row"),
        ("first off", "2001-01-28 does not lie on the model's calendar (frequency ME); correct the row"),
        ("huge", "its forecast is not a finite number"),
        ("no value", "it has no value of y"),
        ("unseen, short", "the model has no scale for it, and the rows sent, from which to take one, have 9 "
         "values, fewer than 14; send more of its past"),
        ("unseen, flat", "the model has no scale for it, and the rows sent, from which to take one, have 60 "
         "values that do not vary; send rows that vary"),
    ],
)  # fmt: skip
def test_one_series_is_refused_by_name_and_the_others_are_forecast(served, what, reason):
    chosen, table, plain = served
    answer = chosen.forecast(changed(table, what))
    name = "new" if what.startswith("unseen") else "web"
    rows = answer[answer["unique_id"] == name]
    assert len(rows) == 1
    assert rows["note"].iloc[0].startswith("refused: " + reason)
    assert rows[["ds", "y_hat", "y_hat_spread"]].isna().all(axis=None)
    ours, theirs = (
        pd.DataFrame(a[~a["unique_id"].isin(["web", "new"])]).reset_index(drop=True)
        for a in (answer, plain)
    )
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    assert list(dict.fromkeys(answer["unique_id"])) == ["shop", name, "kiosk"]
    if what != "closed":  # alone it is the latest
        with pytest.raises(TableError, match=re.escape(f"series '{name}': {reason}")):
            chosen.forecast(changed(table, what).query("unique_id == @name"))


@pytest.mark.parametrize(
    ("what", "note", "first"),
    [
        ("one earlier", "ends 1 step before the others", "2005-12-31"),
        ("trailing nulls", "ends 2 steps before the others", "2005-11-30"),
        ("horizon earlier", "ends 3 steps before the others", "2005-10-31"),
        ("old gap", "", "2006-01-31"),
        ("unseen", "scale from 60 rows", "2006-01-31"),
        ("only web", "", "2006-01-31"),
    ],
)
def test_what_a_user_should_know_is_in_the_note(served, what, note, first):
    chosen, table, _ = served
    answer = chosen.forecast(changed(table, what))
    rows = answer[answer["unique_id"].isin(["web", "new"])]
    assert set(rows["note"]) == {note}
    assert rows["ds"].iloc[0] == pd.Timestamp(first)
    assert len(rows) == H
    others = answer[~answer["unique_id"].isin(["web", "new"])]
    assert set(others["note"]) <= {""}


def test_an_early_end_is_forecast_from_there(served):
    chosen, table, _ = served
    answer = chosen.forecast(changed(table, "one earlier"))
    cut = chosen.forecast(table[table["ds"] < "2005-12-31"])
    assert list(answer.query("unique_id == 'web'")["y_hat"]) == list(
        cut.query("unique_id == 'web'")["y_hat"]
    )


def test_gaps_are_filled_from_the_past_as_far_as_the_study_fills_them():
    study = series(("rain",))
    chosen, _ = model(study, missing="forward", fill_limit=2)
    table = table_of(study)
    web = table.index[table["unique_id"] == "web"]
    for count, column in ((2, "y"), (3, "y"), (2, "rain"), (3, "rain")):
        gappy, filled = table.copy(), table.copy()
        rows = web[-2 - count : -2]
        gappy.loc[rows, column] = np.nan
        filled.loc[rows, column] = table.loc[rows[0] - 1, column]
        answer = chosen.forecast(gappy)
        web_answer = answer[answer["unique_id"] == "web"]
        if count == 2:
            wanted = chosen.forecast(filled).query("unique_id == 'web'")
            pd.testing.assert_frame_equal(pd.DataFrame(web_answer), pd.DataFrame(wanted))
        else:
            assert web_answer["note"].iloc[0] == (
                f"refused: {column} at 2005-10-31 is missing; the last 8 steps must be there without a gap "
                "(gaps of up to 2 are filled from the past)"
            )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.rename(columns={"y": "value"}),
         "column 'y' is missing; known: unique_id, ds, value; wanted: unique_id, ds, y"),
        (lambda t: t.head(0), "the table has no rows"),
        (lambda t: t.assign(ds="someday"),
         "ds: row 1 has 'someday', which has no known date format; write dates such as"),
        (lambda t: t.assign(ds=range(len(t))),
         "the model's frequency 'ME' needs dates, but ds has whole numbers such as 0"),
        (lambda t: t.assign(ds=t["ds"].mask(t.index == 4)), "ds is empty in row 5 of the table"),
        (lambda t: t.assign(unique_id=t["unique_id"].mask(t.index == 4)), "unique_id is empty in row 5"),
        (lambda t: t.assign(y="high"), "no series can be forecast: 'shop': y at 2001-01-31 is high, not"),
        (lambda t: t.set_axis(["unique_id", "ds", "ds"], axis=1), "two columns are called 'ds'"),
        (lambda t: t.to_dict("list"), "give a table (a pandas DataFrame; over HTTP"),
        (lambda t: t.query("unique_id == 'web'").tail(5), "series 'web': it has 5 steps; a forecast looks"),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_as_a_whole_is_refused_in_a_sentence(served, change, sentence):
    chosen, table, _ = served
    with pytest.raises(TableError) as error:
        chosen.forecast(change(table.copy()))
    assert sentence in str(error.value)
    assert "params" not in str(error.value)
    assert "prepare" not in str(error.value)


JOINT = "the model forecasts all series together"


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("short", "series 'web': it has 5 steps; a forecast looks back on 8: give that many"),
        ("gap", "series 'web': y at 2005-10-31 is missing"),
        ("one earlier", f"series 'web' ends at 2005-11-30, others at 2005-12-31; {JOINT}"),
        ("word", f"series 'web': y at 2001-04-30 is high, not a finite number; {JOINT}"),
        ("unseen", f"series 'web' is missing; {JOINT}"),
        ("only web", f"series 'shop' is missing; {JOINT}"),
    ],
)
def test_joint_channels_need_every_series(what, sentence):
    study = series()
    chosen, _ = model(study, channels="joint")
    with pytest.raises(TableError) as error:
        chosen.forecast(changed(table_of(study), what))
    assert sentence in str(error.value)


def test_joint_channels_refuse_other_names():
    study = series()
    chosen, _ = model(study, channels="joint")
    table = table_of(study)
    other = pd.concat([table, table[table["unique_id"] == "web"].assign(unique_id="new")])
    answer = chosen.forecast(other)
    assert answer[answer["unique_id"] == "new"]["note"].tolist() == [
        "refused: the model forecasts shop, web together and no other series"
    ]
    left, right = (
        pd.DataFrame(a.iloc[: 2 * H][["unique_id", "y_hat"]])
        for a in (answer, chosen.forecast(table))
    )
    pd.testing.assert_frame_equal(left, right)


def whole(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    return table.assign(y=table["y"].round().astype(int)).astype({"y": kind})


@pytest.mark.parametrize(
    "form",
    [
        lambda t: t.assign(ds=t["ds"].astype(str)),
        lambda t: t.assign(ds=t["ds"].astype(str) + "T00:00:00Z"),
        lambda t: t.assign(ds=t["ds"].astype(str) + " 00:00:00+02:00"),
        lambda t: t.assign(ds=t["ds"].dt.tz_localize("UTC")),
        lambda t: t.assign(ds=t["ds"].dt.tz_localize("Europe/Berlin")),
        lambda t: t.assign(ds=t["ds"].astype("datetime64[s]")),
        lambda t: t.assign(ds=t["ds"].astype("datetime64[ns]")),
        lambda t: t.assign(ds=t["ds"].dt.date),
        lambda t: t.assign(ds=t["ds"].astype("category"), unique_id=t["unique_id"].astype("category")),
        lambda t: t.convert_dtypes(dtype_backend="pyarrow"),
        lambda t: t.convert_dtypes(),
        lambda t: t.astype({"y": str}),
        lambda t: t.astype({"y": "category"}),
        lambda t: t.assign(y=[decimal.Decimal(repr(value)) for value in t["y"]]),
        lambda t: t.assign(more="x", y2=1)[["more", "y2", "y", "ds", "unique_id"]],
        lambda t: t.set_index(np.arange(len(t))[::-1]),
    ],
)  # fmt: skip
def test_columns_may_have_any_type(served, form):
    chosen, table, plain = served
    pd.testing.assert_frame_equal(chosen.forecast(form(table)), plain)


@pytest.mark.parametrize(
    "kind", ["int64", "Int64", "int32", "uint16", "int64[pyarrow]", "float32", "str"]
)
def test_whole_numbers_are_numbers(served, kind):
    chosen, table, _ = served
    pd.testing.assert_frame_equal(
        chosen.forecast(whole(table, kind)), chosen.forecast(whole(table, "float64"))
    )


@pytest.mark.parametrize("cell", ["2024-01-31", "1_000", "1 2", "0x10", 1j, pd.Timestamp(0)])
def test_what_is_not_a_number_is_not_a_gap(served, cell):
    chosen, table, _ = served
    odd = table.assign(y=table["y"].astype(object))
    odd.loc[odd.index[0], "y"] = cell
    first = chosen.forecast(odd)["note"].iloc[0]
    assert first == f"refused: y at 2001-01-31 is {cell!s}, not a finite number"


def test_ids_are_text_and_one_that_lost_its_zeros_is_refused():
    study = series(levels={"01": 50.0, "2": 400.0, "NA": 3.0, "1E5": 8.0})
    chosen, _ = model(study)
    table = table_of(study)
    plain = chosen.forecast(table)
    assert set(plain["note"]) == {""}
    numbers = table[table["unique_id"].isin(["01", "2"])].astype({"unique_id": int})
    answer = chosen.forecast(numbers)
    assert answer.query("unique_id == '1'")["note"].tolist() == [
        "refused: the model knows '01', not '1'; ids that are read as numbers lose their zeros: read "
        "them as text (in pandas dtype={'unique_id': str})"
    ]
    forecasts = [a.query("unique_id == '2'")["y_hat"].tolist() for a in (answer, plain)]
    assert forecasts[0] == forecasts[1]


def test_records_hold_null_where_there_is_no_value(served):
    chosen, table, _ = served
    single = replace(chosen, weights=chosen.weights[:1])
    answer = single.forecast(changed(table, "closed"))
    assert answer["y_hat_spread"].isna().all()
    assert answer["y_hat"].dtype == float
    records = answer.to_dict(orient="records")
    text = json.dumps([{**r, "ds": r["ds"] and str(r["ds"])} for r in records], allow_nan=False)
    assert json.loads(text)[H] == {
        "unique_id": "web", "ds": None, "y_hat": None, "y_hat_spread": None,
        "note": answer["note"].iloc[H],
    }  # fmt: skip


def test_hourly_forecasts_are_dated_in_the_files_zone():
    """Across the change of the clock in Berlin on 2024-03-31, at 01:00 UTC."""
    end = pd.Timestamp("2024-03-31 00:00")
    times = pd.date_range(end=end, periods=T, freq="h", unit="us")
    study = series(
        times=times, calendar={"frequency": "h", "time": "datetime", "zone": "Europe/Berlin"}
    )
    chosen, _ = model(study)
    plain = chosen.forecast(study)
    wanted = ["2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00", "2024-03-31T05:00:00+02:00"]
    assert [stamp.isoformat() for stamp in plain["ds"][:H]] == wanted
    table = table_of(study)
    local = table["ds"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    for ds in (local, local.map(lambda stamp: stamp.isoformat()), local.dt.tz_convert("UTC"),
               table["ds"].astype(str) + "Z"):  # fmt: skip
        pd.testing.assert_frame_equal(chosen.forecast(table.assign(ds=ds)), plain)


def test_rows_are_the_grid_where_the_study_says_so():
    """Business days without a pattern to continue: the next steps are numbered."""
    times = pd.date_range("2024-01-01", periods=T, freq="B", unit="us")
    study = series(times=times, calendar={"frequency": "rows", "time": "datetime"})
    chosen, _ = model(study)
    table = table_of(study)
    web = table.index[table["unique_id"] == "web"]
    answer = chosen.forecast(table.drop(web[-2:]))
    assert answer["ds"].tolist() == 2 * [1, 2, 3]
    last = str(times[-1].date())
    notes = list(dict.fromkeys(answer["note"]))
    assert notes[0] == f"steps after {last}; the study's dates show no pattern to continue"
    assert notes[1].startswith("ends 2 steps before the others; steps after 2024-03-")
    assert "y at " in chosen.forecast(table.drop(web[-4]))["note"].iloc[-1]


def test_a_covariate_is_needed_in_the_last_steps(served):
    study = series(("rain",))
    chosen, _ = model(study)
    table = table_of(study)
    table.loc[T - 3, "rain"] = np.nan
    answer = chosen.forecast(table)
    assert (
        answer["note"]
        .iloc[0]
        .startswith("refused: rain at 2005-10-31 is missing; the last 8 steps")
    )
    with pytest.raises(TableError, match="column 'rain' is missing"):
        chosen.forecast(table.drop(columns="rain"))
    assert COVARIATE + "rain" in study.frame


@pytest.mark.parametrize(
    ("form", "whole"),
    [
        ("%d/%m/%Y", True),
        ("%m/%d/%Y", True),
        ("%Y%m%d", True),
        ("%d.%m.%Y", False),
        ("%m/%d/%Y", False),
    ],
)
def test_dates_are_read_as_prepare_reads_them(form, whole):
    """By all rows of the table: eight days of February follow one another in one order only."""
    days = pd.date_range("2024-01-01", periods=T, freq="D", unit="us")
    study = series(times=days, calendar={"frequency": "D", "time": "datetime"})
    chosen, _ = model(study)
    table = table_of(study)
    table = table if whole else table[table["ds"] <= "2024-02-08"].groupby("unique_id").tail(L)
    plain = chosen.forecast(table)
    written = table.assign(ds=table["ds"].dt.strftime(form))
    pd.testing.assert_frame_equal(chosen.forecast(written), plain)


def test_dates_may_be_written_as_in_the_studys_file_or_otherwise():
    months = pd.date_range("2001-01-01", periods=T, freq="MS", unit="us")
    study = series(times=months, calendar={"frequency": "MS", "time": "datetime"})
    chosen, _ = model(study)
    dated = replace(chosen, dates="%d/%m/%Y")
    table = table_of(study)
    plain = dated.forecast(table)
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        pd.testing.assert_frame_equal(
            dated.forecast(table.assign(ds=table["ds"].dt.strftime(form))), plain
        )


@pytest.mark.parametrize(
    ("pattern", "times"),
    [
        ("Mon Tue Wed Thu Fri", pd.date_range("2024-01-01", periods=T + H, freq="B", unit="us")),
        ("day 15 every 1 months",
         pd.date_range("2001-01-01", periods=T + H, freq="MS", unit="us") + pd.Timedelta(days=14)),
    ],
)  # fmt: skip
def test_rows_go_on_by_their_pattern(pattern, times):
    calendar = {"frequency": "rows", "time": "datetime", "pattern": pattern}
    study = series(times=times[:T], calendar=calendar)
    chosen, _ = model(study)
    table = table_of(study)
    web = table.index[table["unique_id"] == "web"]
    answer = chosen.forecast(table.drop(web[-2:]))
    assert answer["ds"].tolist() == [*times[T:], *times[T - 2 : T + 1]]
    assert list(dict.fromkeys(answer["note"])) == ["", "ends 2 steps before the others"]

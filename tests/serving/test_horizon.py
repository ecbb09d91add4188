"""Planned values and the calendar when serving: the pipeline's forecasts, no leak, what lacks is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.series import COVARIATE, Series
from stages.serving.input.value_cells import TableError
from stages.serving.registry.register import example
from stages.serving.served import Served
from tests.support.serving_model import LEVELS, H, T, model, piped, series, table_of

COVARIATES = ("rain", "promo", "price")
FUTURE = ("promo", "price")
RULES: tuple[dict[str, Any], ...] = (
    {"normalise": "last"},
    {"calendar": ("month",), "difference": 1, "missing": "forward"},
    {"channels": "joint", "calendar": ("month", "quarter"), "normalise": "instance"},
)


def known_at(study: Series, origin: int) -> Series:
    """The study as it is at an origin: nothing after it but what is planned."""
    late = study.frame["ds"].to_numpy().astype("int64") > origin
    columns = ["unique_id", "ds", *(COVARIATE + name for name in FUTURE)]
    return Series(study.frame[~late], study.summary, study.frame.loc[late, columns])


def sent(study: Series, origin: int) -> pd.DataFrame:
    """The same as a table: rows after the origin have no y, and no rain."""
    table = table_of(study)
    late = table["ds"].to_numpy().astype("int64") > origin
    table.loc[late, ["y", "rain"]] = np.nan
    return table


@pytest.mark.parametrize("rules", RULES, ids=["plain", "calendar", "joint"])
def test_forecasts_are_those_of_the_test_part_and_look_no_further(rules):
    study = series(COVARIATES, future=FUTURE)
    chosen, test = model(study, **rules)
    wanted, stamp = piped(chosen, test)
    origin = int(stamp)
    table = sent(study, origin)
    answer = chosen.forecast(known_at(study, origin))
    by_table = chosen.forecast(table)
    pd.testing.assert_frame_equal(pd.DataFrame(by_table), pd.DataFrame(answer))
    for g, name in enumerate(LEVELS):
        rows = answer[answer["unique_id"] == name]
        np.testing.assert_array_equal(rows["y_hat"], wanted[:, g].mean(0))
        assert list(rows["ds"]) == list(study.frame["ds"].iloc[T - H : T])
    if rules.get("channels") != "joint":
        shop = chosen.forecast(table[table["unique_id"] == "shop"])
        np.testing.assert_array_equal(shop["y_hat"], answer["y_hat"][:H])

    stamps = table["ds"].drop_duplicates()
    step = stamps[stamps.to_numpy().astype("int64") > origin].iloc[0]
    other = table.copy()
    other.loc[other["ds"] == step, "rain"] = 1e3  # after the origin: known up to it alone
    further = pd.DataFrame({"unique_id": list(LEVELS), "ds": pd.Timestamp("2006-01-31")})
    other = pd.concat([other, further.assign(promo=1e3, price=-1e3)])  # beyond the horizon
    np.testing.assert_array_equal(chosen.forecast(other)["y_hat"], answer["y_hat"])
    other = table.copy()
    other.loc[other["ds"] == step, "promo"] += 1.0
    assert (chosen.forecast(other)["y_hat"] != answer["y_hat"]).all()


def test_what_lacks_is_refused_by_series_column_and_date():
    study = series(COVARIATES, future=FUTURE)
    chosen, test = model(study, missing="forward")  # never filled in the horizon
    origin = int(piped(chosen, test)[1])
    table = sent(study, origin)
    at = table.index[(table["unique_id"] == "web") & (table["ds"] == "2005-11-30")]
    table.loc[at, "price"] = np.nan
    answer = chosen.forecast(table).set_index("unique_id")
    assert answer.loc["web", "note"] == (
        "refused: price at 2005-11-30 is missing, which the model must know in advance; add rows with y "
        "empty for the 3 steps after its last value of y"
    )
    assert answer.loc[["shop"], "y_hat"].notna().all()
    with pytest.raises(
        TableError, match=r"^no series can be forecast: 'shop': promo at 2006-01-31 is"
    ):
        chosen.forecast(study)  # the file of the study ends with its values
    joint, _ = model(study, channels="joint")
    with pytest.raises(
        TableError, match=r"'web': price at 2005-11-30 is missing.*forecasts all series"
    ):
        joint.forecast(table)


def test_stamps_without_a_pattern_are_those_of_the_rows_sent():
    times = pd.Index(
        pd.Timestamp("2001-01-01") + pd.to_timedelta(np.arange(T + H) ** 2, "D")
    ).as_unit("us")
    study = series(
        COVARIATES, future=FUTURE, times=times, calendar={"frequency": "rows", "time": "datetime"}
    )
    chosen, test = model(study)
    wanted, stamp = piped(chosen, test)
    origin = int(stamp)
    answer = chosen.forecast(sent(study, origin))
    np.testing.assert_array_equal(answer["y_hat"][:H], wanted[:, 0].mean(0))
    assert list(answer["ds"][:H]) == [1, 2, 3]
    with pytest.raises(TableError, match=r"'shop': 0 of the 3 steps after .* are in the table"):
        chosen.forecast(study)


def test_the_example_of_a_table_can_be_forecast():
    chosen, _ = model(series(COVARIATES, future=FUTURE), calendar=("month",))
    assert isinstance(chosen, Served)
    assert chosen.forecast(example(chosen))["y_hat"].notna().all()

"""Standard errors and intervals against closed forms, statsmodels and their promised coverage."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks import coverage
from benchmarks.simulated import HORIZON, KINDS, moving_average
from stages.report.judging.intervals import (
    by_origin,
    cosine_terms,
    ewc_se,
    holm,
    two_way,
)
from stages.report.judging.other_tests import LONG

RESULTS = Path(coverage.__file__).parent / "results" / "coverage.json"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_by_origin_is_the_mean_over_series(rng: np.random.Generator) -> None:
    values = rng.normal(size=(3, 2 * 15))  # two series, 15 origins each, series-major
    got, times = by_origin(values, np.tile(np.arange(15), 2))
    np.testing.assert_allclose(got, values.reshape(3, 2, 15).mean(axis=1), atol=1e-14)
    np.testing.assert_array_equal(times, np.arange(15))


def test_by_origin_keeps_the_mean_over_windows_where_series_have_gaps(
    rng: np.random.Generator,
) -> None:
    values, origins = rng.normal(size=7), np.array([4, 2, 2, 3, 4, 9, 2])
    got, times = by_origin(values, origins)
    assert list(times) == [2, 3, 4, 9]
    assert got.mean() == pytest.approx(values.mean(), abs=1e-15)


@pytest.mark.parametrize("lags", [0, 3, 11])
def test_newey_west_is_that_of_statsmodels(rng: np.random.Generator, lags: int) -> None:
    values = np.convolve(rng.normal(size=60), np.ones(4), "valid")
    options = {"maxlags": lags, "use_correction": True}
    fit = sm.OLS(values, np.ones_like(values)).fit(cov_type="HAC", cov_kwds=options)
    assert coverage.newey_west(values[None], lags)[0] == pytest.approx(fit.bse[0], rel=1e-12)


def test_the_committed_errors_show_which_estimator_is_nearer_to_the_truth() -> None:
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["standard_errors"]
    assert {(row["errors"], row["n/H"]) for row in rows} == {
        (kind, size) for kind in ("ma", "ar") for size in coverage.FOLD_SIZES
    }
    for row in rows:
        assert row["ewc"]["miss"] < row["newey_west"]["miss"]
        assert row["newey_west"]["mean"] < row["ewc"]["mean"] < 1
        again = coverage.fold_errors(row["errors"], row["n/H"], 500)
        assert again["ewc"]["mean"] == pytest.approx(row["ewc"]["mean"], abs=0.05)


def test_the_standard_error_of_one_origin_is_unknown() -> None:
    assert np.isnan(ewc_se(np.array([[1.0], [2.0]]), 3)).all()


def test_number_of_cosines() -> None:
    assert cosine_terms(1000, 1) == 40  # 0.4 · 1000^(2/3)
    assert cosine_terms(180, 12) == 5  # 180 / 36
    assert cosine_terms(20, 12) == 2
    assert cosine_terms(2, 1) == 1  # there is no second one


def test_all_cosines_give_the_sample_variance(rng: np.random.Generator) -> None:
    """With B = n - 1 the cosines are a full basis, and Ω is the sample variance (Parseval)."""
    values = rng.normal(size=3)  # n = 3 has exactly the two terms that are the least
    got = two_way([values[None]], 1, 0.9)
    t = stats.t.interval(0.9, 2, values.mean(), stats.sem(values))
    assert (got.low, got.high) == pytest.approx(t, rel=1e-12)
    assert got.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-10)


def test_interval_and_p_value_agree(rng: np.random.Generator) -> None:
    values = rng.normal(0.3, 1, size=80)
    p = two_way([values[None]], 4, 0.95).p
    edge = two_way([values[None]], 4, 1 - p)
    assert min(abs(edge.low), abs(edge.high)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("values", "n"), [(np.array([1.0]), 1), (np.array([1.0, np.inf]), 2)])
def test_too_few_or_infinite_values_give_no_bounds(values: np.ndarray, n: int) -> None:
    got = two_way([values[None]], 1, 0.95)
    assert (got.low, got.high, got.p, got.n) == (-math.inf, math.inf, 1.0, n)


def test_equal_losses_are_no_difference() -> None:
    got = two_way([np.zeros(20)[None]], 2, 0.95)
    assert (got.mean, got.low, got.high, got.p) == (0, 0, 0, 1)


def test_ewc_se_is_that_of_regressing_on_cosines(rng: np.random.Generator) -> None:
    """The cosines are orthogonal to each other and to the mean: Λ_j² is a term's sum of squares."""
    values = rng.normal(size=(2, 60))
    terms, t = 5, (np.arange(60) + 0.5) / 60
    for row, got in zip(values, ewc_se(values, 4), strict=True):
        waves = np.column_stack([np.cos(np.pi * j * t) for j in range(1, terms + 1)])
        fit = sm.OLS(row, sm.add_constant(waves)).fit()
        assert got == pytest.approx(np.sqrt(fit.ess / terms / 60), rel=1e-12)


@pytest.mark.parametrize("size", [4, 12, 80])
@pytest.mark.parametrize("errors", ["ma", "ar"])
def test_coverage_is_what_is_promised(errors: str, size: int) -> None:
    """2000 replications: within 92 to 98 %, give or take what chance does to a share of 2000."""
    n, replications = size * HORIZON, 2000
    rng = np.random.default_rng([1, size])
    values = KINDS[errors](rng, replications, n, HORIZON)
    held, _ = coverage.ewc(values, HORIZON)
    low = stats.binom.ppf(0.001, replications, 0.92) / replications
    high = stats.binom.ppf(0.999, replications, 0.98) / replications
    assert low <= held.mean() <= high


def test_a_textbook_interval_is_too_narrow_where_neighbours_share_errors() -> None:
    """Why there is more than a t-test here: it covers less than half of what it says."""
    values = moving_average(np.random.default_rng(2), 500, 144, HORIZON)
    assert coverage.iid(values)[0].mean() < 0.5


def test_simulated_errors_have_the_dependence_that_they_claim() -> None:
    rng, h = np.random.default_rng(3), 6
    for errors, truth in (("ma", 1 - 2 / h), ("ar", ((h - 1) / (h + 1)) ** 2)):
        values = KINDS[errors](rng, 400, 600, h)
        lagged = (values[:, 2:] * values[:, :-2]).mean() / np.square(values).mean()
        assert lagged == pytest.approx(truth, abs=0.02)


def test_the_committed_coverage_is_within_its_promise() -> None:
    """benchmarks/results/coverage.json is of 2000 replications; the row of each promise is there."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert results["replications"] == coverage.REPLICATIONS == 2000
    assert coverage.broken(results) == []
    rows = {(row["errors"], row["n/H"]): row["coverage"] for row in results["rows"]}
    assert set(rows) == {(kind, size) for kind in KINDS for size in coverage.SIZES}
    for (errors, size), shares in rows.items():
        if errors in ("ma", "ar"):
            assert 0.925 <= shares["ewc"] <= 0.975
            assert (shares["bootstrap"] >= 0.88) == (size >= LONG)
        assert shares["ewc"] >= shares["ewc_2h"] - 0.005  # fewer terms are the safer ones
    for row in results["seeds"]:
        if row["spread"] >= 1:
            assert row["windows"] < 0.9
    for row in results["prediction_intervals"]:
        for level in (80, 95):
            assert level / 100 - 0.02 <= row[f"{level}"]["mean"] <= level / 100 + 0.07
    for row in results["families"]:
        assert row["baseline"]["holm"] > 0.9 > 0.1 > row["baseline"]["fixed_sequence"]


def test_a_broken_promise_is_named() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    results["rows"][0]["coverage"]["ewc"] = 0.8
    results["families"][0]["nothing"]["holm"] = 0.2
    assert coverage.broken(results) == [
        "ewc, ma, n/H 4: 0.800 is not within 0.935 to 0.975",
        "false claims under Holm, n/H 10: 0.200 is not within 0 to 0.065",
    ]


@pytest.mark.parametrize("seeds", [3, 5])
def test_two_way_covers_where_seeds_differ(seeds: int) -> None:
    row = coverage.two_ways(seeds, 10, 1.0, 500)
    assert row["two_way"] >= stats.binom.ppf(0.001, 500, 0.93) / 500
    assert row["windows"] < 0.93


def test_the_docs_state_the_committed_coverage() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = results["rows"]

    def spread(names: tuple[str, ...], kinds: tuple[str, ...] = ("ma", "ar")) -> tuple[int, int]:
        kept = [row["coverage"] for row in rows if row["errors"] in kinds]
        shares = [100 * shares[name] for shares in kept for name in names]
        return math.floor(min(shares)), math.floor(max(shares))

    text = (Path(coverage.__file__).parent.parent / "docs" / "mathematics.md").read_text(
        encoding="utf-8"
    )
    text = " ".join(text.split())
    ewc, others = spread(("ewc",)), spread(("bootstrap", "dm_hln"))
    assert 38 <= spread(("iid",))[0] <= spread(("iid",))[1] <= 43
    assert "a textbook interval of nominal 95 % covers about 40 %" in text
    assert f"it covers {ewc[0]} to {ewc[1]} %" in text
    assert f"the others {others[0]} to {others[1]} %" in text
    assert "leaves it {} to {} %".format(*spread(("ewc",), ("ma_0.9",))) in text
    seeds = [100 * row["two_way"] for row in results["seeds"] if row["seeds"] >= 3]
    assert f"over seeds as well {math.floor(min(seeds))} to {math.floor(max(seeds))} %" in text


def test_holm_is_that_of_statsmodels(rng: np.random.Generator) -> None:
    p = [0.04, 0.01, 0.6, 0.011, *rng.uniform(size=4)]
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)
    assert holm([]) == []

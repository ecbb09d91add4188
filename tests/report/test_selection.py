"""The choice of λ: paths with known answers, and the pairing that makes it precise."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
import yaml
from dvc.utils.hydra import apply_overrides

from benchmarks.quick import ROOT
from stages.params import load_section, read_yaml
from stages.report.judging import grids
from stages.report.judging.intervals import cosine_terms
from stages.report.judging.selection import LambdaPath, edge, edge_warning, finer, lambda_path
from stages.train.params import TrainParams

GRID = (0.0, 0.1, 1.0, 10.0)


def path(means: list[float], noise: float = 0.0, grid: tuple[float, ...] = GRID) -> LambdaPath:
    """One fold, one seed: losses that vary by `noise` around the given means exactly."""
    n = 40
    rng = np.random.default_rng(1)
    losses = np.array(means)[:, None, None] + noise * rng.normal(size=(len(means), 1, n))
    losses += np.array(means)[:, None, None] - losses.mean(axis=-1, keepdims=True)
    return lambda_path(grid, [losses], [np.arange(n)], horizon=1)


def test_minimum_is_the_lowest_loss() -> None:
    got = path([0.5, 0.3, 0.4, 0.9])
    assert got.minimum == 1
    np.testing.assert_allclose(got.difference, [0.2, 0, 0.1, 0.6], atol=1e-12)


def test_without_noise_one_standard_error_is_the_minimum() -> None:
    got = path([0.5, 0.3, 0.4, 0.9])
    assert got.one_standard_error == got.minimum == got.chosen("one_standard_error") == 1


def test_one_standard_error_takes_the_largest_lambda_within() -> None:
    got = path([0.5, 0.3, 0.31, 0.9], noise=0.2)
    assert got.minimum == 1
    assert got.one_standard_error == 2
    assert got.difference[2] <= got.se[2]
    assert got.difference[3] > got.se[3]


def test_at_a_tie_the_smallest_lambda_is_chosen() -> None:
    assert path([0.3, 0.3, 0.3, 0.3]).one_standard_error == 0
    assert path([0.4, 0.3, 0.3, 0.9]).one_standard_error == 1
    losses = np.random.default_rng(6).uniform(size=(1, 1, 40)) * np.ones((4, 1, 1))
    losses[2:] += 1e-4 * np.random.default_rng(7).normal(1, 9, size=(1, 1, 40))  # twice the same
    got = lambda_path(GRID, [losses], [np.arange(40)], horizon=1)
    assert got.difference[3] <= got.se[3]
    assert got.one_standard_error == 2


def test_one_standard_error_never_goes_below_the_minimum() -> None:
    assert path([0.301, 0.9, 0.3, 0.9], noise=0.2).one_standard_error == 2


def test_how_hard_a_window_is_cancels() -> None:
    """Windows differ a hundred times more than λ's do: unpaired, no difference could be shown."""
    hard = np.random.default_rng(2).exponential(10, size=50)
    losses = np.stack([hard + 0.1, hard])[:, None, :]
    got = lambda_path((0.0, 1.0), [losses], [np.arange(50)], 1)
    assert got.minimum == 1
    np.testing.assert_allclose(got.se, 0, atol=1e-8)


def test_loss_is_weighted_by_windows_and_the_error_summed_over_folds() -> None:
    rng = np.random.default_rng(3)
    folds = [rng.normal(size=(2, 3, n)) for n in (30, 12)]
    got = lambda_path((0.0, 1.0), folds, [np.arange(30), np.arange(30, 42)], horizon=4)
    pooled = np.concatenate([fold.mean(axis=1) for fold in folds], axis=1)
    np.testing.assert_allclose(got.loss, pooled.mean(axis=1), rtol=1e-12)
    assert got.by_seed.shape == (2, 3)
    np.testing.assert_allclose(got.by_fold, [fold.mean(axis=(1, 2)) for fold in folds])
    other = 1 - got.minimum
    variance = 0.0
    for fold in folds:
        paired = fold.mean(axis=1)[other] - fold.mean(axis=1)[got.minimum]
        t = (np.arange(paired.size) + 0.5) / paired.size
        terms = cosine_terms(paired.size, 4)
        waves = np.column_stack([np.cos(np.pi * j * t) for j in range(1, terms + 1)])
        fit = sm.OLS(paired, sm.add_constant(waves)).fit()
        variance += (paired.size / 42) ** 2 * fit.ess / terms / paired.size
    assert got.se[other] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert got.se[got.minimum] == 0


def test_series_that_move_together_are_not_counted_twice() -> None:
    one = np.random.default_rng(4).normal(size=(2, 1, 40))
    alone = lambda_path((0.0, 1.0), [one], [np.arange(40)], 3)
    copied = lambda_path((0.0, 1.0), [np.tile(one, 5)], [np.tile(np.arange(40), 5)], 3)
    np.testing.assert_allclose(copied.se, alone.se, rtol=1e-12)
    np.testing.assert_allclose(copied.loss, alone.loss, rtol=1e-12)


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_a_diverged_member_rules_its_lambda_out(lost: float) -> None:
    losses = np.random.default_rng(5).uniform(1, 2, size=(3, 2, 20))
    losses[0, 1] = lost
    got = lambda_path((0.0, 1.0, 2.0), [losses], [np.arange(20)], 2)
    assert got.minimum > 0
    assert not np.isfinite(got.loss[0])
    with pytest.raises(ValueError, match=r"every one has a member that diverged.*learning_rate"):
        lambda_path((0.0,), [losses[:1]], [np.arange(20)], 2)


def test_no_validation_window_is_refused() -> None:
    with pytest.raises(ValueError, match=r"window\.split\.validation"):
        lambda_path((0.0,), [np.empty((1, 2, 0))], [np.empty(0, int)], 2)


@pytest.mark.parametrize(
    ("grid", "means", "says"),
    [
        (GRID, [0.5, 0.4, 0.3, 0.2], "upper edge of the grid, λ = 10; add 100 and 1000"),
        (GRID, [0.1, 0.4, 0.5, 0.6], None),  # λ = 0 has nothing below it
        (GRID, [0.5, 0.1, 0.5, 0.6], None),  # between 0 and 1
        ((0.5, 1.0, 2.0), [0.1, 0.2, 0.3], "lower edge of the grid, λ = 0.5; add 0 and 0.25"),
        ((0.0,), [0.1], None),
        ((3.0,), [0.1], "the one value 3; add 0, 0.3 and 30 to `train.penalty.lambdas`"),
        ((0.0, 3.0), [0.2, 0.1], "add 30 and 300"),
    ],
)
def test_edges(grid: tuple[float, ...], means: list[float], says: str | None) -> None:
    got = edge_warning(path(means, grid=grid), "minimum")
    assert got is None if says is None else says in str(got)


def test_a_choice_at_the_edge_is_reported_though_the_minimum_is_inside() -> None:
    got = path([0.5, 0.4, 0.3, 0.301], noise=0.2)
    assert edge_warning(got, "minimum") is None
    assert "chosen λ lies at the upper edge" in str(edge_warning(got, "one_standard_error"))


def test_spreads_are_apart() -> None:
    """Folds differ by 10, seeds by 1: neither says anything of the other."""
    fold, seed = np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0])
    losses = [np.tile((f + seed)[None, :, None], (2, 1, 8)) for f in fold]
    got = lambda_path((0.0, 1.0), losses, [np.arange(8)] * 3, 2)
    np.testing.assert_allclose(got.fold_spread, 10)
    np.testing.assert_allclose(got.seed_spread, np.sqrt(0.5))
    alone = path([0.5, 0.3, 0.4, 0.9])
    assert np.isnan([alone.fold_spread, alone.seed_spread]).all()
    losses[0][0, 0] = np.inf
    lost = lambda_path((0.0, 1.0), losses, [np.arange(8)] * 3, 2)
    assert np.isnan([lost.fold_spread[0], lost.seed_spread[0]]).all()
    np.testing.assert_allclose(lost.fold_spread[1], 10)


@pytest.mark.parametrize(
    ("grid", "means", "values"),
    [
        (GRID, [0.5, 0.4, 0.3, 0.4], (0.215, 0.464, 2.15, 4.64)),
        (GRID, [0.5, 0.3, 0.4, 0.5], (0.0215, 0.0464, 0.215, 0.464)),  # 0 is its neighbour
        (GRID, [0.1, 0.3, 0.4, 0.5], (0.0215, 0.0464)),
        (GRID, [0.5, 0.4, 0.3, 0.2], (2.15, 4.64)),
        ((0.5, 4.0), [0.1, 0.2], (0.108, 0.232, 1.0, 2.0)),
        ((1.0, 1.001), [0.2, 0.1], ()),
        ((0.0,), [0.1], ()),
    ],
)
def test_a_finer_grid_lies_between_the_neighbours(
    grid: tuple[float, ...], means: list[float], values: tuple[float, ...]
) -> None:
    assert finer(path(means, grid=grid)) == values


UNEVEN = (0.0, 1.5e-05, 2.64972488345, 1e6, 1.5e17)


@pytest.mark.parametrize("grid", [GRID, UNEVEN, (0.3, 3.0), (7.0,)])
@pytest.mark.parametrize("lowest", ["first", "last"])
def test_what_the_commands_set_is_read_as_that_grid(
    grid: tuple[float, ...], lowest: str, tmp_path: Path
) -> None:
    """DVC's `-S` writes params.yaml, the stage's loader reads it."""
    means = np.linspace(0.1, 0.5, len(grid))
    given = path(list(means if lowest == "first" else means[::-1]), grid=grid)
    beyond = edge(given, "minimum")
    for command, added in (
        (grids.extension([given, given], "minimum"), beyond[1] if beyond else ()),
        (grids.refinement([given]), finer(given)),
    ):
        if command is None:
            assert not added
            continue
        program, *words = shlex.split(command)
        assert [program, *words[:3], words[4]] == ["dvc", "exp", "run", "-S", "-S"]
        both = {}
        for form, now in (("mapping", {"from": 1, "to": 2, "count": 2}), ("list", [0, 5])):
            file = tmp_path / "params.yaml"
            params = read_yaml(ROOT / "params.yaml")
            params["train"]["penalty"]["lambdas"] = now
            file.write_text(yaml.safe_dump(params), encoding="utf-8")
            apply_overrides(file, [words[3], words[5]])
            both[form] = load_section(file, "train", TrainParams).penalty.path()
        read = both["list"]
        assert read == both["mapping"]
        assert read == tuple(sorted({*grid, *added}))
        assert len(read) == len(grid) + len(added)


def test_a_study_has_one_command_for_all_its_cells() -> None:
    low, high = path([0.5, 0.1, 0.2, 0.3]), path([0.5, 0.4, 0.3, 0.2])
    assert grids.extension([low, low], "minimum") is None
    assert grids.extension([low, high], "minimum") == (
        "dvc exp run -S '~train.penalty.lambdas' -S '+train.penalty.lambdas=[0,0.1,1,10,100,1000]'"
    )
    assert str(grids.refinement([low, high])).endswith(
        "[0,0.0215,0.0464,0.1,0.215,0.464,1,2.15,4.64,10]'"
    )

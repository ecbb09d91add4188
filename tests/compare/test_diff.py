"""Two studies side by side: the page, the numbers behind its figures, and what it says of them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts import container
from stages.artifacts.fits import load_fits
from stages.artifacts.scores import ENSEMBLE
from stages.compare.diff import write
from stages.compare.sections import distance
from stages.compare.sides import Side
from stages.report.judging.verdicts import WORDS
from stages.report.params import ReportParams
from stages.report.stage import run
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.lock import Lock
from stages.tracking.history.revisions import RecordedStudy, Revision
from stages.tracking.store.resolve import Named
from tests.support.browser import check
from tests.support.outline import Outline
from tests.support.synthetic_study import EPOCHS, GRID, LEVELS, Maker

OTHER = (0.0, 0.5, 20.0)
LONG = "an_experiment_whose_name_goes_on_and_on_for_longer_than_a_phone_is_wide"


def side(
    label: str, root: Path, grid: tuple[float, ...], series: tuple[str, ...], hidden: int
) -> Side:
    """A study with its report, as one side of a diff."""
    paths = Maker(root / "study", series, grid).write()
    run(**paths, folder=root / "report", params=ReportParams())
    lock = Lock({"train": {"params": {"params.yaml": {"train": {"hidden": hidden}}}}}, {}, {})
    revision = Revision(label, "", lock)
    return Side(
        label, Named(label, RecordedStudy(label, [revision])), {**paths, "report": root / "report"}
    )


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> list[Side]:
    root = tmp_path_factory.mktemp("sides")
    return [
        side("first", root / "a", GRID, ("north",), 2),
        side(LONG, root / "b", OTHER, ("north",), 3),
    ]


@pytest.fixture(scope="module")
def written(sides: list[Side], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("diff")
    return out, write(sides, out)


def test_the_page_needs_nothing_but_itself(written: tuple[Path, str]) -> None:
    folder, _ = written
    text = (folder / "index.html").read_text(encoding="utf-8")
    outline = Outline(text)
    names = ["answer", "parameters", "path", "training", "weights"]
    assert [attrs["id"] for _, attrs in outline.of("section")] == names
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    links = [attrs["href"] for _, attrs in outline.of("a")]
    assert {href[1:] for href in links if href.startswith("#")} == set(names)
    files = [href for href in links if not href.startswith("#")]
    assert len(files) == 6
    assert all((folder / name).is_file() for name in files)
    assert "nan" not in text.replace("provenance", "")
    drawn = re.findall(r"!\[[^]]*\]\((.*)\)", (folder / "diff.md").read_text(encoding="utf-8"))
    assert set(drawn) == {name for name in files if name.endswith(".svg")}


def test_figures_are_those_of_the_studies(sides: list[Side], written: tuple[Path, str]) -> None:
    folder, _ = written
    path = pd.read_csv(folder / "figures" / "lambda_path.csv")
    for one, grid in zip(sides, (GRID, OTHER), strict=True):
        table = pd.read_csv(one.files["report"] / "lambda_path.csv")
        for cell in LEVELS:
            for part in ("validation", "test"):
                line = path[(path["panel"] == f"{cell}: {part}") & (path["line"] == one.label)]
                assert line["lam"].tolist() == list(grid)
                wanted = table.loc[table["cell"] == cell, f"{part}_mse"]
                np.testing.assert_allclose(line["mse"], wanted, rtol=1e-5)
    curves = pd.read_csv(folder / "figures" / "curves.csv")
    last = curves[(curves["epoch"] == EPOCHS) & (curves["panel"] == "lstm")].set_index("line")[
        "loss"
    ]
    # lstm is best at λ = 0; synthetic_study gives its curves.
    np.testing.assert_allclose(last, 1.2 * 0.6 * (1 + 3 * np.exp(-(EPOCHS - 1) / 40)), rtol=1e-5)


def test_what_is_said_is_true_of_the_studies(sides: list[Side], written: tuple[Path, str]) -> None:
    folder, text = written
    assert re.search(r"\| train.hidden +\| 2 +\| 3 ", text)
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| " + LONG[:9])]
    rows = [[cell.strip() for cell in row] for row in rows if ": " in row[0] and "%" in row[2]]
    assert [row[0].split(",")[0] for row in rows] == sorted(
        (f"{LONG}: {cell}" for cell in LEVELS), key=lambda name: gain(sides, name.split(": ")[1])
    )
    words = [row[-1] for row in rows]
    assert set(words) <= set(WORDS)
    counted = ", ".join(f"{words.count(word)} {word}" for word in WORDS if word in words)
    assert f"On the test part, of 2 comparisons: {counted}." in text
    page = re.sub(r"</?strong>", "", (folder / "index.html").read_text(encoding="utf-8"))
    assert "![" not in text
    for row in rows:
        cell = row[0].split(": ")[1].split(",")[0]
        percent = f"{gain(sides, cell):+.1f} %".replace("-", "−")
        assert row[2] == percent
        assert percent in page.replace("\u00a0", " ")
    for cell in LEVELS:
        nets = [load_fits(one.files["fits"]) for one in sides]
        a, b = (
            next(fit for fit in fits if fit.cell == cell).weights[-1, one.lam_indices[cell]]
            for fits, one in zip(nets, sides, strict=True)
        )
        by_hand = np.mean([np.linalg.norm(b[s] - a[s]) / np.linalg.norm(a[s]) for s in range(3)])
        assert re.search(rf"\| {LONG}: {cell} +\| first: {cell} +\| {by_hand:.3g} ", text)


def gain(sides: list[Side], cell: str) -> float:
    """What the second side's test loss differs from the first's, in per cent."""
    return 100 * (mean_loss(sides[1], cell) / mean_loss(sides[0], cell) - 1)


def mean_loss(one: Side, cell: str) -> float:
    """Test loss at the chosen λ, from the files: of the seeds, without their ensemble."""
    path = pd.read_csv(one.files["report"] / "lambda_path.csv")
    lam = path.loc[(path["cell"] == cell) & path["selected"], "lam"].item()
    rows = pd.read_parquet(one.files["scores"] / f"losses_{cell}.parquet")
    assert set(rows["seed"]) == {0, 1, 2, ENSEMBLE}
    return float(rows.loc[(rows["lam"] == lam) & rows["seed"].isin([0, 1, 2]), "mse"].mean())


def test_validation_errors_on_other_windows_are_not_ranked(
    sides: list[Side], tmp_path: Path
) -> None:
    windows = sides[0].windows
    path = tmp_path / "development.safetensors"
    replace(windows, folds=windows.folds[1:]).save(path)
    other = replace(sides[1], files={**sides[1].files, "development": path})
    text = write([sides[0], other], tmp_path / "diff")
    assert "cannot be compared: their validation windows differ." in text
    assert "On the test part, of 2 comparisons" in text  # there they can


def test_studies_of_other_data_get_no_verdict(sides: list[Side], tmp_path: Path) -> None:
    other = side("elsewhere", tmp_path / "c", GRID, ("north", "south"), 2)
    text = write([sides[0], other], tmp_path / "diff")
    assert "Validation errors of the sides cannot be compared: their scaled units differ" in text
    assert (
        "elsewhere: rnn at λ = 100 against first: rnn at λ = 100: no verdict, their scaled units"
        in text
    )
    assert not (tmp_path / "diff/figures/verdicts.svg").exists()


def test_a_study_compared_with_itself_is_the_same(sides: list[Side], tmp_path: Path) -> None:
    text = write([sides[0], sides[0]], tmp_path)
    assert "All parameters are the same." in text
    assert "first: rnn at λ = 100 has the same test losses as first: rnn at λ = 100." in text
    assert re.search(r"\| first: rnn +\| first: rnn +\| 0 ", text)


def test_distance_of_weights() -> None:
    a = np.array([[3.0, 4.0], [0.0, 2.0]])
    assert distance(a, np.array([[3.0, 4.0], [0.0, 3.0], [9.0, 9.0]])) == "0.25"
    assert distance(a, np.ones((2, 3))) == "another size (2 and 3 weights)"


def test_all_are_compared_with_all(sides: list[Side], tmp_path: Path) -> None:
    third = side("third", tmp_path / "c", (0.0, 10.0), ("north",), 2)
    text = write([*sides, third], tmp_path / "diff")
    rows = [line for line in text.splitlines() if re.match(r"\| \S+: (rnn|lstm), λ = ", line)]
    pairs = [tuple(cell.strip().split(": ")[0] for cell in row.split("|")[1:3]) for row in rows]
    wanted = [(LONG, "first"), ("third", "first"), ("third", LONG)]
    assert sorted(pairs) == sorted(2 * wanted)
    shown = [float(row.split("|")[3].strip(" %").replace("−", "-")) for row in rows]
    assert shown == sorted(shown)


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_it(written: tuple[Path, str], tmp_path: Path, dark: bool) -> None:
    check(written[0] / "index.html", tmp_path, dark)


def test_a_study_of_another_version_is_refused_by_name(sides: list[Side], tmp_path: Path) -> None:
    fits = tmp_path / "fits"
    shutil.copytree(sides[0].files["fits"], fits)
    arrays, meta = container.load(fits / "rnn.safetensors")
    container.save(fits / "rnn.safetensors", arrays, meta | {"train_mse": 1.0})
    older = Side("older", sides[0].named, sides[0].files | {"fits": fits})
    with pytest.raises(UnavailableError, match=r"older cannot be compared: .* another version"):
        write([sides[1], older], tmp_path / "diff")


def test_sides_are_compared_by_the_first_ones_measure(sides: list[Side], tmp_path: Path) -> None:
    assert sides[0].measure == sides[1].measure == "mse"
    text = write([sides[0], sides[1]], tmp_path / "diff")
    assert f"by the mean squared error, as {sides[0].label} is judged by it" in text
    other = Side("other", sides[1].named, sides[1].files)
    absolute = other.fits.items()
    vars(other)["fits"] = {
        c: replace(f, config=f.config | {"loss": "absolute"}) for c, f in absolute
    }
    assert other.measure == "mae"
    text = write([other, sides[0]], tmp_path / "diff")
    assert "by the mean absolute error, as other is judged by it" in text
    assert "(MAE " in text

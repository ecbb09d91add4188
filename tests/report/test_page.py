"""The page: its parts, its numbers, and a real browser's view of it."""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.fits import save_fits
from stages.artifacts.windows import Windows
from stages.report.cautions.warnings import warnings
from stages.report.drawing.axes import power
from stages.report.drawing.style import style
from stages.report.judging import grids
from stages.report.page import provenance
from stages.report.page.build import breakable
from stages.report.page.data import file_table, filled_steps
from stages.report.page.residuals import autocorrelation
from stages.report.page.training import clipped_steps
from stages.report.page.weights import zeros
from stages.report.params import ReportParams
from stages.report.stage import page
from stages.report.study import Study, load_study
from stages.report.writing import loss_words
from stages.report.writing.answers import headline
from stages.report.writing.verdict_words import sentence
from stages.train.params import Penalty
from tests.support.browser import check
from tests.support.outline import Outline
from tests.support.synthetic_study import GRID, LEVELS, H, L, Maker

SECTIONS = ["answer", "path", "weights", "forecasts", "intervals", "errors", "training", "data"]
SECTIONS.append("provenance")


@pytest.fixture(scope="module")
def text(written: tuple[Study, Path]) -> str:
    return (written[1] / "index.html").read_text(encoding="utf-8").replace("\u00a0", " ")


@pytest.fixture(scope="module")
def outline(text: str) -> Outline:
    return Outline(text)


def test_sections_are_in_order(outline: Outline) -> None:
    assert [attrs["id"] for _, attrs in outline.of("section")] == SECTIONS
    anchors = [attrs["href"] for _, attrs in outline.of("a") if attrs["href"].startswith("#")]
    assert anchors == ["#answer", *(f"#{name}" for name in SECTIONS)]


def test_panels_of_cells_lie_side_by_side(outline: Outline) -> None:
    """Of two cells, in columns that the style sheet knows."""
    classes = [attrs.get("class", "").split() for _, attrs in outline.of("div")]
    columns = [names[1] for names in classes if "panels" in names]
    assert set(columns) <= {"columns1", "columns2", "columns3"}
    assert columns.count("columns2") >= 8


def test_headings_leave_no_level_out(outline: Outline) -> None:
    levels = [int(tag[1]) for tag, _ in outline.of("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_what_is_referred_to_is_there(text: str, outline: Outline) -> None:
    ids = Counter(attrs["id"] for _, attrs in outline.elements if "id" in attrs)
    assert [name for name, count in ids.items() if count > 1] == []
    wanted = set(re.findall(r"url\(#([^)]+)\)", text))
    wanted |= {a["href"][1:] for _, a in outline.elements if a.get("href", "").startswith("#")}
    assert wanted <= set(ids)


def test_the_page_needs_nothing_but_itself(
    text: str, outline: Outline, written: tuple[Study, Path]
) -> None:
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert not [tag for tag, attrs in outline.elements if "src" in attrs]
    assert "@import" not in text
    for _, attrs in outline.of("a"):
        assert attrs["href"].startswith("#") or (written[1] / attrs["href"]).is_file()
    assert len(text.encode()) < 3_000_000
    assert "nan" not in text.replace("nanosecond", "").replace("provenance", "")


def test_figures_are_described_to_those_who_do_not_see_them(outline: Outline) -> None:
    panels = [attrs for _, attrs in outline.elements if attrs.get("class") == "panel"]
    assert len(panels) > 15
    for attrs in panels:
        assert attrs["role"] == "img"
        read = attrs["data-points"] != "[]"
        assert ("Arrow keys" in attrs["aria-label"]) == read
        assert ("tabindex" in attrs) == read
    assert all(len(attrs["aria-label"]) > 40 for _, attrs in outline.of("figure"))
    assert len(outline.of("figcaption")) == len(outline.of("figure"))
    assert all(attrs.get("scope") in ("col", "row") for _, attrs in outline.of("th"))


def test_every_figure_is_a_file_with_its_numbers(
    outline: Outline, written: tuple[Study, Path]
) -> None:
    study, folder = written
    names = [attrs["id"].removeprefix("figure-") for _, attrs in outline.of("figure")]
    wanted = {f"{name}.{kind}" for name in names for kind in ("csv", "svg")}
    assert {path.name for path in (folder / "figures").iterdir()} == wanted
    for name in names:
        figure = (folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert "var(" not in figure
        assert "<metadata" not in figure
        Outline(figure)
    path = pd.read_csv(folder / "figures" / "lambda_path.csv")
    for cell in study.cells:
        line = path[(path["panel"] == f"{cell.name}: validation") & (path["line"] == "validation")]
        assert line["lam"].tolist() == list(GRID)
        np.testing.assert_allclose(line["mse"], cell.path.loss, rtol=1e-5)
        np.testing.assert_allclose(line["high"] - line["mse"], cell.path.se, atol=1e-5)
        line = path[(path["panel"] == f"{cell.name}: test") & (path["line"] == "seed 1")]
        np.testing.assert_allclose(line["mse"], cell.test_by_seed[:, 1], rtol=1e-5)
    weights = pd.read_csv(folder / "figures" / "weights.csv")
    assert weights.groupby("line")["norm"].first()[["head", "input", "recurrent"]].tolist() == [
        6,
        2,
        3,
    ]
    curves = pd.read_csv(folder / "figures" / "gap.csv")
    last = curves[curves["epoch"] == curves["epoch"].max()].groupby("line")["gap"].max()
    assert last["λ = 0"] == pytest.approx(0.2 * (1 + 3 * np.exp(-299 / 40)), rel=1e-4)


def test_diagnostics_are_those_of_the_fit(written: tuple[Study, Path]) -> None:
    study, folder = written
    flow = pd.read_csv(folder / "figures" / "flow.csv")
    start = flow[(flow["panel"] == "rnn") & (flow["line"] == "at the start")]
    np.testing.assert_allclose(start["gradient"], np.linspace(0.1, 1, L), rtol=1e-5)
    radii = pd.read_csv(folder / "figures" / "radii.csv")
    assert (radii["radius"] == 1).all()
    assert set(radii[radii["panel"] == "lstm"]["line"]) >= {"input gate i", "forget gate f"}
    assert not (folder / "figures" / "zeros.csv").exists()  # L2 makes none
    some = [
        replace(cell, fit=replace(cell.fit, zeros=cell.fit.zeros + 0.25)) for cell in study.cells
    ]
    with style():
        chart = zeros(replace(study, cells=tuple(some)))
        assert chart is not None
        assert {value for panel in chart.panels for value in panel.frame("lam", "y")["y"]} == {25.0}


def test_clipped_steps_are_drawn_where_there_are_any(written: tuple[Study, Path]) -> None:
    study, _ = written
    assert clipped_steps(study) is None
    cell = study.cells[0]
    share = np.zeros_like(cell.fit.clipped)
    share[:2, 1] = np.linspace(0, 1, share.shape[-1])
    share[-1] = 0.5  # the final fit, which is not validated
    fit = replace(cell.fit, clipped=share)
    with style():
        chart = clipped_steps(replace(study, cells=(replace(cell, fit=fit), *study.cells[1:])))
    assert chart is not None
    frame = chart.panels[0].frame("epoch", "clipped")
    drawn = frame.groupby("line", sort=False)["clipped"].max()
    assert drawn.tolist() == [0, 1, 0, 0]


def test_all_comparisons_and_the_next_grid_are_shown(
    written: tuple[Study, Path], text: str
) -> None:
    study, _ = written
    assert len(study.answers.all) > len(study.answers.judged)
    assert "rnn ensemble, λ = 100" in text
    rows = text[text.index("<summary>All comparisons") :].partition("</table>")[0].count("<tr")
    assert rows == 1 + len(study.answers.all)
    command = grids.extension([cell.path for cell in study.cells], study.params.rule)
    assert command is not None
    assert html.escape(command) in text.replace("<wbr>", "").replace("&#39;", "&#x27;")


def test_residuals_and_steps_are_those_of_the_files(written: tuple[Study, Path]) -> None:
    study, folder = written
    steps = pd.read_csv(folder / "figures" / "steps.csv")
    assert set(steps["line"]) == {"chosen λ", "λ = 0", "best baseline"}
    rnn = steps[(steps["panel"] == "rnn") & (steps["line"] == "λ = 0")]
    np.testing.assert_allclose(rnn["mse"], LEVELS["rnn"][0] * np.arange(1, H + 1))
    series = pd.read_csv(folder / "figures" / "series.csv").set_index(
        ["panel", "line", "unique_id"]
    )
    losses = study.cells[0].contender.mean
    for name in ("north", "south"):
        wanted = losses.loss[losses.series == name].mean()
        assert series.loc[("rnn", "chosen λ", name), "mse"] == pytest.approx(wanted, rel=1e-5)
    assert not (folder / "figures" / "autocorrelation.csv").exists()  # its residuals are constant


def test_autocorrelation_of_known_residuals(tmp_path: Path) -> None:
    origins = np.arange(200)
    noise = np.random.default_rng(3).normal(size=201)
    residual = noise[1:] + 0.8 * noise[:-1]  # MA(1): ρ₁ = 0.8 / 1.64
    rows = [
        pd.DataFrame({"unique_id": "only", "cutoff": t, "lam": 3.0, "seed": 0, "y": [residual[t], 5.0],
                      "y_hat": [0.0, -9.0]})
        for t in origins
    ]  # fmt: skip
    pd.concat(rows).astype({"unique_id": "category"}).to_parquet(
        tmp_path / "f.parquet", index=False
    )
    correlation = autocorrelation(tmp_path / "f.parquet", (3.0, 0), 2)
    assert correlation is not None
    centred = residual - residual.mean()
    by_hand = [centred[k:] @ centred[:-k] / (centred @ centred) for k in range(1, 37)]
    np.testing.assert_allclose(correlation[0], by_hand, atol=1e-10)
    assert correlation[1] == 200


def test_the_answer_is_as_clear_whatever_it_is(written: tuple[Study, Path], text: str) -> None:
    study, _ = written
    assert "L2 helps: the test MSE lies 49" in headline(study)
    assert re.search(
        r"rnn is better than ridge, the baseline that validation chooses: its test MSE lies \d+\.\d % "
        r"below that of ridge\.$",
        headline(study),
    )
    assert headline(study) in text
    first, second = study.answers.primary

    def changed(**fields: Any) -> str:
        primary = (replace(first, **fields), second)
        return headline(replace(study, answers=replace(study.answers, primary=primary)))

    open_text = changed(word="open")
    assert re.search(
        r"Whether L2 helps is open: test MSE against λ = 0, best guess −49\.\d %, plausible range "
        r"−\d+\.\d to −\d+\.\d %",
        open_text,
    )
    assert "does harm: the test MSE lies 12.0 % above" in changed(word="worse", percent=12.0)
    assert "rnn is as good with L2 as at λ = 0: test MSE differs by less than 5 %" in changed(
        word="as good"
    )
    lost = changed(word="open", percent=np.nan, low=np.nan)
    assert "Whether L2 helps is open: a test error is not a finite number." in lost
    assert "does harm: the test MSE lies above that of" in changed(word="worse", percent=np.nan)
    dropped = headline(replace(study, answers=replace(study.answers, primary=(second,))))
    assert "Validation prefers no penalty" in dropped
    for verdict in study.answers.judged:
        assert sentence(verdict).replace("'", "&#39;") in re.sub(r"</?strong>", "", text)


def test_a_study_with_a_member_that_diverged_has_a_page(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "study", ("only",))
    paths = maker.write()
    fit = maker.fit("rnn", maker.windows())
    fit.window_losses["mse"]["fold1"][0, 0] = np.inf
    fit.validation_loss[1, 0, 0, 5:] = np.inf
    fit.gradient_norm[1, 0, 0, 5:] = np.nan
    fit.train_losses["mse"][1, 0, 0] = np.inf
    save_fits(paths["fits"], [fit])
    windows = Windows.load(paths["development"])
    study = load_study(windows, paths["fits"], paths["scores"], ReportParams())
    page(study, windows, paths, tmp_path / "report")
    text = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "rnn: a member diverged at λ = 0." in text
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL))


def test_every_penalty_has_its_name_and_its_loss(written: tuple[Study, Path], text: str) -> None:
    study, _ = written
    fit = study.cells[0].fit
    assert loss_words.sentence(fit) in text
    assert "north, south: 4 steps forecast from 8 by rnn, lstm; 4 λ × 3 seeds × 2 folds" in text
    assert list(loss_words.NAMES) == list(get_args(Penalty.model_fields["kind"].annotation))
    sentences = {}
    for kind in loss_words.NAMES:
        config = fit.config | {"penalty": kind, "ratio": 0.25, "multipliers": [1.0, 0.5, 0.0]}
        sentences[kind] = loss_words.sentence(replace(fit, config=config))
        weighed = "c = 1 / 0.5 / 0 for input / recurrent / head weights" in sentences[kind]
        assert weighed == (kind != "predictions")
        cell = replace(study.best, fit=replace(study.best.fit, config=config))
        cells = tuple(cell if one is study.best else one for one in study.cells)
        first = loss_words.NAMES[kind][0].upper() + loss_words.NAMES[kind][1:]
        assert f"{first} helps: the test MSE" in headline(replace(study, cells=cells))
    assert "Σ ‖y − ŷ‖² + λ/(2m) Σ c w²," in sentences["l2"]
    assert "λ/m Σ c |w|," in sentences["l1"]
    assert "[ρ|w| + (1 − ρ)/2 w²] with ρ = 0.25," in sentences["elastic_net"]
    assert "λ/(2m) Σ ‖ŷ‖²," in sentences["predictions"]


def test_filled_gaps_are_counted(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("north", "south"))
    windows = maker.windows()
    levels, observed = np.array(windows.levels), np.array(windows.observed)
    observed[windows.starts[1] + [3, 4, 7]] = False
    levels[windows.starts[1] + 7] = np.nan  # a gap that stays one
    filled = replace(windows, levels=levels, observed=observed)
    assert filled_steps(filled) == {"north": 0, "south": 2}


def test_numbers_are_broken_nowhere() -> None:
    assert breakable("a <b>,c") == "a &lt;b&gt;,<wbr>c"
    assert [power(value) for value in (0.01, 1.0, 1000.0, 1e-5, 2e4)] == [
        "0.01",
        "1",
        "1000",
        "10⁻⁵",
        "2·10⁴",
    ]


def test_warnings_say_what_is_wrong(written: tuple[Study, Path]) -> None:
    study, _ = written
    assert len(warnings(study)) == 1
    assert "upper edge of the grid, λ = 100" in warnings(study)[0]
    short = warnings(replace(study, origins=30))
    assert "7.5 independent horizons (30 windows of horizon 4)" in short[1]


def test_a_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = provenance.digest(tmp_path)
    (tmp_path / ".gitignore").write_text("x")
    assert provenance.digest(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert provenance.digest(tmp_path) != first


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_it(written: tuple[Study, Path], tmp_path: Path, dark: bool) -> None:
    check(written[1] / "index.html", tmp_path, dark)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("`;`", "“;”"),
        ("`.` (set in params.yaml)", "“.” (set in params.yaml)"),
        ("```", "“`”"),
        ("none", "none"),
        ("day, `odd` name", "day, `odd` name"),
    ],
)
def test_signs_of_the_file_are_in_quotes(value: str, shown: str) -> None:
    assert file_table({"decimal sign": value}).rows == [["decimal sign", shown]]

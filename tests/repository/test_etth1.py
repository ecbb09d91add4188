"""docs/etth1.md says what the preset's studies came to, and the preset can be run on the file."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks import documents, etth1
from benchmarks.real_series import ETTH1
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from stages.presets.preset import Preset
from stages.window.params import WindowParams
from stages.window.stage import make_windows

ROWS = pd.read_csv(etth1.RESULTS)
STUDIES = Preset.load(etth1.PRESET).studies


def test_the_page_has_the_committed_numbers() -> None:
    page = etth1.PAGE.read_text(encoding="utf-8")
    for name, text in etth1.parts().items():
        assert documents.with_part(page, name, text) == page, name


def test_the_committed_numbers_are_of_all_studies_of_the_preset() -> None:
    assert list(dict.fromkeys(ROWS["study"])) == list(STUDIES)
    for name, rows in ROWS.groupby("study"):
        assert set(rows["final_fit"]) == {STUDIES[str(name)]["window"]["final_fit"]}
        (chosen,) = rows[rows["chosen"]].to_dict("records")
        assert chosen["validation"] == rows.loc[rows["eligible"], "validation"].min()


@pytest.mark.skipif(bool(ETTH1.absent), reason=ETTH1.absent or "it is there")
@pytest.mark.parametrize("horizon", etth1.HORIZONS)
def test_windows_are_those_of_the_papers(horizon: int) -> None:
    """12, 4 and 4 months of 30 days; every window of the test part, of seven channels."""
    study = STUDIES[f"etth1-{horizon}"]
    params = PrepareParams.model_validate(study["prepare"] | {"path": str(ETTH1.path)})
    series = prepare(ETTH1.path, params)
    development, test = make_windows(series, WindowParams.model_validate(study["window"]), 24)
    assert (development.train_end, test.offset + len(test.time)) == (8640, 14400)
    assert len(test.rows) == 7 * (2880 - horizon + 1)
    assert development.validation_used_for == ("folds",)
    raw = pd.read_csv(ETTH1.path, nrows=8640)[list(development.layout.series)]
    assert development.center[:, 0] == pytest.approx(raw.mean().to_numpy())
    assert development.scale[:, 0] == pytest.approx(raw.std(ddof=0).to_numpy())

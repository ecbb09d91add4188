"""What `make repro` ends with: the answer of the report, and where its page is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stages.report.headline import headline
from stages.report.study import Study
from stages.report.writing import answers


def test_it_is_the_headline_of_the_report(written: tuple[Study, Path]) -> None:
    study, folder = written
    assert headline(folder).replace("\n", " ") == answers.headline(study)
    assert headline(folder).startswith("Validation chooses rnn at λ = ")
    command = [sys.executable, "-m", "stages.report.headline", str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"\n{headline(folder)}\nThe page: {folder / 'index.html'}\n"


def test_without_a_report_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stages.report.headline", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode
    assert "report.md does not exist; run a study first (make repro)" in done.stderr
    assert "Traceback" not in done.stderr

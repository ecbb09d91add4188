"""python -m tests.picture: takes docs/page.png, the README's picture of the page, from data/report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.browser import photograph
from tests.readme import ROOT

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        photograph(
            ROOT / "data/report/index.html", ROOT / "docs/page.png", (1180, 1000), Path(folder)
        )

"""python -m tests.picture: takes docs/page.png, the README's picture of the page, from data/report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.browser import photograph
from tests.readme import ROOT

# The section that says most at a glance stands at the top of the picture.
ALONE = "header, section:not(#path) { display: none; } #path { border: 0; margin: 0; }</style>"

if __name__ == "__main__":
    text = (ROOT / "data/report/index.html").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "page.html"
        page.write_text(text.replace("</style>", ALONE, 1), encoding="utf-8")
        photograph(page, ROOT / "docs/page.png", (1180, 770), Path(name))

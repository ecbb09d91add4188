"""python -m tests.support.picture: docs/page.png, the README's picture of the page, from data/report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support.browser import photograph
from tests.support.readme import ROOT

# What says most at a glance: what was studied, the answer, and the path.
ALONE = """
nav, section:not(#answer, #path), #answer > :not(.lead, .facts), #path > :not(#figure-lambda_path),
figcaption { display: none; }
section { border: 0; margin: 0; padding: 0; } h1 { margin-top: 24px; } .lead, .below { max-width: none; }
.facts, figure { margin: 16px 0; }
</style>"""

if __name__ == "__main__":
    text = (ROOT / "data/report/index.html").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "page.html"
        page.write_text(text.replace("</style>", ALONE, 1), encoding="utf-8")
        photograph(page, ROOT / "docs/page.png", (1180, 990), Path(name))

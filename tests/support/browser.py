"""A real browser, where there is one: what a page looks like to it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stages.report.drawing.style import PALETTE

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]

# The page is shown in frames of the given widths, each with its document: a window cannot be as narrow as
# a phone.
FRAME = '<iframe style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe>'
PROBE = """
addEventListener("load", () => {
  const readings = [...document.querySelectorAll("iframe")].map((frame) => {
    const inner = frame.contentDocument;
    const root = inner.documentElement;
    const view = frame.contentWindow;
    const panel = inner.querySelector(".panel");
    const [name, points] = JSON.parse(panel.dataset.points)[0];
    const svg = panel.querySelector("svg");
    const box = svg.getBoundingClientRect();
    const factor = box.width / svg.viewBox.baseVal.width;
    panel.dispatchEvent(new view.PointerEvent("pointermove",
      {clientX: box.left + points[0][0] * factor, clientY: box.top + points[0][1] * factor}));
    const tip = inner.getElementById("tip");
    const shown = tip.textContent;
    const keys = ["ArrowRight", "ArrowRight", "ArrowDown"].map((key) => {
      panel.dispatchEvent(new view.KeyboardEvent("keydown", {key, cancelable: true}));
      return tip.textContent;
    });
    const lines = JSON.parse(panel.dataset.points);
    const all = lines.flatMap(([line, points]) => points.map((point) => line + point[2]));
    const wide = [...inner.querySelectorAll("body *")].filter((element) =>
      !element.closest(".scroll, svg") && element.getBoundingClientRect().right > root.clientWidth + 1);
    return {
      width: root.clientWidth,
      scroll: root.scrollWidth,
      wide: wide.map((element) => element.outerHTML.slice(0, 80)),
      paper: view.getComputedStyle(inner.body).backgroundColor,
      line: view.getComputedStyle(inner.querySelector("#figure-lambda_path path[style*='--blue']")).stroke,
      text: Math.min(...[...inner.querySelectorAll(".panel text")].slice(0, 40)
        .map((text) => parseFloat(view.getComputedStyle(text).fontSize) * factor)),
      shown,
      wanted: name + points[0][2],
      keys: keys.slice(0, 2),
      along: [all[0], all[1 % all.length]],
      down: keys[2] !== keys[1] || new Set(lines.map(([line]) => line)).size < 2,
    };
  });
  const out = document.createElement("pre");
  out.id = "readings";
  out.textContent = JSON.stringify(readings);
  document.body.append(out);
});
"""


def browser() -> str | None:
    """The browser's path, where one is installed."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def photograph(page: Path, picture: Path, size: tuple[int, int], folder: Path) -> None:
    """Save the first screen of a page as a PNG."""
    path = browser()
    assert path is not None, "no browser; install chromium"
    flags = [f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}"]
    command = [path, *QUIET, *flags, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def look(page: Path, widths: tuple[int, ...], folder: Path, dark: bool = False) -> tuple[Any, str]:
    """What the probe reads from the page at each width, and the lines of the console.

    Skips the test where there is no browser.
    """
    path = browser()
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    source = html.escape(page.read_text(encoding="utf-8"))
    frames = "".join(FRAME.format(width=width, page=source) for width in widths)
    outer = folder / "frames.html"
    outer.write_text(
        f"<!doctype html><meta charset=utf-8>{frames}<script>{PROBE}</script>", "utf-8"
    )
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [path, *QUIET, *scheme, profile, "--window-size=2000,1000", "--dump-dom", outer.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    readings = re.search(r'<pre id="readings">(.*?)</pre>', done.stdout, re.DOTALL)
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    assert readings is not None, f"the page did not load: {console or done.stderr[-2000:]}"
    return json.loads(html.unescape(readings[1])), console


def check(page: Path, folder: Path, dark: bool) -> None:
    """The page meets its requirements: on a phone and on a desk, in light or dark."""
    readings, console = look(page, (390, 1440), folder, dark)
    assert console == ""
    assert [reading["width"] for reading in readings] == [390, 1440]
    for reading in readings:
        assert reading["wide"] == [], reading
        assert reading["scroll"] <= reading["width"], reading
        assert reading["text"] >= 9, reading  # pixels
        assert reading["shown"] == reading["wanted"], reading
        assert reading["keys"] == reading["along"], reading
        assert reading["down"], reading
        paper, blue = (PALETTE[name][dark] for name in ("paper", "blue"))
        assert (reading["paper"], reading["line"]) == (_rgb(paper), _rgb(blue))


def _rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))})"

"""A verdict in sentences that a person can quote, and as a row of a table."""

from __future__ import annotations

import math

from stages.report.judging.power import Needed
from stages.report.judging.verdicts import FEW_SEEDS, SHORT, Verdict

HEAD = (
    "forecaster", "against", "difference", "interval", "p", "Holm", "detectable", "DM-HLN p", "bootstrap",
    "verdict",
)  # fmt: skip


def who(verdict: Verdict) -> str:
    """What is compared with `verdict.against`."""
    named = math.isfinite(verdict.lam)
    return f"{verdict.cell} at λ = {verdict.lam:.4g}" if named else verdict.cell


def error(verdict: Verdict) -> str:
    """What is compared, as "test MSE"."""
    return f"test {verdict.measure.upper()}"


def sentence(verdict: Verdict) -> str:
    """The word with its size, and what this test part can show."""
    one, two = who(verdict), verdict.against
    if math.isnan(verdict.percent) and verdict.settled:
        return f"{one} is {verdict.word} than {two}, whose {error(verdict)} is 0."
    if not verdict.measured:
        return f"{one} against {two} is open: too few finite losses."
    if verdict.word == "as good":
        bound = f"within ± {verdict.relevance:g} %"
        return f"{one} is as good as {two}: {size(verdict)}, {bound}. {shows(verdict)}"
    if verdict.settled:
        return f"{one} is {verdict.word} than {two}: {size(verdict)}. {shows(verdict)}"
    return f"{one} against {two} is open: {error(verdict)}, {guess(verdict)}. {lacking(verdict)}"


def size(verdict: Verdict) -> str:
    """The difference with its interval."""
    return f"{error(verdict)} {_signed(verdict.percent)} %, {_interval(verdict)}"


def guess(verdict: Verdict) -> str:
    """The difference of an open question: its best guess and plausible range."""
    low, high = _signed(verdict.low), _signed(verdict.high)
    level = f"a {100 * verdict.confidence:g} % interval"
    return f"best guess {_signed(verdict.percent)} %, plausible range {low} to {high} % ({level})"


def _interval(verdict: Verdict) -> str:
    low, high = _signed(verdict.low), _signed(verdict.high)
    return f"{100 * verdict.confidence:g} % interval {low} to {high} %"


def shows(verdict: Verdict) -> str:
    """The detectable change."""
    size = verdict.detectable
    change = f"{size:.2g}" if size < 100 else f"{size:.0f}"
    return (
        f"This test part shows true changes of {change} % or more, four times in five; smaller ones are "
        "often missed."
    )


def alone(seeds: int) -> str:
    """What a question lacks whose networks have fewer than FEW_SEEDS starts."""
    which = "this trained network" if seeds == 1 else "these trained networks"
    return f"This is about {which}; another start may differ."


def lacking(verdict: Verdict) -> str:
    """What an open question lacks: seeds, or horizons and about how many."""
    texts = [shows(verdict)]
    if 0 < verdict.seeds < FEW_SEEDS:
        texts.append(
            f"{alone(verdict.seeds)} Nothing is decided with fewer than {FEW_SEEDS} seeds."
        )
    elif verdict.horizons < SHORT:
        texts.append(
            f"{verdict.horizons:.1f} independent horizons are fewer than {SHORT}, so nothing is called "
            "better or worse."
        )
    if verdict.lacks == "seeds" and verdict.seeds >= FEW_SEEDS:
        texts.append("What is lacking most is seeds: they bring most of the uncertainty.")
    if verdict.needed is not None and verdict.detectable > verdict.relevance:
        texts.append(_horizons(verdict, verdict.needed))
    elif verdict.lacks == "horizons" and verdict.horizons >= SHORT:
        texts.append("What is lacking most is a longer test part.")
    return " ".join(texts)


def _horizons(verdict: Verdict, needed: Needed) -> str:
    there = f"it has {verdict.horizons:.0f}"
    if math.isinf(needed.guess):
        return (
            f"No number of horizons would show {verdict.relevance:g} % with these seeds ({there})."
        )
    most = _rounded(needed.high) if math.isfinite(needed.high) else "any number"
    return (
        f"To show {verdict.relevance:g} % it needs roughly {_rounded(needed.guess)} independent horizons "
        f"({_rounded(needed.low)} to {most}); {there}."
    )


def _rounded(count: float) -> str:
    """One significant digit."""
    return f"{float(f'{count:.1g}'):,.0f}".replace(",", " ")


def _signed(percent: float) -> str:
    return f"{percent:+.1f}".replace("-", "−")


def row(verdict: Verdict) -> list[str]:
    """A verdict under HEAD."""
    name = verdict.cell
    name += f", λ = {verdict.lam:.4g}" if math.isfinite(verdict.lam) else ""
    cells = [f"{verdict.percent:+.1f} %", f"{verdict.low:+.1f} to {verdict.high:+.1f}"]
    cells += [_probability(p) for p in (verdict.p, verdict.adjusted)]
    cells += [f"{verdict.detectable:.1f} %", _probability(verdict.diebold_mariano)]
    cells += ["{:+.1f} to {:+.1f}".format(*verdict.bootstrap)]
    shown = [text if not ("nan" in text or "inf" in text) else "–" for text in cells]
    return [name, verdict.against, *(text.replace("-", "−") for text in shown), verdict.word or "–"]


def _probability(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"

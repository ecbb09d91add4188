"""The answer in words: what validation chose, and what the test part says to the study's questions."""

from __future__ import annotations

import math

from stages.report.judging.questions import ZERO
from stages.report.judging.verdicts import FEW_SEEDS, Verdict
from stages.report.study import Study
from stages.report.writing import loss_words
from stages.report.writing.numbers import number
from stages.report.writing.verdict_words import alone, error, guess, sentence

RULES = {
    "minimum": "the λ with the lowest validation loss",
    "one_standard_error": "the largest λ whose validation loss is within one standard error "
    "(of the paired difference) of the lowest",
}


def headline(study: Study) -> str:
    """What validation chose, whether the penalty helps, and how the best baseline compares."""
    best = study.best
    parts = [f"Validation chooses {best.name} at λ = {number(best.lam)}.", _against_zero(study)]
    parts.append(_against_baseline(study))
    if best.fit.seeds < FEW_SEEDS:
        parts.append(alone(best.fit.seeds))
    return " ".join(part for part in parts if part)


def _against_zero(study: Study) -> str:
    best = study.best
    penalty = loss_words.name(best.fit)
    first = penalty[0].upper() + penalty[1:]  # as a sentence's beginning
    if best.zero is None:
        return f"The grid has no λ = 0, so whether {penalty} helps was not asked."
    verdict = study.answers.of(best.name, ZERO)
    if verdict is None:
        return f"Validation prefers no penalty, so what {penalty} does on the test part is no question here."
    if not verdict.measured:
        return f"Whether {penalty} helps is open: a test error is not a finite number."
    if verdict.word == "better":
        return f"{first} helps: the {error(verdict)} lies {_size(verdict)} that of λ = 0."
    if verdict.word == "worse":
        return f"{first} does harm: the {error(verdict)} lies {_size(verdict)} that of λ = 0."
    if verdict.word == "as good":
        return f"{best.name} is as good with {penalty} as at λ = 0: {_within(verdict)}."
    return f"Whether {penalty} helps is open: {error(verdict)} against λ = 0, {guess(verdict)}."


def _against_baseline(study: Study) -> str:
    if study.baseline is None:
        return ""
    one, verdict = study.leader.name, study.answers.of(study.leader.name, study.baseline)
    baseline = f"{study.baseline}, the baseline that validation chooses"
    if verdict is None or not verdict.measured:
        return f"{one} cannot be compared with {baseline}: a test error is not a finite number."
    if verdict.settled:
        lies = f"its {error(verdict)} lies {_size(verdict)} that of {study.baseline}"
        return f"{one} is {verdict.word} than {baseline}: {lies}."
    if verdict.word == "as good":
        return f"{one} is as good as {baseline}: {_within(verdict)}."
    who = "it" if study.leader is study.best else one
    return f"Whether {who} beats {baseline}, is open: {error(verdict)}, {guess(verdict)}."


def _second(study: Study) -> str:
    """What the second question is about, where it need not be the cell of the first."""
    return "it or a mean with ridge, whichever validation prefers, " if study.means else ""


def _size(verdict: Verdict) -> str:
    """How far the test error lies from the reference's."""
    if not math.isfinite(verdict.percent):
        return "above"  # a share of an error of 0 has no meaning
    return f"{abs(verdict.percent):.1f} % {'below' if verdict.percent < 0 else 'above'}"


def _within(verdict: Verdict) -> str:
    level = f"{100 * verdict.confidence:g} %"
    return f"{error(verdict)} differs by less than {verdict.relevance:g} % ({level} interval)"


def families(study: Study) -> list[tuple[str, str]]:
    """(word, sentence) of the primary questions, then of the second family where it was judged."""
    answers = study.answers
    judged = [(verdict.word, sentence(verdict)) for verdict in answers.primary]
    return judged + [
        (verdict.word, sentence(verdict)) for verdict in answers.secondary if verdict.word
    ]


def note(study: Study) -> str:
    """What the questions are, how they are decided, and whether the second family was judged."""
    level, p = f"{100 * study.params.confidence:g} %", f"{1 - study.params.confidence:g}"
    measure = loss_words.MEASURES[study.measure]
    single = study.best.fit.seeds == 1
    vary = (
        "test windows, for this trained network"
        if single
        else "test windows and of initial weights"
    )
    text = (
        "Two questions were fixed before the test part was seen: the cell that validation chose, at its λ, "
        f"against itself at λ = 0, and {_second(study)}against the baseline that validation chose. "
        f"Differences in {measure} on the same test windows, in per cent of the reference; negative is "
        f"better. {level} intervals allow for the choice of {vary}. Better or worse needs p below {p} after "
        "Holm's correction over the questions; as good needs the whole interval within ± "
        f"{100 * study.params.relevance:g} %."
    )
    if not study.answers.secondary:
        return text
    second = (
        "The other cells are judged against λ = 0 only where each question came out better or worse"
    )
    here = "as here" if study.answers.opened else "here that is not so, and they have no verdict"
    return f"{text} {second}; {here}."

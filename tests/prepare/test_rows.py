"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest

from stages.report.writing.numbers import measured, number, percent


@pytest.mark.parametrize(
    ("value", "digits", "wanted"),
    [
        (0.24, 4, "0.2400"),
        (1.05, 4, "1.050"),
        (1019.2, 4, "1019"),
        (123456.7, 4, "123457"),
        (-0.0012, 3, "−0.00120"),
        (2e-7, 3, "2.00e−07"),
        (0.0, 4, "0"),
        (math.nan, 4, "–"),
        (math.inf, 4, "–"),
    ],
)
def test_a_measured_number_keeps_the_digits_that_are_known(
    value: float, digits: int, wanted: str
) -> None:
    assert measured(value, digits) == wanted


def test_a_setting_is_as_short_as_it_can_be() -> None:
    assert [number(value) for value in (10000.0, 0.3, 0.0, math.nan)] == ["10000", "0.3", "0", "–"]
    assert [percent(value) for value in (2.04, -19.5, math.nan)] == ["+2.0 %", "−19.5 %", "–"]

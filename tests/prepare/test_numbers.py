"""Numbers in every country's writing: read right, or refused with the sentence that says what to set."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stages.params import ParameterError
from tests.support.raw_files import DAYS, prepared, values


def column(cells, separator=";", second="") -> str:
    """A file with the cells in column a; `second` is the text of a column b."""
    quoted = [f'"{cell}"' if separator in cell else cell for cell in cells]
    tail = separator + second if second else ""
    head = f"t{separator}a" + (f"{separator}b" if second else "")
    return "\n".join(
        [head, *(f"{t}{separator}{c}{tail}" for t, c in zip(DAYS, quoted, strict=False)), ""]
    )


@pytest.mark.parametrize(
    ("cells", "separator", "wanted"),
    [
        (["102.968", "109.415", "111.895"], ",", [102.968, 109.415, 111.895]),
        (["1.5", "1,234.5", "2"], ";", [1.5, 1234.5, 2]),
        (["1,5", "1.234,5", "2"], ";", [1.5, 1234.5, 2]),
        (["1.234.567", "1.234", "2"], ";", [1234567, 1234, 2]),
        (["1,234,567", "1,234", "2"], ",", [1234567, 1234, 2]),
        (["1,234", "102.968", "3"], ",", [1234, 102.968, 3]),
        (["0.123", "1.234", "2"], ";", [0.123, 1.234, 2]),
        (["0,123", "1,234", "2"], ";", [0.123, 1.234, 2]),
        (["1234.567", "1.234", "2"], ";", [1234.567, 1.234, 2]),
        (["1.234", "1.2345", "2"], "\t", [1.234, 1.2345, 2]),
        (["1.234e2", "1.234", "2"], ";", [123.4, 1.234, 2]),
        (["1,5E3", "-2,5e-1", "+3"], ";", [1500, -0.25, 3]),
        ([".5", "-.25", "5."], ",", [0.5, -0.25, 5]),
        ([",5", "-,25", "5,"], ";", [0.5, -0.25, 5]),
        (["1 234,5", "12 345 678", "7"], ";", [1234.5, 12345678, 7]),
        (["1\u00a0234,5", "1\u202f234", "7"], ";", [1234.5, 1234, 7]),
        (["1'234.5", "1’234’567", "7"], ",", [1234.5, 1234567, 7]),
        (["1 234", "1.234", "7"], ";", [1234, 1.234, 7]),
        (["−5", "−1.5", "-2"], ",", [-5, -1.5, -2]),
        (["00012", "1E5", "-0"], ",", [12, 1e5, 0]),
        (["-999", "1", "2"], ",", [-999, 1, 2]),
    ],
)
def test_numbers_are_read(tmp_path, cells, separator, wanted):
    assert values(prepared(tmp_path, column(cells, separator)))["a"] == wanted


@pytest.mark.parametrize(
    "word",
    ["", " ", "NA", "NaN", "nan", "null", "NULL", "None", "n/a", "N/A", "#N/A", "-", "<NA>", ".", "?"],
)  # fmt: skip
def test_words_for_a_gap(tmp_path, word):
    cells = values(prepared(tmp_path, column(["1,5", word, "3"])))["a"]
    assert (cells[0], math.isnan(cells[1]), cells[2]) == (1.5, True, 3.0)


@pytest.mark.parametrize(
    ("cells", "separator", "words"),
    [
        (["1.234", "5.678", "9"], ";", r"1.234 \('a', line 2\) may be 1.234 or 1234, .* to `.`"),
        (["1.234", "5.678", "9"], "\t", "may be 1.234 or 1234"),
        (["1,234", "5,678", "9"], ";", r"1,234 .* may be 1.234 or 1234, .* to `,` for the first, or to `.`"),
        (["1,234", "5,678", "9"], ",", "may be 1.234 or 1234"),
        (["1.5", "2,5", "3"], ";", r"2,5 \('a', line 3\) and 1.5 \('a', line 2\) have different decimal"),
        (["1.234.567", "2.5", "3"], ";", "'1.234.567', which is not a finite number"),
        (["1 234", "1'234", "3"], ";", "different signs between thousands"),
        (["1,5", "1.23.456", "3"], ";", "'1.23.456', which is not a finite number"),
        (["1.5", "12,34,567", "3"], ";", "'12,34,567', which is not a finite number"),
        (["1.5", "1 23", "3"], ",", "'1 23', which is not a finite number"),
        (["1.5", "12%", "3"], ",", "remove the percent signs"),
        (["12%", "13%", "14%"], ",", "remove the percent signs"),
        (["$5", "$6", "$7"], ",", "remove the currency"),
        (["5 EUR", "6 EUR", "7 EUR"], ",", "remove the currency"),
        (["1.5", "inf", "3"], ",", r"a at 2024-01-02 \(line 3\) is 'inf', which is not a finite"),
        (["1.5", "-Infinity", "3"], ",", "is '-Infinity', which is not a finite"),
        (["1.5", "1e999", "3"], ",", "is '1e999', which is not a finite"),
        (["1.5", "nan(5)", "3"], ",", "which is not a finite"),
        (["1.5", "(5)", "3"], ",", "with a minus sign"),
        (["1.5", "5-", "3"], ",", "before the number"),
        (["1.5", "true", "3"], ",", "write 0 and 1"),
        (["1.5", "#DIV/0!", "3"], ",", "an error of the spreadsheet"),
        (["1.5", "0x10", "3"], ",", "is '0x10', which is not a finite"),
        (["1.5", "1_000", "3"], ",", "is '1_000', which is not a finite"),
        (["1.5", "٣", "3"], ",", "which is not a finite"),
        (["1.5", "missing", "3"], ",", r"a at 2024-01-02 \(line 3\) is 'missing', .* or leave it empty"),
        (["low", "high", "low"], ",", r"column 'a' holds text \('low', line 2\)"),
        (["1e151", "2", "3"], ",", "series 'a' reaches 1e.151; .* change its unit"),
        (["1e-151", "0", "-2e-160"], ",", "series 'a' reaches 1e-151"),
    ],
)  # fmt: skip
def test_what_is_not_a_number_is_refused(tmp_path, cells, separator, words):
    with pytest.raises(ParameterError, match=words):
        prepared(tmp_path, column(cells, separator))


@pytest.mark.parametrize(
    ("signs", "wanted"),
    [
        ({"decimal": "."}, [1.234, 5.678, 9]),
        ({"decimal": ","}, [1234, 5678, 9]),
        ({"thousands": "."}, [1234, 5678, 9]),
        ({"decimal": ",", "thousands": "."}, [1234, 5678, 9]),
    ],
)
def test_signs_can_be_set(tmp_path, signs, wanted):
    assert values(prepared(tmp_path, column(["1.234", "5.678", "9"]), **signs)) == {"a": wanted}


@pytest.mark.parametrize("thousands", ["blank", " ", "\u00a0"])
def test_the_decimal_sign_is_recognised_where_the_other_is_set(tmp_path, thousands):
    text = column(["1 234,5", "1,234", "9"])
    assert values(prepared(tmp_path, text, thousands=thousands))["a"] == [1234.5, 1.234, 9]


@pytest.mark.parametrize("sign", ["^", "]", "\\", "_", "*"])
def test_any_sign_can_be_set(tmp_path, sign):
    text = column([f"1{sign}234.5", f"1{sign}000{sign}000", "9"])
    assert values(prepared(tmp_path, text, thousands=sign))["a"] == [1234.5, 1_000_000, 9]
    with pytest.raises(ParameterError, match="which is not a finite number"):
        prepared(tmp_path, column([f"1{sign}23", "1", "9"]), thousands=sign)


def test_signs_that_are_set_hold_for_every_number(tmp_path):
    with pytest.raises(ParameterError, match="'1,5', which is not a finite number"):
        prepared(tmp_path, column(["1.5", "1,5", "2"]), decimal=".")
    with pytest.raises(ValueError, match="are both"):
        prepared(tmp_path, column(["1.5", "2", "3"]), decimal=".", thousands=".")
    with pytest.raises(ParameterError, match="must be one sign"):
        prepared(tmp_path, column(["1.5", "2", "3"]), thousands="a")


def test_another_column_decides_what_one_leaves_open(tmp_path):
    text = column(["1.234", "5.678", "9"], second="1,5")
    assert values(prepared(tmp_path, text, targets=("a",)))["a"] == [1234, 5678, 9]
    text = column(["1.234", "5.678", "9"], second="1.5")
    assert values(prepared(tmp_path, text, targets=("a",)))["a"] == [1.234, 5.678, 9]


def test_times_and_names_decide_nothing(tmp_path):
    lines = [f"{i}.5;1.{i};1.{i:03d}" for i in range(101, 105)]
    text = "id;t;y\n" + "\n".join(lines) + "\n"
    with pytest.raises(ParameterError, match=r"may be 1\.101 or 1101"):
        prepared(tmp_path, text, format="long", id="id")


def test_precision_is_kept(tmp_path):
    numbers = np.random.default_rng(0).normal(size=10) * 10.0 ** np.arange(-5, 5)
    cells = [repr(float(number)) for number in numbers]
    assert values(prepared(tmp_path, column(cells, ",")))["a"] == list(numbers)

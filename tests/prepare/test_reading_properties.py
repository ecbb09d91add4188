"""Whatever is written, in any dialect, comes back the same, or is refused: never another number or name."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stages.params import ParameterError
from tests.support.raw_files import DAYS, prepared, values

TEXT = st.text(
    st.characters(exclude_characters="\x00\x1f\ufeff\r", exclude_categories=["Cs"]),
    min_size=1,
    max_size=8,
).filter(lambda text: text.strip() == text and not text.startswith("\ufeff"))
IDS = st.lists(TEXT | st.sampled_from(["01", "1", "NA", "1,5", "a;b", 'say "x"', "x\ny", "2024"]), min_size=1,
               max_size=4, unique=True)  # fmt: skip
SEPARATORS = st.sampled_from([",", ";", "\t", "|"])
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])


def written(
    rows: Iterable[Sequence[object]],
    separator: str,
    quoting: Literal[0, 1, 2, 3],
    end: str = "\n",
) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows(rows)
    return sink.getvalue()


def read(data: bytes, **params: Any) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        return values(prepared(Path(folder), data, **params))


def outcome(data: bytes, **params: Any) -> dict[str, list[float]] | str:
    """What was read, or the sentence that refuses it."""
    try:
        return read(data, **params)
    except ParameterError as error:
        return str(error)


@settings(deadline=None, max_examples=80)
@given(IDS, SEPARATORS, QUOTING, st.sampled_from(["\n", "\r\n"]), ENCODINGS)
def test_any_ids_come_back(ids, separator, quoting, end, encoding):
    rows = [[name, t, i * 1.5] for name in ids for i, t in enumerate(DAYS)]
    text = written([["unique_id", "t", "y"], *rows], separator, quoting, end).encode(encoding)
    wanted = {name: [i * 1.5 for i in range(10)] for name in ids}
    assert read(text, format="long", separator=separator) == wanted
    recognised = outcome(text, format="long")
    # The separator is the only thing that such a file can leave open.
    assert recognised == wanted or "prepare.separator" in recognised


@settings(deadline=None, max_examples=80)
@given(IDS, SEPARATORS, QUOTING, ENCODINGS)
def test_any_names_of_columns_come_back(names, separator, quoting, encoding):
    names = [" ".join(name.split()) for name in names]
    assume(len({*names, "t"}) == len(names) + 1 and not any(n[0] == n[-1] == '"' for n in names))
    rows = [[t, *(i * k + 0.5 for k in range(len(names)))] for i, t in enumerate(DAYS)]
    text = written([["t", *names], *rows], separator, quoting).encode(encoding)
    wanted = {name: [i * k + 0.5 for i in range(10)] for k, name in enumerate(names)}
    assert read(text, separator=separator) == wanted


def shown(number: float, digits: int, decimal: str, thousands: str) -> str:
    """The number in a country's writing, as Python formats it."""
    return f"{number:,.{digits}f}".translate({ord(","): thousands, ord("."): decimal})


NUMBERS = st.lists(
    st.floats(-1e9, 1e9, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-3),
    min_size=3,
    max_size=10,
)
CONVENTIONS = st.sampled_from(
    [(".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (",", "\u00a0"), (".", "'"), (".", "\u202f")]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(NUMBERS, st.integers(0, 5), CONVENTIONS, SEPARATORS)
def test_numbers_come_back_in_every_writing(numbers, digits, convention, separator):
    decimal, thousands = convention
    cells = [shown(number, digits, decimal, thousands) for number in numbers]
    wanted = [float(f"{number:.{digits}f}") for number in numbers]
    text = written(
        [["t", "a"], *zip(DAYS, cells, strict=False)], separator, csv.QUOTE_MINIMAL
    ).encode()
    options = {"separator": separator, "decimal": decimal, "thousands": thousands or None}
    if thousands or digits != 3:
        assert read(text, **options) == {"a": wanted}
    recognised = outcome(text, separator=separator)
    if recognised != {"a": wanted}:
        assert "prepare.decimal" in recognised
        sign = thousands if digits == 0 else decimal
        assert all(sign not in cell or len(cell.split(sign)[-1]) == 3 for cell in cells)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e150, 1e150) | st.just(math.nan), min_size=3, max_size=10))
def test_every_float_comes_back_to_the_bit(numbers):
    assume(max((abs(x) for x in numbers if not math.isnan(x)), default=0) > 1e-150)
    assume(not math.isnan(numbers[0]) and not math.isnan(numbers[-1]))
    rows = zip(DAYS, map(repr, numbers), strict=False)
    text = written([["t", "a"], *rows], ",", csv.QUOTE_MINIMAL).encode()
    cells = read(text, frequency="D")["a"]
    np.testing.assert_array_equal(cells, numbers)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 8), st.integers(1, 3), st.booleans())
def test_a_cell_more_or_less_in_any_row_is_refused(row, cells, more):
    lines = [f"{t},{i},{i},{i}" for i, t in enumerate(DAYS)]
    lines[row] = lines[row] + ",7" * cells if more else lines[row].rsplit(",", cells)[0]
    with pytest.raises(ParameterError, match=f"line {row + 2} of the file has"):
        read("\n".join(["t,a,b,c", *lines, ""]).encode())

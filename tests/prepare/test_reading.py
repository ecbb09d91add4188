"""Delimited text: what is recognised from the whole file, and what is refused with a sentence."""

from __future__ import annotations

import gzip

import pytest

from stages.params import ParameterError
from stages.prepare.reading.signs import read_signs
from stages.prepare.reading.source import read_table
from stages.prepare.reading.table import Options
from tests.support.raw_files import prepared, rows, values

COUNT = [float(i) for i in range(1, 11)]
HALVES = [i + 0.5 for i in range(1, 11)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("t,a\n" + rows("{t},{i}.5"), HALVES),
        ("t;a\n" + rows("{t};{i},5"), HALVES),
        ("t\ta\n" + rows("{t}\t{i},5"), HALVES),
        ("t|a\n" + rows("{t}|{i}.5"), HALVES),
        ("sep=;\nt;a\n" + rows("{t};{i},5"), HALVES),
        ('"sep=|"\r\nt|a\r\n' + rows("{t}|{i}.5").replace("\n", "\r\n"), HALVES),
        ("t;a\n" + rows("{t};{i},5").replace("\n", "\r"), HALVES),
        ("t,a\n" + rows('"{t}","{i}.5"'), HALVES),
        ('"t", "a"\n' + rows("{t},  {i}.5"), HALVES),
        (" t ,\u00a0a \n" + rows("{t} , {i}.5 "), HALVES),
        ("t,a\n\n" + rows("{t},{i}.5\n"), HALVES),
        ("t,a\n" + rows("{t},{i}.5") + ",\n , \n\n", HALVES),
        ("t,a,\n" + rows("{t},{i}.5,"), HALVES),
        ("t,a\n" + rows("{t},{i}.5,"), HALVES),
        ("t,a,\n" + rows("{t},{i}.5"), HALVES),
        ("t,a\n" + rows("{t},{i}.5") + "\nSource: a bank\n", HALVES),
        ("t,a\n" + rows("{t},{i}.5") + '"Source: a bank, a street"\n', HALVES),
        ("t,a,b\n" + rows("{t},{i}.5,").replace("\n", "1\n") + "Source: a bank,,\n,,\n", HALVES),
        ("Sales of a shop\nin Euro\n\nt,a\n" + rows("{t},{i}.5"), HALVES),
        ("Title: sales\n\nArea: a shop\n\nt,a,b,\n" + rows("{t},{i}.5,1"), HALVES),
        ("Sales,,\n,,\nt,a,b\n" + rows("{t},{i}.5,1"), HALVES),
        (",t,a\n" + rows("{i},{t},{i}.5"), HALVES),
        ("Unnamed: 0,t,a\n" + rows("{i},{t},{i}.5"), HALVES),
        (",t,a,\n" + rows("{i},{t},{i}.5,"), HALVES),
        ("t;city, street;a\n" + rows("{t};;{i},5"), HALVES),
    ],
)
def test_a_table_is_recognised(tmp_path, text, wanted):
    assert values(prepared(tmp_path, text, targets=("a",)))["a"] == wanted


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16 (its byte order mark)"),
        ("cp1252", "Windows-1252 (it is not UTF-8)"),
    ],
)
def test_encodings(tmp_path, encoding, words):
    text = "t;Größe\n" + rows("{t};{i},5")
    series = prepared(tmp_path, text.encode(encoding))
    assert values(series) == {"Größe": HALVES}
    assert series.summary["source"]["encoding"] == words


def test_an_encoding_can_be_set(tmp_path):
    data = ("t;Łódź\n" + rows("{t};{i}")).encode("cp1250")
    assert list(values(prepared(tmp_path, data, encoding="cp1250"))) == ["Łódź"]
    with pytest.raises(ParameterError, match=r"prepare.encoding = 'utf-8': line 1"):
        prepared(tmp_path, data, encoding="utf-8")
    with pytest.raises(ParameterError, match=r"prepare.encoding = 'utf-9' is not known"):
        prepared(tmp_path, data, encoding="utf-9")


def test_gzip(tmp_path):
    text = "t,a\n" + rows("{t},{i}")
    assert values(prepared(tmp_path, gzip.compress(text.encode()), "raw.csv.gz")) == {"a": COUNT}
    with pytest.raises(ParameterError, match="is not a complete gzip file"):
        prepared(tmp_path, gzip.compress(text.encode())[:-9], "raw.csv.gz")


REFUSED = [
    # rows of another width
    ("t,a\n" + rows("{t},{i}") + "2024-01-11,1,2\n", "line 12 .* has 3 cells where the others have 2 "),
    ("t,a\n" + rows("{t},{i}", 3) + "\n2024-01-09\n" + rows("{t},{i}"), "line 6 of the file has 1 cell "),
    ("t,a,b\n" + rows("{t},{i},1") + "2024-01-11,5", "line 12 of the file has 2 cells"),
    ("id,t,a\n" + rows("x,{t},{i}") + "Berl", "line 12 of the file has 1 cell"),
    ("t,a,b\n" + rows("{t},{i},1", 5) + "Source: a bank\n" + rows("{t},{i},1"), "line 7 .* has 1 cell"),
    ("t,a\n" + rows("{t},{i}", 4) + rows("{t},{i},"), "line [26] of the file has [23] cells"),
    ("t,a\n" + rows("{t},{i},5"), "every row of the file has 3 cells, but its header names 2"),
    ("t,a\n" + rows('"r{i}",{t},5'), "every row of the file has 3 cells, but its header names 2"),
    ("a\n" + rows("{i},7"), "every row of the file has 2 cells, but its header names 1"),
    # quotes
    ("t,a,b\n" + rows('{t},{i},"x', 3), "line 2 of the file has a quote"),
    ("t,a,b\n" + rows("{t},{i},x", 3) + rows('{t},{i},"x', 2), "line 5 of the file has a quote"),
    # names
    ("t,a,a\n" + rows("{t},{i},1"), "the columns 2 and 3 of the file have the same name 'a'"),
    ("t,a, a \n" + rows("{t},{i},1"), "the columns 2 and 3"),
    ("t,a,\n" + rows("{t},{i},4"), "column 3 of the file has no name but holds '4'"),
    # no header, or perhaps none
    (rows("{t},{i}.5"), "'t' is not a column of the file; columns: column 1, column 2; .* has no header"),
    ("101.5\n102.5\n103.5\n", "'t' is not a column of the file; columns: column 1; .* has no header"),
    ("A,2024-01-01,5\n" + rows("A,{t},{i}"), "looks like data: if the file has no header"),
    ("1,2,3\n0.5,.2,.3\n0.7,.8,.9\n", "first row of the file .* may be names of columns"),
    ("1001,1007,1003\n.5,.2,.3\n.7,.8,.9\n", "first row of the file .* may be names of columns"),
    # separators
    ("t,a;b\n" + rows("{t},{i};{i}"), "the first row may be '2024-01-01 · 1;1' .* or '2024-01-01,1 · 1'"),
    ("3,5\n1,2\n7,9\n", "3,5 may be two cells or one number"),
    ("t a\n" + rows("{t} {i}"), "no separator recognised in '2024-01-01 1'"),
    ("105 200\n107 300\n109 400\n", "no separator recognised in '105 200'"),
    ("a\n1\n\n2\n3\n", "line 3 of the file is blank; in a file of one column"),
    # no table
    ("", "the file has no rows"),
    ("t,a\n", "the file has no rows"),
    (" \n\n", "the file has no rows"),
    ("<!DOCTYPE html><html>", "is a web page or XML"),
    (b"t,a\n\0\0\0", "holds zero bytes"),
    (b"PK\x03\x04xx", "is an Excel workbook or a zip archive"),
    (gzip.compress(b"t,a\n", mtime=0), "is compressed by gzip"),
    (b"PAR1xxxx", "is a Parquet file"),
    (b"t,a\n\xc3\xa4,1\n\xe4,2\n", "line 3 of the file is neither UTF-8 nor plainly Windows-1252"),
    (b"t,a\n\x8d,1\n", "line 2 of the file is neither UTF-8 nor plainly Windows-1252"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_the_file_leaves_open_is_refused(tmp_path, text, words):
    with pytest.raises(ParameterError, match=words):
        prepared(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "options", "names", "first"),
    [
        ("t,a;b\n" + rows("{t},{i};7"), {"separator": ";"}, ["t,a", "b"], ["2024-01-01,1", "7"]),
        ("3,5\n1,2\n", {"separator": ","}, ["column 1", "column 2"], ["3", "5"]),
        ("3,5\n1,2\n", {"separator": ";"}, ["column 1"], ["3,5"]),
        ("a\tb;c\n1\t2;3\n", {"separator": "tab"}, ["a", "b;c"], ["1", "2;3"]),
        ("a b\n1 2\n", {"separator": " "}, ["a", "b"], ["1", "2"]),
        ('a\n1\n""\n3\n', {}, ["a"], ["1"]),
        ("1,2,3\n4,5,6\n", {"header": True}, ["1", "2", "3"], ["4", "5", "6"]),
        ("1,2,3\n4,5,6\n", {"header": False}, ["column 1", "column 2", "column 3"], ["1", "2", "3"]),
        ("a,2\nb,3\n", {"header": False}, ["column 1", "column 2"], ["a", "2"]),
        (",0,1\n0,4.5,6\n1,7,8\n", {}, ["column 1", "0", "1"], ["0", "4.5", "6"]),
    ],
)  # fmt: skip
def test_what_is_set_holds(tmp_path, text, options, names, first):
    path = tmp_path / "raw.csv"
    path.write_text(text)
    table = read_table(path, Options(**options))
    assert list(table.columns) == names
    assert [column[0].as_py() for column in table.columns.values()] == first


@pytest.mark.parametrize("separator", ["", ";;", "a", "1", '"', "§", "\n"])
def test_a_separator_is_one_character(tmp_path, separator):
    with pytest.raises(ParameterError, match=r"prepare\.separator = .* must be one character"):
        prepared(tmp_path, "t,a\n" + rows("{t},{i}"), separator=separator)


def test_what_was_recognised_is_reported(tmp_path):
    path = tmp_path / "raw.csv"
    text = "Sales\n\nDatum;Wert;\n" + rows("{t};1.{i:03d},5;") + "Quelle: eine Bank\n"
    path.write_bytes(text.encode("utf-8-sig"))
    table = read_table(path, Options())
    signs, words = read_signs(table, Options(), ["Wert"], ["Datum"])
    assert (signs.decimal, signs.thousands) == (",", ".")
    assert table.source | words == {
        "file": "delimited text",
        "encoding": "UTF-8 with a byte order mark",
        "separator": "`;`",
        "header": "line 3",
        "notes left out": "'Sales'; 'Quelle: eine Bank'",
        "end of rows": "every row ends in `;`: not a column",
        "decimal sign": "`,`",
        "thousands": "`.`",
    }


def test_lines_are_those_of_the_file(tmp_path):
    text = 'A title\n\nt,a,note\n2024-01-01,1,"two\nlines"\n\n2024-01-02,x,\n'
    with pytest.raises(ParameterError, match=r"a at 2024-01-02 \(line 7\) is 'x'"):
        prepared(tmp_path, text, targets=("a",))


def test_every_row_of_a_long_file_must_have_its_width(tmp_path):
    text = "t,a\n" + "".join(f"{i},{i}\n" for i in range(100_000)) + "100000,1,2\n"
    with pytest.raises(ParameterError, match="line 100002 of the file has 3 cells"):
        prepared(tmp_path, text)


@pytest.mark.parametrize(
    ("head", "row", "roles"),
    [
        ("Zeit;kWh", "25.10.2023 {h:02d}:00;{h},5", {"time": "Zeit"}),
        ("t;y", "2023-10-25T{h:02d}:00:00+01:00;{h},5", {"time": "t"}),
        ("t\ty", "2023-10-25 {h:02d}:00\t{h},5", {"time": "t"}),
        ("t|y", "2023-10-{d:02d}|{h},5", {"time": "t"}),
        ("t;y", "{d:02d}/2023;{h},5", {"time": "t"}),
        ("Ort;y", "Nord;{h},5", {"format": "long", "id": "Ort", "value": "y", "time": None}),
        (
            "Filiale;Region;Artikel;Tag;y", "A;B;C;2023-10-{d:02d};{h},5",
            {"format": "long", "id": "Filiale", "value": "y", "time": "Tag"},
        ),
        (
            "Laden;Tag;Umsatz, EUR", "A;2023-10-{d:02d};{h},5",
            {"format": "long", "id": "Laden", "value": "Umsatz, EUR", "time": "Tag"},
        ),
    ],
)  # fmt: skip
def test_decimal_commas_are_not_separators(tmp_path, head, row, roles):
    """One column of values: its decimal comma is in every row, as a separator would be."""
    lines = [head, *(row.format(h=h, d=h + 1) for h in range(12))]
    series = prepared(tmp_path, "\n".join(lines) + "\n", **roles)
    assert series.frame["y"].tolist() == [h + 0.5 for h in range(12)]

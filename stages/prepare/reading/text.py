"""The bytes of a file → UTF-8 text, their encoding recognised from the whole file, or set."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from pathlib import Path

import pyarrow as pa

from stages.params import ParameterError
from stages.prepare.reading.table import SET
from stages.prepare.tracked import missing

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_KINDS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive; save the sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"\x1f\x8b": "compressed by gzip; let its name end in .csv.gz",
    b"PAR1": "a Parquet file; let its name end in .parquet",
    b"BZh": "compressed by bzip2; unpack it",
    b"%PDF": "a PDF document; save the table as CSV",
}
# A character of several bytes as UTF-8 writes it; in an 8-bit code page such a sequence is nonsense.
_UTF8_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_PAGE = re.compile(rb"\s*<(?:!doctype html|html|\?xml)", re.IGNORECASE)


def read_text(path: Path, encoding: str | None = None) -> tuple[bytes, str]:
    """The file's text as UTF-8 bytes without a byte order mark, and its encoding in words.

    Raises:
        ParameterError: the file does not exist, is not text, or is not in the encoding that is set.
    """
    data = _unpacked(path)
    kind = next((kind for start, kind in _KINDS.items() if data.startswith(start)), None)
    if _PAGE.match(data):
        kind = "a web page or XML, not a table; download the CSV file itself"
    if kind:
        raise ParameterError(f"prepare.path = {str(path)!r} is {kind}")
    text, words = _recognised(data) if encoding is None else _decoded(data, encoding)
    if b"\0" in text:
        raise ParameterError(
            f"prepare.path = {str(path)!r} holds zero bytes, so it is not text in {words}; save it "
            "as CSV in UTF-8, or set prepare.encoding (utf-16-le, …)"
        )
    return text, words


def _unpacked(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError:
        raise ParameterError(missing(path)) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ParameterError(
            f"prepare.path = {str(path)!r} is not a complete gzip file; compress it again, or name it .csv "
            "if it is plain text"
        ) from None
    except OSError as error:
        raise ParameterError(
            f"prepare.path = {str(path)!r} cannot be read ({error.strerror}); name a file that can be read"
        ) from None


def check_encoding(encoding: str) -> None:
    """Refuse what is not the name of an encoding of text.

    Raises:
        ParameterError: names the value and the remedy.
    """
    try:
        b"a".decode(encoding or "none")  # Python looks up no encoding for empty bytes
    except UnicodeError:  # known: one byte is only part of a character
        return
    except (LookupError, ValueError):  # ValueError: a zero byte in the name
        raise ParameterError(
            f"prepare.encoding = {encoding!r} is not known; use utf-8, utf-16, windows-1252, "
            "latin-1, …, or null to have it recognised"
        ) from None


def _decoded(data: bytes, encoding: str) -> tuple[bytes, str]:
    check_encoding(encoding)
    try:
        text = data.decode(encoding).encode()
    except UnicodeError as error:
        line = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise ParameterError(
            f"prepare.encoding = {encoding!r}: line {line} of the file is not in this encoding; "
            "name its encoding, or null to have it recognised"
        ) from None
    return text.removeprefix(codecs.BOM_UTF8), f"{encoding}{SET}"


def _recognised(data: bytes) -> tuple[bytes, str]:
    mark = next((mark for mark in _MARKS if data.startswith(mark)), None)
    if mark is not None and mark != codecs.BOM_UTF8:
        text, _ = _decoded(data, _MARKS[mark])
        return text, f"{_MARKS[mark].upper()} (its byte order mark)"
    if _is_utf8(data):
        words = "UTF-8 with a byte order mark" if mark else "UTF-8"
        return data.removeprefix(codecs.BOM_UTF8), words
    try:
        if not mark and not _UTF8_CHARACTER.search(data):
            return data.decode("cp1252").encode(), "Windows-1252 (it is not UTF-8)"
    except UnicodeDecodeError:  # a byte that the code page does not define
        pass
    raise ParameterError(
        f"prepare.encoding: line {_first_wrong_line(data)} of the file is neither UTF-8 nor plainly "
        "Windows-1252; correct that line, or set prepare.encoding (utf-8, windows-1252, latin-1, cp1250, …)"
    )


def _is_utf8(data: bytes) -> bool:
    """Whether all bytes are UTF-8, without a copy of them."""
    ends = pa.array([0, len(data)], pa.int64()).buffers()[1]
    text = pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _first_wrong_line(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return 1

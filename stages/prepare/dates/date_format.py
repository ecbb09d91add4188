"""The rules of prepare.date_format, checked before any file is read."""

from __future__ import annotations

import re

from stages.params import ParameterError
from stages.prepare.dates.formats import expression
from stages.prepare.dates.integers import UNIX

_YEAR, _MONTH = "YyG", "mbqjV"
# A field, the fields of which it needs one, and the words for those.
_NEEDS = (
    ("d", "mb", "the month (%m or %b)"), ("u", "V", "the week (%V)"), ("V", "G", "the ISO year (%G)"),
    ("M", "HI", "the hour (%H)"), ("S", "M", "the minute (%M)"), ("f", "S", "the second (%S)"),
    ("I", "p", "AM or PM (%p)"), ("p", "HI", "the hour (%I)"), ("H", "dju", "the day (%d)"),
    ("I", "dju", "the day (%d)"), ("m", "Yy", "the year (%Y)"), ("b", "Yy", "the year (%Y)"),
    ("q", "Yy", "the year (%Y)"), ("j", "Yy", "the year (%Y)"),
)  # fmt: skip


def check_format(format: str) -> None:
    """Refuses a format that does not describe a date.

    Raises:
        ParameterError: an unknown directive, no year, a part without the larger one, a part named twice.
    """
    if format in UNIX:
        return
    fields = re.findall(r"\(\?P<(\w)>", expression(format, with_time=False))
    begin = f"prepare.date_format = {format!r}"
    if twice := [field for field in fields if fields.count(field) > 1]:
        raise ParameterError(f"{begin}: %{twice[0]} occurs twice; keep one")
    if not set(fields) & set(_YEAR):
        raise ParameterError(
            f"{begin}: must contain the year; write it with %Y, such as %d.%m.%Y, or one of "
            f"{', '.join(UNIX)} for counts since 1970"
        )
    for group in (_YEAR, _MONTH, "HI"):
        rivals = sorted(set(fields) & set(group))
        if len(rivals) > 1:
            names = " and ".join(f"%{name}" for name in rivals)
            raise ParameterError(f"{begin}: {names} mean the same; keep one")
    for field, needed, words in _NEEDS:
        if field in fields and not set(fields) & set(needed):
            raise ParameterError(f"{begin}: %{field} needs {words} too; add it")

"""Days and months as people write them, in the languages that words are in; forms and names are CLDR's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

_MONTHS: Mapping[str, str] = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "zh": "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
}
_DAY = {
    "en": "{d} {month} {y}",
    "de": "{d}. {month} {y}",
    "es": "{d} de {month} de {y}",
    "fr": "{d} {month} {y}",
    "zh": "{y}年{month}{d}日",
}
_MONTH = {"en": "{month} {y}", "de": "{month} {y}", "es": "{month} de {y}", "fr": "{month} {y}", "zh": "{y}年{month}"}
_AND = {"en": " and ", "de": " und ", "es": " y ", "fr": " et ", "zh": "和"}


def _known(language: str) -> str:
    return language if language in _MONTHS else "en"


def say_day(day: date, *, language: str) -> str:
    """Write a day.

    Args:
        day: which.
        language: in which; English where it is not among those of the words.
    """
    return _fill(_DAY[_known(language)], day, language)


def say_months(first: date, last: date, *, language: str) -> str:
    """Write the month of a time, or its first and last.

    Args:
        first: its first day.
        last: its last day.
        language: in which.
    """
    form = _MONTH[_known(language)]
    if (first.year, first.month) == (last.year, last.month):
        return _fill(form, first, language)
    is_short = first.year == last.year and _known(language) != "zh"
    begin = _month(first, language) if is_short else _fill(form, first, language)
    return f"{begin} \N{EN DASH} {_fill(form, last, language)}"


def say_both(one: str, other: str, *, language: str) -> str:
    """Write two names as one.

    Args:
        one: the first.
        other: the second.
        language: in which.
    """
    return f"{one}{_AND[_known(language)]}{other}"


def _month(day: date, language: str) -> str:
    return _MONTHS[_known(language)].split()[day.month - 1]


def _fill(form: str, day: date, language: str) -> str:
    return form.format(d=day.day, month=_month(day, language), y=day.year)

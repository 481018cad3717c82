"""Vindi's query language (vindi-api, section 3.3), where no value can change the meaning."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Final, NewType
from urllib.parse import quote

Query = NewType("Query", str)  # ready for the `query` parameter, not yet URL-encoded

_FIELD: Final = re.compile(r"[a-z_]+")
_BARE: Final = re.compile(r"[A-Za-z0-9_.-]+")
# What each ASCII letter is in an address: the library works a text with a blank in it out letter by
# letter, and a list asks for fifty records by their ids.
_ENCODED: Final = {code: quote(chr(code), safe="") for code in range(128)}
_OPERATORS: Final = frozenset({"=", ":", ">", ">=", "<", "<="})
# In which zone Vindi reads query values is not documented; answers are in Brasília's, which has
# known no summer time since 2019.
BRASILIA: Final = timezone(timedelta(hours=-3))


def where(field: str, operator: str, value: str | int | date | datetime) -> Query:
    """Build one term. Instants are written in Brasília local time, cut to seconds.

    Raises ValueError for a text with a quote, a backslash or a control character: how to escape
    them is not documented.
    """
    if not _FIELD.fullmatch(field) or operator not in _OPERATORS:
        raise ValueError("not a term of the query language")
    return Query(f"{field}{operator}{_written(value)}")


def all_of(*terms: Query) -> Query:
    """Build the query that every term must match."""
    return Query(" AND ".join(terms))


def any_of(terms: Iterable[Query]) -> Query:
    """Build the query that any term may match, in parentheses."""
    return Query(f"({' OR '.join(terms)})")


def one_of_ids(field: str, ids: Iterable[int]) -> Query:
    """`id=1 OR id=2`, without parentheses: the whole of a query, not a part of one."""
    if not _FIELD.fullmatch(field):
        raise ValueError("not a term of the query language")
    return Query(" OR ".join(f"{field}={number:d}" for number in ids))


def encoded(text: str) -> str:
    """Write a value for an address, a blank as `%20`."""
    return text.translate(_ENCODED) if text.isascii() else quote(text, safe="")


def _written(value: str | float | date | datetime) -> str:
    if isinstance(value, datetime):
        return f'"{value.astimezone(BRASILIA):%Y-%m-%d %H:%M:%S}"'
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    text = str(value)
    if _BARE.fullmatch(text):
        return text
    if not text or '"' in text or "\\" in text or not text.isprintable():
        raise ValueError("a value that cannot be quoted safely")
    return f'"{text}"'

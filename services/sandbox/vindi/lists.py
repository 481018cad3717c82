"""Pages of a list, and what can happen to them while they are read."""

import random
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.query import (
    QueryRefusedError,
    Tree,
    fields_of,
    parse,
    without,
    without_or,
)
from services.sandbox.vindi.records import Json
from services.sandbox.vindi.render import render

CHANCE = random.Random(7)  # noqa: S311 (faults must repeat, not surprise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list."""

    bodies: list[Json]
    total: int
    per_page: int
    number: int

    @property
    def last(self) -> int:
        """The number of the last page, at least 1."""
        return max(1, -(-self.total // self.per_page))


def page_of(account: Account, kind: str, params: dict[str, str]) -> Page:
    """Read one page; raises QueryRefusedError."""
    faults = account.faults
    number = _positive(params, "page", 1)
    if faults.repeat_pages & {kind, "all"}:
        number = 1
    per_page = _positive(params, "per_page", 25)
    if faults.per_page_cap is not None:
        per_page = min(per_page, faults.per_page_cap)
    ids = account.table(kind).select(
        _tree(account, kind, params.get("query", "")), ZoneInfo(faults.query_zone),
        sort_by=_sort_field(account, kind, params),
        descending=params.get("sort_order", "asc").lower() == "desc",
    )  # fmt: skip
    if faults.unordered & {kind, "all"}:
        ids = sorted(ids, key=lambda i: i * 7919 % 1009)
    elif faults.shuffle_ties:
        ids = _shuffled(account, kind, ids, _sort_field(account, kind, params))
    if faults.empty_with_total is not None:
        return Page(bodies=[], total=faults.empty_with_total, per_page=per_page, number=number)
    start = (number - 1) * per_page
    shown = ids[max(0, start - faults.repeat_rows) : start + per_page - faults.omit_rows]
    bodies = [body for i in shown if (body := _body(account, kind, i)) is not None]
    page = Page(
        bodies=bodies, total=len(ids) + faults.total_off_by, per_page=per_page, number=number
    )
    _disturb(account, kind, shown)
    return page


def _positive(params: dict[str, str], name: str, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text)):
        raise QueryRefusedError(name, "deve ser maior que zero")
    return int(text)


def _tree(account: Account, kind: str, text: str) -> Tree:
    faults, known = account.faults, account.table(kind).fields
    tree = without_or(parse(text)) if faults.ignore_or_filters else parse(text)
    for name in sorted(fields_of(tree)):
        if name in faults.refused_filters:
            raise QueryRefusedError(name, "filtro não permitido")
    ignored = set(faults.ignored_filters)
    if faults.unknown_filters == "ignore":
        ignored |= fields_of(tree) - set(known)
    return without(tree, ignored) if ignored else tree


def _shuffled(account: Account, kind: str, ids: list[int], sort_by: str) -> list[int]:
    """The rows as a database gives them that was told nothing of equal ones."""
    table = account.table(kind)
    groups = groupby(ids, key=lambda i: table.fields[sort_by].get(table.rows[i]))
    ties = [list(group) for _, group in groups]
    return [i for group in ties for i in CHANCE.sample(group, len(group))]


def _sort_field(account: Account, kind: str, params: dict[str, str]) -> str:
    name = params.get("sort_by", "id")
    if name not in account.table(kind).fields:
        raise QueryRefusedError("sort_by", "campo desconhecido")
    return name


def _body(account: Account, kind: str, row_id: int) -> Json | None:
    if account.faults.stale_lists:
        shadowed, old = account.shadow_of(kind, row_id)
        if shadowed:
            return old
    rows: dict[int, Any] = account.table(kind).rows
    return render(account, rows[row_id]) if row_id in rows else None


def _disturb(account: Account, kind: str, shown: list[int]) -> None:
    """Change the list under its reader, after the page is made."""
    for row_id in shown[: account.faults.touch_between_pages]:
        account.changed(kind, account.table(kind).rows[row_id])
    for _ in range(account.faults.insert_between_pages if shown else 0):
        operations.sale(account, events=False)

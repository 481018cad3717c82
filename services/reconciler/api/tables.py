"""The official tables that rules are held against, to look a code up by words."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, Field, StringConstraints

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
)
from services.reconciler.api.kit.paging import Paging, cut, read_cursor
from services.reconciler.api.kit.problem import Problem
from shared.domain.tables import TABLES, Table, TableEntry, TableName, find_entries, table


class TableQuery(Paging):
    """Words of a name or the beginning of a code; without them the codes in order."""

    q: Annotated[str, StringConstraints(max_length=100)] | None = None


class TableOut(BaseModel):
    """One table: which edition we have. Not `whole`: codes may exist that it does not list."""

    name: TableName
    title: str
    version: str
    dated: str
    whole: bool
    codes: int


class TableList(BaseModel):
    """All tables, by the name of the rule's field that they are about."""

    items: list[TableOut]
    next: str | None


class CodeOut(BaseModel):
    """One code with its official name. Not `on_notas`: it stands on other documents only."""

    code: str
    name: str
    since: date | None
    until: date | None
    on_notas: bool


class CodeList(BaseModel):
    """Codes of a table. Those found by words come the best first, on one page."""

    table: TableOut
    items: list[CodeOut]
    next: str | None = Field(description="Only for codes in order.")


async def list_all(call: Call[NoBody, NoQuery]) -> Answer:  # noqa: ARG001 - a handler's shape
    """Name the tables."""
    return Answer(body=TableList(items=[_show(table(name)) for name in TABLES], next=None))


async def find(call: Call[NoBody, TableQuery]) -> Answer:
    """Find codes by words, or list them."""
    asked, query = call.path["table"], call.query
    name = next((one for one in TABLES if one == asked), None)
    if name is None:
        raise Problem(404, "table_unknown", "There is no table of this name.")
    known = table(name)
    if query.q is not None and query.q.strip():
        entries = [one.entry for one in find_entries(name, query.q, limit=query.limit)]
        return _answer(known, entries, None)
    after = read_cursor(query.cursor, 1)[0] if query.cursor else ""
    found = [known.entries[code] for code in sorted(known.entries) if code > after]
    shown, more = cut(found[: query.rows], query, lambda one: (one.code,))
    return _answer(known, shown, more)


def _answer(known: Table, entries: Sequence[TableEntry], more: str | None) -> Answer:
    items = [
        CodeOut(
            code=one.code, name=one.name, since=one.since, until=one.until, on_notas=one.on_notas
        )
        for one in entries
    ]
    return Answer(body=CodeList(table=_show(known), items=items, next=more))


def _show(known: Table) -> TableOut:
    return TableOut(
        name=known.name,
        title=known.title,
        version=known.version,
        dated=known.dated,
        whole=known.whole,
        codes=len(known.entries),
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/tables",
        name="list_tables",
        summary="Name the official tables that rules are held against",
        handler=list_all,
        body=NoBody,
        query=NoQuery,
        answer=TableList,
    ),
    Operation(
        method="GET",
        path="/tables/{table}",
        name="find_codes",
        summary="Find codes of an official table by words",
        handler=find,
        body=NoBody,
        query=TableQuery,
        answer=CodeList,
        refusals={404: ("table_unknown",)},
    ),
)

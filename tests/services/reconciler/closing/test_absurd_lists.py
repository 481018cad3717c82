"""One absurd value in one field of the issuer's list: that nota is looked at, and nothing else.

Of the list nothing is believed: what it says otherwise has the emitter ask about that very nota. So
whatever stands in it no nota is issued or cancelled, and once it is in order the month balances.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.reconciler.issuer_list import read
from services.reconciler.issuer_list.read import plan_once, read_once, read_wanted
from services.sandbox.enotas.app import EnotasApp
from services.sandbox.enotas.render import nota_body
from services.sandbox.wire import Answer, Call, dump
from shared.db import clock
from shared.db.closing import issuer_list_store
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.services.emitter.test_absurd_fields import FAILURES, LACKS, Case, some_of
from tests.services.reconciler.closing.conftest import Books, books
from tests.services.reconciler.closing.test_issuer_side import an_issued_month, side
from tests.support.absurd import PLAIN, RAW, paths_in, spoilt

__all__ = ["books"]
# Beside what no API means: what eNotas, or another version of it, might.
PLAUSIBLE = {
    "a .NET date": "/Date(1790000000000)/",
    "another case": "AUTORIZADA",
    "accents": "Negáda",
    "unknown": "EmAnalisePelaPrefeitura",
    "cancelled": "Cancelada",
    "denied": "Negada",
    "a test": "Homologacao",
    "an id of ours, of nobody": "p-tabcdefghij-999999-1",
    "negative": -179.90,
    "text for a number": "179,90",
    "local time": "2026-10-05T23:59:59",
}


@dataclass(slots=True)
class ListSpoiler:
    """What is done to a page of the list."""

    case: Case | None = None
    doubled: bool = False
    total: object = None

    def spoil(self, body: bytes) -> bytes:
        page = json.loads(body)
        if not page["data"]:
            return body
        if self.case is not None:
            try:
                page["data"][0] = self.case.applied(page["data"][0])
            except (KeyError, TypeError, IndexError):
                return body
        if self.doubled:
            page["data"] = [*page["data"], *page["data"]]
        if self.total is not None:
            page["totalRecords"] = self.total
        return spoilt(dump(page))


@pytest.fixture
def spoiler(monkeypatch: pytest.MonkeyPatch) -> ListSpoiler:
    made, real = ListSpoiler(), EnotasApp.handle

    def handle(app: EnotasApp, call: Call) -> Answer:
        answer = real(app, call)
        if answer.status != 200 or not call.raw_path.endswith("/nfes") or call.method != "GET":
            return answer
        return Answer(status=200, body=made.spoil(answer.body), headers=answer.headers)

    monkeypatch.setattr(EnotasApp, "handle", handle)
    for name, value in PLAUSIBLE.items():
        monkeypatch.setitem(PLAIN, name, value)
    return made


@pytest_asyncio.fixture
async def told(spoiler: ListSpoiler, books: Books) -> AsyncIterator[tuple[Books, ListSpoiler]]:
    yield books, spoiler


async def list_read(books: Books) -> None:
    """The nightly pass, as far as it comes."""
    services = services_of(books.desk)
    await plan_once(services, every=timedelta(0))
    await read_wanted(services, books.desk.tenant)


def asked_for(books: Books) -> int:
    """Requests that issue or cancel."""
    journal = books.desk.sandbox.enotas.journal
    return sum(call.method in ("POST", "DELETE") for call in journal)


async def test_an_absurd_row_of_the_list_moves_no_nota(
    told: tuple[Books, ListSpoiler],
) -> None:
    books, spoiler = told
    first, second = await an_issued_month(books)
    sent = asked_for(books)
    [nota] = books.desk.notas_of(first)
    fields = [
        path for path in paths_in(nota_body(books.desk.company, nota)) if path[0] != "servico"
    ]
    names = (LACKS, *PLAIN, *RAW)
    cases = [Case(kind="list", path=path, value=name) for path in fields for name in names]
    wrong = []
    with capture_logs() as logs:
        for case in some_of(cases):
            spoiler.case = case
            await list_read(books)
            await books.desk.work()
            spoiler.case = None
            await list_read(books)
            await books.settle()
            closing = await books.close()
            ends = {(await books.desk.sale(bill)).status.value for bill in (first, second)}
            if ends != {"issued"} or asked_for(books) != sent or not closing.balanced:
                wrong.append(f"{case}: {ends} {asked_for(books) - sent} {side(closing)}")
    wrong += [str(log) for log in logs if log["event"] in (*FAILURES, "issuer_lists_wait")]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("total", [None, 0, 1, 3, 999, -1, "2"])
@pytest.mark.parametrize("doubled", [False, True])
async def test_lists_that_count_wrong_or_repeat_their_rows_move_no_nota_either(
    told: tuple[Books, ListSpoiler], total: object, doubled: bool
) -> None:
    books, spoiler = told
    bills = await an_issued_month(books)
    sent = asked_for(books)
    spoiler.total, spoiler.doubled = total, doubled
    await list_read(books)
    await books.settle()
    spoiler.total, spoiler.doubled = None, False
    await list_read(books)
    await books.settle()

    closing = await books.close()

    assert {(await books.desk.sale(bill)).status for bill in bills} == {"issued"}
    assert asked_for(books) == sent
    assert closing.balanced


async def test_a_list_that_nobody_foresaw_stops_nobody_elses(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails for one tenant rests that tenant's list for a while, and is told."""
    await an_issued_month(books)

    async def fails(*_: object) -> None:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(read, "take", fails)
    services = services_of(books.desk)
    await plan_once(services, every=timedelta(0))
    with capture_logs() as logs:
        assert await read_once(services) == 0

    assert [log["event"] for log in logs] == ["issuer_list_failed"]
    async with books.desk.pool.acquire() as conn:
        now = await clock.now(conn)
        assert await issuer_list_store.due_any_tenant(conn, now, limit=9) == []

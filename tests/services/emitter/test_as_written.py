"""A nota is known as it is stored once it is written, though it is not read back whole."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.sandbox.vindi.records import Bill
from shared.db import clock
from shared.db.connection import Connection
from shared.db.sales import intents_store, notas_store
from shared.db.sales.intents_store import Intent
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.tenants import nota_connections_store
from shared.domain.ids import BillId, ExternalId, IssuerNotaId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from tests.services.emitter.conftest import Desk


async def unsent(desk: Desk) -> Bill:
    """A sale that waits for a person."""
    await desk.rule(issue_when="manual")
    bill = await desk.sold()
    await desk.work()
    return bill


async def stored(desk: Desk, conn: Connection, bill: Bill) -> KnownNota:
    found = await notas_store.load_newest(conn, desk.tenant, [BillId(bill.id)])
    [nota] = found[BillId(bill.id)]
    return nota


async def intent_of(desk: Desk, conn: Connection, bill: Bill, **changes: Any) -> Intent:
    here = await nota_connections_store.current_id(conn, desk.tenant)
    values: dict[str, Any] = {
        "bill_id": BillId(bill.id),
        "revision": 1,
        "external_id": ExternalId(f"p-{desk.tenant}-{bill.id}-1"),
        "environment": "Producao",
        "amount": Cents(17990),
        "competencia": date(2026, 11, 10),
        "request": b"sealed",
        "connection_id": here,
    }
    return Intent(**{**values, **changes})


@pytest.mark.parametrize(
    "changes",
    [{}, {"connection_id": None}, {"round": 3, "rps_series": "1", "rps_number": 77}],
    ids=["usual", "nothing connected", "numbered"],
)
async def test_an_intent_is_known_as_it_is_stored(desk: Desk, changes: dict[str, Any]) -> None:
    bill = await unsent(desk)
    async with desk.pool.acquire() as conn:
        intent = await intent_of(desk, conn, bill, **changes)
        [known] = await intents_store.write_intents(conn, desk.tenant, [intent])
        assert known == await stored(desk, conn, bill)


# Each moves the nota on from what the one before made of it.
STEPS: dict[str, dict[str, Any]] = {
    "accepted": {"status": NotaStatus.PENDING, "issuer_id": IssuerNotaId("A-1")},
    "denied": {
        "status": NotaStatus.DENIED,
        "denial": "denied_address",
        "denial_cause": "some row",
        "reason": b"sealed words",
        "raw_status": "Negada",
    },
    "sent again": {},
    "uncertain": {"status": NotaStatus.UNCERTAIN, "lookups": 2, "then_cancel": "refunded"},
    "issued": {"status": NotaStatus.ISSUED, "number": "12", "has_pdf": True},
    "cancelling": {"status": NotaStatus.CANCELLING, "cancel_sent": True},
    "refused": {
        "status": NotaStatus.CANCEL_REFUSED,
        "cancel_code": "city_refused",
        "cancel_tries": 2,
        "tied": "Autorizada",
    },
    "cancelled": {"status": NotaStatus.CANCELLED, "raw_status": "Cancelada"},
}


async def test_each_step_of_a_nota_is_known_as_it_is_stored(desk: Desk) -> None:
    bill = await unsent(desk)
    async with desk.pool.acquire() as conn:
        now = await clock.now(conn)
        intent = await intent_of(desk, conn, bill)
        [known] = await intents_store.write_intents(conn, desk.tenant, [intent])
        for number, (name, changes) in enumerate(STEPS.items()):
            if name == "sent again":
                again = await intent_of(desk, conn, bill, amount=Cents(100))
                [known] = await intents_store.write_intents(conn, desk.tenant, [again])
                assert known.sends == 2
            else:
                update = NotaUpdate(
                    bill_id=BillId(bill.id),
                    revision=1,
                    changed_at=now + timedelta(minutes=number),
                    look_up_at=now,
                    **changes,
                )
                [known] = await notas_store.update(conn, desk.tenant, [(update, known)], now=now)
            assert known == await stored(desk, conn, bill), name


async def test_what_a_person_says_meanwhile_is_known_with_the_answer(desk: Desk) -> None:
    bill = await unsent(desk)
    async with desk.pool.acquire() as conn:
        now = await clock.now(conn)
        intent = await intent_of(desk, conn, bill)
        [known] = await intents_store.write_intents(conn, desk.tenant, [intent])
        await conn.execute("UPDATE notas SET wish = 'cancel', resend = true, then_cancel = 'x'")
        update = NotaUpdate(bill_id=BillId(bill.id), revision=1, status=NotaStatus.PENDING)
        [known] = await notas_store.update(conn, desk.tenant, [(update, known)], now=now)
        assert (known.wish, known.resend, known.then_cancel) == ("cancel", True, "x")
        assert known == await stored(desk, conn, bill)

"""A company that also issues elsewhere: a person accepts those notas, and the month balances."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sandbox.enotas.records import Nota
from shared.commands.accept_notas import (
    AcceptanceOutcome,
    AcceptRefused,
    accept_notas,
    revoke_notas,
)
from shared.commands.closing import span_of
from shared.commands.closing_lock import lock_month
from shared.db.closing import accepted_notas_store, issuer_side_read
from shared.db.closing.accepted_notas_store import AcceptedNota
from shared.db.tenants import audit_store, tenants_store
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Closing, NotaSum
from shared.domain.foreign import Selection
from shared.domain.money import Cents
from tests.services.reconciler.closing.conftest import Books
from tests.services.reconciler.closing.test_issuer_side import (
    a_foreign_body,
    an_issued_month,
    differences,
    night,
    side,
)

OTHERS = "of another system"


async def issued_elsewhere(books: Books, *keys: str) -> list[Nota]:
    """Other systems made a nota of R$ 33.00 for each of these ids, and the list was read."""
    enotas, company = books.desk.sandbox.enotas, books.desk.company
    notas = [enotas.issue(company, key, a_foreign_body()) for key in keys]
    books.desk.sandbox.clock.advance(600)
    await night(books)
    return notas


async def tenant_of(books: Books) -> Tenant:
    async with books.desk.pool.acquire() as conn:
        tenant = await tenants_store.get(conn, books.desk.tenant)
    assert tenant is not None
    return tenant


async def accept(books: Books, **chosen: Any) -> AcceptanceOutcome:
    tenant = await tenant_of(books)
    selection = Selection(**chosen)
    return await accept_notas(
        books.desk.pool, tenant, books.month, selection, reason=OTHERS, by="ana"
    )


async def revoke(books: Books, **chosen: Any) -> AcceptanceOutcome:
    tenant = await tenant_of(books)
    selection = Selection(**chosen)
    return await revoke_notas(books.desk.pool, tenant, books.month, selection, reason="x", by="bia")


async def accepted(books: Books) -> list[AcceptedNota]:
    tenant = await tenant_of(books)
    async with books.desk.pool.acquire() as conn:
        span = await span_of(conn, tenant, books.month)
        scope = await issuer_side_read.scope_of(conn, span, books.month)
        return list(await accepted_notas_store.list_month(conn, scope, limit=100))


def apart(closing: Closing) -> NotaSum:
    return closing.issuer.accepted


def some(notas: int) -> NotaSum:
    return NotaSum(notas=notas, amount=Cents(notas * 3_300))


async def test_accepted_notas_count_apart_and_the_month_balances(books: Books) -> None:
    await an_issued_month(books, 1)
    nota, _ = await issued_elsewhere(books, "loja-1", "loja-2")
    assert not (await books.close()).balanced

    one = await accept(books, issuer_ids=[nota.id.upper()])
    between = await books.close()
    rest = await accept(books)
    closing = await books.close()

    assert (one.changed, one.before, rest.changed, rest.before) == (some(1), 0, some(1), 1)
    assert (side(between), apart(between)) == ((2, 17_990 + 3_300, 1), some(1))
    assert (side(closing), apart(closing)) == ((1, 17_990, 0), some(2))
    assert closing.balanced
    assert [(one.accepted_by, one.reason, one.stands) for one in await accepted(books)] == [
        ("ana", OTHERS, True)
    ] * 2


async def test_what_was_accepted_is_a_difference_again_once_its_amount_changes(
    books: Books,
) -> None:
    [nota] = await issued_elsewhere(books, "loja-1")
    await accept(books)
    nota.body = nota.body | {"valorTotal": 44.0}
    await night(books)

    [found] = await differences(books)
    changed = await books.close()
    [as_it_was] = await accepted(books)
    again = await accept(books)

    assert (found.kind, found.our_amount, found.issuer_amount) == ("accepted_changed", 3_300, 4_400)
    assert found.fields == ("amount",)
    assert (side(changed), apart(changed), changed.balanced) == ((1, 4_400, 1), some(0), False)
    assert not as_it_was.stands
    assert again.changed == NotaSum(notas=1, amount=Cents(4_400))
    assert (await books.close()).balanced


async def test_what_the_issuer_cancels_is_accepted_no_more_and_no_difference(books: Books) -> None:
    [nota] = await issued_elsewhere(books, "loja-1")
    await accept(books)
    books.desk.sandbox.enotas.machine.force(books.desk.company, nota, "Cancelada")

    await night(books)
    closing = await books.close()

    assert (side(closing), apart(closing), closing.balanced) == ((0, 0, 0), some(0), True)
    assert [one.stands for one in await accepted(books)] == [False]


async def test_many_are_accepted_by_prefix_and_by_day_of_creation(books: Books) -> None:
    erp, *_ = await issued_elsewhere(books, "erp-1", "erp_2", "loja-1")
    erp.created -= timedelta(days=1).total_seconds()
    await night(books)
    today = datetime.fromtimestamp(books.desk.sandbox.clock.now(), UTC).date()

    none = await accept(books, external_id_prefix="erp_", created_before=today)
    one = await accept(books, created_before=today)
    other = await accept(books, external_id_prefix="erp_")

    assert [outcome.changed for outcome in (none, one, other)] == [some(0), some(1), some(1)]
    assert [found.external_id for found in await differences(books)] == ["loja-1"]


async def test_a_nota_of_another_tenant_here_is_accepted_by_name_only(books: Books) -> None:
    [nota] = await issued_elsewhere(books, "p-tzzzzzzzzzz-4711-1")

    in_bulk = await accept(books)
    named = await accept(books, issuer_ids=[nota.id])

    assert (in_bulk.changed, named.changed) == (some(0), some(1))


async def test_a_nota_of_ours_and_one_nobody_knows_are_not_accepted(books: Books) -> None:
    [bill] = await an_issued_month(books, 1)
    [ours] = books.desk.notas_of(bill)
    await night(books)

    done = await accept(books, issuer_ids=[ours.id, "nowhere"])

    assert (done.changed, done.unknown) == (some(0), [ours.id.lower(), "nowhere"])
    assert await accepted(books) == []


async def test_accepting_twice_changes_nothing_and_is_told_once(books: Books) -> None:
    [nota] = await issued_elsewhere(books, "loja-1")

    await accept(books)
    again = await accept(books, issuer_ids=[nota.id])

    assert (again.changed, again.before, again.unknown) == (some(0), 1, [])
    assert [entry.action for entry in await audited(books)] == ["foreign_notas_accepted"]


async def test_what_was_accepted_is_taken_back_and_both_are_in_the_audit(books: Books) -> None:
    first, second = await issued_elsewhere(books, "loja-1", "erp-1")
    await accept(books)

    one = await revoke(books, issuer_ids=[first.id, "nowhere"])
    other = await revoke(books, external_id_prefix="erp")

    assert (one.changed, one.unknown, other.changed) == (some(1), ["nowhere"], some(1))
    assert len(await differences(books)) == 2
    taken, also, given = await audited(books)
    assert (given.actor, given.action, given.detail["notas"]) == (
        "ana",
        "foreign_notas_accepted",
        2,
    )
    assert (also.actor, also.action) == ("bia", "foreign_notas_revoked")
    assert also.detail["issuer_ids"] == [first.id.lower()]
    assert taken.detail["external_id_prefix"] == "erp"
    assert second.id.lower() not in str(also.detail)


async def test_a_locked_month_keeps_what_was_accepted_in_it(books: Books) -> None:
    [nota] = await issued_elsewhere(books, "loja-1")
    await accept(books)
    await lock_month(
        books.desk.pool,
        books.desk.tenant,
        await books.close(),
        reason="entregue",
        force=False,
        by="ana",
    )

    with pytest.raises(AcceptRefused):
        await revoke(books)
    with pytest.raises(AcceptRefused):
        await accept(books, issuer_ids=[nota.id])

    assert [one.stands for one in await accepted(books)] == [True]


async def test_another_month_and_another_tenant_are_left_alone(books: Books) -> None:
    await issued_elsewhere(books, "loja-1")
    tenant = await tenant_of(books)
    earlier = books.month
    earlier = type(earlier)(year=earlier.year - 1, month=earlier.month)

    done = await accept_notas(
        books.desk.pool, tenant, earlier, Selection(), reason=OTHERS, by="ana"
    )

    assert done.changed == some(0)
    found = await differences(books)
    assert [one.kind for one in found] == ["foreign"]


async def audited(books: Books) -> list[audit_store.AuditEntry]:
    async with books.desk.pool.acquire() as conn:
        entries = await audit_store.newest_first(conn, books.desk.tenant, before=None, limit=100)
    return [one for one in entries if one.action.startswith("foreign")]

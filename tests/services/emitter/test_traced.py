"""The emitter goes on with the trace of what made each sale due, also where it works on many."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.db.outbox import claims_store, outbox_store, outbox_wakes
from shared.db.outbox.outbox_store import Entry, Mark
from shared.domain.ids import BillId
from shared.telemetry import traces
from tests.services.emitter.conftest import Desk
from tests.support.collector import SeenSpan, told, tracing_here


async def heard(desk: Desk, *bills: int) -> list[str]:
    """Events about these bills, each in a trace of its own, committed together."""
    marks = []
    for bill in bills:
        with traces.span("event"):
            marks.append(a_mark(desk, bill, traces.carried()))
    async with desk.pool.acquire() as conn:
        await outbox_store.mark_due(conn, marks)
    return [mark.traceparent or "" for mark in marks]


def a_mark(desk: Desk, bill: int, traceparent: str | None = None) -> Mark:
    return Mark(
        tenant_id=desk.tenant,
        bill_id=BillId(bill),
        lane=outbox_store.LIVE,
        origin="webhook",
        traceparent=traceparent,
    )


async def claimed(desk: Desk) -> Entry:
    async with desk.pool.acquire() as conn:
        [entry] = await claims_store.claim_due(
            conn, desk.tenant, lane=0, limit=9, lease=timedelta(seconds=9), worker="test"
        )
    return entry


def traces_of(spans: Sequence[SeenSpan]) -> dict[int, str]:
    return {span.facts["notaponte.bill_id"]: span.trace_id for span in spans}


async def test_each_sale_of_a_batch_goes_on_in_its_own_trace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bills = [desk.sell().id for _ in range(3)]
    async with tracing_here(monkeypatch) as collector:
        said = await heard(desk, *bills)
        await desk.work()
        await told()
    own = dict(zip(bills, (one.split("-")[1] for one in said), strict=True))
    for stage in ("decide with customer", "ask issuer"):
        assert traces_of(collector.named(stage)) == own
    issued = collector.named("issuer issue")
    assert {span.trace_id for span in issued} == set(own.values())
    assert {collector.above(span)[0].name for span in issued} == {"ask issuer"}

    first = collector.named("batch")[0]
    assert first.facts["notaponte.count"] == 3
    named = {one.split("-")[2] for one in said}
    assert {first.parent, *first.links} == named  # one of them as its parent, the others linked
    asked = [span for span in collector.named("ask issuer") if first.span_id in span.links]
    assert len(asked) == 3  # and each of them names the batch


async def test_what_comes_long_after_has_a_trace_of_its_own_that_names_the_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = desk.sell()
    async with tracing_here(monkeypatch) as collector:
        [said] = await heard(desk, bill.id)
        await desk.work()
        assert (await desk.sale(bill)).status == "in_guarantee"
        async with desk.pool.acquire() as conn:  # seven days go by
            await conn.execute(
                "UPDATE outbox SET due_at = now(), traced_at = now() - interval '8 days'"
            )
        await desk.work()
        await told()
    _, trace, span_id, _ = said.split("-")
    decided = [one for one in collector.spans if one.name.startswith("decide")]
    assert decided[0].trace_id == trace
    assert decided[-1].trace_id != trace
    assert span_id in decided[-1].links


async def test_the_trace_of_the_newest_news_counts_and_silence_takes_none_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = desk.sell().id
    async with tracing_here(monkeypatch):
        [first] = await heard(desk, bill)
        assert (await claimed(desk)).traceparent == first
        [second] = await heard(desk, bill)  # while it is worked on
        await given_back(desk)
        assert (await claimed(desk)).traceparent == second
    async with desk.pool.acquire() as conn:  # whoever does not trace, as the version before
        await outbox_store.mark_due(conn, [a_mark(desk, bill)])
    await given_back(desk)
    entry = await claimed(desk)
    assert entry.traceparent == second
    assert entry.traced_at is not None


async def test_a_sale_that_is_woken_alone_goes_on_in_the_trace_of_who_woke_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = desk.sell().id
    async with tracing_here(monkeypatch):
        await heard(desk, bill)
        with traces.span("request"):
            here = traces.carried()
            async with desk.pool.acquire() as conn:
                await outbox_wakes.wake(conn, desk.tenant, [BillId(bill)], about_bill=True)
    async with desk.pool.acquire() as conn:  # whoever does not trace takes nothing away
        await outbox_wakes.wake(conn, desk.tenant, [BillId(bill)], about_bill=True)
    entry = await claimed(desk)
    assert entry.traceparent == here
    assert entry.traced_at is not None


async def test_without_a_collector_rows_stay_as_they_were(desk: Desk) -> None:
    bill = await desk.sold()
    async with desk.pool.acquire() as conn:
        row = await conn.fetchrow("SELECT traceparent, traced_at FROM outbox")
    assert row is not None
    assert tuple(row) == (None, None)
    await desk.work()
    assert len(desk.notas_of(bill)) == 1


async def given_back(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE outbox SET lease_until = now() - interval '1 second'")
        await outbox_store.free_expired_any_tenant(conn)

"""A preview shows its newest days beside what another integration issued on each of them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.panel.show.past_days import PastDays, past_days
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.closing import foreign_notas_store
from shared.db.closing.foreign_notas_store import ForeignNota
from shared.db.closing.shadow_read import DayOfOthers, Listed
from shared.db.sales.sales_read import document_word
from shared.domain.backfill_days import DayCount
from shared.domain.backfill_run import Backfill, BackfillRequest, MonthCount, Position, Summary
from shared.domain.ids import BackfillId
from shared.domain.money import Cents
from tests.services.emitter.conftest import TENANT
from tests.services.panel.support import Panel, Seen

ZONE = ZoneInfo("America/Sao_Paulo")
BASE = f"/e/{TENANT}"
SINCE, UNTIL = date(2026, 6, 1), date(2026, 6, 30)
# Half past ten in the evening of the 30th where the tenant is, the next day in UTC.
ENDED = datetime(2026, 7, 1, 1, 30, tzinfo=UTC)
LISTED = Listed(since=date(2026, 5, 1), until=date(2026, 7, 1))
KEYS = Sealer([b"k" * 32])


def a_run(**changes: Any) -> Backfill:
    asked = {"since": SINCE, "until": None, "dry_run": True} | {
        name: changes.pop(name) for name in ("since", "until", "dry_run") if name in changes
    }
    known: dict[str, Any] = {
        "id": BackfillId("b"),
        "tenant_id": TENANT,
        "status": "completed",
        "asked": BackfillRequest(
            **asked, competencia="original", rule=None, requested_by="ana", reason="prévia"
        ),
        "position": Position(),
        "requested_at": ENDED,
        "started_at": ENDED,
        "finished_at": ENDED,
        "error": None,
        "attempt": 1,
        "failures": 0,
        "summary": None,
    }
    return Backfill(**(known | changes))


def compared(
    days: tuple[DayCount, ...],
    others: tuple[DayOfOthers, ...] = (),
    listed: Listed = LISTED,
    **run: Any,
) -> PastDays:
    shown = past_days(a_run(**run), Summary(days=days), others, listed, ZONE)
    assert shown is not None
    return shown


def ours(day: int, notas: int = 1, cents: int = 100) -> DayCount:
    return DayCount(f"2026-06-{day:02d}", issue=notas, issue_amount=Cents(cents))


def theirs(day: int, notas: int = 1, cents: int = 100) -> DayOfOthers:
    return DayOfOthers(day=date(2026, 6, day), notas=notas, amount=Cents(cents))


def badges(shown: PastDays) -> dict[int, str]:
    return {one.day.day: one.badge.label for one in shown.days}


def test_days_of_both_stand_side_by_side_the_newest_first() -> None:
    shown = compared((ours(3), ours(5, 2, 500)), (theirs(3), theirs(5, 3, 450), theirs(7)))

    assert [one.day.day for one in shown.days] == [7, 5, 3]
    assert badges(shown) == {3: "Igual", 5: "Difere", 7: "Difere"}
    assert [one.said for one in shown.days] == [
        "1 nota a menos, R$\xa01,00 a menos", "1 nota a menos, R$\xa00,50 a mais", "",
    ]  # fmt: skip
    assert (shown.compared, shown.differing) == (3, 2)
    assert (shown.ours, shown.ours_amount, shown.theirs, shown.theirs_amount) == (3, 600, 5, 650)


def test_what_would_be_issued_later_counts_with_the_day_of_its_sale() -> None:
    day = DayCount(
        "2026-06-03", issue=1, issue_amount=Cents(100), wait=1, wait_amount=Cents(50), hold=2,
        hold_amount=Cents(70), skip=1, known=4,
        causes={"wait:in_guarantee": 1, "hold:customer_document_missing": 2, "skip:refunded": 1},
    )  # fmt: skip
    (shown,) = compared((day,), (theirs(3, 2, 150),)).days

    assert (shown.ours, shown.ours_amount, shown.later) == (2, 150, 1)
    assert (shown.held, shown.held_amount) == (2, 70)
    assert shown.badge.label == "Igual"
    assert [cause.sales for cause in shown.causes] == [2, 1, 1, 4]
    assert "CPF" in shown.causes[0].said
    assert {"Em garantia", "Já têm nota: nada muda"} <= {cause.said for cause in shown.causes}


def test_a_day_that_one_side_knows_in_part_is_no_difference() -> None:
    days = tuple(ours(day) for day in (1, 2, 28, 29, 30))
    listed = Listed(since=date(2026, 6, 2), until=date(2026, 6, 29))

    assert badges(compared(days, listed=listed)) == {
        1: "Fora da lista lida",
        2: "Difere",
        28: "Difere",
        29: "Dia incompleto",
        30: "Dia incompleto",
    }
    # The list goes on to the UTC day; where the tenant is, the 30th is not over.
    assert badges(compared((ours(29), ours(30)))) == {29: "Difere", 30: "Dia incompleto"}


def test_without_a_list_nothing_is_compared() -> None:
    shown = compared((ours(3), ours(4)), listed=Listed())

    assert set(badges(shown).values()) == {"Fora da lista lida"}
    assert (shown.compared, shown.differing, shown.ours) == (0, 0, 0)


def test_of_a_long_window_the_last_days_are_shown() -> None:
    old = DayOfOthers(day=date(2026, 5, 20), notas=1, amount=Cents(1))
    shown = compared((ours(3),), (old, theirs(4)), since=date(2020, 1, 1))

    assert shown.shortened
    assert [one.day.day for one in shown.days] == [4, 3]


def test_what_was_not_read_to_its_end_or_is_no_preview_shows_no_days() -> None:
    summary = Summary(days=(ours(3),))
    listed = Listed(since=SINCE, until=UNTIL)
    for run in (
        a_run(dry_run=False),
        a_run(status="running", finished_at=None),
        a_run(status="cancelled"),
        a_run(status="failed"),
    ):
        assert past_days(run, summary, (), listed, ZONE) is None
    assert past_days(a_run(), Summary(bills=1), (theirs(3),), listed, ZONE) is None


async def test_the_page_of_a_preview_says_which_days_differ(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    today = datetime.now(ZONE).date()
    day, before = today - timedelta(days=5), today - timedelta(days=6)
    await issued_elsewhere(panel, day)
    await panel.pool.execute(
        "INSERT INTO foreign_nota_marks (tenant_id, company_id, listed_from, listed_to)"
        " VALUES ($1, 'c', $2, $3) ON CONFLICT (tenant_id) DO UPDATE"
        " SET listed_from = $2, listed_to = $3",
        TENANT, today - timedelta(days=60), today,
    )  # fmt: skip
    page = await previewed(panel, before, day)

    assert "Em 2 dias comparados: nós emitiríamos 2 notas (R$ 279,90)" in said(page)
    assert "a outra integração emitiu 1 nota (R$ 179,90). Diferem: 1 dia." in said(page)
    assert "1 nota a mais, R$ 100,00 a mais" in said(page)
    assert "Falta o CPF" in page.text or "CPF" in page.text
    assert "não guarda o nome nem o documento" in page.text
    assert page.text.count("Igual") == 1


def said(page: Seen) -> str:
    return " ".join(page.text.replace("\xa0", " ").split())


async def previewed(panel: Panel, before: date, day: date) -> Seen:
    """The page of a preview that found a sale on each of two days, and one without a document."""
    counts = (
        DayCount(
            before.isoformat(), issue=1, issue_amount=Cents(10_000), hold=1,
            hold_amount=Cents(500), causes={"hold:customer_document_missing": 1},
        ),
        DayCount(day.isoformat(), issue=1, issue_amount=Cents(17_990)),
    )  # fmt: skip
    summary = Summary(
        bills=3, issue=2, hold={"customer_document_missing": 1}, days=counts,
        months=(MonthCount(f"{day:%Y-%m}", 3, Cents(28_490), issue=2, hold=1),),
    )  # fmt: skip
    at = datetime.combine(before + timedelta(days=6), time(12), ZONE)
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/passadas")
        run = await ana.send(page, f"{BASE}/passadas", desde=before.isoformat())
        await panel.pool.execute(
            "UPDATE backfills SET status = 'completed', started_at = $1, finished_at = $1,"
            " summary = $2",
            at, summary.to_json(),
        )  # fmt: skip
        return await ana.get(run.url)


async def issued_elsewhere(panel: Panel, day: date) -> None:
    """A nota of another integration, as the mirror keeps it."""
    nota = ForeignNota(
        issuer_id="777", environment="Producao", amount=Cents(17_990), number="777",
        document=columns.FOREIGN_DOCUMENT.seal(KEYS, TENANT, b"12345678909", "777"),
        document_word=document_word(KEYS, TENANT, "12345678909"), competencia=day, valid=True,
    )  # fmt: skip
    async with panel.pool.acquire() as conn:
        await foreign_notas_store.store(conn, TENANT, [nota])

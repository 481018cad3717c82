"""Backfills: past sales brought in by request, with a preview that changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from services.reconciler.api.kit.once import once
from services.reconciler.api.kit.operation import (
    PREFIX,
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.paging import Paging, cut, read_instant_cursor
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.words import Instant, Money, Name, Reason
from services.reconciler.api.rules import RuleAsked, RuleWarningOut, show_warnings
from shared.commands.backfills import (
    BackfillRefused,
    cancel_backfill,
    check_days,
    check_plan,
    queue_backfill,
)
from shared.crypto.tokens import tenant_of_backfill
from shared.db.backfill import backfills_store
from shared.db.connection import Connection
from shared.db.tenants import rules_store
from shared.domain.backfill_run import (
    Backfill,
    BackfillCompetencia,
    BackfillRequest,
    BackfillStatus,
    Summary,
)
from shared.domain.ids import BackfillId
from shared.domain.messages import message_of_import
from shared.domain.money import show_reais

# Far enough for every bill, near enough for every zone's arithmetic.
LastDay = Annotated[date, Field(le=date(2199, 12, 31))]


class BackfillNew(Strict):
    """Which past sales to bring in, by the local day of their moment, both ends included.

    Without `until` the window ends with this day.
    """

    since: date
    until: LastDay | None = None
    dry_run: bool
    competencia: BackfillCompetencia = "original"
    requested_by: Name
    reason: Reason


class RulePreview(RuleAsked):
    """What would become of the sales since a day under another rule."""

    since: date


class QueuedOut(BaseModel):
    """A backfill that was taken on."""

    id: str
    status: Literal["queued"]


class PreviewOut(QueuedOut):
    """A preview that was taken on, and what putting its rule would ask about."""

    warnings: list[RuleWarningOut] = Field(default_factory=list)


class OutcomesOut(BaseModel):
    """How many sales become what; holds and skips by their code."""

    issue: int
    wait: int
    hold: dict[str, int]
    skip: dict[str, int]


class MonthOut(BaseModel):
    """Sales of one month of the window, each with its bill's amount at its moment."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d\d$")]
    bills: int
    amount: Money


class BackfillWaitsOut(BaseModel):
    """What a backfill waits for before it goes on by itself, and when it looks again at latest."""

    code: str
    message: str
    until: Instant | None


class BackfillOut(BaseModel):
    """A backfill. While it runs `bills_total` is an upper bound.

    `known` sales were taken before, by the stream or by another backfill.
    """

    id: str
    tenant_id: str
    status: BackfillStatus
    dry_run: bool
    since: date
    until: date | None
    competencia: BackfillCompetencia
    requested_by: str
    reason: str
    requested_at: Instant
    bills_total: int | None
    bills_read: int
    new: int
    known: int
    outcomes: OutcomesOut
    amount_to_issue: Money
    months: list[MonthOut]
    eta_seconds: int | None
    started_at: Instant | None
    finished_at: Instant | None
    error: str | None
    waiting_for: BackfillWaitsOut | None


class BackfillList(BaseModel):
    """Backfills, the newest first; `next` goes on where they end."""

    items: list[BackfillOut]
    next: str | None


async def add(call: Call[BackfillNew, NoQuery]) -> Answer:
    """Queue a backfill."""
    body = call.body
    with _refusing():
        check_plan(call.tenant)
        check_days(call.tenant, body.since, body.until, call.services.now())

    async def work(conn: Connection) -> Answer:
        in_force = await rules_store.newest(conn, call.tenant.id)
        asked = BackfillRequest(
            since=body.since,
            until=body.until,
            dry_run=body.dry_run,
            competencia=body.competencia,
            rule=None if in_force is None else in_force.rule,
            requested_by=body.requested_by,
            reason=body.reason,
        )
        queued = await _queue(call, conn, asked)
        return Answer(status=202, body=queued, headers=_at(queued))

    return await once(call, "add_backfill", QueuedOut, work)


async def preview(call: Call[RulePreview, NoQuery]) -> Answer:
    """Queue a dry run under a rule that is not in force."""
    with _refusing():
        check_days(call.tenant, call.body.since, None, call.services.now())
    rule = call.body.rule.alone()
    asked = BackfillRequest(
        since=call.body.since,
        until=None,
        dry_run=True,
        competencia="original",
        rule=rule,
        requested_by=call.actor,
        reason="rule preview",
    )
    warnings = await show_warnings(call, rule)

    async def work(conn: Connection) -> Answer:
        queued = await _queue(call, conn, asked)
        shown = PreviewOut(**queued.model_dump(), warnings=warnings)
        return Answer(status=202, body=shown, headers=_at(queued))

    return await once(call, "preview_rule", PreviewOut, work)


async def _queue(
    call: Call[BackfillNew, NoQuery] | Call[RulePreview, NoQuery],
    conn: Connection,
    asked: BackfillRequest,
) -> QueuedOut:
    with _refusing():
        backfill = await queue_backfill(
            conn, call.services.sealer, call.tenant.id, asked, by=call.actor
        )
    return QueuedOut(id=backfill, status="queued")


def _at(queued: QueuedOut) -> dict[str, str]:
    return {"Location": f"{PREFIX}/backfills/{queued.id}"}


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what is refused inside the block into a Problem."""
    try:
        yield
    except BackfillRefused as error:
        raise Problem(
            _STATUSES[error.code],
            error.code,
            str(error),
            missing=error.missing,
            backfill_id=error.running,
        ) from error


_STATUSES: Final = {
    "plan_required": 403,
    "since_too_old": 422,
    "since_in_future": 422,
    "until_before_since": 422,
    "setup_incomplete": 409,
    "shadow_mode": 409,
    "backfill_running": 409,
    "backfill_finished": 409,
}


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show a backfill."""
    async with call.services.pool.acquire() as conn:
        return Answer(body=await _show(conn, await _find(call, conn), call.services.now()))


async def list_all(call: Call[NoBody, Paging]) -> Answer:
    """List a tenant's backfills."""
    query = call.query
    before = read_instant_cursor(query.cursor)
    async with call.services.pool.acquire() as conn:
        found = await backfills_store.list_newest_first(
            conn,
            call.tenant.id,
            before=before and (before[0], BackfillId(before[1])),
            limit=query.rows,
        )
        shown, more = cut(found, query, lambda one: (one.requested_at.isoformat(), one.id))
        items = [await _show(conn, backfill, call.services.now()) for backfill in shown]
    return Answer(body=BackfillList(items=items, next=more))


async def cancel(call: Call[NoBody, NoQuery]) -> Answer:
    """Stop a backfill; what it did stays done. One that was cancelled already is left so."""
    async with call.services.pool.acquire() as conn, conn.transaction():
        found = await _find(call, conn)
        with _refusing():
            after = await cancel_backfill(conn, found.tenant_id, found.id, by=call.actor)
        if after is None:
            raise AssertionError("it was found just now")
        return Answer(status=202, body=await _show(conn, after, call.services.now()))


async def _find(call: Call[NoBody, NoQuery], conn: Connection) -> Backfill:
    text = call.path["backfill_id"]
    tenant = tenant_of_backfill(text)
    found = None if tenant is None else await backfills_store.get(conn, tenant, BackfillId(text))
    if found is None:
        raise Problem(404, "backfill_unknown", "There is no backfill of this id.")
    return found


async def _show(conn: Connection, backfill: Backfill, now: datetime) -> BackfillOut:
    """A backfill as the API writes it."""
    summary = backfill.summary
    if summary is None:
        summary = await backfills_store.found(conn, backfill.tenant_id, backfill.id)
    asked = backfill.asked
    return BackfillOut(
        id=backfill.id,
        tenant_id=backfill.tenant_id,
        status=backfill.status,
        dry_run=asked.dry_run,
        since=asked.since,
        until=asked.until,
        competencia=asked.competencia,
        requested_by=asked.requested_by,
        reason=asked.reason,
        requested_at=backfill.requested_at,
        bills_total=_total(backfill, summary),
        bills_read=summary.bills,
        new=summary.new,
        known=summary.known,
        outcomes=OutcomesOut(
            issue=summary.issue, wait=summary.wait, hold=summary.hold, skip=summary.skip
        ),
        amount_to_issue=show_reais(summary.to_issue),
        months=[
            MonthOut(month=one.month, bills=one.bills, amount=show_reais(one.amount))
            for one in summary.months
        ],
        eta_seconds=backfill.eta_seconds(now),
        started_at=backfill.started_at,
        finished_at=backfill.finished_at,
        error=backfill.error,
        waiting_for=_waits(backfill),
    )


def _waits(backfill: Backfill) -> BackfillWaitsOut | None:
    code = backfill.waits_for
    if code is None:
        return None
    text = message_of_import(code, is_open=True).text
    return BackfillWaitsOut(code=code, message=text, until=backfill.not_before)


def _total(backfill: Backfill, summary: Summary) -> int | None:
    if backfill.summary is not None:
        return summary.bills
    left = backfill.position.rows_left
    return None if left is None else summary.bills + left


_DAYS: Final = ("since_in_future", "since_too_old", "until_before_since")
_OF_TENANT: Final = "/tenants/{tenant_id}/backfills"
_ONE: Final = "/backfills/{backfill_id}"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path=_OF_TENANT,
        name="add_backfill",
        summary="Bring in past sales, or preview that",
        handler=add,
        body=BackfillNew,
        query=NoQuery,
        status=202,
        answer=QueuedOut,
        refusals={
            403: ("plan_required",),
            409: ("backfill_running", "setup_incomplete", "shadow_mode"),
            422: _DAYS,
        },
        idempotent_by_key=True,
    ),
    Operation(
        method="GET",
        path=_OF_TENANT,
        name="list_backfills",
        summary="List a tenant's backfills, the newest first",
        handler=list_all,
        body=NoBody,
        query=Paging,
        answer=BackfillList,
    ),
    Operation(
        method="POST",
        path="/tenants/{tenant_id}/rule/preview",
        name="preview_rule",
        summary="Preview what would become of past sales under another rule",
        handler=preview,
        body=RulePreview,
        query=NoQuery,
        status=202,
        answer=PreviewOut,
        refusals={409: ("backfill_running", "setup_incomplete"), 422: _DAYS[:2]},
        idempotent_by_key=True,
    ),
    Operation(
        method="GET",
        path=_ONE,
        name="get_backfill",
        summary="Show a backfill: its progress, or what came of it",
        handler=get,
        body=NoBody,
        query=NoQuery,
        answer=BackfillOut,
        refusals={404: ("backfill_unknown",)},
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/cancel",
        name="cancel_backfill",
        summary="Stop a backfill at the next batch; what it did stays",
        handler=cancel,
        body=NoBody,
        query=NoQuery,
        status=202,
        answer=BackfillOut,
        refusals={404: ("backfill_unknown",), 409: ("backfill_finished",)},
    ),
)

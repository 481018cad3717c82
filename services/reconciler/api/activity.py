"""What happened between two instants: of one tenant in full, of all of them in numbers."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, model_validator

from services.reconciler.api.kit.operation import Answer, AnyOperation, Call, NoBody, Operation
from services.reconciler.api.kit.paging import Paging, bad_cursor, cut, read_cursor
from services.reconciler.api.kit.words import Instant
from shared.db.tenants import activity_read
from shared.db.tenants.activity_read import (
    ACTIVITY_KINDS,
    Activity,
    ActivityKind,
    ActivityPlace,
    TenantActivity,
)
from shared.domain.ids import TenantId
from shared.domain.story import told as sale_told

LONGEST: Final = timedelta(days=31)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)


def _near(at: datetime) -> datetime:
    if not _FIRST <= at <= _LAST:
        raise ValueError("an instant from 2000 to 2199")
    return at.astimezone(UTC)


When = Annotated[AwareDatetime, AfterValidator(_near)]


class ActivityQuery(Paging):
    """From `since`, before `until`: at most 31 days."""

    since: When = Field(examples=["2026-10-05T00:00:00Z"])
    until: When = Field(examples=["2026-10-06T00:00:00Z"])

    @model_validator(mode="after")
    def _in_order(self) -> "ActivityQuery":
        if not self.since < self.until <= self.since + LONGEST:
            raise ValueError("until: after since, and at most 31 days after it")
        return self


class KindQuery(ActivityQuery):
    """Of one tenant; without `kind` everything."""

    kind: ActivityKind | None = None


class ActivityOut(BaseModel):
    """One thing. `heard`: an event that came; `sale`: a line of a sale's history; `act`: a change.

    `by` is a service, a token's name, or a person's with what is beyond doubt (`Ana (pk3f…)`);
    `message` says it in Portuguese, `what` is the stable word.
    """

    at: Instant
    kind: ActivityKind
    bill_id: int | None
    what: str
    message: str
    by: str
    detail: dict[str, Any] = Field(description="What the log has of an act; no secret.")


class ActivityList(BaseModel):
    """The oldest first."""

    items: list[ActivityOut]
    next: str | None


class TenantActivityOut(BaseModel):
    """How much happened at a tenant, and who acted there (at most twenty names)."""

    tenant_id: str
    name: str
    heard: int
    sales: int
    acts: int
    by: list[str]


class ActivityOfAll(BaseModel):
    """Tenants by their id; those where nothing happened are left out of a page."""

    items: list[TenantActivityOut]
    next: str | None


async def of_tenant(call: Call[NoBody, KindQuery]) -> Answer:
    """List what happened at one tenant."""
    query = call.query
    after = None if query.cursor is None else _place(query.cursor)
    async with call.services.pool.acquire() as conn:
        found = await activity_read.between(
            conn,
            call.tenant.id,
            since=query.since,
            until=query.until,
            kinds=ACTIVITY_KINDS if query.kind is None else (query.kind,),
            after=after,
            limit=query.rows,
        )
    shown, more = cut(found, query, lambda one: (one.at.isoformat(), one.kind, one.key))
    return Answer(body=ActivityList(items=[_show(one) for one in shown], next=more))


async def of_all(call: Call[NoBody, ActivityQuery]) -> Answer:
    """Count what happened at each tenant."""
    query = call.query
    after = TenantId("" if query.cursor is None else read_cursor(query.cursor, 1)[0])
    async with call.services.pool.acquire() as conn:
        found = await activity_read.of_all_any_tenant(
            conn, since=query.since, until=query.until, after=after, limit=query.rows
        )
    shown, more = cut(found, query, lambda one: (one.tenant_id,))
    items = [_counted(one) for one in shown if one.heard or one.sales or one.acts]
    return Answer(body=ActivityOfAll(items=items, next=more))


def _place(cursor: str) -> ActivityPlace:
    at, kind, key = read_cursor(cursor, 3)
    try:
        instant = datetime.fromisoformat(at)
        known = next(one for one in ACTIVITY_KINDS if one == kind)
    except (ValueError, StopIteration):
        raise bad_cursor() from None
    if instant.tzinfo is None or not _FIRST <= instant <= _LAST or len(key) > 40:
        raise bad_cursor()
    return ActivityPlace(at=instant, kind=known, key=key)


def _show(one: Activity) -> ActivityOut:
    return ActivityOut(
        at=one.at,
        kind=one.kind,
        bill_id=one.bill_id,
        what=one.what,
        message=sale_told(one.what, one.why, one.by) if one.kind == "sale" else "",
        by=one.by,
        detail=dict(one.detail),
    )


def _counted(one: TenantActivity) -> TenantActivityOut:
    return TenantActivityOut(
        tenant_id=one.tenant_id,
        name=one.name,
        heard=one.heard,
        sales=one.sales,
        acts=one.acts,
        by=list(one.by),
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/activity",
        name="count_activity",
        summary="Count what happened between two instants at each tenant, and name who acted",
        handler=of_all,
        body=NoBody,
        query=ActivityQuery,
        answer=ActivityOfAll,
    ),
    Operation(
        method="GET",
        path="/tenants/{tenant_id}/activity",
        name="list_activity",
        summary="Show what happened at a tenant between two instants: events heard, decisions,"
        " notas, and what people did, by their time",
        handler=of_tenant,
        body=NoBody,
        query=KindQuery,
        answer=ActivityList,
    ),
)

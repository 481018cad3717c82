"""When this database turned out to be an older copy, and how far that is made up for."""

from typing import Final, Literal

from pydantic import BaseModel, Field

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
)
from services.reconciler.api.kit.words import Instant
from shared.db.restores import restore_checks_store
from shared.db.restores.restore_checks_store import RestoreProgress

MOST: Final = 50


class RestoreOut(BaseModel):
    """One restore or failover that lost something; issuing waits for the lists of `companies`."""

    restore_id: int
    why: Literal["timeline", "server", "older_copy", "told"] = Field(
        description="What showed it: PostgreSQL's timeline, another server, files of before, or"
        " that somebody said so."
    )
    since: Instant = Field(description="What was written from then on may be missing.")
    noticed_at: Instant
    companies: int
    companies_read: int = Field(description="Of these the issuer's list was read since.")
    notas_found: int = Field(description="Notas of ours on those lists that were unknown here.")
    notas_known: int = Field(description="Of these, how many are known again.")
    sales_waiting: int = Field(
        description="Sales of which a request of before may still arrive; all others go on."
    )
    done: bool


class RestoresOut(BaseModel):
    """The newest first."""

    items: list[RestoreOut]


async def list_restores(call: Call[NoBody, NoQuery]) -> Answer:
    """Show restores of this database."""
    async with call.services.pool.acquire() as conn:
        found = await restore_checks_store.progress_any_tenant(conn, limit=MOST)
    return Answer(body=RestoresOut(items=[_show(one) for one in found]))


def _show(one: RestoreProgress) -> RestoreOut:
    restore = one.restore
    return RestoreOut(
        restore_id=restore.restore_id,
        why=restore.why,
        since=restore.since,
        noticed_at=restore.noticed_at,
        companies=one.companies,
        companies_read=one.companies_read,
        notas_found=one.notas_found,
        notas_known=one.notas_known,
        sales_waiting=one.sales_waiting,
        done=one.companies_read == one.companies
        and one.notas_known == one.notas_found
        and not one.sales_waiting,
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/restores",
        name="list_restores",
        summary="Show when the database was restored, and how far that is made up for",
        handler=list_restores,
        body=NoBody,
        query=NoQuery,
        answer=RestoresOut,
    ),
)

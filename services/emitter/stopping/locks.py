"""Gives back what was decided by what is no more, in the transaction that would write it."""

from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.planning.stopped import Again, stopped
from services.emitter.stopping.restored import Database, database_now
from services.emitter.work import Act, Plan, Rest
from shared.db.connection import Connection
from shared.db.tenants import standing_read
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import TenantTerms


class Standing(Struct, frozen=True, kw_only=True):
    """What of a tenant every decision of a batch rests on."""

    terms: TenantTerms  # paused, activated when, which zone, which months are locked
    rule_version: int | None
    connection_id: int | None  # where notas are born
    database: Database | None = None  # of which all this was read


async def hold_standing(
    conn: Connection, tenant: TenantId, plans: Sequence[Plan], basis: Standing
) -> Standing | None:
    """Say how a tenant stands now, and keep it so until the transaction ends.

    None where nothing rests on it: notas are only followed. Taken before the rows of the outbox,
    as by those who change a tenant's set-up.
    """
    if not any(isinstance(plan, Rest) or _leaves(plan) for plan in plans):
        return None
    now = await standing_read.hold(conn, tenant)
    database = None
    if basis.database is not None:
        database = await database_now(conn, basis.database, now.restore_id)
    return Standing(
        terms=now.terms,
        rule_version=now.rule_version,
        connection_id=now.connection_id,
        database=database,
    )


def give_back_moved(
    plans: Sequence[Plan], *, basis: Standing, now: Standing | None, moved: Collection[BillId]
) -> list[Plan]:
    """Have sales decided again that were decided by another standing, or before news of them.

    What says that a sale rests is written first: where news of it came its settlement sees that.
    """
    if now is not None and now != basis:
        return [_again(plan) for plan in plans]
    return [
        _again(plan) if plan.entry.bill_id in moved and _leaves(plan) else plan for plan in plans
    ]


def give_back(plans: Sequence[Plan]) -> list[Plan]:
    """Have sales decided again by the next process: nothing leaves this one any more."""
    return [_again(plan) if _leaves(plan) else plan for plan in plans]


def _again(plan: Plan) -> Plan:
    if isinstance(plan, Rest):
        at_once = replace(plan.settlement, due_at=plan.entry.due_at, failed=False)
        return replace(plan, settlement=at_once)
    return stopped(plan, Again()) if _leaves(plan) else plan


def _leaves(plan: Plan) -> bool:
    """Say whether a request leaves for it that issues or cancels."""
    return isinstance(plan, Act) and (plan.issues or plan.cancels)

"""A person accepts, in a closing, notas of another system. Panel and internal API come here."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from shared.commands.closing import span_of
from shared.db import clock
from shared.db.closing import accepted_notas_store, closing_locks_store, issuer_side_read
from shared.db.closing.accepted_notas_store import Acceptance
from shared.db.closing.issuer_side_read import MonthScope
from shared.db.connection import Connection, Pool
from shared.db.tenants import audit_store, tenants_store
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Month, NotaSum
from shared.domain.foreign import Selection

MONTH_LOCKED: Final = "closing_locked"
NOT_FOREIGN: Final = "nota_not_foreign"
NOT_ACCEPTED: Final = "nota_not_accepted"
MOST_TOLD: Final = 200  # ids that an entry of the audit names


class AcceptRefused(Exception):
    """The month is locked, and stays as it was handed in: `closing_locked`."""

    def __init__(self) -> None:
        super().__init__(MONTH_LOCKED)
        self.code = MONTH_LOCKED


class AcceptanceOutcome(Struct, frozen=True, kw_only=True):
    """What changed, how many of those chosen were so before, and which ids it does not concern."""

    changed: NotaSum
    before: int
    unknown: Sequence[str]


async def accept_notas(
    pool: Pool, tenant: Tenant, month: Month, selection: Selection, *, reason: str, by: str
) -> AcceptanceOutcome:
    """Take a person's word that these notas of a month are none of ours, and rightly there.

    They count apart from then on, as they are now: one that later says another amount or
    competência is a difference again. Safe to repeat. Raises AcceptRefused.
    """
    async with pool.acquire() as conn, conn.transaction():
        scope = await _open_month(conn, tenant, month)
        at = await clock.now(conn)
        done = await accepted_notas_store.accept(
            conn, scope, selection, reason=reason, by=by, at=at
        )
        await _tell(conn, scope, "foreign_notas_accepted", selection, done, reason, by)
    return _outcome(selection, done)


async def revoke_notas(
    pool: Pool, tenant: Tenant, month: Month, selection: Selection, *, reason: str, by: str
) -> AcceptanceOutcome:
    """Take that word back: what the issuer still lists is a difference again."""
    async with pool.acquire() as conn, conn.transaction():
        scope = await _open_month(conn, tenant, month)
        done = await accepted_notas_store.revoke(conn, scope, selection)
        await _tell(conn, scope, "foreign_notas_revoked", selection, done, reason, by)
    return _outcome(selection, done)


async def _open_month(conn: Connection, tenant: Tenant, month: Month) -> MonthScope:
    """What the month is about; nobody locks it meanwhile."""
    await tenants_store.lock(conn, tenant.id)
    if await closing_locks_store.get(conn, tenant.id, month) is not None:
        raise AcceptRefused
    return await issuer_side_read.scope_of(conn, await span_of(conn, tenant, month), month)


def _outcome(selection: Selection, done: Acceptance) -> AcceptanceOutcome:
    named = [one.lower() for one in selection.issuer_ids or ()]
    unknown = [one for one in dict.fromkeys(named) if one not in done.found]
    return AcceptanceOutcome(changed=done.new, before=done.before, unknown=unknown)


async def _tell(
    conn: Connection,
    scope: MonthScope,
    action: str,
    selection: Selection,
    done: Acceptance,
    reason: str,
    by: str,
) -> None:
    if not done.new.notas:
        return
    detail: dict[str, object] = {
        "month": str(scope.month),
        "notas": done.new.notas,
        "amount": done.new.amount,
        "reason": reason,
        **_said(selection, done),
    }
    await audit_store.add(conn, scope.span.tenant, actor=by, action=action, detail=detail)


def _said(selection: Selection, done: Acceptance) -> Mapping[str, object]:
    if selection.issuer_ids is not None:
        return {"issuer_ids": sorted(done.found)[:MOST_TOLD]}
    before = selection.created_before
    return {
        "created_before": before.isoformat() if before else None,
        "external_id_prefix": selection.external_id_prefix,
    }

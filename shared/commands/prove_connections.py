"""Trying a connection now, because a person asks; what was mended goes on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.clients import Clients
from shared.commands.go_on import go_on
from shared.commands.set_up import codes_of
from shared.crypto.seal import Sealer
from shared.db import clock
from shared.db.connection import Pool
from shared.db.outbox import outbox_wakes
from shared.db.tenants import audit_store, company_facts_store, connections_store
from shared.db.tenants.company_facts_store import CompanyAsRead
from shared.db.tenants.connections_store import (
    ConnectionState,
    IssuerConnection,
    Side,
    VindiConnection,
)
from shared.domain.errors import PipelineError, RejectedError, TenantBlockedError
from shared.domain.ids import TenantId
from shared.domain.prechecks import ON_SELLER
from shared.run.waker import Waker
from shared.vindi.budget import BudgetShare

GOOD: Final = "ok"
INCOMPLETE: Final = "issuer_company_incomplete"
# A person waits; the account's other work may have spent its requests for a while.
PATIENCE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a try showed: `code` is `ok` or the stable word of what is wrong.

    `missing` is what the company's registration lacks, in the issuer's words.
    """

    side: Side
    code: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learnt:
    code: str
    detail: str = ""
    missing: tuple[str, ...] = ()
    shown: CompanyAsRead | None = None
    blocks: bool = False


async def prove(
    pool: Pool,
    sealer: Sealer,
    clients: Clients,
    waker: Waker,
    tenant: TenantId,
    side: Side,
    *,
    by: str,
) -> Proof:
    """Read all that is needed of one side with the key that is stored. Safe to repeat.

    One that was refused and is good again is used again at once; one that is refused now is
    marked so. Nobody's answer changes nothing.
    """
    async with pool.acquire() as conn:
        both = await connections_store.get(conn, sealer, tenant)
    found = both.vindi if side == "vindi" else both.issuer
    if found is None:
        return Proof(side=side, code=f"{side}_not_connected")
    learnt = await _learn(clients, tenant, found)
    well = await _keep(pool, tenant, side, found.state, learnt, by)
    if well:
        await waker.ring()
    return Proof(side=side, code=learnt.code, missing=learnt.missing)


async def _learn(
    clients: Clients, tenant: TenantId, found: VindiConnection | IssuerConnection
) -> _Learnt:
    side: Side = "vindi" if isinstance(found, VindiConnection) else "issuer"
    try:
        if isinstance(found, VindiConnection):
            client = clients.vindi_account(
                tenant,
                environment=found.environment,
                api_key=found.api_key,
                share=BudgetShare.PERSON,
                patience=PATIENCE,
                merchant_id=found.merchant_id,
            )
            await client.prove_key()
            return _Learnt(code=GOOD)
        company = await clients.issuer(found).check_connection()
    except TenantBlockedError as error:
        return _Learnt(code=error.code, detail=str(error), blocks=True)
    except RejectedError as error:
        return _Learnt(code=error.code)
    except PipelineError:
        return _Learnt(code=f"{side}_unreachable")
    code = INCOMPLETE if company.missing else GOOD
    shown = CompanyAsRead(
        facts=company.facts, city=company.city, regime=company.regime, cnpj=company.cnpj
    )
    return _Learnt(code=code, missing=company.missing, shown=shown)


async def _keep(
    pool: Pool, tenant: TenantId, side: Side, state: ConnectionState, learnt: _Learnt, by: str
) -> bool:
    """Write what was learnt; says whether sales that were stopped go on."""
    async with pool.acquire() as conn, conn.transaction():
        now, well = await clock.now(conn), False
        if learnt.blocks:
            await connections_store.block(
                conn, tenant, side, learnt.code, learnt.detail, connected_at=state.connected_at
            )
        elif learnt.code in (GOOD, INCOMPLETE):
            well = await connections_store.unblock(
                conn, tenant, side, connected_at=state.connected_at
            )
            if well:
                await outbox_wakes.wake_stopped(conn, tenant, codes_of(side))
            if learnt.shown is not None:
                at = state.connected_at
                if await company_facts_store.put(conn, tenant, learnt.shown, now, at):
                    await go_on(conn, tenant, ON_SELLER)
                    well = True
            elif side == "vindi":
                await company_facts_store.checked_vindi(conn, tenant, now, state.connected_at)
        detail = {"side": side, "found": learnt.code}
        await audit_store.add(conn, tenant, actor=by, action="connection_tried", detail=detail)
    return well

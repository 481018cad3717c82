"""Each tenant's Vindi account and issuer, tried with its own keys, reading only."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from shared.clients import Clients
from shared.commands.checks import SetUpRefused, SideUnreachable, checked_company
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.tenants import connections_store, tenants_store
from shared.db.tenants.connections_store import IssuerConnection, VindiConnection
from shared.domain.ids import TenantId
from shared.ops.doctor.report import HowItIs, Observation
from shared.vindi.budget import BudgetShare

PAGE: Final = 200
PATIENCE: Final = timedelta(seconds=30)
KEY_REFUSED: Final = (
    "the key is refused: enter a new one (panel: Configurações, or PUT /tenants/ID/vindi)"
)
SILENT: Final = (
    "does not answer usably from here: see whether this machine may go out to it (firewall, proxy,"
    " DNS), else wait for it"
)
MEND: Final = {
    "issuer_key_refused": "enter the key as the issuer's panel shows it (PUT /tenants/ID/issuer)",
    "issuer_company_unknown": "the key is of another account, or the company's id is wrong:"
    " enter both afresh (PUT /tenants/ID/issuer)",
    "issuer_company_incomplete": "fill that in at the issuer",
}


class TenantAccounts:
    """A tenant with what it is connected to."""

    def __init__(
        self, tenant: TenantId, vindi: VindiConnection | None, issuer: IssuerConnection | None
    ) -> None:
        self.tenant = tenant
        self.vindi = vindi
        self.issuer = issuer


async def accounts_any_tenant(
    pool: Pool, sealer: Sealer, only: str = ""
) -> AsyncIterator[TenantAccounts]:
    """Every tenant, or one, as it is connected."""
    after = None
    while True:
        async with pool.acquire() as conn:
            page = await tenants_store.list_any_tenant(conn, after=after, limit=PAGE)
            for tenant in page:
                if only in {"", tenant.id}:
                    held = await connections_store.get(conn, sealer, tenant.id)
                    yield TenantAccounts(tenant.id, held.vindi, held.issuer)
        if len(page) < PAGE:
            return
        after = (page[-1].created_at, page[-1].id)


async def look_at(account: TenantAccounts, clients: Clients) -> AsyncIterator[Observation]:
    """What both sides say to the stored keys."""
    yield await _vindi(account, clients)
    yield await _issuer(account, clients)


async def _vindi(account: TenantAccounts, clients: Clients) -> Observation:
    held = account.vindi
    if held is None:
        return _said(account, "Vindi", "look", "not connected")
    client = clients.vindi_account(
        account.tenant,
        environment=held.environment,
        api_key=held.api_key,
        share=BudgetShare.PERSON,
        patience=PATIENCE,
        merchant_id=held.merchant_id,
    )
    check = await client.check_key()
    match check.outcome:
        case "ok":
            skew = client.skew
            off = "" if skew is None else f", its clock {abs(skew.total_seconds()):.0f} s from ours"
            own = ", and issues by itself, too" if check.issues_already else ""
            return _said(account, "Vindi", "ok", f"{held.environment}, the key reads all{off}{own}")
        case "too_narrow":
            words = f"the key may not read {check.forbidden}: give its profile that, in Vindi"
            return _said(account, "Vindi", "wrong", words)
        case "refused":
            return _said(account, "Vindi", "wrong", KEY_REFUSED)
        case "account_blocked":
            words = "Vindi blocked the account: the company has to settle that with Vindi"
            return _said(account, "Vindi", "wrong", words)
        case _:
            return _said(account, "Vindi", "wrong", SILENT)


async def _issuer(account: TenantAccounts, clients: Clients) -> Observation:
    held = account.issuer
    if held is None:
        return _said(account, "issuer", "look", "not connected")
    try:
        await checked_company(clients.issuer(held))
    except SetUpRefused as error:
        missing = f" ({', '.join(error.missing)})" if error.missing else ""
        mend = MEND.get(error.code, str(error))
        return _said(account, "issuer", "wrong", f"{error.code}{missing}: {mend}")
    except SideUnreachable:
        return _said(account, "issuer", "wrong", SILENT)
    return _said(account, "issuer", "ok", f"{held.kind}, {held.environment}, company complete")


def _said(account: TenantAccounts, about: str, state: HowItIs, words: str) -> Observation:
    return Observation(about=about, state=state, words=words, tenant=account.tenant)

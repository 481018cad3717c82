"""One nota of the test environment, made of a real bill, to be looked at before anything is real.

Its id at the issuer is made from the form or call that asked for it, so that asking twice is
asking once; it is of no sale, is counted nowhere, mailed to nobody, and valid nowhere.
"""

import hashlib
import re
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from shared.clients import Clients
from shared.commands.try_bill import TryRefused, read_real_bill, try_bill
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.tenants import audit_store, issuers_store, rules_store
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.messages import message_for
from shared.issuer.errors import IssuerBusy
from shared.issuer.interface import (
    Issued,
    Issuer,
    NotReady,
    Pending,
    Phase,
    Rejected,
    Snapshot,
    Unknown,
)

SampleState = Literal["pending", "issued", "denied", "unknown"]
_ENVIRONMENT: Final = "Homologacao"
_KEY: Final = re.compile(r"h-(t[a-z0-9]{10})-teste-[a-f0-9]{12}")
_ISSUED: Final = frozenset({Phase.ISSUED, Phase.CANCELLING, Phase.CANCEL_REFUSED, Phase.CANCELLED})


class SampleNota(Struct, frozen=True, kw_only=True):
    """A test nota as the issuer has it; `reason` is why it was denied, in the issuer's words.

    `unknown`: the issuer has not said yet whether it has it; look again.
    """

    external_id: ExternalId
    state: SampleState
    number: str | None = None
    reason: str | None = None


def sample_key(tenant: TenantId, once: str) -> ExternalId:
    """The id of the test nota that one form or call asks for."""
    word = hashlib.sha256(f"{tenant}:{once}".encode()).hexdigest()[:12]
    return ExternalId(f"h-{tenant}-teste-{word}")


def is_sample(text: object, tenant: TenantId) -> bool:
    """Whether an id at the issuer is of a test nota of a tenant."""
    found = _KEY.fullmatch(text) if isinstance(text, str) else None
    return found is not None and found[1] == tenant


async def ask_sample_nota(
    pool: Pool,
    sealer: Sealer,
    clients: Clients,
    tenant: TenantId,
    *,
    once: str,
    bill: BillId | None,
    by: str,
    now: datetime,
) -> SampleNota:
    """Have one test nota made of a bill, or of the newest paid one. Safe to repeat with `once`.

    Raises TryRefused: as reading a bill does, `issuer_not_connected`, `no_rule`,
    `issuer_unreachable`, the word of a connection that is refused, or of what the bill lacks.
    """
    key = sample_key(tenant, once)
    issuer = await _issuer(pool, sealer, clients, tenant)
    async with pool.acquire() as conn:
        in_force = await rules_store.in_force(conn, tenant)
    if in_force is None:
        raise TryRefused("There is no rule yet.", code="no_rule")
    real = await read_real_bill(pool, sealer, clients, tenant, bill)
    tried = await try_bill(pool, sealer, tenant, clients, real, in_force[1], now)
    if tried.draft is None:
        raise TryRefused(
            "The bill lacks data.", code=tried.lacks.code if tried.lacks else "no_rule"
        )
    async with pool.acquire() as conn:
        detail = {"external_id": key, "bill_id": real.bill.id}
        await audit_store.add(conn, tenant, actor=by, action="sample_nota", detail=detail)
    draft = replace(tried.draft, send_email=False, more_emails=(), substitutes=None)
    try:
        answer = await issuer.submit(key, draft, environment=_ENVIRONMENT, look_first=True)
    except (IssuerBusy, TransientError) as error:
        raise TryRefused("The issuer did not answer.", code="issuer_unreachable") from error
    except TenantBlockedError as error:
        raise TryRefused("The issuer refuses this connection.", code=error.code) from error
    return _answered(key, answer)


def _answered(key: ExternalId, answer: Pending | Issued | Rejected | Unknown) -> SampleNota:
    match answer:
        case Issued(snapshot=snapshot):
            return _seen(key, snapshot)
        case Rejected(findings=findings):
            said = "; ".join(one.message for one in findings)
            return SampleNota(external_id=key, state="denied", reason=said or None)
        case Unknown():
            return SampleNota(external_id=key, state="unknown")
        case Pending():
            return SampleNota(external_id=key, state="pending")


async def look_at_sample(
    pool: Pool, sealer: Sealer, clients: Clients, tenant: TenantId, key: str
) -> SampleNota | None:
    """A test nota as the issuer has it now; None for an id that is none. Raises TryRefused."""
    if not is_sample(key, tenant):
        return None
    issuer = await _issuer(pool, sealer, clients, tenant)
    try:
        found = await issuer.find(ExternalId(key))
    except TransientError as error:
        raise TryRefused("The issuer did not answer.", code="issuer_unreachable") from error
    except TenantBlockedError as error:
        raise TryRefused("The issuer refuses this connection.", code=error.code) from error
    if found is None:
        return SampleNota(external_id=ExternalId(key), state="unknown")
    return _seen(ExternalId(key), found)


async def sample_pdf(
    pool: Pool, sealer: Sealer, clients: Clients, tenant: TenantId, key: str
) -> bytes | None:
    """The PDF of a test nota; None while there is none, or for an id that is none."""
    if not is_sample(key, tenant):
        return None
    issuer = await _issuer(pool, sealer, clients, tenant)
    try:
        document = await issuer.documents(ExternalId(key), "pdf")
    except TransientError as error:
        raise TryRefused("The issuer did not answer.", code="issuer_unreachable") from error
    except TenantBlockedError as error:
        raise TryRefused("The issuer refuses this connection.", code=error.code) from error
    return None if isinstance(document, NotReady) else document


def _seen(key: ExternalId, found: Snapshot) -> SampleNota:
    if found.phase is Phase.DENIED:
        return SampleNota(external_id=key, state="denied", reason=found.reason)
    state: SampleState = "issued" if found.phase in _ISSUED else "pending"
    return SampleNota(external_id=key, state=state, number=found.number)


async def _issuer(pool: Pool, sealer: Sealer, clients: Clients, tenant: TenantId) -> Issuer:
    async with pool.acquire() as conn:
        issuers = await issuers_store.load(conn, sealer, tenant)
    current = issuers.current
    if current is None:
        raise TryRefused("No issuer is connected.", code="issuer_not_connected")
    if current.state.blocked:
        raise TryRefused(message_for(current.state.code).text, code=current.state.code)
    return clients.issuer(current)

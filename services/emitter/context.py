"""What a pass needs of one tenant, loaded at its start."""

import asyncio
from datetime import datetime

from msgspec import Struct

from services.emitter.planning.rows import Terms
from services.emitter.stopping.outage import Breakers, load_breakers
from shared.clients import Clients
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.tenants import connections_store, rules_store, tenants_store
from shared.db.tenants.connections_store import IssuerConnection, VindiConnection
from shared.domain.ids import TenantId
from shared.domain.party import normalise_document
from shared.domain.rule import Rule
from shared.domain.sale import TenantTerms
from shared.issuer.interface import Issuer
from shared.run.second_look import SecondLook
from shared.vindi.budget import BudgetShare
from shared.vindi.bulk import Bulk
from shared.vindi.client import VindiClient


class TenantContext(Struct, frozen=True, kw_only=True):
    """One tenant as a pass sees it; `now` is the database's clock at its start."""

    tenant: TenantId
    terms: TenantTerms
    rule_version: int | None
    rule: Rule | None
    vindi_connection: VindiConnection | None
    issuer_connection: IssuerConnection | None
    vindi: VindiClient | None
    issuer: Issuer | None
    bulk: Bulk
    second_look: SecondLook
    sealer: Sealer
    slots: asyncio.Semaphore  # requests to the issuer that may be under way, for this key
    breakers: Breakers
    backfill_slots: asyncio.Semaphore  # those that sales of a backfill may wait for at once
    now: datetime

    def seal(self, value: bytes, purpose: str) -> bytes:
        """Seal a value of this tenant."""
        return self.sealer.seal(value, tenant=self.tenant, purpose=purpose)

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Open a sealed value of this tenant."""
        return self.sealer.unseal(sealed, tenant=self.tenant, purpose=purpose)

    def document_word(self, document: str) -> bytes:
        """Hash a document for searching."""
        bare = normalise_document(document) or ""
        return self.sealer.word(bare, tenant=self.tenant, purpose="document")

    def denial_word(self, reason: str) -> bytes:
        """Hash the text of a denial, so that equal ones are one cause."""
        return self.sealer.word(reason, tenant=self.tenant, purpose="denial")

    def plan_terms(self) -> Terms:
        """What its plans share."""
        connection = self.issuer_connection
        blocked = connection.state.code if connection and connection.state.blocked else None
        return Terms(
            tenant=self.tenant,
            rule=self.rule,
            rule_version=self.rule_version,
            environment=connection.environment if connection else None,
            issuer_trouble=blocked,
            seal=self.seal,
            document_word=self.document_word,
            zone=self.terms.zone,
        )


async def load_context(
    pool: Pool, clients: Clients, sealer: Sealer, tenant: TenantId, lane: BudgetShare
) -> TenantContext:
    """Load a tenant and make its clients; no request leaves here."""
    async with pool.acquire() as conn:
        now: datetime = await conn.fetchval("SELECT now()")
        terms = await tenants_store.terms(conn, tenant)
        in_force = await rules_store.in_force(conn, tenant)
        connections = await connections_store.get(conn, sealer, tenant)
        breakers = await load_breakers(conn, tenant, now)
    version, rule = in_force or (None, None)
    vindi, issuer = connections.vindi, connections.issuer
    return TenantContext(
        tenant=tenant,
        terms=terms,
        rule_version=version,
        rule=rule,
        vindi_connection=vindi,
        issuer_connection=issuer,
        vindi=clients.vindi(tenant, vindi, lane) if vindi and not vindi.state.blocked else None,
        issuer=clients.issuer(issuer) if issuer and not issuer.state.blocked else None,
        bulk=clients.bulk,
        second_look=clients.second_look,
        sealer=sealer,
        slots=clients.slots(issuer),
        breakers=breakers,
        backfill_slots=clients.slots(issuer, for_backfill=True),
        now=now,
    )

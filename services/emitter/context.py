"""What a pass needs of one tenant, loaded at its start."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field

from services.emitter.places import Place, place_of
from services.emitter.planning.rows import Terms
from services.emitter.stopping.locks import Standing
from services.emitter.stopping.outage import Breakers, load_breakers
from services.emitter.stopping.restored import Restored, load_restored
from shared.clients import Clients
from shared.crypto.columns import DENIAL_WORD, DOCUMENT_WORD, RowKey, SealedColumn
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.sales.notas_store import KnownNota
from shared.db.sales.sales_store import SaleRow
from shared.db.tenants import standing_read
from shared.db.tenants.connections_store import VindiConnection
from shared.db.tenants.issuers_store import Issuers
from shared.domain.fields.words import WORDS
from shared.domain.ids import TenantId
from shared.domain.party import normalise_document
from shared.domain.rule import Rule
from shared.domain.sale import TenantTerms
from shared.run.second_look import SecondLook
from shared.vindi.budget import BudgetShare
from shared.vindi.bulk import Bulk
from shared.vindi.client import VindiClient
from shared.vindi.stored import open_customer


class TenantContext(Struct, frozen=True, kw_only=True):
    """One tenant as a pass sees it; `now` is the database's clock at its start."""

    tenant: TenantId
    terms: TenantTerms
    rule_version: int | None
    rule: Rule | None
    vindi_connection: VindiConnection | None
    issuers: Issuers
    vindi: VindiClient | None
    bulk: Bulk
    second_look: SecondLook
    sealer: Sealer
    clients: Clients
    breakers: Breakers
    restored: Restored
    now: datetime
    places: dict[int | None, Place] = field(default_factory=dict)  # those asked about so far

    @property
    def standing(self) -> Standing:
        """What every decision of the pass rests on."""
        here = self.issuers.current
        return Standing(
            terms=self.terms,
            rule_version=self.rule_version,
            connection_id=None if here is None else here.id,
            database=self.restored.database,
        )

    @property
    def vindi_now(self) -> datetime | None:
        """Vindi's clock, as its answers to this batch tell it; None where it was not asked."""
        return None if self.vindi is None else self.vindi.now()

    def vindi_clock(self) -> datetime | None:
        """Vindi's clock as this process last heard it, for this batch or for another."""
        if self.vindi_connection is None:
            return None
        clock = self.clients.vindi_clocks[self.vindi_connection.environment]
        if (said := self.vindi_now) is not None:
            clock.note(said)
        return clock.now()

    def place_of(self, nota: KnownNota | None) -> Place:
        """Where a nota was born, and is asked about; None: where one is born now."""
        here = self.issuers.current
        named = nota.connection_id if nota is not None else None
        if here is not None and named == here.id:
            named = None
        if named not in self.places:
            self.places[named] = self._place(named)
        return self.places[named]

    def _place(self, named: int | None) -> Place:
        there = self.issuers.of(named)
        return place_of(self.clients, there, is_left=named is not None, now=self.now)

    def seal(self, column: SealedColumn, value: bytes, *key: RowKey) -> bytes:
        """Seal a value of this tenant for the row of a key."""
        return column.seal(self.sealer, self.tenant, value, *key)

    def document_word(self, document: str) -> bytes:
        """Hash a document for searching."""
        bare = normalise_document(document) or ""
        return self.sealer.word(bare, tenant=self.tenant, purpose=DOCUMENT_WORD)

    def document_words(self, sale: SaleRow) -> Sequence[bytes]:
        """Every word the document of a sale's customer may be kept as, while keys change."""
        if sale.document_word is None or sale.customer is None or not self.sealer.changes_keys:
            return [sale.document_word] if sale.document_word is not None else []
        customer = open_customer(self.sealer, self.tenant, sale.bill_id, sale.customer)
        bare = normalise_document(customer.document or "") or ""
        return self.sealer.words(bare, tenant=self.tenant, purpose=DOCUMENT_WORD)

    def denial_word(self, reason: str) -> bytes:
        """Hash the text of a denial, so that equal ones are one cause."""
        return self.sealer.word(reason, tenant=self.tenant, purpose=DENIAL_WORD)

    def plan_terms(self) -> Terms:
        """What its plans share."""
        connection = self.issuers.current
        blocked = connection.state.code if connection and connection.state.blocked else None
        issuer = self.place_of(None).issuer
        return Terms(
            tenant=self.tenant,
            rule=self.rule,
            rule_version=self.rule_version,
            environment=connection.environment if connection else None,
            issuer_trouble=blocked,
            seal=self.seal,
            document_word=self.document_word,
            zone=self.terms.zone,
            connection_id=connection.id if connection else None,
            form=issuer.form if issuer else None,
            issuer_takes=issuer.capabilities.fields if issuer is not None else WORDS,
            issuer_substitutes=issuer is None or issuer.capabilities.substitutes,
        )


async def load_context(
    pool: Pool, clients: Clients, sealer: Sealer, tenant: TenantId, lane: BudgetShare
) -> TenantContext:
    """Load a tenant and make its clients; no request leaves here."""
    async with pool.acquire() as conn:
        restored, now = await load_restored(conn, tenant)
        agreed = await standing_read.agreed(conn, sealer, tenant)
        breakers = await load_breakers(conn, tenant, now)
    vindi = agreed.vindi
    return TenantContext(
        tenant=tenant,
        terms=agreed.terms,
        rule_version=agreed.rule_version,
        rule=agreed.rule,
        vindi_connection=vindi,
        issuers=agreed.issuers,
        vindi=clients.vindi(tenant, vindi, lane) if vindi and not vindi.state.blocked else None,
        bulk=clients.bulk,
        second_look=clients.second_look,
        sealer=sealer,
        clients=clients,
        breakers=breakers,
        restored=restored,
        now=now,
    )

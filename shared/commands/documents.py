"""The PDF and XML of a nota, fetched from the issuer when asked for."""

from shared.clients import Clients
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.sales import sales_read
from shared.db.sales.sales_read import NotaView
from shared.db.tenants import issuers_store
from shared.db.tenants.connections_store import IssuerConnection
from shared.domain.errors import RejectedError, TenantBlockedError, TransientError
from shared.domain.ids import BillId, TenantId
from shared.issuer.interface import DocumentKind, NotReady


class DocumentRefused(RejectedError):
    """There is no such document now; the code says why."""

    code: str

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail, code=code)
        self.code = code


async def fetch_document(
    pool: Pool,
    sealer: Sealer,
    clients: Clients,
    tenant: TenantId,
    bill: BillId,
    kind: DocumentKind,
    part: int | None = None,
) -> tuple[NotaView, bytes]:
    """One document of a sale's nota, of the only one or the first where `part` is None.

    Raises DocumentRefused: `sale_unknown`, `no_nota`, `document_not_ready`, `issuer_unreachable`,
    `issuer_not_connected`, or the word of a connection that is refused.
    """
    nota, connection = await _where(pool, sealer, tenant, bill, part)
    try:
        document = await clients.issuer(connection).documents(nota.external_id, kind)
    except TransientError as error:
        raise DocumentRefused("The issuer did not answer.", code="issuer_unreachable") from error
    except TenantBlockedError as error:
        raise DocumentRefused("The issuer refuses this connection.", code=error.code) from error
    if isinstance(document, NotReady):
        raise DocumentRefused(
            "The issuer has no such document yet; ask later.", code="document_not_ready"
        )
    return nota, document


async def _where(
    pool: Pool, sealer: Sealer, tenant: TenantId, bill: BillId, part: int | None
) -> tuple[NotaView, IssuerConnection]:
    async with pool.acquire() as conn:
        sale = await sales_read.get(conn, tenant, bill)
        issuers = await issuers_store.load(conn, sealer, tenant)
    if sale is None:
        raise DocumentRefused("There is no sale for this bill.", code="sale_unknown")
    nota = next((one for one in sale.notas if part is None or one.part == part), None)
    if nota is None:
        raise DocumentRefused("This sale has no such nota.", code="no_nota")
    # Where it was born: the tenant may have gone on to another company since.
    issuer = issuers.of(nota.connection_id)
    if issuer is None:
        raise DocumentRefused("No issuer is connected.", code="issuer_not_connected")
    return nota, issuer

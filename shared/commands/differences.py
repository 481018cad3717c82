"""Where the issuer's list and our notas of a month disagree, one by one, in words."""

from collections.abc import Mapping
from typing import Final

from shared.commands.closing import span_of
from shared.db.closing import issuer_side_read
from shared.db.closing.issuer_side_read import Difference, DifferentField, Kind
from shared.db.connection import Pool
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Month

MESSAGES: Final[Mapping[Kind, str]] = {
    "only_here": "Para nós a nota é válida, mas ela não está na lista do emissor.",
    "only_there": "O emissor tem uma nota válida desta venda que para nós não vale.",
    "second_nota": "O emissor tem mais de uma nota válida para esta venda. Cancele a que não vale.",
    "differs": "A nota no emissor não diz o mesmo que a nossa.",
    "foreign": "O emissor tem uma nota válida deste mês que não foi pedida por nós. Se outro"
    " sistema da empresa a emitiu, aceite-a com um motivo.",
    "accepted_changed": "Uma nota de outro sistema mudou no emissor depois de aceita. Confira-a e"
    " aceite-a de novo se estiver certa.",
}
FIELD_LABELS: Final[Mapping[DifferentField, str]] = {
    "amount": "valor",
    "customer": "tomador",
    "competencia": "competência",
}


async def differences_of(
    pool: Pool, tenant: Tenant, month: Month, *, after: str = "", limit: int
) -> list[Difference]:
    """Differences of a month by their keys, beginning above `after`, as the list was last read."""
    async with pool.acquire() as conn:
        span = await span_of(conn, tenant, month)
        scope = await issuer_side_read.scope_of(conn, span, month)
        return await issuer_side_read.differences(conn, scope, after=after, limit=limit)

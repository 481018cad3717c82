"""Issuers' lists that were written down without their documents: read again when keys change.

Code of before 0.4 kept a hash of a document alone. Under a new key that finds nothing, so the list
is read again, which keeps the documents, and until then both hashes are searched for.
"""

from typing import Final

from shared.db.connection import Connection

WITHOUT_DOCUMENTS: Final = """
    -- rotate_lists.without_documents_any_tenant
    SELECT DISTINCT tenant_id FROM foreign_notas WHERE document IS NULL
"""
READ_AGAIN: Final = """
    -- rotate_lists.read_again
    UPDATE foreign_nota_marks SET listed_to = NULL, listed_from = NULL, next_at = now()
     WHERE tenant_id = $1 AND NOT keeps_documents AND listed_to IS NOT NULL
"""
# Unless the reconciler reads this list, and has not read it whole since documents are kept. What is
# older than a list reaches back is listed again before a backfill takes sales of its days.
FORGET: Final = """
    -- rotate_lists.forget
    DELETE FROM foreign_notas
     WHERE tenant_id = $1 AND document IS NULL AND NOT EXISTS (
           SELECT FROM foreign_nota_marks m
             JOIN tenants t ON t.tenant_id = m.tenant_id
             JOIN issuer_connections i ON i.tenant_id = m.tenant_id
            WHERE m.tenant_id = $1 AND NOT m.keeps_documents
              AND t.status IN ('active', 'shadow') AND i.state = 'ok')
"""


async def lists_to_read_any_tenant(conn: Connection) -> int:
    """Have such lists read again; how many companies' are still to be. Safe to repeat."""
    for (tenant,) in await conn.fetch(WITHOUT_DOCUMENTS):
        async with conn.transaction():
            await conn.execute(READ_AGAIN, tenant)
            await conn.execute(FORGET, tenant)
    return len(await conn.fetch(WITHOUT_DOCUMENTS))

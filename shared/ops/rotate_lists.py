"""Issuers' lists that were written down without their documents: read again when keys change.

Code of before 0.4 kept a hash of a document alone. Under a new key that finds nothing, so the list
is read again, which keeps the documents, and until then both hashes are searched for.
"""

from typing import Final

from shared.db.connection import Connection

# Whose list is read by the reconciler, and was not read whole since documents are kept.
_TO_READ: Final = """
EXISTS (
           SELECT FROM foreign_nota_marks m
             JOIN tenants t ON t.tenant_id = m.tenant_id
             JOIN issuer_connections i ON i.tenant_id = m.tenant_id
            WHERE m.tenant_id = f.tenant_id AND NOT m.keeps_documents
              AND t.status IN ('active', 'shadow') AND i.state = 'ok')
"""
# What is older than a list reaches back is listed again before a backfill takes sales of its days.
FORGET: Final = f"""
    -- rotate_lists.forget_any_tenant
    DELETE FROM foreign_notas f WHERE f.document IS NULL AND NOT {_TO_READ}
"""  # noqa: S608 - only our own constant is put in
READ_AGAIN: Final = """
    -- rotate_lists.read_again_any_tenant
    UPDATE foreign_nota_marks m SET listed_to = NULL, listed_from = NULL, next_at = now()
     WHERE NOT m.keeps_documents AND m.listed_to IS NOT NULL
       AND EXISTS (SELECT FROM foreign_notas f
                    WHERE f.tenant_id = m.tenant_id AND f.document IS NULL)
"""
WAITING: Final = """
    -- rotate_lists.waiting_any_tenant
    SELECT count(DISTINCT tenant_id) FROM foreign_notas WHERE document IS NULL
"""


async def lists_to_read_any_tenant(conn: Connection) -> int:
    """Have such lists read again; how many companies' are still to be. Safe to repeat."""
    async with conn.transaction():
        await conn.execute(READ_AGAIN)
        await conn.execute(FORGET)
        waiting: int = await conn.fetchval(WAITING)
    return waiting

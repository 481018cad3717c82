"""A nota that is to take the place of another: at its end one of both stands, never both."""

from collections.abc import Sequence
from typing import Final

from shared.db import clock
from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import NEVER_ARRIVED, NOT_SUBSTITUTED, OWED_AGAIN, SUBSTITUTED

# The rows of one transaction: at its end the old nota stands or the new one does, never both.
GIVE_WAY: Final = f"""
    -- substitutions_store.end_substitutions give_way
    UPDATE notas o
       SET status = 'cancelled', raw_status = '{SUBSTITUTED}', cancelled_at = $3,
           look_up_at = NULL, cancel_again_at = NULL
      FROM notas n
     WHERE o.tenant_id = $1 AND n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
       AND o.bill_id = n.bill_id AND o.part = n.part AND o.revision = n.substitutes
       AND o.status <> 'cancelled'
       AND (n.status IN ('issued', 'cancelling', 'cancel_refused')
            OR n.status = 'cancelled'
            AND (n.raw_status IS NULL OR n.raw_status <> ALL($4::text[])))
"""  # noqa: S608 - only our own constant is put in
FORGET_SUBSTITUTION: Final = """
    -- substitutions_store.end_substitutions forget
    UPDATE notas o SET wish = NULL
      FROM notas n
     WHERE o.tenant_id = $1 AND n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
       AND o.bill_id = n.bill_id AND o.part = n.part AND o.revision = n.substitutes
       AND o.wish = 'substitute' AND n.status NOT IN ('sending', 'uncertain', 'pending')
"""
END_SUBSTITUTION: Final = f"""
    -- substitutions_store.end_substitutions end
    UPDATE notas
       SET substitutes = NULL, resend = false, resend_at = NULL,
           status = CASE WHEN status = 'denied' THEN 'cancelled' ELSE status END,
           raw_status = CASE WHEN status = 'denied' OR status = 'cancelled'
                                  AND raw_status = ANY($3::text[])
                             THEN '{NOT_SUBSTITUTED}' ELSE raw_status END
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND substitutes IS NOT NULL
       AND status NOT IN ('sending', 'uncertain', 'pending')
"""  # noqa: S608 - only our own constant is put in
# Ends of a nota that the issuer knows nothing of.
_OUR_ENDS: Final = (NEVER_ARRIVED, *OWED_AGAIN)


async def end_substitutions(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> None:
    """Have the one stand that does, where a nota that was to take another's place has its end.

    Lives in the transaction that writes that end.
    """
    if not bills:
        return
    await conn.execute(GIVE_WAY, tenant, bills, await clock.now(conn), _OUR_ENDS)
    await conn.execute(FORGET_SUBSTITUTION, tenant, bills)
    await conn.execute(END_SUBSTITUTION, tenant, bills, _OUR_ENDS)

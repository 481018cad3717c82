"""What our tables say of the notas of sales, divided ones among them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from services.emitter.planning.plan_parts import follow_parts
from services.emitter.work import Known, KnownPart, Plan, states_of
from shared.db.connection import Connection
from shared.db.sales import notas_store, sale_parts_store
from shared.db.sales.notas_store import KnownNota, liveliest
from shared.domain.ids import BillId, TenantId
from shared.domain.part_states import DOUBT, FOLLOWED, unwanted
from shared.domain.parts import Share


class KnownNotas(Struct, frozen=True, kw_only=True):
    """The nota that speaks for a sale, and the parts of a divided one."""

    nota: KnownNota
    parts: tuple[KnownPart, ...] = ()


async def load_notas(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, KnownNotas]:
    """Read the notas of these sales; those without one are absent.

    How a sale was divided is asked for only where a nota of a part says that it was.
    """
    notas = await notas_store.load_every_part(conn, tenant, bills)
    divided = [bill for bill, found in notas.items() if any(nota.part for nota in found)]
    shares = await sale_parts_store.load(conn, tenant, divided) if divided else {}
    return {bill: _known(found, shares.get(bill, ())) for bill, found in notas.items()}


def _known(notas: Sequence[KnownNota], shares: Sequence[Share]) -> KnownNotas:
    by_part = {nota.part: nota for nota in notas}
    parts = tuple(KnownPart(share=one, nota=by_part.get(one.part)) for one in shares)
    of_parts = [part.nota for part in parts if part.nota is not None]
    return KnownNotas(nota=liveliest(of_parts or notas), parts=parts if of_parts else ())


def lacks_part(known: Known, now: datetime) -> bool:
    """Say whether a wanted sale has a part that no nota was asked for."""
    states = states_of(known.parts, now)
    return any(one.status is None for one in states) and not unwanted(states)


def look_after(plan: Plan, known: Known) -> Plan:
    """Follow what is under way of a divided sale where a plan would leave it to itself.

    What the plan says of the sale is decided again once nothing is under way.
    """
    left = plan.action is None and plan.settlement is not None and plan.settlement.due_at is None
    moving = any(part.nota and part.nota.status in FOLLOWED for part in known.parts)
    if not left or not moving:
        return plan
    action = follow_parts(known.parts)
    return Plan(entry=plan.entry, read=plan.read, action=action, parts=known.parts)


def parts_only_followed(parts: Sequence[KnownPart], now: datetime) -> bool:
    """Say whether a divided sale has notas under way, and nothing that may be sent beside them."""
    states = states_of(parts, now)
    if not any(one.status in FOLLOWED for one in states):
        return False
    doubt = any(one.status in DOUBT for one in states)
    return doubt or unwanted(states) or not any(one.owed for one in states)

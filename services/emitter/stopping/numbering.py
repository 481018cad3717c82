"""Gives notas their RPS numbers, where the company numbers by itself.

Both live in the transaction that writes the intents: a number is committed with the nota it is of,
or it was never handed out.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from services.emitter.planning.stopped import Held, stopped
from services.emitter.work import Act, Plan, Send
from shared.db.connection import Connection
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import rps_store
from shared.db.tenants.rps_store import LARGEST, Numbered, Wanting
from shared.domain.ids import BillId, TenantId


async def hold_without_number(
    conn: Connection, tenant: TenantId, plans: Sequence[Plan]
) -> list[Plan]:
    """Hold what is to be numbered in a series nobody said a first number of, or that is used up.

    The series are locked: emitters that number in the same one take turns from here on.
    """
    wanting = [one for plan in plans if (one := _wanting(plan)) is not None]
    if not wanting:
        return list(plans)
    following = await rps_store.lock(conn, tenant, sorted({one.key for one in wanting}))
    room = Counter({key: LARGEST + 1 - number for key, number in following.items()})
    return [_unless_numbered(plan, room) for plan in plans]


def _unless_numbered(plan: Plan, room: Counter[rps_store.SeriesKey]) -> Plan:
    one = _wanting(plan)
    if one is None or not isinstance(plan, Act):
        return plan
    if room[one.key] > 0:
        room[one.key] -= 1
        return plan
    return stopped(plan, Held(code="rps_start_missing", detail=one.series))


async def number_notas(
    conn: Connection, tenant: TenantId, plans: Sequence[Plan], now: datetime
) -> list[Plan]:
    """Put its number on each intent that is to have one, and tell it."""
    wanting = [one for plan in plans if (one := _wanting(plan)) is not None]
    if not wanting:
        return list(plans)
    given = await rps_store.hand_out(conn, tenant, wanting, now)
    by_nota = {(one.bill_id, one.part): one for one in given}
    return [_numbered(plan, by_nota) for plan in plans]


def _numbered(plan: Plan, given: dict[tuple[BillId, int], Numbered]) -> Plan:
    if not isinstance(plan, Act) or _wanting(plan) is None or not isinstance(plan.action, Send):
        return plan
    intent = plan.action.intent
    number = given[intent.bill_id, intent.part].number
    said = f"; RPS {intent.rps_series}/{number}"
    return replace(
        plan,
        action=replace(plan.action, intent=replace(intent, rps_number=number)),
        happenings=tuple(_told(one, said) for one in plan.happenings),
    )


def _told(one: Happening, said: str) -> Happening:
    return replace(one, why=one.why + said) if one.what == "nota_requested" else one


def _wanting(plan: Plan) -> Wanting | None:
    action = plan.action if isinstance(plan, Act) else None
    if not isinstance(action, Send):
        return None
    intent = action.intent
    if intent.rps_series is None or intent.connection_id is None:
        return None
    return Wanting(
        connection_id=intent.connection_id,
        series=intent.rps_series,
        bill_id=intent.bill_id,
        part=intent.part,
        revision=intent.revision,
        anew=action.number_refused,
    )

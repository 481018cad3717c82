"""Holds a first nota that somebody else seems to have issued already (design D5)."""

from collections.abc import Sequence

from msgspec.structs import replace

from services.emitter.planning.plan_parts import follow_instead, whole_of
from services.emitter.work import Plan, Send, happened, settle
from shared.db.closing import foreign_notas_store
from shared.db.closing.foreign_notas_store import Alike, Candidate
from shared.db.connection import Pool
from shared.domain.ids import TenantId
from shared.domain.money import show_reais
from shared.domain.sale import SaleStatus

CODE = "possible_duplicate"


async def hold_duplicates(pool: Pool, tenant: TenantId, plans: Sequence[Plan]) -> list[Plan]:
    """Look in the mirror for every nota about to be sent for the first time."""
    candidates = [found for plan in plans for found in _candidates(plan)]
    if not candidates:
        return list(plans)
    async with pool.acquire() as conn:
        alike = await foreign_notas_store.find_alike(conn, tenant, candidates)
    return [
        _held(plan, alike[plan.entry.bill_id]) if plan.entry.bill_id in alike else plan
        for plan in plans
    ]


def _candidates(plan: Plan) -> list[Candidate]:
    if not isinstance(plan.action, Send) or not plan.action.first or plan.sale is None:
        return []
    intent = plan.action.intent
    # A nota without a document, or after a cancelled one, is no copy of anything.
    if plan.sale.document_word is None or intent.revision > 1:
        return []
    one = Candidate(
        bill_id=intent.bill_id,
        environment=intent.environment,
        document_word=plan.sale.document_word,
        amount=intent.amount,
        competencia=intent.competencia,
        moment_at=plan.sale.moment_at,
    )
    # Whoever does not divide bills has one nota of the whole.
    return [one, replace(one, amount=whole_of(plan.parts))] if plan.parts else [one]


def _held(plan: Plan, other: Alike) -> Plan:
    if plan.sale is None or not isinstance(plan.action, Send):
        raise ValueError("a nota is sent with its sale")
    if (instead := follow_instead(plan)) is not None:
        return instead
    name = f"nota {other.number}" if other.number else "nota em emissão"
    theirs = show_reais(other.amount).replace(".", ",")
    ours = show_reais(plan.action.intent.amount).replace(".", ",")
    detail = (
        f"no emissor: {name}, competência {other.competencia:%d/%m/%Y}, R$ {theirs}; aqui: fatura"
        f" {plan.entry.bill_id}, competência {plan.sale.competencia:%d/%m/%Y}, R$ {ours}"
    )
    sale = replace(plan.sale, status=SaleStatus.HELD, code=CODE, detail=detail, wish_done=None)
    told = happened(plan.entry, SaleStatus.HELD.value, f"{CODE}: {detail}")
    return Plan(
        entry=plan.entry,
        read=plan.read,
        sale=sale,
        happenings=(told,),
        settlement=settle(plan.entry, due_at=None, bill_read=True),
    )

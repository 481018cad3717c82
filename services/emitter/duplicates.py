"""Holds a first nota that somebody else seems to have issued already (design D5)."""

from collections.abc import Sequence
from dataclasses import replace

from services.emitter.work import Plan, Send, happened, settle
from shared.db import foreign_notas_store
from shared.db.connection import Pool
from shared.db.foreign_notas_store import Alike, Candidate
from shared.domain.ids import TenantId
from shared.domain.money import show_reais
from shared.domain.sale import SaleStatus

CODE = "possible_duplicate"


async def hold_duplicates(pool: Pool, tenant: TenantId, plans: Sequence[Plan]) -> list[Plan]:
    """Look in the mirror for every nota about to be sent for the first time."""
    candidates = [found for plan in plans if (found := _candidate(plan)) is not None]
    if not candidates:
        return list(plans)
    async with pool.acquire() as conn:
        alike = await foreign_notas_store.find_alike(conn, tenant, candidates)
    return [
        _held(plan, alike[plan.entry.bill_id]) if plan.entry.bill_id in alike else plan
        for plan in plans
    ]


def _candidate(plan: Plan) -> Candidate | None:
    if not isinstance(plan.action, Send) or not plan.action.first or plan.sale is None:
        return None
    intent = plan.action.intent
    # A nota without a document, or after a cancelled one, is no copy of anything.
    if plan.sale.document_word is None or intent.revision > 1:
        return None
    return Candidate(
        bill_id=intent.bill_id,
        environment=intent.environment,
        document_word=plan.sale.document_word,
        amount=intent.amount,
        competencia=intent.competencia,
        moment_at=plan.sale.moment_at,
    )


def _held(plan: Plan, other: Alike) -> Plan:
    if plan.sale is None:
        raise ValueError("a nota is sent with its sale")
    name = f"nota {other.number}" if other.number else "nota em emissão"
    amount = show_reais(plan.sale.amount).replace(".", ",")
    detail = (
        f"no emissor: {name}, competência {other.competencia:%d/%m/%Y}, R$ {amount}; aqui: fatura"
        f" {plan.entry.bill_id}, competência {plan.sale.competencia:%d/%m/%Y}, R$ {amount}"
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

"""Holds a first nota that somebody else seems to have issued already (design D5)."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from services.emitter.planning.stopped import Held, stopped
from services.emitter.work import Act, Plan, Send
from shared.db.closing import foreign_notas_store
from shared.db.closing.foreign_notas_store import Alike, Candidate
from shared.db.connection import Pool
from shared.db.sales.intents_store import Intent
from shared.db.sales.sales_store import SaleRow
from shared.domain.ids import TenantId
from shared.domain.money import show_reais

CODE = "possible_duplicate"
LOOK_AGAIN: Final = timedelta(minutes=2)  # most doubts are settled by then
# What a customer's document may be listed as: a word for every key, while keys change.
WordsOf = Callable[[SaleRow], Sequence[bytes]]


async def hold_duplicates(
    pool: Pool, tenant: TenantId, plans: Sequence[Plan], words: WordsOf, now: datetime
) -> list[Plan]:
    """Look in the mirror for every nota about to be sent for the first time.

    Where the other may be one of ours in doubt, in a list that leaves our ids out, it is looked for
    once more: what the issuer says when asked about the doubt tells whose it is, and nothing else
    does. A stranger's may have the same customer, amount and day, and be made after ours was sent.
    """
    acts = [plan for plan in plans if isinstance(plan, Act) and plan.issues]
    if not acts:
        return list(plans)
    async with pool.acquire() as conn:
        if not await foreign_notas_store.has_any(conn, tenant):
            return list(plans)
        candidates = [one for act in acts for one in _candidates(act, words)]
        alike = await foreign_notas_store.find_alike(conn, tenant, candidates)
    return [_unless(plan, alike.get(plan.entry.bill_id), now) for plan in plans]


def _candidates(act: Act, words: WordsOf) -> list[Candidate]:
    if not isinstance(act.action, Send) or not act.action.first or act.sale is None:
        return []
    intent = act.action.intent
    # A nota without a document, or after a cancelled one, is no copy of anything. A test before
    # it says nothing of what others issued.
    if act.sale.document_word is None or (intent.revision > 1 and act.action.after_real):
        return []
    one = Candidate(
        bill_id=intent.bill_id,
        environment=intent.environment,
        document_word=act.sale.document_word,
        amount=intent.amount,
        competencia=intent.competencia,
        moment_at=act.sale.moment_at,
    )
    # Whoever does not divide bills has one nota of the whole; whoever shows no discounts, or shows
    # them where we do not, has another total.
    amounts = dict.fromkeys((intent.amount, intent.total or intent.amount, act.notas.amount))
    return [
        replace(one, amount=amount, document_word=word)
        for amount in amounts
        for word in words(act.sale)
    ]


def _unless(plan: Plan, other: Alike | None, now: datetime) -> Plan:
    if other is None or not isinstance(plan, Act):
        return plan
    if plan.sale is None or not isinstance(plan.action, Send):
        return plan
    again = now + LOOK_AGAIN if other.may_be_ours else None
    detail = _detail(plan.sale, plan.action.intent, other)
    return stopped(plan, Held(code=CODE, detail=detail, look_at=again))


def _detail(sale: SaleRow, intent: Intent, other: Alike) -> str:
    name = f"nota {other.number}" if other.number else "nota em emissão"
    theirs = show_reais(other.amount).replace(".", ",")
    ours = show_reais(intent.amount).replace(".", ",")
    return (
        f"no emissor: {name}, competência {other.competencia:%d/%m/%Y}, R$ {theirs}; aqui: fatura"
        f" {intent.bill_id}, competência {sale.competencia:%d/%m/%Y}, R$ {ours}"
    )

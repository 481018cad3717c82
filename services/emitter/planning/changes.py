"""What changed in a sale that was not sent yet, as its timeline tells it. Pure."""

from typing import Final

from msgspec.structs import replace

from services.emitter.planning.rows import Terms
from services.emitter.work import FreshSale, Plan, happened
from shared.db.sales.sales_store import KnownSale, SaleRow
from shared.domain.sale import SaleStatus
from shared.domain.spoken import changed, day, moment, reais

CHANGED: Final = "changed"
_DECIDED: Final = frozenset(
    {SaleStatus.WAITING_PAYMENT, SaleStatus.IN_GUARANTEE, SaleStatus.QUEUED, SaleStatus.HELD}
)


def tell_changes(plan: Plan, fresh: FreshSale, terms: Terms) -> Plan:
    """Add the line of a date, a rule's version, an amount or a competência that is another now."""
    known = fresh.known.sale
    unsent = not fresh.known.notas.shares and known is not None and known.status in _DECIDED
    if plan.sale is None or known is None or not unsent:
        return plan
    found = _changes(known, plan.sale, terms)
    if not found:
        return plan
    why = "; ".join([*found, *_causes(fresh, known, plan.sale)])
    return replace(plan, happenings=(happened(fresh.entry, CHANGED, why), *plan.happenings))


def _changes(known: KnownSale, row: SaleRow, terms: Terms) -> list[str]:
    """Old and new of each; what is not decided now stays as it is stored."""
    found = []
    if known.rule_version and row.rule_version and known.rule_version != row.rule_version:
        found.append(changed("regra", f"v{known.rule_version}", f"v{row.rule_version}"))
    if known.issue_at and row.issue_at and known.issue_at != row.issue_at:
        old, new = (moment(at, terms.zone) for at in (known.issue_at, row.issue_at))
        found.append(changed("data de emissão", old, new))
    if known.competencia and row.competencia and known.competencia != row.competencia:
        found.append(changed("competência", day(known.competencia), day(row.competencia)))
    if known.amount and known.amount != row.amount:  # nothing: it could not be read
        found.append(changed("valor", reais(known.amount), reais(row.amount)))
    return found


def _causes(fresh: FreshSale, known: KnownSale, row: SaleRow) -> list[str]:
    causes = []
    if known.rule_version and row.rule_version and known.rule_version != row.rule_version:
        causes.append("por uma regra nova")
    if known.wish == "issue":
        causes.append("a pedido de uma pessoa")
    if known.amount and known.amount != row.amount and known.amount_choice is None:
        causes.append("porque a fatura mudou na Vindi")
    if not causes and fresh.entry.bill_changed:
        causes.append("porque a fatura mudou na Vindi")
    return causes

"""What changed in a sale that was not sent yet, as its timeline tells it. Pure."""

from typing import Final

from msgspec.structs import replace

from services.emitter.planning.rows import Terms
from services.emitter.work import FreshSale, Plan, happened
from shared.db.outbox.outbox_store import Entry
from shared.db.sales.sales_store import KnownSale, SaleRow
from shared.db.sales.timeline_store import Happening
from shared.domain.sale import SaleStatus
from shared.domain.spoken import changed, day, moment, passed, reais

CHANGED: Final = "changed"
_DECIDED: Final = frozenset(
    {SaleStatus.WAITING_PAYMENT, SaleStatus.IN_GUARANTEE, SaleStatus.QUEUED, SaleStatus.HELD}
)


_LEFT_OUT: Final = "before_activation"
BY_RULE: Final = "por uma regra nova"
BY_PERSON: Final = "a pedido de uma pessoa"
BY_BILL: Final = "porque a fatura mudou na Vindi"


def tell_changes(plan: Plan, fresh: FreshSale, terms: Terms) -> Plan:
    """Add the line of what is another now: date, version, amount, competência, customer, side."""
    known = fresh.known.sale
    if plan.sale is None or known is None:
        return plan
    decided = known.status in _DECIDED or _came_in(known, plan.sale)
    if fresh.known.notas.shares or not decided:
        said = told_passed(fresh.entry, known, plan.sale)
        return replace(plan, happenings=(*said, *plan.happenings)) if said else plan
    found = _changes(known, plan.sale, terms)
    if not found:
        return plan
    why = "; ".join([*found, *_causes(fresh, known, plan.sale)])
    return replace(plan, happenings=(happened(fresh.entry, CHANGED, why), *plan.happenings))


def _changes(known: KnownSale, row: SaleRow, terms: Terms) -> list[str]:
    """Old and new of each; what is not decided now stays as it is stored."""
    found = []
    if _came_in(known, row):
        found.append(changed("venda", "de antes da ativação", "a emitir"))
    if _has_new_rule(known, row):
        found.append(changed("regra", f"v{known.rule_version}", f"v{row.rule_version}"))
    if known.issue_at and row.issue_at and known.issue_at != row.issue_at:
        old, new = (moment(at, terms.zone) for at in (known.issue_at, row.issue_at))
        found.append(changed("data de emissão", old, new))
    if known.competencia and row.competencia and known.competencia != row.competencia:
        found.append(changed("competência", day(known.competencia), day(row.competencia)))
    if known.amount and known.amount != row.amount:  # nothing: it could not be read
        found.append(changed("valor", reais(known.amount), reais(row.amount)))
    return [*found, *_passed(known, row)]


def told_passed(entry: Entry, known: KnownSale | None, row: SaleRow) -> tuple[Happening, ...]:
    """The line of a sale that passed to another customer, in whatever state it is.

    An erasure finds by it where somebody was the customer once.
    """
    found = _passed(known, row) if known else []
    return tuple(happened(entry, CHANGED, f"{one}; {BY_BILL}") for one in found)


def _passed(known: KnownSale, row: SaleRow) -> list[str]:
    # By number: a name would have to be found in every line again once it is erased.
    old, new = known.customer_id, row.customer_id
    return [passed(old, new)] if old is not None and new is not None and old != new else []


def _came_in(known: KnownSale, row: SaleRow) -> bool:
    """Whether one left out as of before the activation is not any more, nobody having asked.

    Who asks for it, or takes it by a backfill, has a line of its own.
    """
    asked = known.wish == "issue" or known.backfill is not None
    return known.code == _LEFT_OUT and not asked and row.status is not SaleStatus.SKIPPED


def _has_new_rule(known: KnownSale, row: SaleRow) -> bool:
    versions = known.rule_version, row.rule_version
    return None not in versions and versions[0] != versions[1]


def _causes(fresh: FreshSale, known: KnownSale, row: SaleRow) -> list[str]:
    """Why, each cause once: what is known to have caused something before what only may have."""
    causes = [BY_RULE] if _has_new_rule(known, row) else []
    if known.wish == "issue":
        causes.append(BY_PERSON)
    if known.amount and known.amount != row.amount:
        causes.append(BY_BILL if known.amount_choice is None else "por escolha de uma pessoa")
    if _passed(known, row):
        causes.append(BY_BILL)
    return list(dict.fromkeys(causes)) or _other_causes(fresh, known, row)


def _other_causes(fresh: FreshSale, known: KnownSale, row: SaleRow) -> list[str]:
    if known.backfill is not None:
        return ["por uma importação de vendas passadas"]
    if known.competencia and row.competencia and known.competencia != row.competencia:
        return ["porque terminou o prazo do mês anterior"]  # nothing else moves what is fixed
    before = fresh.known.bill
    if fresh.entry.bill_changed or before is None or before.updated_at != fresh.bill.updated_at:
        return [BY_BILL]
    if _came_in(known, row):
        return ["porque a ativação mudou"]
    if known.status is row.status is SaleStatus.IN_GUARANTEE:
        return ["porque o fuso horário da empresa mudou"]  # its days begin at another instant
    return []

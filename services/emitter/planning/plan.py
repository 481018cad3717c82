"""From a decision to the rows it becomes, and to what is asked of the issuer. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, assert_never

from msgspec.structs import replace

from services.emitter.drafts import draft_to_json
from services.emitter.planning.changes import tell_changes
from services.emitter.planning.elsewhere import replace_first
from services.emitter.planning.follow import ask_about, look_after, open_news, others_due
from services.emitter.planning.looks import awaits_pdf, next_look
from services.emitter.planning.rows import Terms, attention_line, rest, sale_row, same_state
from services.emitter.work import Act, Ask, FreshSale, Plan, Rest, Send, Step, happened
from shared.crypto import columns
from shared.db.sales.intents_store import Intent
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.sales.sale_notas import SaleNotas
from shared.db.sales.sales_store import SaleRow
from shared.db.sales.timeline_store import Happening
from shared.domain.attention import (
    MISSING,
    SECOND_NOTA,
    SUBSTITUTION_DENIED,
    SUBSTITUTION_ELSEWHERE,
    SUBSTITUTION_UNTAKEN,
    SUBSTITUTION_WAITS,
)
from shared.domain.decision import (
    Cancel,
    Decision,
    Follow,
    Hold,
    Issue,
    Keep,
    NeedsCustomer,
    NotYet,
    Skip,
    Wait,
)
from shared.domain.denials import RESEND_GIVEN_UP
from shared.domain.draft import is_told_whole
from shared.domain.external_id import external_id
from shared.domain.fields.arithmetic import arithmetic
from shared.domain.fields.words import WORDS, untaken_of
from shared.domain.fiscal import fiscal_facts
from shared.domain.money import Cents
from shared.domain.nota import IN_FLIGHT, IssuerEnvironment, NotaDraft, NotaStatus
from shared.domain.part_states import code_of, stated, together, unwanted
from shared.domain.parts import WHOLE, Share
from shared.domain.refusals import NUMBERING
from shared.domain.sale import SaleStatus
from shared.domain.statement import CANCEL_STATED, STATED_BY_PERSON
from shared.domain.story import detail_told
from shared.domain.text.told import Drawn, told_of

ASK_BLOCKED: Final = timedelta(hours=1)
# What was said of a nota and is not worked out afresh from its bill.
_STAYS = frozenset(
    {
        RESEND_GIVEN_UP,
        STATED_BY_PERSON,
        CANCEL_STATED,
        MISSING,
        SECOND_NOTA,
        SUBSTITUTION_DENIED,
    }
)


def plan_sale(fresh: FreshSale, decision: Decision, terms: Terms, now: datetime) -> Plan:
    """Say what is written for one sale, and what is asked of the issuer next."""
    plan = look_after(_plan(fresh, decision, terms, now), fresh.known.notas, now)
    return tell_changes(plan, fresh, terms)


def _plan(fresh: FreshSale, decision: Decision, terms: Terms, now: datetime) -> Plan:
    match decision:
        case NotYet():
            return rest(fresh, None)
        case NeedsCustomer():
            raise ValueError("the customer is read before a sale is planned")
        case Wait():
            return _wait(fresh, decision, terms)
        case Hold():
            return _hold(fresh, decision, terms, now)
        case Skip():
            return _skip(fresh, decision, terms)
        case Issue():
            return _issue(fresh, decision, terms, now)
        case Follow():
            return _follow(fresh, decision, terms, now)
        case Cancel() if (trouble := terms.trouble_with(fresh.known.notas.asked_for)) is not None:
            return _keep(fresh, Keep(attention=trouble), terms, now)
        case Cancel():
            return _cancel(fresh, decision, terms, now)
        case Keep():
            return _keep(fresh, decision, terms, now)
        case _:
            assert_never(decision)


def _wait(fresh: FreshSale, decision: Wait, terms: Terms) -> Rest:
    row = sale_row(
        fresh,
        terms,
        SaleStatus(decision.status),
        detail="; ".join(word for word in (decision.why, _lacks(decision)) if word),
        attention=decision.attention,
        issue_at=decision.until,
        competencia=decision.competencia,
    )
    end = decision.put_off or decision.until
    dues = [at for at in (end, decision.ask_again) if at is not None]
    return rest(fresh, row, min(dues, default=None))


def _lacks(decision: Wait) -> str:
    return detail_told(decision.attention, decision.lacks)


def _hold(fresh: FreshSale, decision: Hold, terms: Terms, now: datetime) -> Rest:
    row = sale_row(
        fresh,
        terms,
        SaleStatus.HELD,
        code=decision.code,
        detail=decision.detail,
        issue_at=decision.issue_at,
        competencia=decision.competencia,
    )
    return rest(fresh, row, others_due(fresh.known.notas, now))


def _skip(fresh: FreshSale, decision: Skip, terms: Terms) -> Plan:
    row = sale_row(
        fresh,
        terms,
        SaleStatus.SKIPPED,
        code=decision.code,
        detail=decision.detail,
        attention=decision.attention,
        issue_at=decision.issue_at,
        competencia=decision.competencia,
        # What a person cancelled stays cancelled: that wish is not used up.
        wish_done=decision.code != "canceled_by_person",
    )
    return _asked_once_more(fresh, rest(fresh, row))


def _asked_once_more(fresh: FreshSale, plan: Rest) -> Plan:
    """Before a nota is let go that was denied, or lost: it may be sent again, or late.

    What the sale says is written all the same, and decided again should the nota be valid.
    """
    notas = fresh.known.notas
    gone = [one.part for one in notas.asked_for if one.status is NotaStatus.DENIED or one.was_lost]
    if not gone or _is_skipped(fresh):
        return plan
    return Act(
        entry=plan.entry,
        read=plan.read,
        sale=plan.sale,
        notas=notas,
        happenings=plan.happenings,
        action=Ask(steps=tuple(Step(part=part) for part in gone)),
    )


def _issue(fresh: FreshSale, decision: Issue, terms: Terms, now: datetime) -> Plan:
    trouble = terms.issuer_trouble or (None if terms.environment else "issuer_not_connected")
    if decision.substitutes and trouble is not None:
        return _keep(fresh, Keep(attention=trouble), terms, now)
    if terms.issuer_trouble is not None or terms.environment is None:
        blocked = Hold(
            code=terms.issuer_trouble or "issuer_not_connected",
            issue_at=decision.issue_at,
            competencia=decision.competencia,
        )
        return _hold(fresh, blocked, terms, now)
    untaken = _untaken(decision, terms)
    if untaken is not None:
        return _hold(fresh, untaken, terms, now)
    before, known = fresh.known.notas, fresh.known.sale
    notas = replace(before, shares=_shares(decision, before))
    last = before.newest.get(decision.part)
    again = last is not None and last.revision == decision.revision
    if again and last is not None and terms.is_elsewhere(last):
        return replace_first(fresh, last, terms)
    if decision.substitutes and not terms.issuer_substitutes:
        return _keep(fresh, Keep(attention=SUBSTITUTION_UNTAKEN), terms, now)
    if decision.substitutes:
        if last is None or terms.is_elsewhere(last):
            return _keep(fresh, Keep(attention=SUBSTITUTION_ELSEWHERE), terms, now)
        draft = replace(decision.draft, substitutes=last.external_id)
        decision = replace(decision, draft=draft)
    row = sale_row(
        fresh,
        terms,
        SaleStatus.ISSUING,
        amount=notas.amount,
        attention=decision.attention or stated(notas.parts(now)),
        issue_at=decision.issue_at,
        competencia=decision.competencia,
    )
    return Act(
        entry=fresh.entry,
        read=fresh.read(),
        sale=row,
        notas=notas,
        happenings=(
            *_fitted(fresh, decision, terms, notas.shares, now),
            _requested(fresh, decision, terms, len(notas.shares)),
        ),
        action=Send(
            intent=_intent(fresh, decision, terms, terms.environment, last, again=again),
            draft=decision.draft,
            first=not again,
            number_refused=again and last is not None and last.denial == NUMBERING,
            queued_anew=known is None
            or (known.status is not SaleStatus.QUEUED and known.attention != SUBSTITUTION_WAITS),
            division=decision.division,
            adopts=fresh.known.listed,
            follows=ask_about(before, now).steps if before.under_way else (),
            news=open_news(before, now),
            known=known,
            after_real=any(one.environment == terms.environment for one in before.asked_for),
        ),
    )


def _untaken(decision: Issue, terms: Terms) -> Hold | None:
    """The hold of a nota that says what its issuer has no field for."""
    if terms.issuer_takes >= WORDS:  # as nearly all do: nothing to look for in each nota
        return None
    lacks = untaken_of(decision.draft, terms.issuer_takes)
    if not lacks:
        return None
    return Hold(
        code="issuer_lacks_field",
        detail=", ".join(lacks),
        issue_at=decision.issue_at,
        competencia=decision.competencia,
    )


def _shares(decision: Issue, before: SaleNotas) -> tuple[Share, ...]:
    if decision.part == WHOLE:
        return (Share(part=WHOLE, amount=decision.draft.amount),)
    return before.shares if decision.division is None else decision.division


def _requested(fresh: FreshSale, decision: Issue, terms: Terms, notas: int) -> Happening:
    which = f"nota {decision.part} de {notas}; " if decision.part else ""
    which += f"{decision.because}; " if decision.because else ""
    why = f"{which}regra v{terms.rule_version}; competência {_told(decision.competencia)}"
    if reckoned := arithmetic(decision.draft):
        why += f"; {reckoned}"
    return happened(fresh.entry, "nota_requested", why)


@lru_cache(maxsize=64)  # a batch has a few days
def _told(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _fitted(
    fresh: FreshSale, decision: Issue, terms: Terms, shares: Sequence[Share], now: datetime
) -> tuple[Happening, ...]:
    """The line of what could not go onto the nota as it was."""
    if terms.form is None or terms.rule is None:
        return ()
    drawn = None
    if not is_told_whole(terms.rule.description, fresh.bill, fresh.customer):
        share = next((one for one in shares if one.part == decision.part != WHOLE), None)
        drawn = Drawn(sale=fresh.facts(now), rule=terms.rule, zone=terms.zone, share=share)
    told = told_of(decision.draft, fresh.customer, drawn, terms.form)
    return (happened(fresh.entry, "text_fitted", "; ".join(told)),) if told else ()


def _intent(
    fresh: FreshSale,
    decision: Issue,
    terms: Terms,
    environment: IssuerEnvironment,
    last: KnownNota | None,
    *,
    again: bool,
) -> Intent:
    key = external_id(
        tenant=terms.tenant,
        environment=environment,
        bill=fresh.bill.id,
        revision=decision.revision,
        part=decision.part,
    )
    if again and last is not None:
        key = last.external_id  # a denied nota is sent again under the id it was born with
    request = draft_to_json(decision.draft)
    facts = fiscal_facts(decision.draft)
    return Intent(
        bill_id=fresh.bill.id,
        part=decision.part,
        revision=decision.revision,
        external_id=key,
        environment=environment,
        amount=decision.draft.amount,
        total=_total(decision.draft),
        competencia=decision.draft.competencia,
        request=terms.seal(
            columns.REQUEST, request, fresh.bill.id, decision.part, decision.revision
        ),
        connection_id=terms.connection_id,
        fiscal_class=facts.fiscal_class,
        discount=facts.discount,
        conditional_discount=facts.conditional_discount,
        deductions=facts.deductions,
        iss=facts.iss,
        pis_withheld=facts.pis,
        cofins_withheld=facts.cofins,
        csll_withheld=facts.csll,
        inss_withheld=facts.inss,
        irrf_withheld=facts.irrf,
        round=decision.round,
        rps_series=decision.draft.rps_series if decision.draft.numbered else None,
        substitutes=last.revision if decision.substitutes and last is not None else None,
    )


def _total(draft: NotaDraft) -> Cents | None:
    return draft.total if draft.total != draft.amount else None


def _follow(fresh: FreshSale, decision: Follow, terms: Terms, now: datetime) -> Act:
    """Follow what is under way; what is no longer wanted is remembered to be cancelled."""
    kept = [one for one in fresh.known.notas.asked_for if one.part in decision.wanted_again]
    unasked = _to_remember(fresh.known.notas, decision.then_cancel)
    notas = fresh.known.notas.once(
        replace(one, then_cancel=decision.then_cancel) for one in (*kept, *unasked)
    )
    parts = notas.parts(now)
    status = together(parts)
    row = sale_row(
        fresh,
        terms,
        status,
        amount=notas.amount,
        code=code_of(status, parts),
        attention=decision.attention or decision.then_cancel or stated(parts),
    )
    told = []
    if kept:
        told.append(happened(fresh.entry, "cancel_given_up"))
    if unasked:
        told.append(happened(fresh.entry, "cancel_remembered", decision.then_cancel or ""))
    return Act(
        entry=fresh.entry,
        read=fresh.read(),
        sale=row,
        notas=fresh.known.notas,
        updates=(
            *(same_state(one, wanted_again=True) for one in kept),
            *(same_state(one, then_cancel=decision.then_cancel) for one in unasked),
        ),
        happenings=tuple(told),
        action=ask_about(notas, now),
    )


def _to_remember(notas: SaleNotas, code: str | None) -> list[KnownNota]:
    if code is None:
        return []
    return [one for one in notas.under_way if one.status in IN_FLIGHT and one.then_cancel is None]


def _cancel(fresh: FreshSale, decision: Cancel, terms: Terms, now: datetime) -> Act:
    """Cancel every nota that is valid, in one pass; one still under way is cancelled later."""
    before, sale = fresh.known.notas, fresh.known.sale
    alone = decision.parts
    later = _to_remember(before, decision.code) if alone is None else []
    moving = any(one.status in IN_FLIGHT for one in before.asked_for)
    again = sale is not None and sale.wish == "cancel" and not moving
    wanted = [
        one
        for one in before.asked_for
        if (alone is None or one.part in alone)
        and _may_be_cancelled(one, again=again or one.cancel_is_due(now))
    ]
    notas = before.once(replace(one, then_cancel=decision.code) for one in later).once(
        replace(one, status=NotaStatus.CANCELLING, then_cancel=decision.code) for one in wanted
    )
    parts = notas.parts(now)
    status = together(parts)
    row = sale_row(
        fresh,
        terms,
        status,
        amount=notas.amount,
        code=decision.code if alone is None else code_of(status, parts),
        attention=decision.attention,
        # Until then it is what has the last of them cancelled.
        wish_done=alone is None and not moving,
    )
    asked = {one.part for one in wanted}
    follows = [Step(part=one.part) for one in notas.under_way if one.part not in asked]
    return Act(
        entry=fresh.entry,
        read=fresh.read(),
        sale=row,
        notas=before,
        updates=(
            *(same_state(one, then_cancel=decision.code) for one in later),
            *(_cancelling(one, decision) for one in wanted),
        ),
        happenings=(
            happened(fresh.entry, "cancel_requested", _which(decision, before)),
            *attention_line(fresh, row),
        ),
        action=Ask(steps=(*(Step(part=part, cancel=True) for part in sorted(asked)), *follows)),
    )


def _which(decision: Cancel, notas: SaleNotas) -> str:
    """Why notas are cancelled, and which, where not all of them are."""
    if decision.parts is None:
        return decision.code
    numbers = " e ".join(str(part) for part in decision.parts)
    return f"nota {numbers} de {len(notas.shares)}: {decision.code}"


def _may_be_cancelled(nota: KnownNota, *, again: bool) -> bool:
    refused = nota.status is NotaStatus.CANCEL_REFUSED
    return nota.status is NotaStatus.ISSUED or (refused and again)


def _cancelling(nota: KnownNota, decision: Cancel) -> NotaUpdate:
    return same_state(
        nota, status=NotaStatus.CANCELLING, then_cancel=decision.code, cancel_sent=True
    )


def _keep(fresh: FreshSale, decision: Keep, terms: Terms, now: datetime) -> Plan:
    """Leave every nota as it is; what was not sent by now will not be."""
    notas = fresh.known.notas
    parts = [one for one in notas.parts(now) if one.status is not None]
    status = together(parts)
    code = code_of(status, parts)
    told = code if status is SaleStatus.DENIED else stated(parts)
    if status is SaleStatus.CANCELLED and _is_skipped(fresh):  # for what never arrived
        status = SaleStatus.SKIPPED
    row = sale_row(
        fresh,
        terms,
        status,
        amount=notas.amount,
        code=code,
        attention=decision.attention or _still_told(fresh, status) or told,
    )
    if notas.under_way:  # and kept all the same: the issuer cannot be asked before a person acts
        return rest(fresh, row, now + ASK_BLOCKED)
    refused = [one for one in notas.asked_for if one.status is NotaStatus.CANCEL_REFUSED]
    looks = _next_of(refused if unwanted(parts) else notas.asked_for, now)
    return _asked_for_pdfs(fresh, row, now) or rest(fresh, row, looks)


def _is_skipped(fresh: FreshSale) -> bool:
    sale = fresh.known.sale
    return sale is not None and sale.status is SaleStatus.SKIPPED


def _asked_for_pdfs(fresh: FreshSale, row: SaleRow, now: datetime) -> Act | None:
    """Ask about valid notas whose PDF is still being made, where all else is as it was."""
    sale, notas = fresh.known.sale, fresh.known.notas
    steps = tuple(Step(part=one.part) for one in notas.asked_for if awaits_pdf(one, now))
    told = row.attention or (sale is not None and sale.attention)
    if not steps or sale is None or sale.status is not row.status or told:
        return None
    if fresh.entry.bill_changed:  # that is written first; the look is due by itself
        return None
    return Act(entry=fresh.entry, notas=notas, action=Ask(steps=steps))


def _still_told(fresh: FreshSale, status: SaleStatus) -> str | None:
    sale = fresh.known.sale
    known = sale.attention if sale is not None and sale.status is status else None
    return known if known in _STAYS else None


def _next_of(notas: Sequence[KnownNota], now: datetime) -> datetime | None:
    looks = [next_look(one, now) for one in notas]
    return min((look for look in looks if look is not None and look > now), default=None)

"""Looking after notas that are under way. Pure."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from services.emitter.planning.looks import (
    asks_why,
    just_looked_at,
    news_look,
    next_look,
    sooner,
)
from services.emitter.planning.waits import stand_back
from services.emitter.work import Act, Ask, Known, OpenNews, Plan, Rest, Step, settle
from shared.db.outbox.outbox_store import Entry
from shared.db.sales.sale_notas import SaleNotas
from shared.db.vindi.bills_store import ReadBill
from shared.domain.nota import NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED, unwanted

_ON_ITS_WAY: Final = frozenset({NotaStatus.PENDING, NotaStatus.ISSUED})


def follow(entry: Entry, notas: SaleNotas, now: datetime, *, read: ReadBill | None = None) -> Act:
    """Ask about every nota of a sale that is under way; nothing else of the sale changes."""
    return Act(entry=entry, read=read, notas=notas, action=ask_about(notas, now))


def is_of_nothing(entry: Entry, known: Known) -> bool:
    """Say whether all there is of a sale is news of the issuer, of a nota that nobody asked for.

    What is asked for is written before. Who makes such news up costs no read at Vindi.
    """
    named = entry.bill_facts > 0 or entry.origin != "webhook"
    return not named and known.sale is None and known.bill is None and not known.notas.asked_for


def let_go(entry: Entry) -> Rest:
    """Leave a sale as it is: nothing, until somebody tells of its bill."""
    return Rest(entry=entry, settlement=settle(entry, due_at=None, nota_read=True))


def asks_first(entry: Entry, notas: SaleNotas) -> bool:
    """Say whether the issuer is asked before anything is decided: it had news of a nota.

    What is new about the bill is decided on what the issuer says now; but nothing is asked for
    again of what is under way before it.
    """
    rests = any(one.status not in FOLLOWED for one in notas.asked_for)
    return entry.nota_changed and (rests or bool(notas.under_way and not entry.bill_changed))


def ask_about_all(entry: Entry, notas: SaleNotas) -> Act:
    """Ask about every nota of a sale, whatever state it is in: the issuer had news of one."""
    steps = tuple(Step(part=one.part) for one in notas.asked_for)
    return Act(entry=entry, notas=notas, action=Ask(steps=steps))


def ask_about(notas: SaleNotas, now: datetime) -> Ask:
    """Where each nota is that is under way, or of which there was news that nothing explained."""
    asked = [one for one in notas.asked_for if one.status in FOLLOWED or asks_why(one, now)]
    return Ask(steps=tuple(Step(part=one.part) for one in asked))


def open_news(notas: SaleNotas, now: datetime) -> OpenNews | None:
    """The notas at rest of which there was news that a look may explain yet; None without any."""
    open_ = [one for one in notas.asked_for if asks_why(one, now)]
    if not open_:
        return None
    asked = [one for one in open_ if not just_looked_at(one, now)]
    return OpenNews(
        parts=tuple(one.part for one in asked),
        look_at=sooner(*(news_look(one, now) for one in open_)),
        only_valid=all(one.status is NotaStatus.ISSUED for one in asked),
    )


def look_after(plan: Plan, notas: SaleNotas, now: datetime) -> Plan:
    """Follow what is under way of a sale where a plan would leave it to itself.

    What the plan says of the sale is decided again once nothing is under way. Where the issuer had
    news it is asked whenever the plan would look again: at once where the bill was read, and now
    where it could not be, but then nothing is asked for again.
    """
    if isinstance(plan, Act):
        return plan
    if not notas.under_way:
        return ask_why(plan, notas, open_news(notas, now))
    if plan.settlement.due_at is None:
        act = follow(plan.entry, notas, now, read=plan.read)
        if plan.settlement.bill_facts_read >= plan.entry.bill_facts:
            return act
        # Vindi told nothing of the bill, and tells no more after each answer about its notas.
        return replace(act, action=replace(ask_about(notas, now), rests=plan.settlement))
    if not plan.entry.nota_changed:
        return _follow_too(plan, notas, now)
    if plan.settlement.bill_facts_read < plan.entry.bill_facts:
        steps = tuple(replace(one, only_looks=True) for one in ask_about(notas, now).steps)
        return Act(entry=plan.entry, read=plan.read, notas=notas, action=Ask(steps=steps))
    done = replace(plan.settlement, due_at=plan.entry.due_at)
    return replace(plan, settlement=done)


def _follow_too(plan: Rest, notas: SaleNotas, now: datetime) -> Plan:
    """Ask about what is under way of a sale that waits for something else, which is said already.

    It was due for that: else it would be put off to the next look each time.
    """
    done = plan.settlement
    if plan.sale is None or plan.happenings or plan.entry.bill_changed or done.failed:
        return plan
    # When it is looked at next the answers say, and where nobody may be asked, in an hour.
    asked = replace(ask_about(notas, now), rests=replace(done, due_at=None))
    return Act(entry=plan.entry, read=plan.read, sale=plan.sale, notas=notas, action=asked)


def ask_why(plan: Rest, notas: SaleNotas, news: OpenNews | None) -> Plan:
    """Ask about notas at rest of which there was news that nothing explained yet.

    What is new of their sale is written before that, and what failed is tried again before.
    """
    done = plan.settlement
    if news is None or done.failed:
        return plan
    if plan.happenings or plan.entry.bill_changed or not news.parts:
        return replace(plan, settlement=replace(done, due_at=sooner(done.due_at, news.look_at)))
    return Act(
        entry=plan.entry,
        # Of what is valid nobody waits for an answer.
        read=None if news.only_valid else plan.read,
        sale=None if news.only_valid else plan.sale,
        notas=notas,
        action=Ask(steps=tuple(Step(part=part) for part in news.parts), rests=done),
    )


def is_routine(act: Act) -> bool:
    """Whether an act only asks how far notas are that the issuer has: no sale waits for the answer.

    One in doubt, unwanted or being cancelled is none: somebody waits for those.
    """
    if not isinstance(act.action, Ask) or act.read is not None or act.sale is not None:
        return False
    if act.updates or act.happenings:
        return False
    asked = [(step, act.notas.newest[step.part]) for step in act.action.steps]
    return bool(asked) and all(
        not step.cancel
        and not step.to_replace
        and nota.status in _ON_ITS_WAY
        and nota.then_cancel is None
        for step, nota in asked
    )


def after_sales(act: Act, now: datetime) -> Rest | None:
    """Put a routine question off while sales wait for their turn at the same issuer.

    None where it is none, or has stood back for long enough.
    """
    if not is_routine(act):
        return None
    steps = act.action.steps if isinstance(act.action, Ask) else ()
    sent = [act.notas.newest[step.part].sent_at for step in steps]
    later = stand_back(min((one for one in sent if one is not None), default=None), now)
    return Rest(entry=act.entry, settlement=settle(act.entry, due_at=later)) if later else None


def only_followed(notas: SaleNotas, now: datetime) -> bool:
    """Say whether a sale has notas under way, and nothing that may be sent beside them."""
    if not notas.under_way:
        return False
    parts = notas.parts(now)
    doubt = any(one.status in DOUBT for one in parts)
    return doubt or unwanted(parts) or not any(one.owed for one in parts)


def others_due(notas: SaleNotas, now: datetime) -> datetime | None:
    """When what is under way needs a look, though the sale itself waits for a person."""
    looks = [next_look(one, now) for one in notas.under_way]
    return min((look for look in looks if look is not None), default=None)

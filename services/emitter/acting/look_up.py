"""Asks where a nota is; what is in doubt is looked up, and never repeated blindly."""

from datetime import timedelta
from functools import partial
from typing import Final

from msgspec.structs import replace

from services.emitter.acting.at_issuer import DECIDED_AGAIN, RETRY_PAUSED, AtIssuer
from services.emitter.acting.cancel import cancel
from services.emitter.acting.send import environment_of, numbered
from services.emitter.acting.write import write_answers
from services.emitter.counted import LOOK_UPS
from services.emitter.drafts import draft_from_json
from services.emitter.planning import answers, elsewhere
from services.emitter.planning.answers import Answer
from services.emitter.planning.looks import is_news, since
from services.emitter.planning.sale_after import Answered
from shared.db.sales import notas_store, sales_store
from shared.db.sales.notas_store import KnownNota
from shared.domain.moment import month_of
from shared.domain.nota import NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED
from shared.issuer.errors import IssuerBusy, IssuerNotLeft
from shared.issuer.interface import Issuer, Phase, Snapshot, Unknown

CANCEL_AGAIN_AFTER: Final = timedelta(minutes=2)  # still valid so long after the wish: ask anew


async def follow(
    at: AtIssuer, issuer: Issuer, nota: KnownNota, known: Answered, *, only_looks: bool
) -> Answer:
    """Ask where a nota is, whatever state it is in.

    What that shows may have something asked for again; with `only_looks` nothing is.
    """
    news = known.entry.nota_changed
    if nota.status in DOUBT:
        return await _look_up(at, issuer, nota, known, only_looks=only_looks)
    shown = None if nota.issuer_id is None else await issuer.get(nota.issuer_id)
    foreign = shown is not None and shown.external_id not in (None, nota.external_id)
    snapshot = await issuer.find(nota.external_id) if foreign or shown is None else shown
    at.breakers.request(ok=True)
    if snapshot is None and foreign and nota.status is NotaStatus.PENDING:
        # What we were told is ours bears another's id: whether ours arrived is open again.
        return answers.answer_lost(nota, "answered for another nota", at.now)
    if snapshot is None and nota.status not in FOLLOWED:
        return answers.missing(nota, at.now, news=news)
    if snapshot is None:
        return answers.not_shown(nota, at.now, news=news)
    never_asked = nota.cancel_sent_at is None
    asked_long_ago = never_asked or at.now - since(nota, at.now) >= CANCEL_AGAIN_AFTER
    if (
        nota.status is NotaStatus.CANCELLING
        and nota.then_cancel is not None  # else somebody else asked, and may have stopped
        and snapshot.phase is Phase.ISSUED
        and asked_long_ago
        and not only_looks
    ):
        return await cancel(at, issuer, nota, known, again=True)
    return at.seen(issuer, nota, snapshot, news=news)


async def prove_gone(at: AtIssuer, issuer: Issuer, nota: KnownNota) -> Answer:
    """See that a denied nota does not stand where it was born, before another is asked for."""
    snapshot = await issuer.find(nota.external_id)
    at.breakers.request(ok=True)
    if snapshot is not None and elsewhere.stands(snapshot):
        return at.seen(issuer, nota, snapshot)
    return elsewhere.replaced(nota, at.now)


async def _look_up(
    at: AtIssuer, issuer: Issuer, nota: KnownNota, known: Answered, *, only_looks: bool
) -> Answer:
    """Find out what became of a request whose answer was lost; never repeat it blindly.

    News of it has it looked up before its turn, which proves nothing where it is not there.
    """
    news = known.entry.nota_changed
    early = nota.look_up_at is not None and nota.look_up_at > at.now
    if early and not news and not is_news(nota, at.now):
        return answers.not_shown(nota, at.now, news=False)
    snapshot = await issuer.find(nota.external_id)
    at.breakers.request(ok=True)
    LOOK_UPS.labels("missing" if snapshot is None else "found").inc()
    if snapshot is not None and not _denial_before_resend(nota, snapshot):
        return at.seen(issuer, nota, snapshot, news=news)
    if early:
        return answers.not_shown(nota, at.now, news=news)
    later = answers.not_found(nota, at.waits, at.now)
    if later is not None:
        return later
    if only_looks:  # first what is new of its bill, which cannot be read just now
        return answers.ask_later(nota, at.now + DECIDED_AGAIN)
    if nota.then_cancel is not None:
        ended = answers.never_arrived(nota, nota.then_cancel, at.now)
        # One whose place it was to take stands, and is decided about at once.
        return ended if nota.substitutes is None else replace(ended, due_at=at.now)
    if at.context.place_of(nota).is_left:
        return elsewhere.not_there(nota, at.now, news=news)
    if month_of(nota.competencia) in at.context.terms.locked_months:
        return answers.month_locked(nota, at.now)
    return await _repeat(at, issuer, nota, known)


async def _repeat(at: AtIssuer, issuer: Issuer, nota: KnownNota, known: Answered) -> Answer:
    """Send the same request under the same id, after every look-up found nothing.

    While the tenant is paused, or where there is news of the sale or its month was locked, it
    waits: the look-ups go on, and what is decided meanwhile counts. What its bill has become since
    it was asked for is decided on before anything leaves again.
    """
    if not at.context.terms.issuing:
        return answers.ask_later(nota, at.now + RETRY_PAUSED, failed=True)
    async with at.pool.acquire() as conn:
        if nota.substitutes is None and await sales_store.spoken_of(
            conn, at.context.tenant, [nota.bill_id]
        ):
            return answers.bill_moved_on(nota, at.now)
        requests = await notas_store.requests(conn, at.context.sealer, at.context.tenant, [nota])
    draft = draft_from_json(requests[nota.bill_id, nota.part])
    again = replace(known.then(answers.sent_again(nota)), more=True)
    if not await write_answers(at.pool, at.context.tenant, [again]):
        return answers.ask_later(nota, at.now + DECIDED_AGAIN)
    try:
        with at.request(nota) as request:
            result = await issuer.submit(
                nota.external_id,
                numbered(draft, nota),
                environment=environment_of(nota.external_id),
                look_first=True,
                may_leave=partial(at.leaves, known.entry, request),
            )
            request.answered = not isinstance(result, Unknown)
    except (IssuerBusy, IssuerNotLeft) as error:
        # Nothing left: the look-ups before it still count, and the doubt stays.
        later = answers.busy(nota, at.now + (error.retry_after or timedelta()), at.waits)
        return replace(later, shows=None)
    return at.submitted(issuer, nota, result)


def _denial_before_resend(nota: KnownNota, snapshot: Snapshot) -> bool:
    """Say whether a look-up shows the old denial: the re-sent request has not arrived (yet)."""
    if snapshot.phase is not Phase.DENIED or nota.sends < 2:
        return False
    if snapshot.changed_at is None or nota.changed_at is None:
        return False
    return snapshot.changed_at <= nota.changed_at

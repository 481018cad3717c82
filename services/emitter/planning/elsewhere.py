"""Notas born under a connection that the tenant has left since (design D18). Pure.

Nothing is sent under their ids anywhere else. Another nota takes the place of one only once that
one was a test, or its own issuer says that it is denied or not there.
"""

from datetime import datetime
from typing import Final

from services.emitter.planning.answers import Answer, Shown, ask_later, not_shown
from services.emitter.planning.looks import AT_REST
from services.emitter.planning.rows import Terms, sale_row, same_state
from services.emitter.planning.waits import poll_at_rest
from services.emitter.work import Act, Ask, FreshSale, Step
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.domain.nota import ISSUED_AS_TEST, REPLACED, NotaStatus, OwedAgain
from shared.domain.part_states import DOUBT
from shared.domain.sale import SaleStatus
from shared.domain.statement import LAST_LOOK
from shared.issuer.interface import Phase, Snapshot

UNREACHABLE: Final = "issuer_left_unreachable"
_GONE = frozenset({Phase.DENIED, Phase.CANCELLED})


def replace_first(fresh: FreshSale, nota: KnownNota, terms: Terms) -> Act:
    """Give a denied nota's place free before another is asked for where notas are born now."""
    notas, known = fresh.known.notas, fresh.known.sale
    by_person = known is not None and known.wish == "issue"
    step = Step(part=nota.part, to_replace=True, by_person=by_person)
    return Act(
        entry=fresh.entry,
        read=fresh.read(),
        sale=sale_row(fresh, terms, SaleStatus.QUEUED, amount=notas.amount),
        notas=notas,
        action=Ask(steps=(step,)),
    )


def given_up_test(nota: KnownNota, now: datetime, *, by_person: bool) -> Answer:
    """A test has no fiscal value, so that nothing has to be asked about it.

    But only a person says that its sale is owed a real nota: what is sent again by itself waits.
    """
    why: OwedAgain = REPLACED if by_person or nota.resend else ISSUED_AS_TEST
    return _owed_again(nota, now, why, f"{nota.external_id} foi um teste")


def stands(snapshot: Snapshot | None) -> bool:
    """Whether what the issuer shows of a nota may be, or become, a valid one."""
    return snapshot is not None and snapshot.phase not in _GONE


def replaced(nota: KnownNota, now: datetime) -> Answer:
    """Its own issuer has proved that it does not stand: the sale is owed a nota elsewhere."""
    why = f"{nota.external_id} não vale na conexão anterior; sai outra nota na atual"
    return _owed_again(nota, now, REPLACED, why)


def not_there(nota: KnownNota, now: datetime, *, news: bool) -> Answer:
    """What becomes of a nota in doubt that no look-up found where it was asked for.

    Where its issuer told of it, it is looked for as long as any news is: another one has another
    id here, and would be a second nota should this one be shown late. A person's word ends that.
    """
    said_absent = nota.lookups >= LAST_LOOK
    if news and not said_absent:
        return not_shown(nota, now, news=True)
    told = None if said_absent else nota.news_at
    look = None if told is None else poll_at_rest(told, now, AT_REST)
    return replaced(nota, now) if look is None else ask_later(nota, look)


def unasked(nota: KnownNota, step: Step, now: datetime) -> Answer | None:
    """What becomes of a nota whose own issuer does not let us ask; None: it is asked again later.

    A person's word that it is not there is taken. One that was denied, as was last heard of it,
    is replaced only if a person wants that who has been told why.
    """
    said_absent = nota.lookups >= LAST_LOOK and nota.then_cancel is None
    if (said_absent and nota.status in DOUBT) or (
        step.to_replace and (said_absent or step.by_person)
    ):
        return replaced(nota, now)
    if not step.to_replace:
        return None
    return Answer(
        asked=nota,
        update=same_state(nota),
        shows=Shown(status=SaleStatus.HELD, code=UNREACHABLE),
        what=SaleStatus.HELD.value,
        why=UNREACHABLE,
    )


def _owed_again(nota: KnownNota, now: datetime, raw: OwedAgain, why: str) -> Answer:
    return Answer(
        asked=nota,
        update=NotaUpdate(
            bill_id=nota.bill_id,
            part=nota.part,
            revision=nota.revision,
            status=NotaStatus.CANCELLED,
            raw_status=raw,
        ),
        shows=Shown(status=SaleStatus.QUEUED),
        due_at=now,
        what="nota_replaced",
        why=why,
    )

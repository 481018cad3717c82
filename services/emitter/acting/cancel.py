"""Cancels a nota, proved directly before its request leaves."""

from functools import partial
from typing import Final, assert_never

from msgspec.structs import replace

from services.emitter.acting.at_issuer import DECIDED_AGAIN, RETRY_PAUSED, AtIssuer
from services.emitter.acting.write import write_answers
from services.emitter.counted import LOST
from services.emitter.planning import answers
from services.emitter.planning.answers import Answer
from services.emitter.planning.looks import polled_at
from services.emitter.planning.sale_after import Answered
from services.emitter.planning.waits import back_off
from shared.db.sales.notas_store import KnownNota
from shared.issuer.interface import CancelAccepted, CancelRejected, Issuer, Phase, Unknown

# Where a nota may be when it was not cancelled: valid, or nowhere (one 404 is nobody's no).
_STANDS: Final = frozenset({Phase.ISSUED, Phase.CANCEL_REFUSED, None})
_UNDONE: Final = frozenset({Phase.CANCELLING, Phase.CANCELLED})


async def cancel(
    at: AtIssuer, issuer: Issuer, nota: KnownNota, known: Answered, *, again: bool = False
) -> Answer:
    """Ask to cancel a nota; `again` where that was wished for before, and it is valid still."""
    unsent = answers.ask_later if again else answers.cancel_not_sent
    if again and not at.context.terms.issuing:
        return unsent(nota, at.now + RETRY_PAUSED, failed=True)
    if at.context.restored.lately(at.now):  # it may have been asked for already
        found = await issuer.find(nota.external_id)
        if found is not None and found.phase in _UNDONE:
            return at.seen(issuer, nota, found)
    if not nota.has_pdf:  # valid for the tax, and not cancellable before its PDF is made
        found = await issuer.find(nota.external_id)
        if found is not None and found.phase is Phase.ISSUED and not found.has_pdf:
            return unsent(nota, polled_at(nota, at.now))
    if not await _still_to_be_cancelled(at, nota, known):
        return unsent(nota, at.now + DECIDED_AGAIN)
    with at.request(nota) as request:
        may_leave = partial(at.leaves, known.entry, request)
        result = await issuer.cancel(nota.external_id, may_leave=may_leave)
        request.answered = not isinstance(result, Unknown)
    at.heard(result)
    match result:
        case CancelAccepted():
            return answers.cancel_taken(nota, at.now)
        case CancelRejected(phase=Phase.PENDING):
            return answers.cancel_remembered(nota, at.now)
        case CancelRejected(findings=findings, code=code, phase=phase) if phase in _STANDS:
            return answers.cancel_refused(nota, findings, code, at.context.seal, at.now)
        case CancelRejected() | Unknown():
            if isinstance(result, Unknown):
                LOST.labels("cancel").inc()
            later = back_off(known.entry.tries + 1, at.now)
            return answers.ask_later(nota, later, failed=True)
        case _:
            assert_never(result)


async def _still_to_be_cancelled(at: AtIssuer, nota: KnownNota, known: Answered) -> bool:
    """Prove it by what is committed now: no pause and no news of the sale came meanwhile."""
    leaves = replace(known.then(answers.may_be_cancelled(nota)), more=True)
    return bool(await write_answers(at.pool, at.context.tenant, [leaves]))

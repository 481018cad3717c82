"""Notas as the database has them once something is written, for tests that need no database."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from services.emitter.planning.answers import Answer
from services.emitter.work import Act, Send
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.sales.sale_notas import SaleNotas
from shared.domain.denials import ON_CUSTOMER
from shared.domain.nota import NotaStatus


def as_written(act: Act, now: datetime) -> SaleNotas:
    """The notas of an act as the database has them once it is written."""
    if not isinstance(act.action, Send):
        return updated(act.notas, act.updates)
    intent, before = act.action.intent, act.notas.newest.get(act.action.intent.part)
    again = before is not None and not act.action.first
    sent = KnownNota(
        bill_id=intent.bill_id,
        part=intent.part,
        revision=intent.revision,
        external_id=intent.external_id,
        issuer_id=None,
        status=NotaStatus.SENDING,
        amount=intent.amount,
        competencia=intent.competencia,
        lookups=0,
        look_up_at=None,
        resend=False,
        then_cancel=None,
        denial=before.denial if before and again else None,
        changed_at=None,
        sent_at=now,
        cancel_sent_at=None,
        sends=2 if again else 1,
        auto_sends=before.auto_sends + 1 if before and again and not _anew(before) else 0,
        resend_at=None,
    )
    return act.notas.once([sent])


def _anew(nota: KnownNota) -> bool:
    return nota.resend or nota.denial in ON_CUSTOMER


def updated(notas: SaleNotas, updates: Sequence[NotaUpdate]) -> SaleNotas:
    return notas.once(
        replace(
            notas.newest[update.part],
            status=update.status,
            raw_status=update.raw_status or notas.newest[update.part].raw_status,
            then_cancel=update.then_cancel or notas.newest[update.part].then_cancel,
            denial=update.denial if update.status is NotaStatus.DENIED else None,
            resend_at=update.resend_at,
            cancel_code=update.cancel_code or notas.newest[update.part].cancel_code,
            cancel_again_at=update.cancel_again_at,
        )
        for update in updates
    )


def after(notas: SaleNotas, answer: Answer) -> SaleNotas:
    """The notas of a sale once an answer about one of them is written."""
    if answer.update is not None:
        return updated(notas, [answer.update])
    if not answer.withdraw:
        return notas
    others = {part: one for part, one in notas.newest.items() if part != answer.asked.part}
    if answer.asked.sends < 2:
        return replace(notas, newest=others)
    denied = replace(answer.asked, status=NotaStatus.DENIED, resend=True)
    return replace(notas, newest={**others, denied.part: denied})

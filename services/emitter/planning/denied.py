"""What a denial is kept as, and what is told of it. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.emitter.planning.rows import Seal
from shared.crypto import columns
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.domain.attention import SUBSTITUTION_DENIED
from shared.domain.denials import RESEND_GIVEN_UP, gives_up, next_resend
from shared.domain.refusals import KnownDenial
from shared.issuer.interface import Finding, Snapshot


class Reader(Struct, frozen=True, kw_only=True):
    """How a tenant's denials are read and kept."""

    classify: Callable[[str | None], KnownDenial]
    classify_cancel: Callable[[Snapshot], str]
    word: Callable[[str], bytes]  # a keyed hash of a normalised text
    seal: Seal
    zone: ZoneInfo


def after_denial(nota: KnownNota, known: KnownDenial, resend_at: datetime | None) -> str | None:
    """What a person is told beside the denial: the nota it was to take the place of stands."""
    if nota.substitutes is not None:
        return SUBSTITUTION_DENIED
    return RESEND_GIVEN_UP if gives_up(known, resend_at) else None


def reason_of(nota: KnownNota, text: str, seal: Seal) -> bytes:
    """The issuer's words about a nota, sealed for its row."""
    return seal(columns.REASON, text.encode(), nota.bill_id, nota.part, nota.revision)


def unknown_of(
    update: NotaUpdate, known: KnownDenial | None, text: str | None, reader: Reader
) -> bytes | None:
    """The text of a denial that the catalogue does not know, sealed; None where there is none."""
    if known is None or known.in_catalogue or not text:
        return None
    return reader.seal(columns.UNKNOWN_DENIAL, text.encode(), update.cause)


def text_of(findings: Sequence[Finding]) -> str:
    """What was found wrong, as one text."""
    return "; ".join(f"{finding.code} {finding.message}".strip() for finding in findings)


def resend_at_of(
    nota: KnownNota, known: KnownDenial, reader: Reader, now: datetime
) -> datetime | None:
    """When a denied nota is sent again by itself; None where a person has to act."""
    if nota.substitutes is not None:  # the one before it stands: a person asks again
        return None
    if not known.resends:
        return None
    return next_resend(known.denial, nota.auto_sends, now, nota.competencia, now, reader.zone)


def denial_why(code: str, resend_at: datetime | None, zone: ZoneInfo) -> str:
    """What the timeline tells of a denial."""
    if resend_at is None:
        return code
    return f"{code}; reenvio automático em {resend_at.astimezone(zone):%d/%m/%Y às %H:%M}"

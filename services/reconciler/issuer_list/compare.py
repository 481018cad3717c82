"""One nota of the issuer's list against ours. Pure."""

import re
from datetime import date
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.commands.sample_nota import is_sample
from shared.db.closing.issuer_list_store import REAL, ListedNota, OurNota
from shared.domain.attention import CANCELLED_ELSEWHERE
from shared.domain.external_id import read_external_id
from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.nota import NEVER_ARRIVED, NotaStatus
from shared.domain.party import normalise_document
from shared.domain.statement import CANCEL_STATED
from shared.issuer.interface import Phase, Snapshot
from shared.issuer.word import Believed, Ended, Ours, Stale, judge

# Authorised, and not cancelled: one whose cancelling is asked for stands until it is cancelled.
VALID: Final = frozenset({Phase.ISSUED, Phase.CANCEL_REFUSED, Phase.CANCELLING})
LARGEST_ID: Final = 2**63 - 1
SECOND: Final = "second"


class Compared(Struct, frozen=True, kw_only=True):
    """What a listed nota says, and whether the sale has to be looked at because of it.

    `second`: it stands beside another nota of the same sale, and a person has to compare them.
    """

    row: ListedNota
    news: bool
    second: bool


def is_real(tenant: TenantId, snapshot: Snapshot) -> bool:
    """Whether a listed nota is of the real environment.

    A row of a list may leave that out; the id of one that we asked for says it too.
    """
    if snapshot.environment is not None:
        return snapshot.environment.lower() == REAL.lower()
    ours = read_external_id(snapshot.external_id)
    if ours is not None:
        return ours.environment == REAL
    return not is_sample(snapshot.external_id, tenant)


def bill_of(tenant: TenantId, key: ExternalId | None) -> BillId | None:
    """The sale whose nota bears this id; None for an id that is not of our making."""
    found = re.fullmatch(rf"[hp]-{re.escape(tenant)}-([1-9]\d{{0,18}})(x\d+)?-\d+", key or "")
    number = int(found[1]) if found else 0
    return BillId(number) if 0 < number <= LARGEST_ID else None


def compare(
    snapshot: Snapshot, bill: BillId | None, our: OurNota | None, document: str | None, today: date
) -> Compared:
    """Hold a listed nota against ours; `document` is the customer's as we sent it."""
    valid = snapshot.phase in VALID
    second = valid and our is not None and _is_second(snapshot, our)
    row = ListedNota(
        issuer_id=snapshot.issuer_id.lower(),
        external_id=snapshot.external_id,
        bill_id=bill,
        valid=valid,
        raw_status=snapshot.raw_status,
        amount=snapshot.amount,
        competencia=snapshot.competencia,
        number=snapshot.number,
        created_on=snapshot.created_at.date() if snapshot.created_at else today,
        changed_at=snapshot.changed_at,
        differs=_differs(snapshot, our, document) if valid and our is not None else None,
    )
    if second:
        return Compared(row=replace(row, differs=SECOND), news=False, second=True)
    return Compared(row=row, news=our is not None and _is_news(snapshot, our), second=False)


def _is_second(snapshot: Snapshot, our: OurNota) -> bool:
    """A second one under the same id, or one that came late and was replaced by then."""
    other = our.issuer_id is not None and our.issuer_id.lower() != snapshot.issuer_id.lower()
    return other or (our.raw_status == NEVER_ARRIVED and our.superseded)


def _differs(snapshot: Snapshot, our: OurNota, document: str | None) -> str | None:
    theirs = normalise_document(snapshot.document)
    found = [
        word
        for word, differs in (
            ("amount", snapshot.amount not in (None, our.total)),
            ("customer", theirs is not None and theirs != normalise_document(document)),
            ("competencia", snapshot.competencia not in (None, our.competencia)),
        )
        if differs
    ]
    return " ".join(found) or None


def _is_news(snapshot: Snapshot, our: OurNota) -> bool:
    ours = Ours(
        status=our.status,
        changed_at=our.changed_at,
        resent_at=our.sent_again_at,
        wants_cancel=our.then_cancel not in (None, CANCELLED_ELSEWHERE),
        ended=_ended(our),
    )
    match judge(ours, snapshot):
        case Stale():
            return False
        case Believed(status=status):
            return status is not our.status
        case _:
            return True


def _ended(our: OurNota) -> Ended | None:
    if our.status is not NotaStatus.CANCELLED:
        return None
    if our.raw_status == NEVER_ARRIVED:
        return "never_arrived"
    return "stated" if our.raw_status == CANCEL_STATED else "by_issuer"

"""The notas of sales, as they are stored: one for each part, and one part is the usual number."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.db.connection import Connection
from shared.db.sales import notas_store, sale_parts_store
from shared.db.sales.notas_store import KnownNota
from shared.domain.denials import moves_day
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import NEVER_ARRIVED, NotaStatus
from shared.domain.part_states import FOLLOWED, in_round
from shared.domain.parts import WHOLE, Part, Share


class SaleNotas(Struct, frozen=True, kw_only=True):
    """What each nota of a sale is to be worth, and the newest of each; nothing before the first.

    How a sale was divided is stored. A nota of the whole bill is one share, made here.
    """

    shares: tuple[Share, ...] = ()
    newest: Mapping[int, KnownNota] = msgspec.field(default_factory=dict)  # by part

    @property
    def amount(self) -> Cents:
        """What all notas come to."""
        return Cents(sum(share.amount for share in self.shares))

    @property
    def asked_for(self) -> list[KnownNota]:
        """The newest nota of each share that has one."""
        return [self.newest[one.part] for one in self.shares if one.part in self.newest]

    @property
    def under_way(self) -> list[KnownNota]:
        """Those the issuer is to be asked about."""
        return [one for one in self.asked_for if one.status in FOLLOWED]

    def parts(self, now: datetime | None = None) -> tuple[Part, ...]:
        """The notas of the newest round, as a decision looks at them.

        With `now` a denied one is owed again whose time to be sent by itself has come.
        """
        return in_round([_part(share, self.newest.get(share.part), now) for share in self.shares])

    def once(self, rows: Iterable[KnownNota]) -> "SaleNotas":
        """They with rows that were written since."""
        return replace(self, newest={**self.newest, **{row.part: row for row in rows}})


NONE: Final = SaleNotas()  # none was asked for yet


def _part(share: Share, nota: KnownNota | None, now: datetime | None) -> Part:
    if nota is None:
        return Part(share=share)
    if nota.retired:
        return Part(share=share, revision=nota.revision)
    if nota.owed_again is not None:
        return Part(share=share, revision=nota.revision, owed_again=nota.owed_again)
    if nota.was_lost:
        return Part(share=share, revision=nota.revision, round=nota.round, never_arrived=True)
    never_arrived = nota.status is NotaStatus.CANCELLED and nota.raw_status == NEVER_ARRIVED
    if nota.status is NotaStatus.CANCELLED and nota.wish == "issue":
        return Part(
            share=share,
            revision=nota.revision,
            round=nota.round,
            wish="issue",
            never_arrived=never_arrived,
        )
    due = now is not None and nota.resend_at is not None and nota.resend_at <= now
    return Part(
        share=share,
        status=nota.status,
        revision=nota.revision,
        resend=nota.resend or due,
        then_cancel=nota.then_cancel,
        denial=nota.denial,
        day_refused=moves_day(nota.denial, nota.denial_cause),
        stated=nota.stated,
        issued_at=nota.issued_at,
        competencia=nota.competencia,
        never_arrived=never_arrived,
        cancel_code=nota.cancel_code,
        cancel_again=now is not None and nota.cancel_is_due(now),
        wish=nota.wish,
        round=nota.round,
    )


async def load(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, SaleNotas]:
    """Read the notas of these sales; those without one are absent.

    How a sale was divided is asked for only where a nota of a part says that it was.
    """
    notas = await notas_store.load_newest(conn, tenant, bills)
    divided = [bill for bill, found in notas.items() if any(nota.part for nota in found)]
    shares = await sale_parts_store.load(conn, tenant, divided) if divided else {}
    return {bill: gathered(found, shares.get(bill, ())) for bill, found in notas.items()}


def gathered(notas: Sequence[KnownNota], shares: Sequence[Share]) -> SaleNotas:
    """The notas of one sale; at least one, of any part, and the shares it is divided into now."""
    newest = {nota.part: nota for nota in notas}
    if any(share.part in newest for share in shares):
        numbers = {share.part for share in shares}
        kept = {part: nota for part, nota in newest.items() if part in numbers}
        return SaleNotas(shares=tuple(shares), newest=kept)
    # Of a bill that was divided before, and is not now, the newest says which round comes next.
    whole = newest.get(WHOLE) or max(notas, key=lambda nota: nota.revision)
    return SaleNotas(shares=(Share(part=WHOLE, amount=whole.amount),), newest={WHOLE: whole})

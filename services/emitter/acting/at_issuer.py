"""What all requests to a tenant's issuer share: whether they may leave, and what is seen."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

import structlog

from services.emitter.acting.group_commit import GroupCommit
from services.emitter.context import TenantContext
from services.emitter.counted import LOST
from services.emitter.ending import Ending
from services.emitter.planning import answers, elsewhere
from services.emitter.planning.answers import Answer
from services.emitter.planning.denied import Reader
from services.emitter.planning.meant import as_meant
from services.emitter.planning.seen import seen
from services.emitter.stopping.outage import Breakers
from services.emitter.stopping.under_way import Request, UnderWay
from shared.clients import Clients
from shared.db.outbox.outbox_store import Entry
from shared.db.sales.notas_store import KnownNota
from shared.domain.denials import OUTAGE
from shared.domain.nota import REAL, NotaStatus
from shared.domain.refusals import KnownDenial
from shared.issuer.errors import OF_ONE_NOTA
from shared.issuer.interface import (
    Finding,
    Issued,
    Issuer,
    Pending,
    Phase,
    Rejected,
    Snapshot,
    Unknown,
)

log = structlog.get_logger()

RETRY_PAUSED: Final = timedelta(minutes=10)  # activation wakes what has been tried
DECIDED_AGAIN: Final = timedelta(minutes=1)  # what is new of a sale makes it due at once anyway


class AtIssuer:
    """What a batch works with at one tenant's issuer, and what it makes of what is said there."""

    def __init__(
        self,
        commits: GroupCommit,
        context: TenantContext,
        clients: Clients,
        ending: Ending,
        under_way: UnderWay,
    ) -> None:
        self.ending = ending
        self.under_way = under_way
        self.pool = commits.pool
        self.leases = commits.leases
        self.context = context
        self.clients = clients
        self.waits = clients.lookup_waits

    @property
    def now(self) -> datetime:
        """The database's clock, as of when the batch began."""
        return self.context.now

    @property
    def breakers(self) -> Breakers:
        """Those of the tenant's issuer."""
        return self.context.breakers

    def may_leave(self, entry: Entry) -> bool:
        """Say whether anything may be asked for a sale still: its lease holds, we go on.

        And, of what issues or cancels, that nothing overtook it while it waited.
        """
        held = not self.ending.told and self.leases.surely_held(entry)
        return held and self.leases.line.may_leave(entry)

    def leaves(self, entry: Entry, request: Request) -> bool:
        """Say whether a request that issues or cancels leaves now, and note that it does."""
        return self.may_leave(entry) and self.under_way.leaves(request)

    def request(self, nota: KnownNota) -> Request:
        """One about to be made, which is minded as long as its answer is not known."""
        sale = self.context.tenant, nota.bill_id
        return self.under_way.request(sale, self.context.restored.noticed_at)

    def heard(self, result: object) -> None:
        """Count an answer to what issues or cancels, or that there was none of the issuer.

        One that takes a nota and names none says nothing of either: an issuer that always answers
        so is not down, and where it is the look-up meets that.
        """
        why = result.why if isinstance(result, Unknown) else ""
        if why not in OF_ONE_NOTA:
            self.breakers.request(ok=not isinstance(result, Unknown), why=why)

    def submitted(
        self, issuer: Issuer, nota: KnownNota, result: Pending | Issued | Rejected | Unknown
    ) -> Answer:
        """Say what the answer to a request for a nota means."""
        self.heard(result)
        match result:
            case Pending(issuer_id=issuer_id):
                return answers.accepted(nota, issuer_id)
            case Issued(snapshot=snapshot):
                return self.seen(issuer, nota, snapshot)
            case Rejected(findings=findings, known=known):
                return self._refused(issuer, nota, known, findings)
            case Unknown(why=why):
                LOST.labels("issue").inc()
                log.warning(
                    "answer_lost",
                    tenant_id=self.context.tenant,
                    bill_id=nota.bill_id,
                    why=why,
                )
                return answers.answer_lost(nota, why, self.now)
            case _:
                assert_never(result)

    def _refused(
        self,
        issuer: Issuer,
        nota: KnownNota,
        known: KnownDenial,
        findings: Sequence[Finding],
    ) -> Answer:
        answer = answers.refused(nota, known, findings, self._reader(issuer), self.now)
        if not self.context.place_of(nota).is_left and known.of_company:
            self.breakers.company(ok=False, cause=known.name)
        return answer

    def seen(
        self, issuer: Issuer, nota: KnownNota, snapshot: Snapshot, *, news: bool = False
    ) -> Answer:
        """Say what follows from where the issuer shows a nota; its city and company count."""
        snapshot = as_meant(nota, snapshot, self.now)
        if snapshot.phase is Phase.UNKNOWN_STATUS:
            log.warning(
                "issuer_status_unknown",
                tenant_id=self.context.tenant,
                bill_id=nota.bill_id,
                status=snapshot.raw_status[:60],
            )
        if self._is_left_test(nota) and elsewhere.stands(snapshot):
            return elsewhere.given_up_test(nota, self.now, by_person=False)
        reader = self._reader(issuer)
        answer = seen(nota, snapshot, reader=reader, now=self.now, news=news)
        if self.context.place_of(nota).is_left:
            return answer  # of another company, and so maybe of another city
        denied = answer.denied
        if denied is not None and denied.denial == OUTAGE:
            self.breakers.city(ok=False)
        elif denied is not None and denied.of_company:
            self.breakers.company(ok=False, cause=denied.name)
        elif snapshot.phase is Phase.ISSUED and nota.status is not NotaStatus.CANCELLING:
            self.breakers.city(ok=True)
            self.breakers.company(ok=True)
        return answer

    def _is_left_test(self, nota: KnownNota) -> bool:
        """Say whether a test was denied before its tenant went live: no sale is issued by it."""
        if nota.status is not NotaStatus.DENIED or nota.environment == REAL:
            return False
        here = self.context.issuers.current
        return here is not None and here.environment == REAL

    def _reader(self, issuer: Issuer) -> Reader:
        return Reader(
            classify=issuer.classify_denial,
            classify_cancel=issuer.classify_cancel_refusal,
            word=self.context.denial_word,
            seal=self.context.seal,
            zone=self.context.terms.zone,
        )

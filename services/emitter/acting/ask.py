"""Asks the issuer, and writes each answer down as soon as it is there."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, assert_never

import structlog
from msgspec.structs import replace
from structlog.contextvars import bind_contextvars

from services.emitter.acting.group_commit import GroupCommit
from services.emitter.acting.write import write_answers
from services.emitter.context import TenantContext
from services.emitter.counted import LOOK_UPS, LOST
from services.emitter.drafts import draft_from_json
from services.emitter.ending import Ending, ToldToStop
from services.emitter.one_by_one import note_failure
from services.emitter.places import Place, block
from services.emitter.planning import answers, elsewhere
from services.emitter.planning.answers import Answer
from services.emitter.planning.denied import Reader
from services.emitter.planning.follow import is_routine
from services.emitter.planning.looks import is_news, polled_at, since
from services.emitter.planning.meant import as_meant
from services.emitter.planning.sale_after import Answered
from services.emitter.planning.seen import seen
from services.emitter.planning.waits import back_off, stand_back
from services.emitter.stopping.outage import Breakers
from services.emitter.stopping.under_way import Request, UnderWay
from services.emitter.traced import note_answered, sale_span
from services.emitter.work import Act, Ask, Send, Step
from shared.clients import Clients
from shared.db.away import database_away
from shared.db.outbox.outbox_store import BACKFILL, Entry
from shared.db.sales import notas_store
from shared.db.sales.notas_store import KnownNota
from shared.domain.denials import OUTAGE
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.moment import month_of
from shared.domain.nota import REAL, IssuerEnvironment, NotaDraft, NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED
from shared.domain.refusals import KnownDenial
from shared.issuer.errors import (
    OF_ONE_NOTA,
    IssuerBusy,
    IssuerNotLeft,
    IssuerPaced,
    IssuerUnavailable,
)
from shared.issuer.interface import (
    CancelAccepted,
    CancelRejected,
    Finding,
    Issued,
    Issuer,
    Pending,
    Phase,
    Rejected,
    Snapshot,
    Unknown,
)
from shared.run.fair_line import OwnLine
from shared.telemetry import traces

log = structlog.get_logger()

RETRY_BLOCKED: Final = timedelta(hours=1)
RETRY_PAUSED: Final = timedelta(minutes=10)  # activation wakes what has been tried
# Where a nota may be when it was not cancelled: valid, or nowhere (one 404 is nobody's no).
_STANDS: Final = frozenset({Phase.ISSUED, Phase.CANCEL_REFUSED, None})
_UNDONE: Final = frozenset({Phase.CANCELLING, Phase.CANCELLED})
ADOPT_AGAIN: Final = timedelta(minutes=1)
DECIDED_AGAIN: Final = timedelta(minutes=1)  # what is new of a sale makes it due at once anyway
CANCEL_AGAIN_AFTER: Final = timedelta(minutes=2)  # still valid so long after the wish: ask anew


class _LeaseLostError(Exception):
    """Another worker may have the sale: whoever leases it next looks up what was sent."""


class Asker:
    """Asks one tenant's issuer; every road ends in an answer, or in the lease's end."""

    def __init__(
        self,
        commits: GroupCommit,
        context: TenantContext,
        clients: Clients,
        ending: Ending,
        under_way: UnderWay,
    ) -> None:
        self._ending = ending
        self._under_way = under_way
        self._commits = commits
        self._pool = commits.pool
        self._leases = commits.leases
        self._context = context
        self._clients = clients
        self._waits = clients.lookup_waits

    async def ask(self, act: Act) -> None:
        """Ask for one sale; return once the answer is written down, soon after it is there."""
        tenant = self._context.tenant
        # Each sale has a task of its own, so that whatever is logged on its way says whose it is.
        # The tenant is said by its batch.
        bind_contextvars(bill_id=act.entry.bill_id)
        with sale_span("ask issuer", act.entry) as told:
            try:
                self._commits.begin_asking(tenant)
                try:
                    answered = await self._answered_surely(act)
                finally:
                    self._commits.end_asking(tenant)
                with traces.span("write answer"):
                    await self._commits.write(tenant, answered)
                note_answered(told, answered)
            except _LeaseLostError:
                told.note(outcome="lease lost")
                self._leases.release(act.entry)

    async def _answered_surely(self, act: Act) -> Answered:
        """The answers for one sale; a failure nobody foresaw is this sale's, and no other's.

        What was asked may have been done: the nota's row says so, and is looked up later.
        """
        try:
            return await self._answered(act)
        except _LeaseLostError:
            raise
        except Exception as error:
            if database_away(error):
                raise
            note_failure(act.entry, error, "asked")
            again = back_off(act.entry.tries + 1, self._now)
            nota = act.notas.newest[_steps(act)[0].part]
            return self._nothing_yet(act).then(answers.ask_later(nota, again, failed=True))

    def _nothing_yet(self, act: Act) -> Answered:
        return Answered(
            entry=act.entry,
            notas=act.notas,
            answers=(),
            bill_read=act.read is not None,
            now=self._now,
            rests=act.action.rests if isinstance(act.action, Ask) else None,
        )

    async def _answered(self, act: Act) -> Answered:
        """Take the steps of an act in turn; each answer is written before the next request."""
        steps = _steps(act)
        known = self._nothing_yet(act)
        place = self._context.place_of(known.notas.newest[steps[0].part])
        held = await self._slots(act, place)
        try:
            for step in steps[:-1]:
                known = await self._kept(known.then(await self._step(act, step, known)))
            return known.then(await self._step(act, steps[-1], known))
        finally:
            for slot in held:
                slot.release()

    async def _step(self, act: Act, step: Step, known: Answered) -> Answer:
        nota = known.notas.newest[step.part]
        issuer = self._context.place_of(nota).issuer
        if not self._may_leave(act.entry):
            return self._untaken(act, step, nota)
        if step.to_replace and nota.environment != REAL:
            return elsewhere.given_up_test(nota, self._now, by_person=step.by_person)
        if issuer is None:
            return self._unasked(nota, step)
        if later := self._stands_back(act, nota):
            return answers.ask_later(nota, later)
        if self._breakers.has_opened:
            return self._put_off(act, step, nota)
        if act.issues and await self._breakers.company_stopped(self._pool):
            return self._put_off(act, step, nota)
        try:
            if isinstance(act.action, Send):
                return await self._send(issuer, nota, act, act.action)
            if step.to_replace:
                return await self._prove_gone(issuer, nota)
            if step.cancel:
                return await self._cancel(issuer, nota, known)
            return await self._follow(issuer, nota, known, only_looks=step.only_looks)
        except TenantBlockedError as error:
            return await self._blocked(issuer, act, step, nota, error)
        except IssuerNotLeft:
            return self._untaken(act, step, nota)
        except TransientError as error:
            return self._not_now(act, step, nota, error)

    def _may_leave(self, entry: Entry) -> bool:
        return not self._ending.told and self._leases.surely_held(entry)

    def _leaves(self, entry: Entry, request: Request) -> bool:
        return self._may_leave(entry) and self._under_way.leaves(request)

    def _request(self, nota: KnownNota) -> Request:
        sale = self._context.tenant, nota.bill_id
        return self._under_way.request(sale, self._context.restored.noticed_at)

    def _stands_back(self, act: Act, nota: KnownNota) -> datetime | None:
        """When to ask instead, where nobody waits for it and other processes have sales to send."""
        if not is_routine(act):
            return None
        if not self._clients.issuer_pressed(self._context.place_of(nota).connection):
            return None
        return stand_back(nota.sent_at, self._now)

    def _untaken(self, act: Act, step: Step, nota: KnownNota) -> Answer:
        """The step was not taken, for its lease or the process ends: the next one takes it at once.

        Written like every answer only where the lease holds still; else by nobody, and whoever has
        the sale then looks it up.
        """
        if act.issues:
            return answers.put_off(nota, self._now)
        return self._not_asked(step, nota, self._now)

    async def _kept(self, known: Answered) -> Answered:
        """Write the last answer, if there is anything new in it, and keep the sale."""
        if not known.last.learnt and not known.last.unexplained:
            return known
        written = await write_answers(self._pool, self._context.tenant, [replace(known, more=True)])
        if not written:
            raise _LeaseLostError
        return replace(written[0], more=False)

    def _put_off(self, act: Act, step: Step, nota: KnownNota) -> Answer:
        due_at = self._breakers.again_at
        if act.issues:
            return answers.put_off(nota, due_at)
        return self._not_asked(step, nota, due_at)

    def _not_asked(
        self, step: Step, nota: KnownNota, due_at: datetime, *, failed: bool = False
    ) -> Answer:
        """Nothing left for a nota that the issuer has."""
        if step.cancel:
            return answers.cancel_not_sent(nota, due_at, failed=failed)
        return answers.ask_later(nota, due_at, failed=failed)

    @property
    def _breakers(self) -> Breakers:
        return self._context.breakers

    async def _slots(self, act: Act, place: Place) -> list[OwnLine]:
        """Take what it takes to ask; less once told to stop, since nothing is asked then.

        The caller gives back what it got. On the way of every nota: where nobody stands in line,
        nothing is waited for, and so nothing is to be broken off.
        """
        # Slots are given in turn: of a backfill only a few stand in line, so that a sale of today
        # never waits behind a whole batch of it.
        of_past = (place.backfill_slots,) if act.entry.lane == BACKFILL else ()
        of_sent = (place.follow_slots,) if is_routine(act) else ()
        held: list[OwnLine] = []
        try:
            for slot in (*of_past, *of_sent, place.slots):
                if not slot.take():
                    if self._ending.told:
                        break
                    await slot.acquire(self._ending.lines)
                held.append(slot)
        except ToldToStop:
            pass
        except BaseException:
            for slot in held:
                slot.release()
            raise
        return held

    @property
    def _now(self) -> datetime:
        return self._context.now

    async def _send(self, issuer: Issuer, nota: KnownNota, act: Act, send: Send) -> Answer:
        if send.first and self._context.restored.may_be_issued(act.read):
            snapshot = await issuer.find(nota.external_id)
            self._breakers.request(ok=True)
            if snapshot is not None:
                return self._seen(issuer, nota, snapshot)
            if send.adopts:  # the issuer lists it, and does not show it just now
                return answers.put_off(nota, self._now + ADOPT_AGAIN)
        with self._request(nota) as request:
            result = await issuer.submit(
                nota.external_id,
                numbered(send.draft, nota),
                environment=environment_of(nota.external_id),
                look_first=not send.first,
                may_leave=partial(self._leaves, act.entry, request),
            )
            request.answered = not isinstance(result, Unknown)
        return self._submitted(issuer, nota, result)

    def _submitted(
        self, issuer: Issuer, nota: KnownNota, result: Pending | Issued | Rejected | Unknown
    ) -> Answer:
        self._breakers.request(ok=not isinstance(result, Unknown), why=why_of(result))
        match result:
            case Pending(issuer_id=issuer_id):
                return answers.accepted(nota, issuer_id)
            case Issued(snapshot=snapshot):
                return self._seen(issuer, nota, snapshot)
            case Rejected(findings=findings, known=known):
                return self._refused(issuer, nota, known, findings)
            case Unknown(why=why):
                LOST.labels("issue").inc()
                log.warning(
                    "answer_lost",
                    tenant_id=self._context.tenant,
                    bill_id=nota.bill_id,
                    why=why,
                )
                return answers.answer_lost(nota, why, self._now)
            case _:
                assert_never(result)

    def _refused(
        self,
        issuer: Issuer,
        nota: KnownNota,
        known: KnownDenial,
        findings: Sequence[Finding],
    ) -> Answer:
        answer = answers.refused(nota, known, findings, self._reader(issuer), self._now)
        if not self._context.place_of(nota).is_left and known.of_company:
            self._breakers.company(ok=False, cause=known.name)
        return answer

    async def _follow(
        self, issuer: Issuer, nota: KnownNota, known: Answered, *, only_looks: bool
    ) -> Answer:
        news = known.entry.nota_changed
        if nota.status in DOUBT:
            return await self._look_up(issuer, nota, known, only_looks=only_looks)
        shown = None if nota.issuer_id is None else await issuer.get(nota.issuer_id)
        foreign = shown is not None and shown.external_id not in (None, nota.external_id)
        snapshot = await issuer.find(nota.external_id) if foreign or shown is None else shown
        self._breakers.request(ok=True)
        if snapshot is None and foreign and nota.status is NotaStatus.PENDING:
            # What we were told is ours bears another's id: whether ours arrived is open again.
            return answers.answer_lost(nota, "answered for another nota", self._now)
        if snapshot is None and nota.status not in FOLLOWED:
            return answers.missing(nota, self._now, news=news)
        if snapshot is None:
            return answers.not_shown(nota, self._now, news=news)
        never_asked = nota.cancel_sent_at is None
        asked_long_ago = never_asked or self._now - since(nota, self._now) >= CANCEL_AGAIN_AFTER
        if (
            nota.status is NotaStatus.CANCELLING
            and nota.then_cancel is not None  # else somebody else asked, and may have stopped
            and snapshot.phase is Phase.ISSUED
            and asked_long_ago
            and not only_looks
        ):
            return await self._cancel(issuer, nota, known, again=True)
        return self._seen(issuer, nota, snapshot, news=news)

    def _unasked(self, nota: KnownNota, step: Step) -> Answer:
        if self._context.place_of(nota).is_left:
            told = elsewhere.unasked(nota, step, self._now)
            if told is not None:
                return told
        # Counted as a try that failed: what is mended wakes those.
        return self._not_asked(step, nota, self._now + RETRY_BLOCKED, failed=True)

    async def _prove_gone(self, issuer: Issuer, nota: KnownNota) -> Answer:
        """See that a denied nota does not stand where it was born, before another is asked for."""
        snapshot = await issuer.find(nota.external_id)
        self._breakers.request(ok=True)
        if snapshot is not None and elsewhere.stands(snapshot):
            return self._seen(issuer, nota, snapshot)
        return elsewhere.replaced(nota, self._now)

    async def _look_up(
        self, issuer: Issuer, nota: KnownNota, known: Answered, *, only_looks: bool
    ) -> Answer:
        """Find out what became of a request whose answer was lost; never repeat it blindly.

        News of it has it looked up before its turn, which proves nothing where it is not there.
        """
        news = known.entry.nota_changed
        early = nota.look_up_at is not None and nota.look_up_at > self._now
        if early and not news and not is_news(nota, self._now):
            return answers.not_shown(nota, self._now, news=False)
        snapshot = await issuer.find(nota.external_id)
        self._breakers.request(ok=True)
        LOOK_UPS.labels("missing" if snapshot is None else "found").inc()
        if snapshot is not None and not _denial_before_resend(nota, snapshot):
            return self._seen(issuer, nota, snapshot, news=news)
        if early:
            return answers.not_shown(nota, self._now, news=news)
        later = answers.not_found(nota, self._waits, self._now)
        if later is not None:
            return later
        if only_looks:  # first what is new of its bill, which cannot be read just now
            return answers.ask_later(nota, self._now + DECIDED_AGAIN)
        if nota.then_cancel is not None:
            ended = answers.never_arrived(nota, nota.then_cancel, self._now)
            # One whose place it was to take stands, and is decided about at once.
            return ended if nota.substitutes is None else replace(ended, due_at=self._now)
        if self._context.place_of(nota).is_left:
            return elsewhere.replaced(nota, self._now)
        if month_of(nota.competencia) in self._context.terms.locked_months:
            return answers.month_locked(nota, self._now)
        return await self._repeat(issuer, nota, known)

    async def _repeat(self, issuer: Issuer, nota: KnownNota, known: Answered) -> Answer:
        """Send the same request under the same id, after every look-up found nothing.

        While the tenant is paused, or where there is news of the sale or its month was locked, it
        waits: the look-ups go on, and what is decided meanwhile counts.
        """
        if not self._context.terms.issuing:
            return answers.ask_later(nota, self._now + RETRY_PAUSED, failed=True)
        async with self._pool.acquire() as conn:
            requests = await notas_store.requests(
                conn, self._context.sealer, self._context.tenant, [nota]
            )
        draft = draft_from_json(requests[nota.bill_id, nota.part])
        again = replace(known.then(answers.sent_again(nota)), more=True)
        if not await write_answers(self._pool, self._context.tenant, [again]):
            return answers.ask_later(nota, self._now + DECIDED_AGAIN)
        try:
            with self._request(nota) as request:
                result = await issuer.submit(
                    nota.external_id,
                    numbered(draft, nota),
                    environment=environment_of(nota.external_id),
                    look_first=True,
                    may_leave=partial(self._leaves, known.entry, request),
                )
                request.answered = not isinstance(result, Unknown)
        except (IssuerBusy, IssuerNotLeft) as error:
            # Nothing left: the look-ups before it still count, and the doubt stays.
            later = answers.busy(nota, self._now + (error.retry_after or timedelta()), self._waits)
            return replace(later, shows=None)
        return self._submitted(issuer, nota, result)

    async def _cancel(
        self, issuer: Issuer, nota: KnownNota, known: Answered, *, again: bool = False
    ) -> Answer:
        """Ask to cancel a nota; `again` where that was wished for before, and it is valid still."""
        unsent = answers.ask_later if again else answers.cancel_not_sent
        if again and not self._context.terms.issuing:
            return unsent(nota, self._now + RETRY_PAUSED, failed=True)
        if self._context.restored.lately(self._now):  # it may have been asked for already
            found = await issuer.find(nota.external_id)
            if found is not None and found.phase in _UNDONE:
                return self._seen(issuer, nota, found)
        if not nota.has_pdf:  # valid for the tax, and not cancellable before its PDF is made
            found = await issuer.find(nota.external_id)
            if found is not None and found.phase is Phase.ISSUED and not found.has_pdf:
                return unsent(nota, polled_at(nota, self._now))
        if not await self._still_to_be_cancelled(nota, known):
            return unsent(nota, self._now + DECIDED_AGAIN)
        with self._request(nota) as request:
            may_leave = partial(self._leaves, known.entry, request)
            result = await issuer.cancel(nota.external_id, may_leave=may_leave)
            request.answered = not isinstance(result, Unknown)
        self._breakers.request(ok=not isinstance(result, Unknown), why=why_of(result))
        match result:
            case CancelAccepted():
                return answers.cancel_taken(nota, self._now)
            case CancelRejected(phase=Phase.PENDING):
                return answers.cancel_remembered(nota, self._now)
            case CancelRejected(findings=findings, code=code, phase=phase) if phase in _STANDS:
                return answers.cancel_refused(nota, findings, code, self._context.seal, self._now)
            case CancelRejected() | Unknown():
                if isinstance(result, Unknown):
                    LOST.labels("cancel").inc()
                later = back_off(known.entry.tries + 1, self._now)
                return answers.ask_later(nota, later, failed=True)
            case _:
                assert_never(result)

    async def _still_to_be_cancelled(self, nota: KnownNota, known: Answered) -> bool:
        """Prove it by what is committed now: no pause and no news of the sale came meanwhile."""
        leaves = replace(known.then(answers.may_be_cancelled(nota)), more=True)
        return bool(await write_answers(self._pool, self._context.tenant, [leaves]))

    def _seen(
        self, issuer: Issuer, nota: KnownNota, snapshot: Snapshot, *, news: bool = False
    ) -> Answer:
        snapshot = as_meant(nota, snapshot, self._now)
        if snapshot.phase is Phase.UNKNOWN_STATUS:
            log.warning(
                "issuer_status_unknown",
                tenant_id=self._context.tenant,
                bill_id=nota.bill_id,
                status=snapshot.raw_status[:60],
            )
        reader = self._reader(issuer)
        answer = seen(nota, snapshot, reader=reader, now=self._now, news=news)
        if self._context.place_of(nota).is_left:
            return answer  # of another company, and so maybe of another city
        denied = answer.denied
        if denied is not None and denied.denial == OUTAGE:
            self._breakers.city(ok=False)
        elif denied is not None and denied.of_company:
            self._breakers.company(ok=False, cause=denied.name)
        elif snapshot.phase is Phase.ISSUED and nota.status is not NotaStatus.CANCELLING:
            self._breakers.city(ok=True)
            self._breakers.company(ok=True)
        return answer

    def _reader(self, issuer: Issuer) -> Reader:
        return Reader(
            classify=issuer.classify_denial,
            classify_cancel=issuer.classify_cancel_refusal,
            word=self._context.denial_word,
            seal=self._context.seal,
            zone=self._context.terms.zone,
        )

    async def _blocked(
        self,
        issuer: Issuer,
        act: Act,
        step: Step,
        nota: KnownNota,
        error: TenantBlockedError,
    ) -> Answer:
        """Nothing was done. A refusal that a second look does not confirm is tried again."""
        place = self._context.place_of(nota)
        if place.connection is not None:
            meant = await self._clients.believe_issuer(place.connection, issuer)
            if isinstance(meant, TransientError):
                return self._refusal_passed(act, step, nota)
            error = meant
        async with self._pool.acquire() as conn:
            await block(conn, self._context.tenant, place, error, self._now)
        if act.issues:
            return answers.blocked(nota, error.code)
        return self._unasked(nota, step)

    def _refusal_passed(self, act: Act, step: Step, nota: KnownNota) -> Answer:
        due_at = back_off(act.entry.tries + 1, self._now)
        if act.issues:
            return answers.not_sent(nota, due_at)
        return self._not_asked(step, nota, due_at, failed=True)

    def _not_now(self, act: Act, step: Step, nota: KnownNota, error: TransientError) -> Answer:
        if not isinstance(error, IssuerBusy):
            why = error.why if isinstance(error, IssuerUnavailable) else ""
            if why not in OF_ONE_NOTA:  # some of those would rest every other sale for ever
                self._breakers.request(ok=False, why=why)
        if error.retry_after is not None:
            due_at = self._now + error.retry_after
        else:
            due_at = back_off(act.entry.tries + 1, self._now)
        if not act.issues:
            return self._not_asked(step, nota, due_at)
        if isinstance(error, IssuerPaced):
            return answers.put_off(nota, due_at)
        if isinstance(error, IssuerBusy):
            return answers.busy(nota, due_at, self._waits)
        return answers.not_sent(nota, due_at)


def why_of(result: object) -> str:
    """Why an answer does not count; nothing of one that does."""
    return result.why if isinstance(result, Unknown) else ""


def _steps(act: Act) -> tuple[Step, ...]:
    match act.action:
        case Send(intent=intent):
            return (Step(part=intent.part),)
        case Ask(steps=steps):
            return steps
        case _:
            assert_never(act.action)


def numbered(draft: NotaDraft, nota: KnownNota) -> NotaDraft:
    """What is sent of a nota: with its own number, which its row alone has."""
    return draft if nota.rps_number is None else replace(draft, rps_number=nota.rps_number)


def environment_of(external_id: str) -> IssuerEnvironment:
    """The environment a nota was born in: its id says so, whatever the tenant uses now."""
    return "Producao" if external_id.startswith("p-") else "Homologacao"


def _denial_before_resend(nota: KnownNota, snapshot: Snapshot) -> bool:
    """Say whether a look-up shows the old denial: the re-sent request has not arrived (yet)."""
    if snapshot.phase is not Phase.DENIED or nota.sends < 2:
        return False
    if snapshot.changed_at is None or nota.changed_at is None:
        return False
    return snapshot.changed_at <= nota.changed_at

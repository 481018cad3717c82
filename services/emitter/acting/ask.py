"""Asks the issuer, and writes each answer down as soon as it is there."""

from datetime import datetime, timedelta
from typing import Final, assert_never

from msgspec.structs import replace
from structlog.contextvars import bind_contextvars

from services.emitter.acting.at_issuer import AtIssuer
from services.emitter.acting.cancel import cancel
from services.emitter.acting.group_commit import GroupCommit
from services.emitter.acting.look_up import follow, prove_gone
from services.emitter.acting.send import send
from services.emitter.acting.write import write_answers
from services.emitter.context import TenantContext
from services.emitter.ending import Ending, ToldToStop
from services.emitter.one_by_one import note_failure
from services.emitter.places import Place, block
from services.emitter.planning import answers, elsewhere
from services.emitter.planning.answers import Answer
from services.emitter.planning.follow import is_routine
from services.emitter.planning.sale_after import Answered
from services.emitter.planning.waits import back_off, stand_back
from services.emitter.stopping.under_way import UnderWay
from services.emitter.traced import note_answered, sale_span
from services.emitter.work import Act, Ask, Send, Step
from shared.clients import Clients
from shared.db.away import database_away
from shared.db.outbox.outbox_store import BACKFILL
from shared.db.sales.notas_store import KnownNota
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.nota import REAL
from shared.issuer.errors import (
    OF_ONE_NOTA,
    IssuerBusy,
    IssuerNotLeft,
    IssuerPaced,
    IssuerUnavailable,
)
from shared.issuer.interface import Issuer
from shared.run.fair_line import OwnLine
from shared.telemetry import traces

RETRY_BLOCKED: Final = timedelta(hours=1)


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
        self._at = AtIssuer(commits, context, clients, ending, under_way)
        self._commits = commits

    async def ask(self, act: Act) -> None:
        """Ask for one sale; return once the answer is written down, soon after it is there."""
        tenant = self._at.context.tenant
        # Each sale has a task of its own, so that whatever is logged on its way says whose it is.
        # The tenant is said by its batch.
        bind_contextvars(bill_id=act.entry.bill_id)
        line = self._at.leases.line
        if act.issues or act.cancels:
            line.stand(act.entry)
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
                self._at.leases.release(act.entry)
            finally:
                line.go(act.entry)

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
            again = back_off(act.entry.tries + 1, self._at.now)
            nota = act.notas.newest[_steps(act)[0].part]
            return self._nothing_yet(act).then(answers.ask_later(nota, again, failed=True))

    def _nothing_yet(self, act: Act) -> Answered:
        return Answered(
            entry=act.entry,
            notas=act.notas,
            answers=(),
            bill_read=act.read is not None,
            now=self._at.now,
            rests=act.action.rests if isinstance(act.action, Ask) else None,
        )

    async def _answered(self, act: Act) -> Answered:
        """Take the steps of an act in turn; each answer is written before the next request."""
        steps = _steps(act)
        known = self._nothing_yet(act)
        place = self._at.context.place_of(known.notas.newest[steps[0].part])
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
        issuer = self._at.context.place_of(nota).issuer
        if not self._at.may_leave(act.entry):
            return self._untaken(act, step, nota)
        if step.to_replace and nota.environment != REAL:
            return elsewhere.given_up_test(nota, self._at.now, by_person=step.by_person)
        if issuer is None:
            return self._unasked(nota, step)
        if later := self._stands_back(act, nota):
            return answers.ask_later(nota, later)
        if self._at.breakers.has_opened:
            return self._put_off(act, step, nota)
        if act.issues and await self._at.breakers.company_stopped(self._at.pool):
            return self._put_off(act, step, nota)
        try:
            if isinstance(act.action, Send):
                return await send(self._at, issuer, nota, act, act.action)
            if step.to_replace:
                return await prove_gone(self._at, issuer, nota)
            if step.cancel:
                return await cancel(self._at, issuer, nota, known)
            return await follow(self._at, issuer, nota, known, only_looks=step.only_looks)
        except TenantBlockedError as error:
            return await self._blocked(issuer, act, step, nota, error)
        except IssuerNotLeft:
            return self._untaken(act, step, nota)
        except TransientError as error:
            return self._not_now(act, step, nota, error)

    def _stands_back(self, act: Act, nota: KnownNota) -> datetime | None:
        """When to ask instead, where nobody waits for it and other processes have sales to send."""
        if not is_routine(act):
            return None
        if not self._at.clients.issuer_pressed(self._at.context.place_of(nota).connection):
            return None
        return stand_back(nota.sent_at, self._at.now)

    def _untaken(self, act: Act, step: Step, nota: KnownNota) -> Answer:
        """The step was not taken, for its lease or the process ends: the next one takes it at once.

        Written like every answer only where the lease holds still; else by nobody, and whoever has
        the sale then looks it up.
        """
        if act.issues:
            return answers.put_off(nota, self._at.now)
        return self._not_asked(step, nota, self._at.now)

    async def _kept(self, known: Answered) -> Answered:
        """Write the last answer, if there is anything new in it, and keep the sale."""
        if not known.last.learnt and not known.last.unexplained:
            return known
        written = await write_answers(
            self._at.pool, self._at.context.tenant, [replace(known, more=True)]
        )
        if not written:
            raise _LeaseLostError
        return replace(written[0], more=False)

    def _put_off(self, act: Act, step: Step, nota: KnownNota) -> Answer:
        due_at = self._at.breakers.again_at
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
                    if self._at.ending.told:
                        break
                    await slot.acquire(self._at.ending.lines)
                held.append(slot)
        except ToldToStop:
            pass
        except BaseException:
            for slot in held:
                slot.release()
            raise
        return held

    def _unasked(self, nota: KnownNota, step: Step) -> Answer:
        if self._at.context.place_of(nota).is_left:
            told = elsewhere.unasked(nota, step, self._at.now)
            if told is not None:
                return told
        # Counted as a try that failed: what is mended wakes those.
        return self._not_asked(step, nota, self._at.now + RETRY_BLOCKED, failed=True)

    async def _blocked(
        self,
        issuer: Issuer,
        act: Act,
        step: Step,
        nota: KnownNota,
        error: TenantBlockedError,
    ) -> Answer:
        """Nothing was done. A refusal that a second look does not confirm is tried again."""
        place = self._at.context.place_of(nota)
        if place.connection is not None:
            meant = await self._at.clients.believe_issuer(place.connection, issuer)
            if isinstance(meant, TransientError):
                return self._refusal_passed(act, step, nota)
            error = meant
        async with self._at.pool.acquire() as conn:
            await block(conn, self._at.context.tenant, place, error, self._at.now)
        if act.issues:
            return answers.blocked(nota, error.code)
        return self._unasked(nota, step)

    def _refusal_passed(self, act: Act, step: Step, nota: KnownNota) -> Answer:
        due_at = back_off(act.entry.tries + 1, self._at.now)
        if act.issues:
            return answers.not_sent(nota, due_at)
        return self._not_asked(step, nota, due_at, failed=True)

    def _not_now(self, act: Act, step: Step, nota: KnownNota, error: TransientError) -> Answer:
        if not isinstance(error, IssuerBusy):
            why = error.why if isinstance(error, IssuerUnavailable) else ""
            if why not in OF_ONE_NOTA:  # some of those would rest every other sale for ever
                self._at.breakers.request(ok=False, why=why)
        if error.retry_after is not None:
            due_at = self._at.now + error.retry_after
        else:
            due_at = back_off(act.entry.tries + 1, self._at.now)
        if not act.issues:
            return self._not_asked(step, nota, due_at)
        if isinstance(error, IssuerPaced):
            return answers.put_off(nota, due_at)
        if isinstance(error, IssuerBusy):
            return answers.busy(nota, due_at, self._at.waits)
        return answers.not_sent(nota, due_at)


def _steps(act: Act) -> tuple[Step, ...]:
    match act.action:
        case Send(intent=intent):
            return (Step(part=intent.part),)
        case Ask(steps=steps):
            return steps
        case _:
            assert_never(act.action)

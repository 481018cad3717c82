"""Asks the issuer, and writes each answer down as soon as it is there."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Final, assert_never

import structlog
from msgspec.structs import replace

from services.emitter.acting.group_commit import Scribe
from services.emitter.acting.walk import Walk
from services.emitter.acting.write import write_plans
from services.emitter.context import TenantContext
from services.emitter.planning import answers
from services.emitter.planning.answers import Reader, Sent
from services.emitter.planning.drafts import draft_from_json
from services.emitter.planning.fold import fold, sent_parts
from services.emitter.planning.waits import back_off, next_poll
from services.emitter.stopping.outage import Gate
from services.emitter.work import CancelNota, FollowUp, Plan, Send, Steps, happened
from shared.db.outbox.outbox_store import BACKFILL
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.tenants import connections_store
from shared.domain.denials import OUTAGE
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.nota import IssuerEnvironment, NotaStatus
from shared.issuer.errors import IssuerBusy
from shared.issuer.interface import (
    CancelAccepted,
    CancelRejected,
    Issued,
    Issuer,
    Pending,
    Phase,
    Rejected,
    Snapshot,
    Unknown,
)

log = structlog.get_logger()

RETRY_BLOCKED: Final = timedelta(hours=1)
CANCEL_AGAIN_AFTER: Final = timedelta(minutes=2)  # still valid so long after the wish: ask anew


async def ask_issuer(
    scribe: Scribe, context: TenantContext, waits: Sequence[timedelta], plans: Sequence[Plan]
) -> None:
    """Carry out what plans ask of the issuer, side by side within its limits.

    `waits` are the pauses between look-ups after a lost answer. Each answer is written down soon
    after it is there.
    """
    if not plans:
        return
    asker = _Asker(scribe, context, waits)
    async with asyncio.TaskGroup() as group:
        for plan in plans:
            group.create_task(asker.ask(plan))


class _Asker:
    """Asks for one tenant; every road ends in a plan for the sale."""

    def __init__(self, scribe: Scribe, context: TenantContext, waits: Sequence[timedelta]) -> None:
        self._scribe = scribe
        self._pool = scribe.pool
        self._context = context
        self._leases = scribe.leases
        self._waits = waits

    async def ask(self, plan: Plan) -> None:
        """Ask for one sale, and return once the answer is written down."""
        tenant = self._context.tenant
        with self._scribe.asking(tenant):
            answer = await self._answer(plan)
        await self._scribe.write(tenant, answer)

    async def _answer(self, plan: Plan) -> Plan:
        issuer, action = self._context.issuer, plan.action
        if action is None:
            raise ValueError("a plan without an action asks nothing")
        if issuer is None:
            sent = self._about(plan, _first_step(action))
            return answers.ask_later(sent, self._now, due_at=self._now + RETRY_BLOCKED)
        async with self._turn(plan), self._context.slots:
            if isinstance(action, Steps):
                return await self._walk(issuer, plan, action)
            return await self._step(issuer, plan, action)

    async def _step(self, issuer: Issuer, plan: Plan, action: Send | FollowUp | CancelNota) -> Plan:
        sent = self._about(plan, action)
        if self._gate.has_opened:
            answer = self._put_off(sent, action)
        elif self._leases.surely_held(plan.entry):
            answer = await self._asked(issuer, sent, action)
        else:
            return Plan(entry=plan.entry)  # whoever leases it next looks it up
        if plan.parts and isinstance(action, Send):
            parts = sent_parts(plan.parts, action, self._now)
            return fold(answer, parts, self._now, sent=True)
        return answer

    async def _walk(self, issuer: Issuer, plan: Plan, action: Steps) -> Plan:
        """Ask about the notas of a divided sale in turn; each answer is written before the next."""
        walk = Walk(parts=plan.parts, now=self._now)
        for step in action.steps[:-1]:
            told = walk.take(await self._step(issuer, plan, step), step)
            if told.settlement is None:
                return told
            if told.nota is not None:
                written = replace(told, settlement=None)
                if not await write_plans(self._pool, self._context.tenant, [written]):
                    return Plan(entry=plan.entry)
        last = action.steps[-1]
        return walk.take(await self._step(issuer, plan, last), last)

    def _put_off(self, sent: Sent, action: Send | FollowUp | CancelNota) -> Plan:
        due_at = self._gate.again_at
        if isinstance(action, Send):
            return answers.put_off(sent, due_at)
        return answers.ask_later(sent, self._now, due_at=due_at)

    @property
    def _gate(self) -> Gate:
        return self._context.gate

    def _turn(self, plan: Plan) -> AbstractAsyncContextManager[None]:
        # Slots are given in turn: of a backfill only a few stand in line, so that a sale of today
        # never waits behind a whole batch of it.
        return self._context.behind if plan.entry.lane == BACKFILL else nullcontext()

    @property
    def _now(self) -> datetime:
        return self._context.now

    def _about(self, plan: Plan, action: Send | FollowUp | CancelNota) -> Sent:
        if isinstance(action, Send):
            return Sent(
                entry=plan.entry,
                part=action.intent.part,
                revision=action.intent.revision,
                status=NotaStatus.SENDING,
                since=self._now,
                competencia=action.intent.competencia,
                auto_sends=action.auto_sends,
            )
        return answers.about(plan.entry, action.nota, self._now, bill_read=plan.read is not None)

    async def _asked(
        self, issuer: Issuer, sent: Sent, action: Send | FollowUp | CancelNota
    ) -> Plan:
        try:
            match action:
                case Send():
                    return await self._send(issuer, sent, action)
                case FollowUp(nota=nota):
                    return await self._follow(issuer, sent, nota)
                case CancelNota(nota=nota):
                    return await self._cancel(issuer, sent, nota)
                case _:
                    assert_never(action)
        except TenantBlockedError as error:
            return await self._blocked(sent, action, error)
        except TransientError as error:
            return self._not_now(sent, action, error)

    async def _send(self, issuer: Issuer, sent: Sent, action: Send) -> Plan:
        result = await issuer.submit(
            action.intent.external_id,
            action.draft,
            environment=environment_of(action.intent.external_id),
            look_first=not action.first,
        )
        return self._submitted(issuer, sent, result)

    def _submitted(
        self, issuer: Issuer, sent: Sent, result: Pending | Issued | Rejected | Unknown
    ) -> Plan:
        self._gate.request(ok=not isinstance(result, Unknown))
        match result:
            case Pending(issuer_id=issuer_id):
                return answers.accepted(sent, issuer_id, self._now)
            case Issued(snapshot=snapshot):
                return self._seen(issuer, sent, snapshot)
            case Rejected(findings=findings, code=code):
                return answers.refused(sent, code, findings, self._reader(issuer), self._now)
            case Unknown(why=why):
                log.warning(
                    "answer_lost",
                    tenant_id=self._context.tenant,
                    bill_id=sent.entry.bill_id,
                    why=why,
                )
                return answers.answer_lost(sent, why, self._now)
            case _:
                assert_never(result)

    async def _follow(self, issuer: Issuer, sent: Sent, nota: KnownNota) -> Plan:
        if nota.status in (NotaStatus.SENDING, NotaStatus.UNCERTAIN):
            return await self._look_up(issuer, sent, nota)
        if nota.issuer_id is not None:
            snapshot = await issuer.get(nota.issuer_id)
        else:
            snapshot = await issuer.find(nota.external_id)
        self._gate.request(ok=True)
        if snapshot is None:
            return answers.ask_later(sent, self._now, due_at=next_poll(sent.since, self._now))
        asked_long_ago = self._now - sent.since >= CANCEL_AGAIN_AFTER
        if (
            nota.status is NotaStatus.CANCELLING
            and snapshot.phase is Phase.ISSUED
            and asked_long_ago
        ):
            return await self._cancel(issuer, sent, nota)
        return self._seen(issuer, sent, snapshot)

    async def _look_up(self, issuer: Issuer, sent: Sent, nota: KnownNota) -> Plan:
        """Find out what became of a request whose answer was lost; never repeat it blindly."""
        if nota.look_up_at is not None and nota.look_up_at > self._now:
            return answers.ask_later(sent, self._now, due_at=nota.look_up_at)
        snapshot = await issuer.find(nota.external_id)
        self._gate.request(ok=True)
        if snapshot is not None and not _denial_before_resend(nota, snapshot):
            return self._seen(issuer, sent, snapshot)
        later = answers.not_found(sent, nota.lookups + 1, self._waits, self._now)
        if later is not None:
            return later
        if nota.then_cancel is not None:
            return answers.never_arrived(sent, nota.then_cancel)
        return await self._repeat(issuer, sent, nota)

    async def _repeat(self, issuer: Issuer, sent: Sent, nota: KnownNota) -> Plan:
        """Send the same request under the same id, after every look-up found nothing."""
        intent = NotaUpdate(
            bill_id=nota.bill_id,
            part=nota.part,
            revision=nota.revision,
            status=NotaStatus.SENDING,
            lookups=0,
        )
        told = (happened(sent.entry, "sent_again", nota.external_id),)
        plan = Plan(entry=sent.entry, nota=intent, happenings=told)
        if not await write_plans(self._pool, self._context.tenant, [plan]):
            return Plan(entry=sent.entry)
        result = await issuer.submit(
            nota.external_id,
            draft_from_json(self._context.unseal(nota.request, "nota")),
            environment=environment_of(nota.external_id),
            look_first=True,
        )
        return self._submitted(issuer, sent, result)

    async def _cancel(self, issuer: Issuer, sent: Sent, nota: KnownNota) -> Plan:
        result = await issuer.cancel(nota.external_id)
        self._gate.request(ok=not isinstance(result, Unknown))
        match result:
            case CancelAccepted():
                return answers.ask_later(sent, self._now, due_at=next_poll(self._now, self._now))
            case CancelRejected(phase=Phase.PENDING):
                return answers.cancel_remembered(sent, self._now)
            case CancelRejected(findings=findings, phase=Phase.ISSUED | Phase.CANCEL_REFUSED):
                return answers.cancel_refused(sent, findings, self._context.seal)
            case CancelRejected() | Unknown():
                return answers.ask_later(sent, self._now)
            case _:
                assert_never(result)

    def _seen(self, issuer: Issuer, sent: Sent, snapshot: Snapshot) -> Plan:
        if snapshot.phase is Phase.UNKNOWN_STATUS:
            log.warning(
                "issuer_status_unknown",
                tenant_id=self._context.tenant,
                bill_id=sent.entry.bill_id,
                status=snapshot.raw_status[:60],
            )
        plan = answers.seen(sent, snapshot, reader=self._reader(issuer), now=self._now)
        if plan.nota is not None and plan.nota.denial == OUTAGE:
            self._gate.city(ok=False)
        elif snapshot.phase is Phase.ISSUED and sent.status is not NotaStatus.CANCELLING:
            self._gate.city(ok=True)
        return plan

    def _reader(self, issuer: Issuer) -> Reader:
        return Reader(
            classify=issuer.classify_denial,
            word=self._context.denial_word,
            seal=self._context.seal,
            zone=self._context.terms.zone,
        )

    async def _blocked(
        self, sent: Sent, action: Send | FollowUp | CancelNota, error: TenantBlockedError
    ) -> Plan:
        connection = self._context.issuer_connection
        async with self._pool.acquire() as conn:
            await connections_store.block(
                conn,
                self._context.tenant,
                "issuer",
                error.code,
                str(error),
                connected_at=connection.state.connected_at if connection else None,
            )
        log.warning("issuer_blocked", tenant_id=self._context.tenant, code=error.code)
        if isinstance(action, Send):
            return answers.blocked(sent, error.code)
        return answers.ask_later(sent, self._now, due_at=self._now + RETRY_BLOCKED)

    def _not_now(
        self, sent: Sent, action: Send | FollowUp | CancelNota, error: TransientError
    ) -> Plan:
        if not isinstance(error, IssuerBusy):
            self._gate.request(ok=False)
        if error.retry_after is not None:
            due_at = self._now + error.retry_after
        else:
            due_at = back_off(sent.entry.tries + 1, self._now)
        if isinstance(action, Send) and isinstance(error, IssuerBusy):
            return answers.busy(sent, due_at, self._waits)
        if isinstance(action, Send):
            return answers.not_sent(sent, due_at)
        return answers.ask_later(sent, self._now, due_at=due_at)


def _first_step(action: Send | FollowUp | CancelNota | Steps) -> Send | FollowUp | CancelNota:
    return action.steps[0] if isinstance(action, Steps) else action


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

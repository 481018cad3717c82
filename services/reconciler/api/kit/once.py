"""Calls that create, done once however often they are sent (Idempotency-Key)."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from pydantic import BaseModel

from services.reconciler.api.kit.operation import Answer, Call
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.serve import DATABASE_AWAY
from shared.crypto import columns
from shared.crypto.columns import REQUEST_WORD
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Connection
from shared.db.tenants import idempotency_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.db.tenants.idempotency_store import (
    AnsweredBefore,
    Beginning,
    Begun,
    KeyId,
    Reused,
    Running,
)
from shared.domain.ids import TenantId

log = structlog.get_logger()

AnyCall = Call[Any, Any]
Work = Callable[[Connection], Awaitable[Answer]]


async def once(call: AnyCall, operation: str, answer: type[BaseModel], work: Work) -> Answer:
    """Do `work` in one transaction; with a key, only the first time it is seen.

    The kept answer is sealed, since it may hold a webhook's address. Problems: 409
    `idempotency_key_reused` for another body, `idempotency_key_running`, and
    `idempotency_answer_lost` for what was done and whose answer cannot be read any more.
    """
    key = _key(call)
    if key is None:
        async with call.services.pool.acquire() as conn, conn.transaction():
            return await work(conn)
    begun = await _begin(call, key, operation)
    if isinstance(begun, AnsweredBefore):
        return _kept(call.services.sealer, key, begun, answer)
    try:
        return await _finish(call, key, begun, work)
    except BaseException:
        # A failure here leaves the key; it is taken over once it is old enough.
        with suppress(*DATABASE_AWAY):
            async with call.services.pool.acquire() as conn:
                await idempotency_store.give_up(conn, key, begun)
        raise


async def _begin(call: AnyCall, key: KeyId, operation: str) -> Begun | AnsweredBefore:
    asked = f"{operation}\n{call.body.model_dump_json(by_alias=True)}"
    beginning: Beginning = Reused()
    async with call.services.pool.acquire() as conn:
        for word in _words(call.services.sealer, key.tenant_id, asked):
            beginning = await idempotency_store.begin(conn, key, word)
            if not isinstance(beginning, Reused):
                break
    match beginning:
        case Reused():
            raise Problem(409, "idempotency_key_reused", "This key was used for another request.")
        case Running():
            raise _running()
        case _:
            return beginning


def _words(sealer: Sealer, tenant: TenantId, asked: str) -> list[bytes]:
    """How what was asked is kept: keyed, since a CPF in it could be found by trying all of them.

    Then how it may have been kept before: under a key that is going, and as a plain hash, which
    rows of before 0.4 have for a week.
    """
    plain = hashlib.sha256(asked.encode()).digest()
    return [*sealer.words(asked, tenant=tenant, purpose=REQUEST_WORD), plain]


async def _finish(call: AnyCall, key: KeyId, begun: Begun, work: Work) -> Answer:
    async with call.services.pool.acquire() as conn, conn.transaction():
        done = await work(conn)
        if not isinstance(done.body, BaseModel):
            raise TypeError("only JSON answers are kept")
        sealed = columns.KEPT_ANSWER.seal(
            call.services.sealer,
            key.tenant_id,
            done.body.model_dump_json(by_alias=True).encode(),
            key.actor,
            key.key,
        )
        kept = {"sealed": sealed.hex(), "headers": dict(done.headers)}
        if not await idempotency_store.finish(conn, key, begun, status=done.status, response=kept):
            raise _running()
    return done


def _kept(sealer: Sealer, key: KeyId, kept: AnsweredBefore, answer: type[BaseModel]) -> Answer:
    """The answer of the first time. It was done then, and is so no second time, whatever is left.

    Its key may be gone, or the value damaged; or it was written by code that answered otherwise.
    """
    try:
        sealed = bytes.fromhex(kept.response["sealed"])
        body = columns.KEPT_ANSWER.open(sealer, key.tenant_id, sealed, key.actor, key.key)
        said = answer.model_validate_json(body)
        headers = kept.response["headers"]
    except (UnsealError, ValueError, KeyError, TypeError) as error:
        log.warning("kept_answer_unreadable", tenant_id=key.tenant_id, error=type(error).__name__)
        raise Problem(
            409,
            "idempotency_answer_lost",
            "This was done, and its answer cannot be read any more: look at what it made.",
        ) from error
    return Answer(status=kept.status, body=said, headers=headers)


def _key(call: AnyCall) -> KeyId | None:
    if call.idempotency_key is None:
        return None
    tenant = call.found_tenant.id if call.found_tenant else NO_TENANT
    return KeyId(tenant_id=tenant, actor=call.actor, key=call.idempotency_key)


def _running() -> Problem:
    return Problem(
        409, "idempotency_key_running", "The first request with this key is still running."
    )

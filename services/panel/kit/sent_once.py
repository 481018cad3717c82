"""A form that is sent twice does one thing: whoever sent it again gets the first's answer.

A form's token is new each time its page is made, so token, address and fields together name one
sending: a double click, a page that is loaded again, a browser that repeats a broken request. The
answer may hold a link or a session's word, so it is kept sealed, for as long as the internal API
keeps its own (`idempotency_store`). A form that was refused did nothing, and may be sent again.
What was done is noted with what does it (`noted`): a process that dies before it has answered
leaves no form that could be done twice.

Forms of different people that stand on the same state of a page take turns: the second is looked
at once the first is over, and then finds that the state changed (`seen`).

Whoever does a form says every two seconds that it still does. One that was killed is silent, and
after ten seconds whoever waits goes on in its place; one that was only slow finds that at its
commit, which then has no effect.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from services.panel.kit import csrf
from services.panel.kit.noted import Note, TakenOver, TurnLost, noting
from services.panel.kit.seen import FIELD as SEEN
from shared.crypto import columns
from shared.crypto.seal import UnsealError
from shared.db.connection import Pool
from shared.db.tenants import idempotency_store, tenants_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.db.tenants.idempotency_store import (
    SILENT_AFTER,
    AnsweredBefore,
    Begun,
    KeyId,
    Reused,
    Running,
)
from shared.run.loops import Next, Periodic, beside

if TYPE_CHECKING:
    from services.panel.kit.page import Visit

PATIENCE: Final = 25.0  # seconds for the first to be answered: it may be asking Vindi
LOOK_EVERY: Final = 0.1
BEAT_EVERY: Final = SILENT_AFTER / 5
FormWork = Callable[["Visit"], Awaitable[Response]]


class StillRunning(Exception):
    """The same form was sent before, and its answer is not there yet."""


class AnswerGone(Exception):
    """The same form was done before, and its answer is not there any more."""


class SomebodySaves(Exception):
    """Somebody else's form of the same page is still being done."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was sent."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


async def answer_once(
    visit: "Visit", work: FormWork, away: tuple[type[Exception], ...]
) -> Response:
    """Do what a form asks for, or give the answer that the same form got.

    `away` are the errors by which a database is gone: what was done stays done. Raises
    StillRunning, AnswerGone or SomebodySaves.
    """
    pool, key = _pool(visit), _key(visit)
    begun = await _begun(pool, key)
    if isinstance(begun, AnsweredBefore):
        return _opened(visit, key, begun)
    try:
        async with _alive(pool, key, begun), _in_turn(visit, away) as (now, turn):
            response = await work(_noting(now, Note(key=key, begun=begun, turn=turn)))
    except TakenOver:
        raise StillRunning from None
    except TurnLost:
        with suppress(*away):
            await _give_up(pool, key, begun)
        raise SomebodySaves from None
    except BaseException:
        with suppress(*away):
            await _give_up(pool, key, begun)
        raise
    # The process may die here: the key stays without an answer. A form that did nothing so far may
    # be sent again after `SILENT_AFTER`; of one that did something is said that it was received.
    with suppress(*away):
        if response.status_code < 400 and not isinstance(response, StreamingResponse):
            await _keep(visit, pool, key, begun, response)
        else:
            await _give_up(pool, key, begun, refused=True)
    return response


@asynccontextmanager
async def _alive(pool: Pool, key: KeyId, begun: Begun) -> AsyncIterator[None]:
    """Say again and again that whoever holds the key is alive."""
    beats = Periodic(
        name="form",
        step=partial(_beat, pool, key, begun),
        every=BEAT_EVERY,
        failed="form_beat_failed",
        rests_first=True,
    )
    async with beside(form=beats.run):
        yield


async def _beat(pool: Pool, key: KeyId, begun: Begun) -> Next | None:
    async with pool.acquire() as conn:
        return None if await idempotency_store.beat(conn, key, begun) else Next.NEVER


@asynccontextmanager
async def _in_turn(
    visit: "Visit", away: tuple[type[Exception], ...]
) -> "AsyncIterator[tuple[Visit, tuple[KeyId, Begun] | None]]":
    """One at a time of all forms that stand on one state of a page.

    Gives the visit with what is so now, and the turn.

    Each compares that state before it writes: of two at the same moment both would find it as it
    was, and the second would undo what the first did without a word.
    """
    seen = visit.form[SEEN]
    if not seen:
        yield visit, None
        return
    pool = _pool(visit)
    key = KeyId(
        tenant_id=visit.of.id if visit.of else NO_TENANT,
        actor="panel:seen",
        key=hashlib.sha256(seen.encode()).hexdigest(),
    )
    begun = await _turn(pool, key)
    try:
        async with _alive(pool, key, begun):
            yield await _as_it_is(visit), (key, begun)
    finally:
        with suppress(*away):
            await _give_up(pool, key, begun)


async def _turn(pool: Pool, key: KeyId) -> Begun:
    try:
        begun = await _begun(pool, key)
    except StillRunning:
        raise SomebodySaves from None
    match begun:
        case Begun():
            return begun
        case AnsweredBefore():
            raise AssertionError("a turn is never answered: it is only begun, and given up")


async def _as_it_is(visit: "Visit") -> "Visit":
    """The visit with its company read anew: whoever had the turn before may have changed it."""
    if visit.of is None:
        return visit
    async with visit.pool.acquire() as conn:
        return replace(visit, of=await tenants_store.get(conn, visit.of.id) or visit.of)


def _noting(visit: "Visit", note: Note) -> "Visit":
    """The same visit, whose every transaction notes what it did."""
    before = visit.resources
    pool = noting(before.pool, note)
    resources = replace(
        before,
        pool=pool,
        set_up=replace(before.set_up, pool=pool),
        door=replace(before.door, pool=pool),
    )
    return replace(visit, resources=resources)


async def _begun(pool: Pool, key: KeyId) -> Begun | AnsweredBefore:
    """The right to do it, or the answer of whoever had it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while True:
        async with pool.acquire() as conn:
            found = await idempotency_store.begin(conn, key, bytes.fromhex(key.key), alive=True)
        match found:
            case Running(over=True):
                raise AnswerGone
            case Running() | Reused():
                if loop.time() > until:
                    raise StillRunning
                await asyncio.sleep(LOOK_EVERY)
            case _:
                return found


async def _keep(visit: "Visit", pool: Pool, key: KeyId, begun: Begun, response: Response) -> None:
    kept = _Kept(headers=list(response.raw_headers), body=bytes(response.body))
    sealed = columns.KEPT_ANSWER.seal(
        visit.resources.sealer, key.tenant_id, msgspec.msgpack.encode(kept), key.actor, key.key
    )
    async with pool.acquire() as conn:
        answer = {"sealed": sealed.hex()}
        await idempotency_store.finish(
            conn, key, begun, status=response.status_code, response=answer
        )


async def _give_up(pool: Pool, key: KeyId, begun: Begun, *, refused: bool = False) -> None:
    async with pool.acquire() as conn:
        await idempotency_store.give_up(conn, key, begun, refused=refused)


def _opened(visit: "Visit", key: KeyId, kept: AnsweredBefore) -> Response:
    sealer = visit.resources.sealer
    try:
        sealed = bytes.fromhex(kept.response["sealed"])
        plain = columns.KEPT_ANSWER.open(sealer, key.tenant_id, sealed, key.actor, key.key)
        answer = msgspec.msgpack.decode(plain, type=_Kept)
    except (UnsealError, ValueError, TypeError) as error:
        # By a key that was taken away since, or damaged: it was done all the same.
        raise AnswerGone from error
    response = Response(answer.body, status_code=kept.status)
    response.raw_headers = list(answer.headers)
    return response


def _pool(visit: "Visit") -> Pool:
    return visit.pool if visit.of else visit.resources.pool


def _key(visit: "Visit") -> KeyId:
    """One sending of one form, of one session or visit."""
    fields = sorted((name, list(values)) for name, values in visit.form.values.items())
    told = json.dumps([visit.request.url.path, visit.form[csrf.FIELD], fields])
    return KeyId(
        tenant_id=visit.of.id if visit.of else NO_TENANT,
        actor=f"panel:{hashlib.sha256(visit.bound_to.encode()).hexdigest()[:32]}",
        key=hashlib.sha256(told.encode()).hexdigest(),
    )

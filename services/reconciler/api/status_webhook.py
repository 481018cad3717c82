"""Where a tenant hears of its sales, and every delivery of it."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, StringConstraints

from services.reconciler.api.kit.operation import (
    NOTHING,
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.paging import MOST, Paging, cut, read_number_cursor
from services.reconciler.api.kit.problem import Problem, invalid
from services.reconciler.api.kit.words import Instant, plain_number
from services.reconciler.deliver import own_address_is_loopback
from shared.crypto.webhook_signature import new_signing_secret
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import StatusDelivery, StatusWebhook
from shared.db.tenants import audit_store
from shared.net.guarded import TargetRefused, check_target

Url = Annotated[str, StringConstraints(min_length=8, max_length=2000, pattern=r"^[\x21-\x7e]+$")]


class StatusWebhookIn(Strict):
    """A public https address; `new_secret` replaces the secret there is."""

    url: Url
    new_secret: bool = False


class StatusWebhookOut(BaseModel):
    """The webhook. The secret is shown once, when it is made."""

    url: str
    secret_hint: str
    secret: str | None = Field(
        default=None, description="Standard Webhooks, `whsec_…`; only when it was made just now."
    )
    events: list[str] = ["sale.issued", "sale.denied", "sale.held", "sale.cancelled"]
    created_at: Instant
    updated_at: Instant
    failing_since: Instant | None = Field(
        default=None, description="Since when the address gives no answer, if it gives none."
    )
    rest_until: Instant | None = Field(
        default=None, description="Until when nothing is tried at an address without an answer."
    )


class RemovedOut(BaseModel):
    """Whether there was a webhook to remove."""

    removed: bool


class DeliveryOut(BaseModel):
    """One delivery; `error` is a stable word, `next_at` the next try of a pending one."""

    id: int
    message_id: str
    bill_id: int
    type: str
    state: Literal["pending", "delivered", "given_up"]
    tries: int
    next_at: Instant | None
    last_status: int | None
    error: str | None
    created_at: Instant
    delivered_at: Instant | None


class DeliveryList(BaseModel):
    """Some deliveries, the newest first; `next` goes on where they end."""

    items: list[DeliveryOut]
    next: str | None


class ResentOut(BaseModel):
    """The delivery is tried again now."""

    id: int


async def put(call: Call[StatusWebhookIn, NoQuery]) -> Answer:
    """Set the webhook."""
    services, body, tenant = call.services, call.body, call.tenant.id
    try:
        url = check_target(body.url, loopback=own_address_is_loopback(services.set_up.public_url))
    except TargetRefused as refused:
        raise invalid("url", refused.why) from None
    async with services.pool.acquire() as conn, conn.transaction():
        known = await status_webhooks_store.get(conn, services.sealer, tenant)
        fresh = new_signing_secret() if known is None or body.new_secret else None
        secret = fresh or (known.secret if known else "")
        await status_webhooks_store.put(conn, services.sealer, tenant, url, secret)
        detail = {"new_secret": fresh is not None}
        await audit_store.add(
            conn, tenant, actor=call.actor, action="status_webhook_put", detail=detail
        )
        stored = await status_webhooks_store.get(conn, services.sealer, tenant)
    if stored is None:
        raise _none()
    return Answer(body=_show(stored, secret=fresh))


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show the webhook."""
    async with call.services.pool.acquire() as conn:
        found = await status_webhooks_store.get(conn, call.services.sealer, call.tenant.id)
    if found is None:
        raise _none()
    return Answer(body=_show(found))


async def delete(call: Call[NoBody, NoQuery]) -> Answer:
    """Forget the webhook."""
    async with call.services.pool.acquire() as conn, conn.transaction():
        removed = await status_webhooks_store.delete(conn, call.tenant.id)
        await audit_store.add(
            conn, call.tenant.id, actor=call.actor, action="status_webhook_removed"
        )
    return Answer(body=RemovedOut(removed=removed))


async def list_deliveries(call: Call[NoBody, Paging]) -> Answer:
    """List deliveries."""
    query = call.query
    async with call.services.pool.acquire() as conn:
        found = await status_webhooks_store.list_newest_first(
            conn,
            call.tenant.id,
            before=read_number_cursor(query.cursor),
            limit=query.rows,
        )
    shown, more = cut(found, query, lambda one: (str(one.delivery_id),))
    return Answer(body=DeliveryList(items=[_delivery(one) for one in shown], next=more))


async def resend(call: Call[NoBody, NoQuery]) -> Answer:
    """Deliver once more."""
    number = plain_number(call.path["delivery_id"], MOST) or 0
    async with call.services.pool.acquire() as conn:
        if await status_webhooks_store.get(conn, call.services.sealer, call.tenant.id) is None:
            raise Problem(409, "no_status_webhook", "There is no address to deliver to.")
        found = await status_webhooks_store.resend(conn, call.tenant.id, number)
    if not found:
        raise Problem(404, "delivery_unknown", "There is no delivery of this id.")
    return Answer(status=202, body=ResentOut(id=number))


def _none() -> Problem:
    return Problem(404, "no_status_webhook", "This tenant has no status webhook.")


def _show(webhook: StatusWebhook, secret: str | None = None) -> StatusWebhookOut:
    return StatusWebhookOut(
        url=webhook.url,
        secret_hint=webhook.secret[-4:],
        secret=secret,
        created_at=webhook.created_at,
        updated_at=webhook.updated_at,
        failing_since=webhook.failing_since,
        rest_until=webhook.rest_until,
    )


def _delivery(one: StatusDelivery) -> DeliveryOut:
    return DeliveryOut(
        id=one.delivery_id,
        message_id=f"msg_{one.message_id.hex}",
        bill_id=one.bill_id,
        type=one.type,
        state=one.state,
        tries=one.tries,
        next_at=one.next_at if one.state == "pending" else None,
        last_status=one.last_status,
        error=one.last_error,
        created_at=one.created_at,
        delivered_at=one.delivered_at,
    )


_WEBHOOK: Final = "/tenants/{tenant_id}/status-webhook"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="PUT",
        path=_WEBHOOK,
        name="put_status_webhook",
        needs="operator",
        summary="Say where changes of sales are told, signed by Standard Webhooks",
        handler=put,
        body=StatusWebhookIn,
        query=NoQuery,
        answer=StatusWebhookOut,
    ),
    Operation(
        method="GET",
        path=_WEBHOOK,
        name="get_status_webhook",
        summary="Show where changes of sales are told",
        handler=get,
        answer=StatusWebhookOut,
        refusals={404: ("no_status_webhook",)},
        **NOTHING,
    ),
    Operation(
        method="DELETE",
        path=_WEBHOOK,
        name="delete_status_webhook",
        needs="operator",
        summary="Tell changes of sales to nobody any more",
        handler=delete,
        answer=RemovedOut,
        **NOTHING,
    ),
    Operation(
        method="GET",
        path=f"{_WEBHOOK}/deliveries",
        name="list_status_deliveries",
        summary="List deliveries, the newest first",
        handler=list_deliveries,
        body=NoBody,
        query=Paging,
        answer=DeliveryList,
    ),
    Operation(
        method="POST",
        path=f"{_WEBHOOK}/deliveries/{{delivery_id}}/resend",
        name="resend_status_delivery",
        summary="Deliver once more, under the same message id",
        handler=resend,
        status=202,
        answer=ResentOut,
        refusals={404: ("delivery_unknown",), 409: ("no_status_webhook",)},
        **NOTHING,
    ),
)

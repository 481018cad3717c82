"""Where a tenant hears of its sales, and every delivery of it."""

from typing import Final, Literal

from pydantic import BaseModel, Field

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
from services.reconciler.api.kit.refusals import refusing
from services.reconciler.api.kit.words import Instant, plain_number
from shared.commands.status_webhooks import (
    HookRefused,
    put_webhook,
    remove_webhook,
    try_webhook,
)
from shared.commands.status_webhooks import resend as resend_delivery
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import StatusDelivery, StatusWebhook
from shared.net.guarded import TargetRefused
from shared.words import HookAddress


class StatusWebhookIn(Strict):
    """A public https address; `new_secret` replaces the secret there is."""

    url: HookAddress
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
    bill_id: int | None = Field(description="null of a try, which is about no sale")
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
        async with refusing():
            stored, fresh = await put_webhook(
                services.pool,
                services.sealer,
                tenant,
                body.url,
                new_secret=body.new_secret,
                own_url=services.set_up.public_url,
                by=call.actor,
            )
    except TargetRefused as refused:
        raise invalid("url", refused.why) from None
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
    removed = await remove_webhook(call.services.pool, call.tenant.id, by=call.actor)
    return Answer(body=RemovedOut(removed=removed))


async def attempt(call: Call[NoBody, NoQuery]) -> Answer:
    """Send a message about no sale."""
    services = call.services
    try:
        number = await try_webhook(services.pool, services.sealer, call.tenant.id, by=call.actor)
    except HookRefused as refused:
        raise _refused(refused) from None
    return Answer(status=202, body=ResentOut(id=number))


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
    services = call.services
    try:
        await resend_delivery(services.pool, services.sealer, call.tenant.id, number)
    except HookRefused as refused:
        raise _refused(refused) from None
    return Answer(status=202, body=ResentOut(id=number))


def _refused(refused: HookRefused) -> Problem:
    if refused.code == "delivery_unknown":
        return Problem(404, refused.code, "There is no delivery of this id.")
    return Problem(409, refused.code, "There is no address to deliver to.")


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
        refusals={409: ("departing",)},
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
        path=f"{_WEBHOOK}/test",
        name="try_status_webhook",
        summary="Send a message about no sale (`webhook.test`), signed like every other",
        handler=attempt,
        status=202,
        answer=ResentOut,
        refusals={409: ("no_status_webhook",)},
        **NOTHING,
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

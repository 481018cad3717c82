"""A sale: what we owe the issuer for one bill, and everything a decision about it looks at."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.bill import Bill, Customer
from shared.domain.ids import ChargeId, CustomerId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus, Tomador
from shared.domain.parts import PartState


class SaleStatus(StrEnum):
    """The words of the interface page, section 5."""

    WAITING_PAYMENT = "waiting_payment"
    IN_GUARANTEE = "in_guarantee"
    QUEUED = "queued"
    ISSUING = "issuing"
    UNCERTAIN = "uncertain"
    ISSUED = "issued"
    DENIED = "denied"
    HELD = "held"
    SKIPPED = "skipped"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"


Origin = Literal["webhook", "reconciler", "backfill"]
Wish = Literal["hold", "issue", "cancel"]  # what a person asked for and has not taken back


class LastNota(Struct, frozen=True, kw_only=True):
    """The newest nota of a sale, as far as a decision needs it."""

    revision: int
    status: NotaStatus
    amount: Cents
    resend: bool = False  # a person, or an outage's end, wants a denied one sent again
    customer_id: CustomerId | None = None  # whom it was made out to
    cancelled_for: str | None = None  # why it was to be cancelled, where we asked for it
    issued_at: datetime | None = None
    competencia: date | None = None  # as it was sent
    day_refused: bool = False  # the city did not take its competência
    denied_with: Tomador | None = None  # the buyer as sent, where a denial hangs on such data


class SaleFacts(Struct, frozen=True, kw_only=True):
    """All that is known about one sale at the time of deciding.

    `customer` is None until it is needed: the decision then answers `NeedsCustomer`. `refunds`
    are summed per charge, successful refund transactions only.
    """

    bill: Bill
    refunds: Mapping[ChargeId, Cents]
    customer: Customer | None
    came_alive_at: datetime | None
    nota: LastNota | None
    wish: Wish | None
    wish_at: datetime | None
    competencia: date | None  # fixed when first decided
    backfill: Literal["original", "today"] | None  # taken by a backfill, under which competência
    known_moment: datetime | None = None  # its moment as it was last stored
    parts: tuple[PartState, ...] = ()  # of a divided sale; `nota` then speaks for all of them


class TenantTerms(Struct, frozen=True, kw_only=True):
    """What a decision needs to know of the tenant."""

    zone: ZoneInfo
    active_from: datetime | None  # None until activated
    issuing: bool  # False while paused or not yet active
    locked_months: frozenset[tuple[int, int]] = frozenset()  # year and month a closing has locked

"""A sale: what we owe the issuer for one bill, and everything a decision about it looks at."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.account_lines import Away
from shared.domain.amounts import AmountChoice
from shared.domain.bill import Bill, Customer, Payment
from shared.domain.ids import ChargeId, CustomerId
from shared.domain.money import Cents
from shared.domain.parts import Part
from shared.domain.stream import NEVER_SEEN, NO_PAYMENTS, Sighting


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


class SaleFacts(Struct, frozen=True, kw_only=True):
    """All that is known about one sale at the time of deciding.

    `customer` is None until it is needed: the decision then answers `NeedsCustomer`. `refunds`
    are summed per charge, successful refund transactions only. `parts` are the notas it has or is
    to have; none while no nota was ever asked for.
    """

    bill: Bill
    refunds: Mapping[ChargeId, Cents]
    customer: Customer | None
    came_alive_at: datetime | None
    wish: Wish | None
    wish_at: datetime | None
    competencia: date | None  # fixed when first decided
    backfill: Literal["original", "today"] | None  # taken by a backfill, under which competência
    known_moment: datetime | None = None  # its moment as it was last stored
    amount_choice: AmountChoice | None = None  # a person's, where lines and bill disagree
    without_document: bool = False  # a person has this one issued without CPF or CNPJ
    today: bool = False  # with the wish to issue: a person dates it today, in whichever month
    left_out: bool = False  # decided to be from before activation
    seen: Sighting = NEVER_SEEN
    payments: Mapping[ChargeId, Payment] = NO_PAYMENTS  # looked up, see `stream.doubtful`
    parts: tuple[Part, ...] = ()
    made_out_to: CustomerId | None = None  # the buyer its notas name


class Seller(Struct, frozen=True, kw_only=True):
    """The company that issues, as far as its issuer, or the tenant's rule, told."""

    cnpj: str | None  # bare, letters in upper case
    city: str | None = None  # where it is, by IBGE's code
    regime: Literal["mei", "simples", "normal"] | None = None  # how it is taxed


class TenantTerms(Struct, frozen=True, kw_only=True):
    """What a decision needs to know of the tenant."""

    zone: ZoneInfo
    active_from: datetime | None  # None until activated
    issuing: bool  # False while paused, in shadow or not yet active
    shadow_from: datetime | None = None  # since when sales are decided to be told only
    in_shadow: bool = False  # nothing is issued at all; else shadow ends with `active_from`
    locked_months: frozenset[tuple[int, int]] = frozenset()  # year and month a closing has locked
    seller: Seller | None = None  # None: not known
    away: Away | None = None  # when another tenant had the account that is connected now

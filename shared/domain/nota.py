"""The nota: what we ask the issuer for, and the states it goes through with us."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from shared.domain.bill import Address
from shared.domain.ids import ExternalId
from shared.domain.money import NOTHING, Cents

IssuerEnvironment = Literal["Homologacao", "Producao"]
# Notas of the other environment are tests, and valid nowhere (design D18).
REAL: Final[IssuerEnvironment] = "Producao"

# What a nota that gave its place to another one says as the issuer's status: it was a test, or it
# is proved not to exist where the tenant's notas were issued before.
ISSUED_AS_TEST: Final = "issued_as_test"
REPLACED: Final = "replaced"
OwedAgain = Literal["issued_as_test", "replaced"]
OWED_AGAIN: Final[tuple[OwedAgain, ...]] = (ISSUED_AS_TEST, REPLACED)


class NotaStatus(StrEnum):
    """Where one nota is. `sending` is the intent, written before the first request leaves."""

    SENDING = "sending"
    UNCERTAIN = "uncertain"
    PENDING = "pending"
    ISSUED = "issued"
    DENIED = "denied"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"


# The nota whose place another one took; and the one that was to take it, where that was refused: it
# stands for nothing, and its id is used again.
SUBSTITUTED: Final = "substituted"
NOT_SUBSTITUTED: Final = "not_substituted"
NEVER_ARRIVED = "never_arrived"  # cancelled with us alone: the issuer never had it
VALID_NOTA = frozenset({NotaStatus.ISSUED, NotaStatus.CANCELLING, NotaStatus.CANCEL_REFUSED})
IN_FLIGHT = frozenset({NotaStatus.SENDING, NotaStatus.UNCERTAIN, NotaStatus.PENDING})


class PlaceOfService(Struct, frozen=True, kw_only=True):
    """Where a service is rendered: a city of Brazil by IBGE's code, or a country."""

    state: str | None = None
    city: str | None = None
    country: str | None = None


class Suspension(Struct, frozen=True, kw_only=True):
    """Why ISS is not demanded for now: by a court or by an administrative process."""

    kind: str
    process: str


class OwnPisCofins(Struct, frozen=True, kw_only=True):
    """The seller's own assessment of PIS and COFINS; nothing of it is withheld."""

    base: Cents
    pis_rate: str
    pis: Cents
    cofins_rate: str
    cofins: Cents


class Withheld(Struct, frozen=True, kw_only=True):
    """What the buyer keeps back of the price and pays to the state; lowers the net alone."""

    pis: Cents = NOTHING
    cofins: Cents = NOTHING
    csll: Cents = NOTHING
    inss: Cents = NOTHING
    irrf: Cents = NOTHING
    iss: Cents = NOTHING  # told by the flag of the service; the issuer computes its own
    rates: Mapping[str, str] = {}  # of each tax that was looked at, in percent
    waived: tuple[str, ...] = ()  # those that come to too little to be kept back
    waiver: Cents = NOTHING  # up to where that is so

    @property
    def whole(self) -> Cents:
        """All that is kept back."""
        taxes = self.pis + self.cofins + self.csll + self.inss + self.irrf + self.iss
        return Cents(taxes)


class BuyerAbroad(Struct, frozen=True, kw_only=True):
    """A buyer abroad: its tax number there, or why it has none."""

    tax_number: str | None = None
    no_number_because: str | None = None
    zip: str | None = None
    province: str | None = None
    country_code: str | None = None  # two letters of ISO 3166, where they are known
    kind: str = "F"  # what the issuer is told it is; its own word for a foreigner is unconfirmed


class Service(Struct, frozen=True, kw_only=True, cache_hash=True):
    """How a service is taxed, as the tenant's accountant stated it; never guessed."""

    municipal_code: str | None = None
    lc116: str | None = None
    cnae: str | None = None
    iss_rate: str | None = None  # percent, as typed: "2.00"
    iss_withheld: bool = False
    nbs: str | None = None
    national_code: str | None = None
    ibs_cbs_class: str | None = None
    ibs_cbs_operation: str | None = None
    city_text: str | None = None  # the city's own name of the service, where it demands one
    internal_code: str | None = None
    place: PlaceOfService | None = None  # where the service was rendered; None: at the seller's
    export: bool | None = None
    special_regime: str | None = None
    immunity: str | None = None
    suspension: Suspension | None = None  # why ISS is not demanded for now
    pis_cofins_situation: str | None = None
    pis_cofins_withholding: str | None = None
    own_pis_cofins: OwnPisCofins | None = None


class Tomador(Struct, frozen=True, kw_only=True):
    """The buyer as the nota shows it; document and address may be left out by policy."""

    name: str
    email: str | None
    document: str | None
    phone: str | None
    address: Address | None
    municipal_registration: str | None = None
    foreign: BuyerAbroad | None = None  # None: a Brazilian buyer


class NotaDraft(Struct, frozen=True, kw_only=True):
    """Everything one nota says, before any issuer's format."""

    amount: Cents
    competencia: date
    description: str
    tomador: Tomador
    service: Service
    send_email: bool  # in the real environment; see `mails_the_buyer`
    # `amount` is what the sale comes to. The nota's total is that and the discounts shown on it.
    discount: Cents = NOTHING  # unconditional: a coupon; lowers the base
    conditional_discount: Cents = NOTHING
    deductions: Cents = NOTHING  # from the base of ISS
    withheld: Withheld | None = None
    nature: str | None = None  # natureza da operação, a city's code
    final_consumer: bool | None = None
    observations: str | None = None
    rps_series: str | None = None
    numbered: bool = False  # its number is the next one of our own series
    rps_number: int | None = None  # set only where it is sent: the nota's row has it
    more_emails: tuple[str, ...] = ()
    extras: Mapping[str, str] = {}  # what a city demands beyond all of this (`metadados`)
    substitutes: ExternalId | None = None  # the nota that this one takes the place of

    @property
    def total(self) -> Cents:
        """The gross value on the nota, before the discounts shown on it."""
        return Cents(self.amount + self.discount + self.conditional_discount)

    @property
    def base(self) -> Cents:
        """What taxes are reckoned from: an unconditional discount lowers it, no other does."""
        return Cents(self.amount + self.conditional_discount)

    @property
    def net(self) -> Cents:
        """What the buyer pays: less what it keeps back."""
        return Cents(self.amount - (self.withheld.whole if self.withheld else 0))


def mails_the_buyer(draft: NotaDraft, environment: IssuerEnvironment) -> bool:
    """Say whether the issuer sends this nota to the buyer: never one without fiscal value."""
    return draft.send_email and environment == "Producao"

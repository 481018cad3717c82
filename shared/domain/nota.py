"""The nota: what we ask the issuer for, and the states it goes through with us."""

from datetime import date
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from shared.domain.bill import Address
from shared.domain.money import Cents

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


NEVER_ARRIVED = "never_arrived"  # cancelled with us alone: the issuer never had it
VALID_NOTA = frozenset({NotaStatus.ISSUED, NotaStatus.CANCELLING, NotaStatus.CANCEL_REFUSED})
IN_FLIGHT = frozenset({NotaStatus.SENDING, NotaStatus.UNCERTAIN, NotaStatus.PENDING})


class Service(Struct, frozen=True, kw_only=True):
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


class Tomador(Struct, frozen=True, kw_only=True):
    """The buyer as the nota shows it; document and address may be left out by policy."""

    name: str
    email: str | None
    document: str | None
    phone: str | None
    address: Address | None


class NotaDraft(Struct, frozen=True, kw_only=True):
    """Everything one nota says, before any issuer's format."""

    amount: Cents
    competencia: date
    description: str
    tomador: Tomador
    service: Service
    send_email: bool  # in the real environment; see `mails_the_buyer`


def mails_the_buyer(draft: NotaDraft, environment: IssuerEnvironment) -> bool:
    """Say whether the issuer sends this nota to the buyer: never one without fiscal value."""
    return draft.send_email and environment == "Producao"

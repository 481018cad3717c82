"""What every issuer of notas offers us, in our words."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, Protocol

from msgspec import Struct

from shared.domain.company_facts import CompanyFacts
from shared.domain.fields.words import WORDS
from shared.domain.ids import ExternalId, IssuerNotaId
from shared.domain.money import Cents
from shared.domain.nota import IssuerEnvironment, NotaDraft
from shared.domain.refusals import KnownDenial
from shared.domain.text.form import Form
from shared.net.http import MayLeave

DocumentKind = Literal["pdf", "xml"]
PAGE_PATIENCE: Final = timedelta(seconds=10)  # with a part of a list, where nobody waits for it


class Phase(StrEnum):
    """Where a nota is, as its issuer says.

    The words are those of `NotaStatus` where a nota exists at the issuer; `UNKNOWN_STATUS` is a
    word of theirs we do not know: keep the phase stored, go on asking, never read it as failed.
    """

    PENDING = "pending"
    ISSUED = "issued"
    DENIED = "denied"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"
    UNKNOWN_STATUS = "unknown_status"


class Capabilities(Struct, frozen=True, kw_only=True):
    """What this issuer can do beyond issuing.

    `fields` are those words of `shared.domain.fields.words` that its notas take.
    """

    lists: bool
    fields: frozenset[str] = WORDS
    substitutes: bool = False  # takes a nota's place by another's in one step, where the city does


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a nota; `message` is Portuguese and may be shown."""

    code: str
    message: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """One nota as the issuer has it at the moment of asking. Instants are UTC.

    Accept one only if its `changed_at` is not older than the stored one: two askers may be
    answered in the other order.
    """

    issuer_id: IssuerNotaId
    external_id: ExternalId | None
    phase: Phase
    raw_status: str
    reason: str | None  # their text, unwrapped and free of HTML; may hold personal data
    number: str | None
    verification_code: str | None
    has_pdf: bool  # False also while the PDF of a valid nota is still being made
    has_xml: bool
    created_at: datetime | None
    changed_at: datetime | None
    issued_at: datetime | None
    amount: Cents | None
    document: str | None = None  # the customer's CPF or CNPJ, as they write it
    competencia: date | None = None
    environment: str | None = None


class Pending(Struct, frozen=True, kw_only=True):
    """The issuer has the nota and is working on it, or on its cancelling: ask `get` later."""

    issuer_id: IssuerNotaId


class Issued(Struct, frozen=True, kw_only=True):
    """The nota turned out to be valid already."""

    snapshot: Snapshot


class Rejected(Struct, frozen=True, kw_only=True):
    """The issuer took nothing; `known` is what the catalogue of refusals says of it."""

    findings: tuple[Finding, ...]
    known: KnownDenial


class Unknown(Struct, frozen=True, kw_only=True):
    """It may have happened: `find` before anything else. `why` is a constant word."""

    why: str
    retry_after: timedelta | None = None


class CancelAccepted(Struct, frozen=True, kw_only=True):
    """The wish is taken, or the nota is already being cancelled or cancelled; ask `get` later."""


class CancelRejected(Struct, frozen=True, kw_only=True):
    """The nota stays as it is; `phase` is None when the issuer does not know it at all.

    `code` is one of the words of `shared.domain.cancellations`.
    """

    findings: tuple[Finding, ...]
    phase: Phase | None
    code: str


class NotReady(Struct, frozen=True, kw_only=True):
    """The document does not exist yet, or not any more: ask again later."""


class Connection(Struct, frozen=True, kw_only=True):
    """Which company a key issues for, and what its registration still lacks (their words)."""

    company_name: str
    cnpj: str | None
    missing: tuple[str, ...]
    facts: CompanyFacts = CompanyFacts()
    city: str | None = None  # IBGE's code
    regime: Literal["mei", "simples", "normal"] | None = None  # None: it does not say


class Issuer(Protocol):
    """One tenant's way to its issuer.

    Every call may raise IssuerKeyRefused, IssuerForbidden or IssuerCompanyUnknown (pause the
    tenant's issuing), IssuerBusy (nothing was done) and, where nothing was or could have been
    done, IssuerUnavailable. Every call takes at most ISSUER_TIMEOUT plus the wait for a turn.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this issuer can do."""

    @property
    def form(self) -> Form:
        """The room it has for each text. What leaves is fitted to it, whatever was drafted."""

    async def submit(
        self,
        key: ExternalId,
        draft: NotaDraft,
        *,
        environment: IssuerEnvironment,
        look_first: bool = False,
        may_leave: MayLeave | None = None,
    ) -> Pending | Issued | Rejected | Unknown:
        """Ask for one nota under our own id, stored before this call.

        One request to issue leaves at most. Not safe to repeat blindly: after Unknown, `find`
        first, and when nothing is found repeat with the same key only after some waiting. With
        `look_first` the nota is looked up before, and sent only if it is not there or denied:
        for every attempt that is not the first of its key. The issuer is asked to mail the
        nota only where `mails_the_buyer` says so: those of the test environment go to nobody.

        `may_leave` is asked after every wait and directly before the request leaves; where it says
        no, IssuerNotLeft is raised and nothing has left.
        """

    async def find(self, key: ExternalId) -> Snapshot | None:
        """Read a nota by our id; None when the issuer says that it has none."""

    async def get(self, issuer_id: IssuerNotaId) -> Snapshot | None:
        """Read a nota by the issuer's id; None when the issuer says that it has none."""

    async def cancel(
        self, key: ExternalId, *, may_leave: MayLeave | None = None
    ) -> CancelAccepted | CancelRejected | Unknown:
        """Ask to cancel an issued nota. One request leaves; whether it worked says `get`.

        `may_leave` is asked as by `submit`.
        """

    def classify_denial(self, reason: str | None) -> KnownDenial:
        """Say what a denial's text asks for, by the catalogue of refusals."""

    def classify_cancel_refusal(self, snapshot: Snapshot) -> str:
        """Sort why a nota was not cancelled into a word of `shared.domain.cancellations`."""

    async def documents(self, key: ExternalId, kind: DocumentKind) -> bytes | NotReady:
        """Fetch the PDF or XML of a nota. After a cancellation the PDF is another one."""

    async def check_connection(self) -> Connection:
        """Prove the key and the company, and say what the company's registration lacks."""

    def list_created(
        self,
        since: date,
        until: date,
        *,
        newest_first: bool = False,
        patience: timedelta = PAGE_PATIENCE,
    ) -> AsyncIterator[Snapshot]:
        """Walk through the notas created on the UTC days from `since` to `until`, each once.

        In the order in which they were created; `newest_first` asks for the other order, which
        the issuer may not know: whoever leaves off early looks at `created_at`. A part that fails
        is asked for again `patience` long, and what came before it is not.
        """

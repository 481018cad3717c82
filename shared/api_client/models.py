"""What the internal API takes and answers.

Written by `python -m deploy.api_client` from the description: change that instead.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

NotaStatus = Literal[
    "sending",
    "uncertain",
    "pending",
    "issued",
    "denied",
    "cancelling",
    "cancelled",
    "cancel_refused",
]

SaleStatus = Literal[
    "waiting_payment",
    "in_guarantee",
    "queued",
    "issuing",
    "uncertain",
    "issued",
    "denied",
    "held",
    "skipped",
    "cancelling",
    "cancelled",
    "cancel_refused",
]


class AcceptanceOut(TypedDict):
    """How many became accepted, of how much; `already` were so before."""

    accepted: int
    amount: str
    already: int
    refused: list[NotConcernedOut]


class AcceptedList(TypedDict):
    """What was accepted in a month."""

    items: list[AcceptedNotaOut]
    next: str | None


class AcceptedNotaOut(TypedDict):
    """A nota as it was accepted; `stands` while the issuer still says the same of it."""

    issuer_id: str
    external_id: str | None
    number: str | None
    amount: str | None
    competencia: str
    reason: str
    by: str
    at: str
    stands: bool


class AcceptedOut(TypedDict):
    """The action is written down; the sale's timeline shows what comes of it."""

    bill_id: int
    action: Literal["retry", "hold", "release", "issue", "cancel"]


class Activate(TypedDict):
    """Which warnings were read and accepted; `since`: the local day from which notas are issued."""

    confirm: NotRequired[list[str]]
    since: NotRequired[str | None]


class ActivityList(TypedDict):
    """The oldest first."""

    items: list[ActivityOut]
    next: str | None


class ActivityOfAll(TypedDict):
    """Tenants by their id; those where nothing happened are left out of a page."""

    items: list[TenantActivityOut]
    next: str | None


class ActivityOut(TypedDict):
    """One thing. `heard`: an event that came; `sale`: a line of a sale's history; `act`: a
    change.

    `by` is a service, a token's name, or a person's with what is beyond doubt (`Ana
    (pk3f…)`); `message` says it in Portuguese, `what` is the stable word.
    """

    at: str
    kind: Literal["act", "heard", "sale"]
    bill_id: int | None
    what: str
    message: str
    by: str
    detail: dict[str, Any]


class AdjustmentOut(TypedDict):
    """What changed since the lock; bills and amount are the change and may be negative."""

    bills: int
    amount: str
    what: Literal["vindi", "notas", "exception"]
    code: str | None
    status: str | None


class AllSeriesOut(TypedDict):
    """Every series, those of the connection in use first."""

    items: list[SeriesOut]


class AmountIn(TypedDict):
    """Why, and what the nota is for: where lines and amount disagree, or a part was given back."""

    reason: str
    amount: NotRequired[str | None]


class AttentionOut(TypedDict):
    """Why a sale is as it is, what to do in Portuguese, and who does it."""

    code: str
    message: str
    who_acts: Literal["tenant", "customer", "accountant", "support", "issuer", "nobody"]
    original: NotRequired[str | None]
    offers: NotRequired[list[OfferOut]]


class BackfillList(TypedDict):
    """Backfills, the newest first; `next` goes on where they end."""

    items: list[BackfillOut]
    next: str | None


class BackfillNew(TypedDict):
    """Which past sales to bring in, by the local day of their moment, both ends included.

    Without `until` the window ends with this day.
    """

    since: str
    until: NotRequired[str | None]
    dry_run: bool
    competencia: NotRequired[Literal["original", "today"]]
    requested_by: str
    reason: str


class BackfillOut(TypedDict):
    """A backfill. While it runs `bills_total` is an upper bound.

    `known` sales were taken before, by the stream or by another backfill.
    """

    id: str
    tenant_id: str
    status: Literal["queued", "running", "completed", "failed", "cancelled"]
    dry_run: bool
    since: str
    until: str | None
    competencia: Literal["original", "today"]
    requested_by: str
    reason: str
    requested_at: str
    bills_total: int | None
    bills_read: int
    new: int
    known: int
    outcomes: OutcomesOut
    amount_to_issue: str
    months: list[MonthOut]
    eta_seconds: int | None
    started_at: str | None
    finished_at: str | None
    error: str | None
    waiting_for: BackfillWaitsOut | None


class BackfillWaitsOut(TypedDict):
    """What a backfill waits for before it goes on by itself, and when it looks again at latest."""

    code: str
    message: str
    until: str | None


class BrakeOut(TypedDict):
    """Why nothing is issued, since when, and what to do."""

    code: str
    since: str
    detail: str
    message: str


class BridgeOut(TypedDict):
    """From the month's sales, which count by their moment, to its notas by competência.

    `notas_of_sales`, less `competencia_elsewhere`, with `moment_elsewhere` and
    `cancelled_later` is `totals.sum.amount`: `difference` is what that leaves, 0.00.
    """

    notas_of_sales: str
    competencia_elsewhere: list[OtherMonthOut]
    moment_elsewhere: list[OtherMonthOut]
    cancelled_later: list[OtherMonthOut]
    difference: str


ChangeOut = TypedDict(
    "ChangeOut", {"from": "OutcomeOut", "to": "OutcomeOut", "sales": "int", "amount": "str"}
)


class CheckOut(TypedDict):
    """One thing that was looked at; the message is Portuguese."""

    code: str
    status: Literal["ok", "degraded", "broken"]
    since: str | None
    message: str


class CityDemands(TypedDict):
    """Whether notas state the rate of ISS, and between which two; what they say of the buyer.

    Rates are asked about in the city where ISS is due, the buyer in the one that issues.
    """

    iss_rate: NotRequired[Literal["required", "forbidden"] | None]
    iss_rate_least: NotRequired[str | None]
    iss_rate_most: NotRequired[str | None]
    buyer: NotRequired[
        list[Literal["document", "address", "number", "email", "phone", "municipal_registration"]]
    ]


class CityWindow(TypedDict):
    """Until when the city hall takes a cancellation, as the accountant knows it.

    Either so many days after the nota was issued, or until a day of the month after its
    competência (0: until its own month ends). `afterwards` nothing is asked and a person is
    told, or it is tried all the same.
    """

    days_after_issue: NotRequired[int | None]
    until_day: NotRequired[int | None]
    afterwards: NotRequired[Literal["hold", "try"]]


class ClosingOut(TypedDict):
    """A month. It balances when Vindi, our notas and the issuer's list agree.

    Nothing is missing, the difference is 0.00, and so are the differences to the issuer's
    list, which was read since the month's last change. `environment` is that of the issuer's
    connection: notas of Homologacao have no fiscal value and count as exceptions,
    `issued_as_test`.
    """

    month: str
    environment: Literal["Homologacao", "Producao"] | None
    vindi: VindiSideOut
    notas: SumOut
    issuer: IssuerSideOut
    exceptions: list[ExceptionOut]
    difference: str
    balanced: bool
    lock: LockOut | None
    adjustments: list[AdjustmentOut]
    totals: TotalsOut
    credits: CreditsOut
    warnings: list[WarningOut]


class CodeList(TypedDict):
    """Codes of a table. Those found by words come the best first, on one page."""

    table: TableOut
    items: list[CodeOut]
    next: str | None


class CodeOut(TypedDict):
    """One code with its official name. Not `on_notas`: it stands on other documents only."""

    code: str
    name: str
    since: str | None
    until: str | None
    on_notas: bool


class CompanyOut(TypedDict):
    """The company as the issuer has it."""

    name: str
    cnpj: str | None


class Conditions(TypedDict):
    """All stated conditions must hold; any value of a list will do; an empty list means any.

    Names are patterns, see `patterns`.
    """

    product_code: NotRequired[list[str]]
    product_id: NotRequired[list[int]]
    product_name: NotRequired[list[str]]
    plan_code: NotRequired[list[str]]
    plan_id: NotRequired[list[int]]
    plan_name: NotRequired[list[str]]
    payment_method_code: NotRequired[list[str]]
    customer_code: NotRequired[list[str]]
    cycle: NotRequired[Literal["first", "renewal", "any"]]


class CreditListOut(TypedDict):
    """Credits of a month, by bill."""

    items: list[CreditOut]
    next: str | None


class CreditOut(TypedDict):
    """A nota of an earlier month (`month`, of its competência) that was cancelled in this one.

    Its ISS is null where it is not known.
    """

    bill_id: int
    part: int
    external_id: str
    number: str | None
    month: str
    competencia: str
    cancelled_at: str
    amount: str
    iss_own: str | None
    iss_withheld: str | None
    iss_suspended: str | None


class CreditsOfMonthOut(TypedDict):
    """Notas of one earlier month, cancelled in the month of the closing."""

    notas: int
    amount: str
    total: str
    discount: str
    conditional_discount: str
    deductions: str
    base: str
    iss_own: str
    iss_withheld: str
    iss_suspended: str
    pis: str
    cofins: str
    csll: str
    inss: str
    irrf: str
    net: str
    without_rate: int
    month: str


class CreditsOut(TypedDict):
    """Notas of earlier months, cancelled in this one; one by one at `…/closing/credits`."""

    sum: FiscalSumsOut
    months: list[CreditsOfMonthOut]


class CustomerFields(TypedDict):
    """What is stated for one customer alone."""

    iss_withholding: NotRequired[
        Literal["no", "companies", "companies_of_same_city", "listed_customers"] | None
    ]
    withholdings: NotRequired[Withholdings | None]
    pis_cofins_situation: NotRequired[str | None]
    pis_cofins_withholding: NotRequired[str | None]
    own_pis_cofins: NotRequired[OwnRates | None]
    place: NotRequired[PlaceRule | None]
    export: NotRequired[bool | None]
    foreign_trade: NotRequired[ForeignTrade | None]
    nature: NotRequired[str | None]
    special_regime: NotRequired[str | None]
    immunity: NotRequired[str | None]
    suspension: NotRequired[SuspensionRule | None]
    final_consumer: NotRequired[bool | None]
    deductions: NotRequired[str | None]
    deduction_rate: NotRequired[str | None]
    show_discounts: NotRequired[bool | None]
    discount_kind: NotRequired[Literal["unconditional", "conditional"] | None]
    observations: NotRequired[str | None]
    approximate_taxes: NotRequired[str | None]
    rps_series: NotRequired[str | None]
    rps_number: NotRequired[Literal["sequence", "issuer"] | None]
    more_emails: NotRequired[list[str] | None]
    city_text: NotRequired[str | None]
    internal_code: NotRequired[str | None]
    extras: NotRequired[dict[str, str] | None]
    iss_withheld: NotRequired[bool | None]
    municipal_registration: NotRequired[str | None]
    nif: NotRequired[str | None]
    without_nif: NotRequired[Literal["1", "2"] | None]


class DeepCheckOut(TypedDict):
    """How far a check is. `differed` were known and are other than stored, `found` not known.

    Bills are read in the backfill lane: some hundreds a minute at most. `error` says what it
    waits for, or why it failed.
    """

    month: str
    status: Literal["queued", "running", "completed", "failed"]
    requested_by: str
    requested_at: str
    started_at: str | None
    finished_at: str | None
    bills_total: int
    bills_read: int
    differed: int
    found: int
    error: str | None


class DefaultAddress(TypedDict):
    """The tenant's own stand-in for an incomplete address."""

    street: str
    number: NotRequired[str]
    complement: NotRequired[str | None]
    district: str
    city: str
    state: str
    zip: str


class DeliveryList(TypedDict):
    """Some deliveries, the newest first; `next` goes on where they end."""

    items: list[DeliveryOut]
    next: str | None


class DeliveryOut(TypedDict):
    """One delivery; `error` is a stable word, `next_at` the next try of a pending one."""

    id: int
    message_id: str
    bill_id: int | None
    type: str
    state: Literal["pending", "delivered", "given_up"]
    tries: int
    next_at: str | None
    last_status: int | None
    error: str | None
    created_at: str
    delivered_at: str | None


class DenialGroupOut(TypedDict):
    """All denied sales of one cause; `original` is one of the issuer's texts."""

    group: str
    code: str
    count: int
    amount: str
    first_at: str
    last_at: str
    example_bill_ids: list[int]
    message: str
    who_acts: Literal["tenant", "customer", "accountant", "support", "issuer", "nobody"]
    can_retry: bool
    resent_by_itself: int
    original: str | None


class DenialsOut(TypedDict):
    """Causes, the most frequent first."""

    items: list[DenialGroupOut]


class DepartureIn(TypedDict):
    """A tenant's leaving. `name` is the tenant's, typed again, so that no other one is meant.

    `reason` names no person: it stays when all else is deleted.
    """

    name: str
    reason: str
    days: NotRequired[int]
    confirm: NotRequired[list[str]]


class DepartureList(TypedDict):
    """Some leavings, the newest first; `next` goes on where they end."""

    items: list[DepartureOut]
    next: str | None


class DepartureOut(TypedDict):
    """A leaving. `waiting`: disconnected, may still stay; `deleted`: `gone` says how much was."""

    tenant_id: str
    status: Literal["waiting", "cancelled", "deleting", "deleted"]
    reason: str
    asked_by: str
    asked_at: str
    delete_at: str
    ended_by: str | None
    ended_at: str | None
    gone: dict[str, int]
    people: int


class DifferenceOut(TypedDict):
    """What another rule would change for sales not yet sent.

    `complete` is false when there were more of them than are looked at.
    """

    sales: int
    changed: int
    complete: bool
    changes: list[ChangeOut]
    warnings: list[RuleWarningOut]


class DifferencesOut(TypedDict):
    """Differences of a month, as the issuer's list was last read."""

    items: list[NotaDifferenceOut]
    next: str | None


class ErasureIn(TypedDict):
    """Whose data is to be erased, by which ticket and why; neither names the person."""

    customer_id: NotRequired[int | None]
    document: NotRequired[str | None]
    ticket: str
    reason: str


class ErasureList(TypedDict):
    """Some erasures, the newest first; `next` goes on where they end."""

    items: list[ErasureOut]
    next: str | None


class ErasureOut(TypedDict):
    """An erasure: what went, what stays and until when. It goes on: what comes later goes too."""

    id: str
    status: Literal["queued", "running", "completed"]
    ticket: str
    reason: str
    asked_by: str
    asked_at: str
    completed_at: str | None
    customer_ids: list[int]
    bills: int
    erased: dict[str, int]
    kept: list[KeptOut]
    kept_in_all: int


class ExceptionOut(TypedDict):
    """Sales without a valid nota; `code` is the status itself where it needs no other word."""

    bills: int
    amount: str
    code: str
    status: str


class FieldProblem(TypedDict):
    """What is wrong with one field of a request."""

    field: str
    message: str


class FiscalClassOut(TypedDict):
    """One line of the totals. Not `known`: of these notas no more than the amount is known.

    `city` (IBGE) is where ISS is due by LC 116, art. 3, null for the seller's own; `place`
    and `country` are where the nota says that the service was rendered.
    """

    notas: int
    amount: str
    total: str
    discount: str
    conditional_discount: str
    deductions: str
    base: str
    iss_own: str
    iss_withheld: str
    iss_suspended: str
    pis: str
    cofins: str
    csll: str
    inss: str
    irrf: str
    net: str
    without_rate: int
    known: bool
    municipal_code: str | None
    lc116: str | None
    national_code: str | None
    nbs: str | None
    city: str | None
    city_name: str | None
    place: str | None
    country: str | None
    taxation: Literal["taxable", "export", "immune", "suspended"] | None
    iss_rate: str | None
    withheld_by_buyer: bool | None
    ibs_cbs_class: str | None
    ibs_cbs_operation: str | None


class FiscalSumsOut(TypedDict):
    """What notas add up to. `amount` is what their sales come to, `total` the gross value.

    ISS is the seller's own, withheld by the buyer, or suspended; `without_rate` counts notas
    that state no rate, whose ISS only the city knows and is in none of them. The five below
    are federal withholdings. `net` is what buyers pay.
    """

    notas: int
    amount: str
    total: str
    discount: str
    conditional_discount: str
    deductions: str
    base: str
    iss_own: str
    iss_withheld: str
    iss_suspended: str
    pis: str
    cofins: str
    csll: str
    inss: str
    irrf: str
    net: str
    without_rate: int


class ForeignTrade(TypedDict):
    """The export group of the national layout (`comExt`), in its own codes."""

    mode: NotRequired[Literal["1", "2", "3", "4"] | None]
    relationship: NotRequired[Literal["0", "1", "2", "3", "4", "5", "6"] | None]
    currency: NotRequired[str | None]
    amount: NotRequired[str | None]
    shared_with_mdic: NotRequired[bool | None]


class GivenNumbersOut(TypedDict):
    """The numbers handed out, the highest first."""

    items: list[GivenOut]
    next: str | None


class GivenOut(TypedDict):
    """A number, whose it is, and what became of it.

    `status` is that of the nota that has this number; null where no nota has it: it was taken
    back before it was sent, or the nota got another one. Such a number is a gap, never used
    again.
    """

    number: int
    bill_id: int
    part: int
    given_at: str
    status: str | None
    nota_number: str | None
    refused_as_used: bool


class HealthOut(TypedDict):
    """The worst of all checks, and each of them."""

    status: Literal["ok", "degraded", "broken"]
    checks: list[CheckOut]


class IbsCbs(TypedDict):
    """Classification for IBS/CBS, as the accountant decided it (six digits each)."""

    class_code: NotRequired[str | None]
    operation_code: NotRequired[str | None]


class InvitationIn(TypedDict):
    """Which role, and for which address alone, if for one."""

    role: Literal["owner", "finance", "accountant"]
    email: NotRequired[str | None]


class InvitationOut(TypedDict):
    """A link for once; `path` is below the panel's own address, and is not shown again."""

    path: str
    expires_at: str


class IssueIn(TypedDict):
    """Why, which nota, what it is for, and whether it is dated the day it is sent."""

    reason: str
    part: NotRequired[int | None]
    amount: NotRequired[str | None]
    competencia: NotRequired[Literal["today"] | None]
    without_document: NotRequired[bool]
    substitute: NotRequired[bool]


class IssuerIn(TypedDict):
    """The issuer's account, and the company notas are issued for."""

    kind: Literal["enotas"]
    api_key: str
    company_id: str
    environment: Literal["Homologacao", "Producao"]
    test_sales: NotRequired[Literal["hold", "issue"]]
    test_sales_since: NotRequired[str | None]
    confirm: NotRequired[list[str]]


class IssuerOut(TypedDict):
    """A connected company; `status_webhook_url` is to be entered at the issuer."""

    company: CompanyOut
    status_webhook_url: str
    warnings: list[WarningOut]


class IssuerSideOut(TypedDict):
    """The issuer's own list of the real environment, as far as it is of the month.

    `read_at` says as of when it is known, null while some day of it was never read;
    `differences` counts the notas that only one side has, or with another amount, customer or
    competência. `accepted` are notas of other systems that a person accepted; they count here
    alone.
    """

    notas: int
    amount: str
    read_at: str | None
    differences: int
    accepted: NotaSumOut


class KeptOut(TypedDict):
    """Something that stays.

    `law`: a document of the city, until the day of `until`, or of others (`foreign_notas`),
    as long as the tenant; `open`: the sale is not over, and is erased once it is;
    `unreadable`: sealed under a key that is gone, so nobody's to read; `append_only`: the
    audit, in which a person typed a name, or a version of the rule that has it.
    """

    table: str | None
    bill_id: int | None
    rows: int | None
    why: Literal["law", "open", "unreadable", "append_only"]
    until: str | None
    notas: list[str]


class LateCompetencia(TypedDict):
    """What to do with a competência in an earlier month than the day of sending."""

    keep_until_day: NotRequired[int]
    then: NotRequired[Literal["hold", "today"]]


class LimitsIn(TypedDict):
    """What may be issued; null means no limit. Days are the tenant's."""

    notas_a_day: NotRequired[int | None]
    amount_a_day: NotRequired[str | None]
    amount_a_nota: NotRequired[str | None]
    unusual: NotRequired[bool]
    old_days: NotRequired[int | None]


class LimitsOut(TypedDict):
    """The limits in force, and the brake while one is on."""

    notas_a_day: int | None
    amount_a_day: str | None
    amount_a_nota: str | None
    unusual: bool
    old_days: int | None
    brake: BrakeOut | None


class LockIn(TypedDict):
    """Why the month is locked; `force` locks one that does not balance."""

    reason: str
    force: NotRequired[bool]


class LockOut(TypedDict):
    """Who locked the month, and what it said then."""

    locked_at: str
    by: str
    reason: str
    forced: bool
    vindi: SumOut
    notas: SumOut
    exceptions: list[ExceptionOut]
    difference: str


class ManyIn(TypedDict):
    """One action for all sales that carry a code, or for these bills."""

    action: Literal["retry", "hold", "release", "issue", "cancel"]
    code: NotRequired[str | None]
    bill_ids: NotRequired[list[int] | None]
    reason: str
    amount: NotRequired[str | None]
    competencia: NotRequired[Literal["today"] | None]
    part: NotRequired[int | None]


class ManyOut(TypedDict):
    """How many sales the action was accepted for, and which it was not."""

    accepted: int
    refused: list[RefusedOut]


class MerchantOut(TypedDict):
    """Whose account the key is of."""

    name: str
    registry_code: str | None


class MonthOut(TypedDict):
    """Sales of one month of the window, each with its bill's amount at its moment."""

    month: str
    bills: int
    amount: str


class NewSecretIn(TypedDict):
    """How the address there is ends; without a word it is heard for 72 hours more."""

    revoke: NotRequired[bool]


class NextNumberIn(TypedDict):
    """The number that the next nota of the series gets, and why."""

    next_number: int
    reason: str


class NotConcernedOut(TypedDict):
    """A nota that was named and stays as it is."""

    issuer_id: str
    code: str


class NotaDifferenceOut(TypedDict):
    """A nota on which both sides disagree; `fields` says in what, where both have it."""

    kind: Literal[
        "only_here", "only_there", "second_nota", "differs", "foreign", "accepted_changed"
    ]
    bill_id: int | None
    external_id: str | None
    issuer_id: str | None
    number: str | None
    competencia: str | None
    our_amount: str | None
    issuer_amount: str | None
    fields: list[Literal["amount", "customer", "competencia"]]
    message: str


class NotaOut(TypedDict):
    """The newest nota of a sale; `external_id` is the issuer's idExterno.

    A bill of several services has one for each: `part` counts from 1, and is 0 for a nota of
    the whole bill.
    """

    external_id: str
    issuer_id: str | None
    status: NotaStatus
    number: str | None
    verification_code: str | None
    has_pdf: bool
    has_xml: bool
    issued_at: str | None
    part: int
    amount: str


class NotaSumOut(TypedDict):
    """How many notas, and how much money."""

    notas: int
    amount: str


class OfferOut(TypedDict):
    """An action that may be asked for, and what it changes, told in Portuguese before it is
    done.

    `competencia` goes into the body of `issue`.
    """

    action: Literal["retry", "hold", "release", "issue", "cancel"]
    competencia: Literal["today"] | None
    text: str


class OtherMonthOut(TypedDict):
    """Notas that have to do with another month; null where that is not known."""

    month: str | None
    notas: int
    amount: str


class OutcomeOut(TypedDict):
    """Where a sale is put; `queued` means that its nota is issued."""

    status: SaleStatus
    code: str | None


class OutcomesOut(TypedDict):
    """How many sales become what; holds and skips by their code."""

    issue: int
    wait: int
    hold: dict[str, int]
    skip: dict[str, int]


class OwnRates(TypedDict):
    """The seller's own PIS and COFINS."""

    pis_rate: str
    cofins_rate: str


class PartIn(TypedDict):
    """Why, and which nota of a divided sale it is about; without a part, the whole sale."""

    reason: str
    part: NotRequired[int | None]


class Pause(TypedDict):
    """Why nothing is to leave; it is shown in the history of what was asked for."""

    reason: NotRequired[str | None]


class PersonExportIn(TypedDict):
    """Whose data is to be told, by which ticket: as JSON, or as a page for a person."""

    customer_id: NotRequired[int | None]
    document: NotRequired[str | None]
    ticket: str
    format: NotRequired[Literal["json", "html"]]


class PlaceRule(TypedDict):
    """Where a service is rendered: a city of Brazil with its state, or another country."""

    city: NotRequired[str | None]
    state: NotRequired[str | None]
    country: NotRequired[str | None]


class PreviewOut(TypedDict):
    """A preview that was taken on, and what putting its rule would ask about."""

    id: str
    status: Literal["queued"]
    warnings: NotRequired[list[RuleWarningOut]]


class ProblemBody(TypedDict):
    """What a caller reads when something was refused."""

    status: int
    title: str
    detail: str
    code: str
    errors: NotRequired[list[FieldProblem]]
    missing: NotRequired[list[str]]
    warnings: NotRequired[list[ProblemWarning]]
    backfill_id: NotRequired[str | None]


class ProblemWarning(TypedDict):
    """What has to be confirmed; the message is Portuguese."""

    code: str
    message: str
    field: NotRequired[str | None]


class QueuedOut(TypedDict):
    """A backfill that was taken on."""

    id: str
    status: Literal["queued"]


class ReasonIn(TypedDict):
    """Why; it is shown in the history of what was asked for."""

    reason: str


class RefundPolicy(TypedDict):
    """What becomes of a nota when its payment or its bill is undone; `refund_policy.TABLE`.

    `full` (given back in full) and `bill_canceled` are as `cancel_on_refund` says where they
    are null.
    """

    full: NotRequired[Literal["cancel", "hold", "nothing"] | None]
    partial: NotRequired[Literal["cancel", "hold", "nothing"]]
    chargeback: NotRequired[Literal["cancel", "hold", "nothing"]]
    bill_canceled: NotRequired[Literal["cancel", "hold", "nothing"] | None]
    city_window: NotRequired[CityWindow | None]


class RefusedOut(TypedDict):
    """A sale that the action was refused for."""

    bill_id: int
    code: str


class ReleasedOut(TypedDict):
    """How many held sales go out now."""

    released: int


class RemovedOut(TypedDict):
    """Whether there was a webhook to remove."""

    removed: bool


class ResentOut(TypedDict):
    """The delivery is tried again now."""

    id: int


class RestoreOut(TypedDict):
    """One restore or failover that lost something; issuing waits for the lists of `companies`."""

    restore_id: int
    why: Literal["timeline", "server", "older_copy", "told"]
    since: str
    noticed_at: str
    companies: int
    companies_read: int
    notas_found: int
    notas_known: int
    sales_waiting: int
    done: bool


class RestoresOut(TypedDict):
    """The newest first."""

    items: list[RestoreOut]


class RetriedOut(TypedDict):
    """How many sales are sent again, at the issuer's pace."""

    group: str
    accepted: int


class RevokedOut(TypedDict):
    """How many are not accepted any more, of how much."""

    revoked: int
    amount: str
    refused: list[NotConcernedOut]


class Rule(TypedDict):
    """A tenant's whole rule, one version of it."""

    issue_when: Literal["bill_created", "bill_paid", "guarantee_ended", "manual", "never"]
    guarantee_days: NotRequired[int | None]
    exceptions: NotRequired[list[RuleException]]
    cancel_on_refund: NotRequired[bool]
    refunds: NotRequired[RefundPolicy]
    customer_document_missing: NotRequired[Literal["hold", "issue_without"]]
    customer_address_incomplete: NotRequired[Literal["hold", "issue_without", "default_address"]]
    default_address: NotRequired[DefaultAddress | None]
    complete_address_by_cep: NotRequired[bool]
    customer_foreign: NotRequired[Literal["hold", "issue_without", "issue"]]
    customer_foreign_kind: NotRequired[Literal["F", "J", "E"]]
    customer_foreign_without_nif: NotRequired[Literal["1", "2"] | None]
    competencia: NotRequired[Literal["moment", "issue_day"] | None]
    late_competencia: NotRequired[LateCompetencia]
    send_email: NotRequired[bool]
    description: NotRequired[str]
    service: NotRequired[ServiceRule]
    services_by_product_id: NotRequired[dict[str, Any]]
    services_by_product_code: NotRequired[dict[str, ServiceRule]]
    services_by_product_name: NotRequired[dict[str, ServiceRule]]
    mixed_services: NotRequired[Literal["split", "hold"]]
    customers: NotRequired[dict[str, CustomerFields]]
    seller_city: NotRequired[PlaceRule | None]
    regime: NotRequired[Literal["mei", "simples", "normal"] | None]
    cities: NotRequired[dict[str, Any]]
    reissue: NotRequired[Literal["cancel_and_new", "substitute"]]


class RuleAsked(TypedDict):
    """A rule that is not in force."""

    rule: RuleTold


RuleException = TypedDict(
    "RuleException",
    {
        "if": "Conditions",
        "issue_when": "Literal['bill_created', 'bill_paid', 'guarantee_ended', 'manual', 'never']",
        "guarantee_days": NotRequired["int | None"],
    },
)


class RuleList(TypedDict):
    """Versions, the newest first; `next` goes on where they end."""

    items: list[RuleOut]
    next: str | None


class RuleOut(TypedDict):
    """One version of a rule, field by field, and whole as it was put, under `rule`.

    The highest version is in force.
    """

    issue_when: Literal["bill_created", "bill_paid", "guarantee_ended", "manual", "never"]
    guarantee_days: NotRequired[int | None]
    exceptions: NotRequired[list[RuleException]]
    cancel_on_refund: NotRequired[bool]
    refunds: NotRequired[RefundPolicy]
    customer_document_missing: NotRequired[Literal["hold", "issue_without"]]
    customer_address_incomplete: NotRequired[Literal["hold", "issue_without", "default_address"]]
    default_address: NotRequired[DefaultAddress | None]
    complete_address_by_cep: NotRequired[bool]
    customer_foreign: NotRequired[Literal["hold", "issue_without", "issue"]]
    customer_foreign_kind: NotRequired[Literal["F", "J", "E"]]
    customer_foreign_without_nif: NotRequired[Literal["1", "2"] | None]
    competencia: NotRequired[Literal["moment", "issue_day"] | None]
    late_competencia: NotRequired[LateCompetencia]
    send_email: NotRequired[bool]
    description: NotRequired[str]
    service: NotRequired[ServiceRule]
    services_by_product_id: NotRequired[dict[str, Any]]
    services_by_product_code: NotRequired[dict[str, ServiceRule]]
    services_by_product_name: NotRequired[dict[str, ServiceRule]]
    mixed_services: NotRequired[Literal["split", "hold"]]
    customers: NotRequired[dict[str, CustomerFields]]
    seller_city: NotRequired[PlaceRule | None]
    regime: NotRequired[Literal["mei", "simples", "normal"] | None]
    cities: NotRequired[dict[str, Any]]
    reissue: NotRequired[Literal["cancel_and_new", "substitute"]]
    version: int
    created_at: str
    created_by: str
    rule: Rule


class RulePreview(TypedDict):
    """What would become of the sales since a day under another rule."""

    rule: RuleTold
    since: str


class RuleTold(TypedDict):
    """A rule as it is put, with the warnings about it that were read and accepted."""

    issue_when: Literal["bill_created", "bill_paid", "guarantee_ended", "manual", "never"]
    guarantee_days: NotRequired[int | None]
    exceptions: NotRequired[list[RuleException]]
    cancel_on_refund: NotRequired[bool]
    refunds: NotRequired[RefundPolicy]
    customer_document_missing: NotRequired[Literal["hold", "issue_without"]]
    customer_address_incomplete: NotRequired[Literal["hold", "issue_without", "default_address"]]
    default_address: NotRequired[DefaultAddress | None]
    complete_address_by_cep: NotRequired[bool]
    customer_foreign: NotRequired[Literal["hold", "issue_without", "issue"]]
    customer_foreign_kind: NotRequired[Literal["F", "J", "E"]]
    customer_foreign_without_nif: NotRequired[Literal["1", "2"] | None]
    competencia: NotRequired[Literal["moment", "issue_day"] | None]
    late_competencia: NotRequired[LateCompetencia]
    send_email: NotRequired[bool]
    description: NotRequired[str]
    service: NotRequired[ServiceRule]
    services_by_product_id: NotRequired[dict[str, Any]]
    services_by_product_code: NotRequired[dict[str, ServiceRule]]
    services_by_product_name: NotRequired[dict[str, ServiceRule]]
    mixed_services: NotRequired[Literal["split", "hold"]]
    customers: NotRequired[dict[str, CustomerFields]]
    seller_city: NotRequired[PlaceRule | None]
    regime: NotRequired[Literal["mei", "simples", "normal"] | None]
    cities: NotRequired[dict[str, Any]]
    reissue: NotRequired[Literal["cancel_and_new", "substitute"]]
    confirm: NotRequired[list[str]]


class RuleWarningOut(TypedDict):
    """What is unusual in a rule; the message is Portuguese."""

    code: str
    field: str
    message: str


class SaleList(TypedDict):
    """Some sales, the newest bill first; `next` goes on where they end."""

    items: list[SaleOut]
    next: str | None


class SaleOut(TypedDict):
    """A sale. `code` explains a status; `label` is the status in Portuguese.

    `nota` is the only one or the first; `notas` are all, by their part.
    """

    bill_id: int
    status: SaleStatus
    label: str
    code: str | None
    detail: str
    amount: str
    customer_name: str
    moment_at: str | None
    issue_at: str | None
    competencia: str | None
    rule_version: int | None
    origin: Literal["webhook", "reconciler", "backfill"]
    nota: NotaOut | None
    notas: list[NotaOut]
    attention: AttentionOut | None
    updated_at: str


class SaleStoryOut(TypedDict):
    """A sale with all that happened to it, oldest first.

    `looks_again_at`: when it is looked at next by itself, as its issuer's answer or the end
    of a guarantee; null where nothing is to come.
    """

    bill_id: int
    status: SaleStatus
    label: str
    code: str | None
    detail: str
    amount: str
    customer_name: str
    moment_at: str | None
    issue_at: str | None
    competencia: str | None
    rule_version: int | None
    origin: Literal["webhook", "reconciler", "backfill"]
    nota: NotaOut | None
    notas: list[NotaOut]
    attention: AttentionOut | None
    updated_at: str
    waiting_for: WaitingOut | None
    looks_again_at: str | None
    timeline: list[TimelineOut]


class SalesSearch(TypedDict):
    """Which sales, as the list takes it; `q` finds a whole CPF or CNPJ too."""

    limit: NotRequired[int]
    cursor: NotRequired[str | None]
    status: NotRequired[SaleStatus | None]
    code: NotRequired[str | None]
    since: NotRequired[str | None]
    until: NotRequired[str | None]
    q: NotRequired[str | None]


class SampleAsked(TypedDict):
    """Which bill to make it of; without one the newest that is paid."""

    bill_id: NotRequired[int | None]


class SampleOut(TypedDict):
    """A test nota as the issuer has it; `unknown`: not told yet, ask again."""

    external_id: str
    state: Literal["pending", "issued", "denied", "unknown"]
    number: str | None
    reason: str | None


class SelectionIn(TypedDict):
    """Why, and which notas of the month that are not ours.

    Either `issuer_ids`, or `all` of them, or those that were created at the issuer before a
    day (UTC), or whose external id begins with a prefix, or both. Without `issuer_ids`, notas
    that bear an id of another tenant here are left out.
    """

    reason: str
    issuer_ids: NotRequired[list[str] | None]
    created_before: NotRequired[str | None]
    external_id_prefix: NotRequired[str | None]
    all: NotRequired[bool]


class SeriesOut(TypedDict):
    """A series, of one company in one environment; `in_use` where notas are born now."""

    series: str
    environment: Literal["Homologacao", "Producao"]
    company: str
    in_use: bool
    next_number: int
    last_given: int | None
    set_by: str
    set_at: str
    reason: str


class ServiceRule(TypedDict):
    """How a service is taxed, and what else its notas say.

    A product's own has the word about the service as a whole; of the fields of `NotaFields`
    it takes those of the rule that it does not state itself, see `Rule.with_inherited`.
    """

    iss_withholding: NotRequired[
        Literal["no", "companies", "companies_of_same_city", "listed_customers"] | None
    ]
    withholdings: NotRequired[Withholdings | None]
    pis_cofins_situation: NotRequired[str | None]
    pis_cofins_withholding: NotRequired[str | None]
    own_pis_cofins: NotRequired[OwnRates | None]
    place: NotRequired[PlaceRule | None]
    export: NotRequired[bool | None]
    foreign_trade: NotRequired[ForeignTrade | None]
    nature: NotRequired[str | None]
    special_regime: NotRequired[str | None]
    immunity: NotRequired[str | None]
    suspension: NotRequired[SuspensionRule | None]
    final_consumer: NotRequired[bool | None]
    deductions: NotRequired[str | None]
    deduction_rate: NotRequired[str | None]
    show_discounts: NotRequired[bool | None]
    discount_kind: NotRequired[Literal["unconditional", "conditional"] | None]
    observations: NotRequired[str | None]
    approximate_taxes: NotRequired[str | None]
    rps_series: NotRequired[str | None]
    rps_number: NotRequired[Literal["sequence", "issuer"] | None]
    more_emails: NotRequired[list[str] | None]
    city_text: NotRequired[str | None]
    internal_code: NotRequired[str | None]
    extras: NotRequired[dict[str, str] | None]
    municipal_code: NotRequired[str | None]
    lc116: NotRequired[str | None]
    cnae: NotRequired[str | None]
    iss_rate: NotRequired[str | None]
    iss_withheld: NotRequired[bool]
    nbs: NotRequired[str | None]
    national_code: NotRequired[str | None]
    ibs_cbs: NotRequired[IbsCbs | None]


class StatedOut(TypedDict):
    """The statement is written down; the sale's timeline shows what comes of it."""

    bill_id: int
    exists: bool


class StatementIn(TypedDict):
    """What the city hall shows; `number` only for a nota that exists.

    `exists: false` for a nota we hold for valid says that it is cancelled there.
    """

    exists: bool
    number: NotRequired[str | None]
    reason: str
    part: NotRequired[int | None]


class StatusWebhookIn(TypedDict):
    """A public https address; `new_secret` replaces the secret there is."""

    url: str
    new_secret: NotRequired[bool]


class StatusWebhookOut(TypedDict):
    """The webhook. The secret is shown once, when it is made."""

    url: str
    secret_hint: str
    secret: NotRequired[str | None]
    events: NotRequired[list[str]]
    created_at: str
    updated_at: str
    failing_since: NotRequired[str | None]
    rest_until: NotRequired[str | None]


class SumOut(TypedDict):
    """How many bills, and how much money."""

    bills: int
    amount: str


class SuspensionRule(TypedDict):
    """Why ISS is not demanded for now, and the process that says so."""

    kind: str
    process: str


class TableList(TypedDict):
    """All tables, by the name of the rule's field that they are about."""

    items: list[TableOut]
    next: str | None


class TableOut(TypedDict):
    """One table: which edition we have. Not `whole`: codes may exist that it does not list."""

    name: Literal["lc116", "national_code", "nbs", "class_code", "operation_code"]
    title: str
    version: str
    dated: str
    whole: bool
    codes: int


class TenantActivityOut(TypedDict):
    """How much happened at a tenant, and who acted there (at most twenty names)."""

    tenant_id: str
    name: str
    heard: int
    sales: int
    acts: int
    by: list[str]


class TenantChange(TypedDict):
    """What to change of a tenant; what is left out, or null, stays."""

    name: NotRequired[str | None]
    plan: NotRequired[Literal["basic", "pro"] | None]
    timezone: NotRequired[
        Literal[
            "Africa/Abidjan",
            "Africa/Accra",
            "Africa/Addis_Ababa",
            "Africa/Algiers",
            "Africa/Asmara",
            "Africa/Asmera",
            "Africa/Bamako",
            "Africa/Bangui",
            "Africa/Banjul",
            "Africa/Bissau",
            "Africa/Blantyre",
            "Africa/Brazzaville",
            "Africa/Bujumbura",
            "Africa/Cairo",
            "Africa/Casablanca",
            "Africa/Ceuta",
            "Africa/Conakry",
            "Africa/Dakar",
            "Africa/Dar_es_Salaam",
            "Africa/Djibouti",
            "Africa/Douala",
            "Africa/El_Aaiun",
            "Africa/Freetown",
            "Africa/Gaborone",
            "Africa/Harare",
            "Africa/Johannesburg",
            "Africa/Juba",
            "Africa/Kampala",
            "Africa/Khartoum",
            "Africa/Kigali",
            "Africa/Kinshasa",
            "Africa/Lagos",
            "Africa/Libreville",
            "Africa/Lome",
            "Africa/Luanda",
            "Africa/Lubumbashi",
            "Africa/Lusaka",
            "Africa/Malabo",
            "Africa/Maputo",
            "Africa/Maseru",
            "Africa/Mbabane",
            "Africa/Mogadishu",
            "Africa/Monrovia",
            "Africa/Nairobi",
            "Africa/Ndjamena",
            "Africa/Niamey",
            "Africa/Nouakchott",
            "Africa/Ouagadougou",
            "Africa/Porto-Novo",
            "Africa/Sao_Tome",
            "Africa/Timbuktu",
            "Africa/Tripoli",
            "Africa/Tunis",
            "Africa/Windhoek",
            "America/Adak",
            "America/Anchorage",
            "America/Anguilla",
            "America/Antigua",
            "America/Araguaina",
            "America/Argentina/Buenos_Aires",
            "America/Argentina/Catamarca",
            "America/Argentina/ComodRivadavia",
            "America/Argentina/Cordoba",
            "America/Argentina/Jujuy",
            "America/Argentina/La_Rioja",
            "America/Argentina/Mendoza",
            "America/Argentina/Rio_Gallegos",
            "America/Argentina/Salta",
            "America/Argentina/San_Juan",
            "America/Argentina/San_Luis",
            "America/Argentina/Tucuman",
            "America/Argentina/Ushuaia",
            "America/Aruba",
            "America/Asuncion",
            "America/Atikokan",
            "America/Atka",
            "America/Bahia",
            "America/Bahia_Banderas",
            "America/Barbados",
            "America/Belem",
            "America/Belize",
            "America/Blanc-Sablon",
            "America/Boa_Vista",
            "America/Bogota",
            "America/Boise",
            "America/Buenos_Aires",
            "America/Cambridge_Bay",
            "America/Campo_Grande",
            "America/Cancun",
            "America/Caracas",
            "America/Catamarca",
            "America/Cayenne",
            "America/Cayman",
            "America/Chicago",
            "America/Chihuahua",
            "America/Ciudad_Juarez",
            "America/Coral_Harbour",
            "America/Cordoba",
            "America/Costa_Rica",
            "America/Coyhaique",
            "America/Creston",
            "America/Cuiaba",
            "America/Curacao",
            "America/Danmarkshavn",
            "America/Dawson",
            "America/Dawson_Creek",
            "America/Denver",
            "America/Detroit",
            "America/Dominica",
            "America/Edmonton",
            "America/Eirunepe",
            "America/El_Salvador",
            "America/Ensenada",
            "America/Fort_Nelson",
            "America/Fort_Wayne",
            "America/Fortaleza",
            "America/Glace_Bay",
            "America/Godthab",
            "America/Goose_Bay",
            "America/Grand_Turk",
            "America/Grenada",
            "America/Guadeloupe",
            "America/Guatemala",
            "America/Guayaquil",
            "America/Guyana",
            "America/Halifax",
            "America/Havana",
            "America/Hermosillo",
            "America/Indiana/Indianapolis",
            "America/Indiana/Knox",
            "America/Indiana/Marengo",
            "America/Indiana/Petersburg",
            "America/Indiana/Tell_City",
            "America/Indiana/Vevay",
            "America/Indiana/Vincennes",
            "America/Indiana/Winamac",
            "America/Indianapolis",
            "America/Inuvik",
            "America/Iqaluit",
            "America/Jamaica",
            "America/Jujuy",
            "America/Juneau",
            "America/Kentucky/Louisville",
            "America/Kentucky/Monticello",
            "America/Knox_IN",
            "America/Kralendijk",
            "America/La_Paz",
            "America/Lima",
            "America/Los_Angeles",
            "America/Louisville",
            "America/Lower_Princes",
            "America/Maceio",
            "America/Managua",
            "America/Manaus",
            "America/Marigot",
            "America/Martinique",
            "America/Matamoros",
            "America/Mazatlan",
            "America/Mendoza",
            "America/Menominee",
            "America/Merida",
            "America/Metlakatla",
            "America/Mexico_City",
            "America/Miquelon",
            "America/Moncton",
            "America/Monterrey",
            "America/Montevideo",
            "America/Montreal",
            "America/Montserrat",
            "America/Nassau",
            "America/New_York",
            "America/Nipigon",
            "America/Nome",
            "America/Noronha",
            "America/North_Dakota/Beulah",
            "America/North_Dakota/Center",
            "America/North_Dakota/New_Salem",
            "America/Nuuk",
            "America/Ojinaga",
            "America/Panama",
            "America/Pangnirtung",
            "America/Paramaribo",
            "America/Phoenix",
            "America/Port-au-Prince",
            "America/Port_of_Spain",
            "America/Porto_Acre",
            "America/Porto_Velho",
            "America/Puerto_Rico",
            "America/Punta_Arenas",
            "America/Rainy_River",
            "America/Rankin_Inlet",
            "America/Recife",
            "America/Regina",
            "America/Resolute",
            "America/Rio_Branco",
            "America/Rosario",
            "America/Santa_Isabel",
            "America/Santarem",
            "America/Santiago",
            "America/Santo_Domingo",
            "America/Sao_Paulo",
            "America/Scoresbysund",
            "America/Shiprock",
            "America/Sitka",
            "America/St_Barthelemy",
            "America/St_Johns",
            "America/St_Kitts",
            "America/St_Lucia",
            "America/St_Thomas",
            "America/St_Vincent",
            "America/Swift_Current",
            "America/Tegucigalpa",
            "America/Thule",
            "America/Thunder_Bay",
            "America/Tijuana",
            "America/Toronto",
            "America/Tortola",
            "America/Vancouver",
            "America/Virgin",
            "America/Whitehorse",
            "America/Winnipeg",
            "America/Yakutat",
            "America/Yellowknife",
            "Antarctica/Casey",
            "Antarctica/Davis",
            "Antarctica/DumontDUrville",
            "Antarctica/Macquarie",
            "Antarctica/Mawson",
            "Antarctica/McMurdo",
            "Antarctica/Palmer",
            "Antarctica/Rothera",
            "Antarctica/South_Pole",
            "Antarctica/Syowa",
            "Antarctica/Troll",
            "Antarctica/Vostok",
            "Arctic/Longyearbyen",
            "Asia/Aden",
            "Asia/Almaty",
            "Asia/Amman",
            "Asia/Anadyr",
            "Asia/Aqtau",
            "Asia/Aqtobe",
            "Asia/Ashgabat",
            "Asia/Ashkhabad",
            "Asia/Atyrau",
            "Asia/Baghdad",
            "Asia/Bahrain",
            "Asia/Baku",
            "Asia/Bangkok",
            "Asia/Barnaul",
            "Asia/Beirut",
            "Asia/Bishkek",
            "Asia/Brunei",
            "Asia/Calcutta",
            "Asia/Chita",
            "Asia/Choibalsan",
            "Asia/Chongqing",
            "Asia/Chungking",
            "Asia/Colombo",
            "Asia/Dacca",
            "Asia/Damascus",
            "Asia/Dhaka",
            "Asia/Dili",
            "Asia/Dubai",
            "Asia/Dushanbe",
            "Asia/Famagusta",
            "Asia/Gaza",
            "Asia/Harbin",
            "Asia/Hebron",
            "Asia/Ho_Chi_Minh",
            "Asia/Hong_Kong",
            "Asia/Hovd",
            "Asia/Irkutsk",
            "Asia/Istanbul",
            "Asia/Jakarta",
            "Asia/Jayapura",
            "Asia/Jerusalem",
            "Asia/Kabul",
            "Asia/Kamchatka",
            "Asia/Karachi",
            "Asia/Kashgar",
            "Asia/Kathmandu",
            "Asia/Katmandu",
            "Asia/Khandyga",
            "Asia/Kolkata",
            "Asia/Krasnoyarsk",
            "Asia/Kuala_Lumpur",
            "Asia/Kuching",
            "Asia/Kuwait",
            "Asia/Macao",
            "Asia/Macau",
            "Asia/Magadan",
            "Asia/Makassar",
            "Asia/Manila",
            "Asia/Muscat",
            "Asia/Nicosia",
            "Asia/Novokuznetsk",
            "Asia/Novosibirsk",
            "Asia/Omsk",
            "Asia/Oral",
            "Asia/Phnom_Penh",
            "Asia/Pontianak",
            "Asia/Pyongyang",
            "Asia/Qatar",
            "Asia/Qostanay",
            "Asia/Qyzylorda",
            "Asia/Rangoon",
            "Asia/Riyadh",
            "Asia/Saigon",
            "Asia/Sakhalin",
            "Asia/Samarkand",
            "Asia/Seoul",
            "Asia/Shanghai",
            "Asia/Singapore",
            "Asia/Srednekolymsk",
            "Asia/Taipei",
            "Asia/Tashkent",
            "Asia/Tbilisi",
            "Asia/Tehran",
            "Asia/Tel_Aviv",
            "Asia/Thimbu",
            "Asia/Thimphu",
            "Asia/Tokyo",
            "Asia/Tomsk",
            "Asia/Ujung_Pandang",
            "Asia/Ulaanbaatar",
            "Asia/Ulan_Bator",
            "Asia/Urumqi",
            "Asia/Ust-Nera",
            "Asia/Vientiane",
            "Asia/Vladivostok",
            "Asia/Yakutsk",
            "Asia/Yangon",
            "Asia/Yekaterinburg",
            "Asia/Yerevan",
            "Atlantic/Azores",
            "Atlantic/Bermuda",
            "Atlantic/Canary",
            "Atlantic/Cape_Verde",
            "Atlantic/Faeroe",
            "Atlantic/Faroe",
            "Atlantic/Jan_Mayen",
            "Atlantic/Madeira",
            "Atlantic/Reykjavik",
            "Atlantic/South_Georgia",
            "Atlantic/St_Helena",
            "Atlantic/Stanley",
            "Australia/ACT",
            "Australia/Adelaide",
            "Australia/Brisbane",
            "Australia/Broken_Hill",
            "Australia/Canberra",
            "Australia/Currie",
            "Australia/Darwin",
            "Australia/Eucla",
            "Australia/Hobart",
            "Australia/LHI",
            "Australia/Lindeman",
            "Australia/Lord_Howe",
            "Australia/Melbourne",
            "Australia/NSW",
            "Australia/North",
            "Australia/Perth",
            "Australia/Queensland",
            "Australia/South",
            "Australia/Sydney",
            "Australia/Tasmania",
            "Australia/Victoria",
            "Australia/West",
            "Australia/Yancowinna",
            "Brazil/Acre",
            "Brazil/DeNoronha",
            "Brazil/East",
            "Brazil/West",
            "CET",
            "CST6CDT",
            "Canada/Atlantic",
            "Canada/Central",
            "Canada/Eastern",
            "Canada/Mountain",
            "Canada/Newfoundland",
            "Canada/Pacific",
            "Canada/Saskatchewan",
            "Canada/Yukon",
            "Chile/Continental",
            "Chile/EasterIsland",
            "Cuba",
            "EET",
            "EST",
            "EST5EDT",
            "Egypt",
            "Eire",
            "Etc/GMT",
            "Etc/GMT+0",
            "Etc/GMT+1",
            "Etc/GMT+10",
            "Etc/GMT+11",
            "Etc/GMT+12",
            "Etc/GMT+2",
            "Etc/GMT+3",
            "Etc/GMT+4",
            "Etc/GMT+5",
            "Etc/GMT+6",
            "Etc/GMT+7",
            "Etc/GMT+8",
            "Etc/GMT+9",
            "Etc/GMT-0",
            "Etc/GMT-1",
            "Etc/GMT-10",
            "Etc/GMT-11",
            "Etc/GMT-12",
            "Etc/GMT-13",
            "Etc/GMT-14",
            "Etc/GMT-2",
            "Etc/GMT-3",
            "Etc/GMT-4",
            "Etc/GMT-5",
            "Etc/GMT-6",
            "Etc/GMT-7",
            "Etc/GMT-8",
            "Etc/GMT-9",
            "Etc/GMT0",
            "Etc/Greenwich",
            "Etc/UCT",
            "Etc/UTC",
            "Etc/Universal",
            "Etc/Zulu",
            "Europe/Amsterdam",
            "Europe/Andorra",
            "Europe/Astrakhan",
            "Europe/Athens",
            "Europe/Belfast",
            "Europe/Belgrade",
            "Europe/Berlin",
            "Europe/Bratislava",
            "Europe/Brussels",
            "Europe/Bucharest",
            "Europe/Budapest",
            "Europe/Busingen",
            "Europe/Chisinau",
            "Europe/Copenhagen",
            "Europe/Dublin",
            "Europe/Gibraltar",
            "Europe/Guernsey",
            "Europe/Helsinki",
            "Europe/Isle_of_Man",
            "Europe/Istanbul",
            "Europe/Jersey",
            "Europe/Kaliningrad",
            "Europe/Kiev",
            "Europe/Kirov",
            "Europe/Kyiv",
            "Europe/Lisbon",
            "Europe/Ljubljana",
            "Europe/London",
            "Europe/Luxembourg",
            "Europe/Madrid",
            "Europe/Malta",
            "Europe/Mariehamn",
            "Europe/Minsk",
            "Europe/Monaco",
            "Europe/Moscow",
            "Europe/Nicosia",
            "Europe/Oslo",
            "Europe/Paris",
            "Europe/Podgorica",
            "Europe/Prague",
            "Europe/Riga",
            "Europe/Rome",
            "Europe/Samara",
            "Europe/San_Marino",
            "Europe/Sarajevo",
            "Europe/Saratov",
            "Europe/Simferopol",
            "Europe/Skopje",
            "Europe/Sofia",
            "Europe/Stockholm",
            "Europe/Tallinn",
            "Europe/Tirane",
            "Europe/Tiraspol",
            "Europe/Ulyanovsk",
            "Europe/Uzhgorod",
            "Europe/Vaduz",
            "Europe/Vatican",
            "Europe/Vienna",
            "Europe/Vilnius",
            "Europe/Volgograd",
            "Europe/Warsaw",
            "Europe/Zagreb",
            "Europe/Zaporozhye",
            "Europe/Zurich",
            "GB",
            "GB-Eire",
            "GMT",
            "GMT+0",
            "GMT-0",
            "GMT0",
            "Greenwich",
            "HST",
            "Hongkong",
            "Iceland",
            "Indian/Antananarivo",
            "Indian/Chagos",
            "Indian/Christmas",
            "Indian/Cocos",
            "Indian/Comoro",
            "Indian/Kerguelen",
            "Indian/Mahe",
            "Indian/Maldives",
            "Indian/Mauritius",
            "Indian/Mayotte",
            "Indian/Reunion",
            "Iran",
            "Israel",
            "Jamaica",
            "Japan",
            "Kwajalein",
            "Libya",
            "MET",
            "MST",
            "MST7MDT",
            "Mexico/BajaNorte",
            "Mexico/BajaSur",
            "Mexico/General",
            "NZ",
            "NZ-CHAT",
            "Navajo",
            "PRC",
            "PST8PDT",
            "Pacific/Apia",
            "Pacific/Auckland",
            "Pacific/Bougainville",
            "Pacific/Chatham",
            "Pacific/Chuuk",
            "Pacific/Easter",
            "Pacific/Efate",
            "Pacific/Enderbury",
            "Pacific/Fakaofo",
            "Pacific/Fiji",
            "Pacific/Funafuti",
            "Pacific/Galapagos",
            "Pacific/Gambier",
            "Pacific/Guadalcanal",
            "Pacific/Guam",
            "Pacific/Honolulu",
            "Pacific/Johnston",
            "Pacific/Kanton",
            "Pacific/Kiritimati",
            "Pacific/Kosrae",
            "Pacific/Kwajalein",
            "Pacific/Majuro",
            "Pacific/Marquesas",
            "Pacific/Midway",
            "Pacific/Nauru",
            "Pacific/Niue",
            "Pacific/Norfolk",
            "Pacific/Noumea",
            "Pacific/Pago_Pago",
            "Pacific/Palau",
            "Pacific/Pitcairn",
            "Pacific/Pohnpei",
            "Pacific/Ponape",
            "Pacific/Port_Moresby",
            "Pacific/Rarotonga",
            "Pacific/Saipan",
            "Pacific/Samoa",
            "Pacific/Tahiti",
            "Pacific/Tarawa",
            "Pacific/Tongatapu",
            "Pacific/Truk",
            "Pacific/Wake",
            "Pacific/Wallis",
            "Pacific/Yap",
            "Poland",
            "Portugal",
            "ROC",
            "ROK",
            "Singapore",
            "Turkey",
            "UCT",
            "US/Alaska",
            "US/Aleutian",
            "US/Arizona",
            "US/Central",
            "US/East-Indiana",
            "US/Eastern",
            "US/Hawaii",
            "US/Indiana-Starke",
            "US/Michigan",
            "US/Mountain",
            "US/Pacific",
            "US/Samoa",
            "UTC",
            "Universal",
            "W-SU",
            "WET",
            "Zulu",
        ]
        | None
    ]


class TenantList(TypedDict):
    """Some tenants, the oldest first; `next` goes on where they end."""

    items: list[TenantOut]
    next: str | None


class TenantNew(TypedDict):
    """A tenant to add."""

    name: str
    plan: Literal["basic", "pro"]
    timezone: NotRequired[
        Literal[
            "Africa/Abidjan",
            "Africa/Accra",
            "Africa/Addis_Ababa",
            "Africa/Algiers",
            "Africa/Asmara",
            "Africa/Asmera",
            "Africa/Bamako",
            "Africa/Bangui",
            "Africa/Banjul",
            "Africa/Bissau",
            "Africa/Blantyre",
            "Africa/Brazzaville",
            "Africa/Bujumbura",
            "Africa/Cairo",
            "Africa/Casablanca",
            "Africa/Ceuta",
            "Africa/Conakry",
            "Africa/Dakar",
            "Africa/Dar_es_Salaam",
            "Africa/Djibouti",
            "Africa/Douala",
            "Africa/El_Aaiun",
            "Africa/Freetown",
            "Africa/Gaborone",
            "Africa/Harare",
            "Africa/Johannesburg",
            "Africa/Juba",
            "Africa/Kampala",
            "Africa/Khartoum",
            "Africa/Kigali",
            "Africa/Kinshasa",
            "Africa/Lagos",
            "Africa/Libreville",
            "Africa/Lome",
            "Africa/Luanda",
            "Africa/Lubumbashi",
            "Africa/Lusaka",
            "Africa/Malabo",
            "Africa/Maputo",
            "Africa/Maseru",
            "Africa/Mbabane",
            "Africa/Mogadishu",
            "Africa/Monrovia",
            "Africa/Nairobi",
            "Africa/Ndjamena",
            "Africa/Niamey",
            "Africa/Nouakchott",
            "Africa/Ouagadougou",
            "Africa/Porto-Novo",
            "Africa/Sao_Tome",
            "Africa/Timbuktu",
            "Africa/Tripoli",
            "Africa/Tunis",
            "Africa/Windhoek",
            "America/Adak",
            "America/Anchorage",
            "America/Anguilla",
            "America/Antigua",
            "America/Araguaina",
            "America/Argentina/Buenos_Aires",
            "America/Argentina/Catamarca",
            "America/Argentina/ComodRivadavia",
            "America/Argentina/Cordoba",
            "America/Argentina/Jujuy",
            "America/Argentina/La_Rioja",
            "America/Argentina/Mendoza",
            "America/Argentina/Rio_Gallegos",
            "America/Argentina/Salta",
            "America/Argentina/San_Juan",
            "America/Argentina/San_Luis",
            "America/Argentina/Tucuman",
            "America/Argentina/Ushuaia",
            "America/Aruba",
            "America/Asuncion",
            "America/Atikokan",
            "America/Atka",
            "America/Bahia",
            "America/Bahia_Banderas",
            "America/Barbados",
            "America/Belem",
            "America/Belize",
            "America/Blanc-Sablon",
            "America/Boa_Vista",
            "America/Bogota",
            "America/Boise",
            "America/Buenos_Aires",
            "America/Cambridge_Bay",
            "America/Campo_Grande",
            "America/Cancun",
            "America/Caracas",
            "America/Catamarca",
            "America/Cayenne",
            "America/Cayman",
            "America/Chicago",
            "America/Chihuahua",
            "America/Ciudad_Juarez",
            "America/Coral_Harbour",
            "America/Cordoba",
            "America/Costa_Rica",
            "America/Coyhaique",
            "America/Creston",
            "America/Cuiaba",
            "America/Curacao",
            "America/Danmarkshavn",
            "America/Dawson",
            "America/Dawson_Creek",
            "America/Denver",
            "America/Detroit",
            "America/Dominica",
            "America/Edmonton",
            "America/Eirunepe",
            "America/El_Salvador",
            "America/Ensenada",
            "America/Fort_Nelson",
            "America/Fort_Wayne",
            "America/Fortaleza",
            "America/Glace_Bay",
            "America/Godthab",
            "America/Goose_Bay",
            "America/Grand_Turk",
            "America/Grenada",
            "America/Guadeloupe",
            "America/Guatemala",
            "America/Guayaquil",
            "America/Guyana",
            "America/Halifax",
            "America/Havana",
            "America/Hermosillo",
            "America/Indiana/Indianapolis",
            "America/Indiana/Knox",
            "America/Indiana/Marengo",
            "America/Indiana/Petersburg",
            "America/Indiana/Tell_City",
            "America/Indiana/Vevay",
            "America/Indiana/Vincennes",
            "America/Indiana/Winamac",
            "America/Indianapolis",
            "America/Inuvik",
            "America/Iqaluit",
            "America/Jamaica",
            "America/Jujuy",
            "America/Juneau",
            "America/Kentucky/Louisville",
            "America/Kentucky/Monticello",
            "America/Knox_IN",
            "America/Kralendijk",
            "America/La_Paz",
            "America/Lima",
            "America/Los_Angeles",
            "America/Louisville",
            "America/Lower_Princes",
            "America/Maceio",
            "America/Managua",
            "America/Manaus",
            "America/Marigot",
            "America/Martinique",
            "America/Matamoros",
            "America/Mazatlan",
            "America/Mendoza",
            "America/Menominee",
            "America/Merida",
            "America/Metlakatla",
            "America/Mexico_City",
            "America/Miquelon",
            "America/Moncton",
            "America/Monterrey",
            "America/Montevideo",
            "America/Montreal",
            "America/Montserrat",
            "America/Nassau",
            "America/New_York",
            "America/Nipigon",
            "America/Nome",
            "America/Noronha",
            "America/North_Dakota/Beulah",
            "America/North_Dakota/Center",
            "America/North_Dakota/New_Salem",
            "America/Nuuk",
            "America/Ojinaga",
            "America/Panama",
            "America/Pangnirtung",
            "America/Paramaribo",
            "America/Phoenix",
            "America/Port-au-Prince",
            "America/Port_of_Spain",
            "America/Porto_Acre",
            "America/Porto_Velho",
            "America/Puerto_Rico",
            "America/Punta_Arenas",
            "America/Rainy_River",
            "America/Rankin_Inlet",
            "America/Recife",
            "America/Regina",
            "America/Resolute",
            "America/Rio_Branco",
            "America/Rosario",
            "America/Santa_Isabel",
            "America/Santarem",
            "America/Santiago",
            "America/Santo_Domingo",
            "America/Sao_Paulo",
            "America/Scoresbysund",
            "America/Shiprock",
            "America/Sitka",
            "America/St_Barthelemy",
            "America/St_Johns",
            "America/St_Kitts",
            "America/St_Lucia",
            "America/St_Thomas",
            "America/St_Vincent",
            "America/Swift_Current",
            "America/Tegucigalpa",
            "America/Thule",
            "America/Thunder_Bay",
            "America/Tijuana",
            "America/Toronto",
            "America/Tortola",
            "America/Vancouver",
            "America/Virgin",
            "America/Whitehorse",
            "America/Winnipeg",
            "America/Yakutat",
            "America/Yellowknife",
            "Antarctica/Casey",
            "Antarctica/Davis",
            "Antarctica/DumontDUrville",
            "Antarctica/Macquarie",
            "Antarctica/Mawson",
            "Antarctica/McMurdo",
            "Antarctica/Palmer",
            "Antarctica/Rothera",
            "Antarctica/South_Pole",
            "Antarctica/Syowa",
            "Antarctica/Troll",
            "Antarctica/Vostok",
            "Arctic/Longyearbyen",
            "Asia/Aden",
            "Asia/Almaty",
            "Asia/Amman",
            "Asia/Anadyr",
            "Asia/Aqtau",
            "Asia/Aqtobe",
            "Asia/Ashgabat",
            "Asia/Ashkhabad",
            "Asia/Atyrau",
            "Asia/Baghdad",
            "Asia/Bahrain",
            "Asia/Baku",
            "Asia/Bangkok",
            "Asia/Barnaul",
            "Asia/Beirut",
            "Asia/Bishkek",
            "Asia/Brunei",
            "Asia/Calcutta",
            "Asia/Chita",
            "Asia/Choibalsan",
            "Asia/Chongqing",
            "Asia/Chungking",
            "Asia/Colombo",
            "Asia/Dacca",
            "Asia/Damascus",
            "Asia/Dhaka",
            "Asia/Dili",
            "Asia/Dubai",
            "Asia/Dushanbe",
            "Asia/Famagusta",
            "Asia/Gaza",
            "Asia/Harbin",
            "Asia/Hebron",
            "Asia/Ho_Chi_Minh",
            "Asia/Hong_Kong",
            "Asia/Hovd",
            "Asia/Irkutsk",
            "Asia/Istanbul",
            "Asia/Jakarta",
            "Asia/Jayapura",
            "Asia/Jerusalem",
            "Asia/Kabul",
            "Asia/Kamchatka",
            "Asia/Karachi",
            "Asia/Kashgar",
            "Asia/Kathmandu",
            "Asia/Katmandu",
            "Asia/Khandyga",
            "Asia/Kolkata",
            "Asia/Krasnoyarsk",
            "Asia/Kuala_Lumpur",
            "Asia/Kuching",
            "Asia/Kuwait",
            "Asia/Macao",
            "Asia/Macau",
            "Asia/Magadan",
            "Asia/Makassar",
            "Asia/Manila",
            "Asia/Muscat",
            "Asia/Nicosia",
            "Asia/Novokuznetsk",
            "Asia/Novosibirsk",
            "Asia/Omsk",
            "Asia/Oral",
            "Asia/Phnom_Penh",
            "Asia/Pontianak",
            "Asia/Pyongyang",
            "Asia/Qatar",
            "Asia/Qostanay",
            "Asia/Qyzylorda",
            "Asia/Rangoon",
            "Asia/Riyadh",
            "Asia/Saigon",
            "Asia/Sakhalin",
            "Asia/Samarkand",
            "Asia/Seoul",
            "Asia/Shanghai",
            "Asia/Singapore",
            "Asia/Srednekolymsk",
            "Asia/Taipei",
            "Asia/Tashkent",
            "Asia/Tbilisi",
            "Asia/Tehran",
            "Asia/Tel_Aviv",
            "Asia/Thimbu",
            "Asia/Thimphu",
            "Asia/Tokyo",
            "Asia/Tomsk",
            "Asia/Ujung_Pandang",
            "Asia/Ulaanbaatar",
            "Asia/Ulan_Bator",
            "Asia/Urumqi",
            "Asia/Ust-Nera",
            "Asia/Vientiane",
            "Asia/Vladivostok",
            "Asia/Yakutsk",
            "Asia/Yangon",
            "Asia/Yekaterinburg",
            "Asia/Yerevan",
            "Atlantic/Azores",
            "Atlantic/Bermuda",
            "Atlantic/Canary",
            "Atlantic/Cape_Verde",
            "Atlantic/Faeroe",
            "Atlantic/Faroe",
            "Atlantic/Jan_Mayen",
            "Atlantic/Madeira",
            "Atlantic/Reykjavik",
            "Atlantic/South_Georgia",
            "Atlantic/St_Helena",
            "Atlantic/Stanley",
            "Australia/ACT",
            "Australia/Adelaide",
            "Australia/Brisbane",
            "Australia/Broken_Hill",
            "Australia/Canberra",
            "Australia/Currie",
            "Australia/Darwin",
            "Australia/Eucla",
            "Australia/Hobart",
            "Australia/LHI",
            "Australia/Lindeman",
            "Australia/Lord_Howe",
            "Australia/Melbourne",
            "Australia/NSW",
            "Australia/North",
            "Australia/Perth",
            "Australia/Queensland",
            "Australia/South",
            "Australia/Sydney",
            "Australia/Tasmania",
            "Australia/Victoria",
            "Australia/West",
            "Australia/Yancowinna",
            "Brazil/Acre",
            "Brazil/DeNoronha",
            "Brazil/East",
            "Brazil/West",
            "CET",
            "CST6CDT",
            "Canada/Atlantic",
            "Canada/Central",
            "Canada/Eastern",
            "Canada/Mountain",
            "Canada/Newfoundland",
            "Canada/Pacific",
            "Canada/Saskatchewan",
            "Canada/Yukon",
            "Chile/Continental",
            "Chile/EasterIsland",
            "Cuba",
            "EET",
            "EST",
            "EST5EDT",
            "Egypt",
            "Eire",
            "Etc/GMT",
            "Etc/GMT+0",
            "Etc/GMT+1",
            "Etc/GMT+10",
            "Etc/GMT+11",
            "Etc/GMT+12",
            "Etc/GMT+2",
            "Etc/GMT+3",
            "Etc/GMT+4",
            "Etc/GMT+5",
            "Etc/GMT+6",
            "Etc/GMT+7",
            "Etc/GMT+8",
            "Etc/GMT+9",
            "Etc/GMT-0",
            "Etc/GMT-1",
            "Etc/GMT-10",
            "Etc/GMT-11",
            "Etc/GMT-12",
            "Etc/GMT-13",
            "Etc/GMT-14",
            "Etc/GMT-2",
            "Etc/GMT-3",
            "Etc/GMT-4",
            "Etc/GMT-5",
            "Etc/GMT-6",
            "Etc/GMT-7",
            "Etc/GMT-8",
            "Etc/GMT-9",
            "Etc/GMT0",
            "Etc/Greenwich",
            "Etc/UCT",
            "Etc/UTC",
            "Etc/Universal",
            "Etc/Zulu",
            "Europe/Amsterdam",
            "Europe/Andorra",
            "Europe/Astrakhan",
            "Europe/Athens",
            "Europe/Belfast",
            "Europe/Belgrade",
            "Europe/Berlin",
            "Europe/Bratislava",
            "Europe/Brussels",
            "Europe/Bucharest",
            "Europe/Budapest",
            "Europe/Busingen",
            "Europe/Chisinau",
            "Europe/Copenhagen",
            "Europe/Dublin",
            "Europe/Gibraltar",
            "Europe/Guernsey",
            "Europe/Helsinki",
            "Europe/Isle_of_Man",
            "Europe/Istanbul",
            "Europe/Jersey",
            "Europe/Kaliningrad",
            "Europe/Kiev",
            "Europe/Kirov",
            "Europe/Kyiv",
            "Europe/Lisbon",
            "Europe/Ljubljana",
            "Europe/London",
            "Europe/Luxembourg",
            "Europe/Madrid",
            "Europe/Malta",
            "Europe/Mariehamn",
            "Europe/Minsk",
            "Europe/Monaco",
            "Europe/Moscow",
            "Europe/Nicosia",
            "Europe/Oslo",
            "Europe/Paris",
            "Europe/Podgorica",
            "Europe/Prague",
            "Europe/Riga",
            "Europe/Rome",
            "Europe/Samara",
            "Europe/San_Marino",
            "Europe/Sarajevo",
            "Europe/Saratov",
            "Europe/Simferopol",
            "Europe/Skopje",
            "Europe/Sofia",
            "Europe/Stockholm",
            "Europe/Tallinn",
            "Europe/Tirane",
            "Europe/Tiraspol",
            "Europe/Ulyanovsk",
            "Europe/Uzhgorod",
            "Europe/Vaduz",
            "Europe/Vatican",
            "Europe/Vienna",
            "Europe/Vilnius",
            "Europe/Volgograd",
            "Europe/Warsaw",
            "Europe/Zagreb",
            "Europe/Zaporozhye",
            "Europe/Zurich",
            "GB",
            "GB-Eire",
            "GMT",
            "GMT+0",
            "GMT-0",
            "GMT0",
            "Greenwich",
            "HST",
            "Hongkong",
            "Iceland",
            "Indian/Antananarivo",
            "Indian/Chagos",
            "Indian/Christmas",
            "Indian/Cocos",
            "Indian/Comoro",
            "Indian/Kerguelen",
            "Indian/Mahe",
            "Indian/Maldives",
            "Indian/Mauritius",
            "Indian/Mayotte",
            "Indian/Reunion",
            "Iran",
            "Israel",
            "Jamaica",
            "Japan",
            "Kwajalein",
            "Libya",
            "MET",
            "MST",
            "MST7MDT",
            "Mexico/BajaNorte",
            "Mexico/BajaSur",
            "Mexico/General",
            "NZ",
            "NZ-CHAT",
            "Navajo",
            "PRC",
            "PST8PDT",
            "Pacific/Apia",
            "Pacific/Auckland",
            "Pacific/Bougainville",
            "Pacific/Chatham",
            "Pacific/Chuuk",
            "Pacific/Easter",
            "Pacific/Efate",
            "Pacific/Enderbury",
            "Pacific/Fakaofo",
            "Pacific/Fiji",
            "Pacific/Funafuti",
            "Pacific/Galapagos",
            "Pacific/Gambier",
            "Pacific/Guadalcanal",
            "Pacific/Guam",
            "Pacific/Honolulu",
            "Pacific/Johnston",
            "Pacific/Kanton",
            "Pacific/Kiritimati",
            "Pacific/Kosrae",
            "Pacific/Kwajalein",
            "Pacific/Majuro",
            "Pacific/Marquesas",
            "Pacific/Midway",
            "Pacific/Nauru",
            "Pacific/Niue",
            "Pacific/Norfolk",
            "Pacific/Noumea",
            "Pacific/Pago_Pago",
            "Pacific/Palau",
            "Pacific/Pitcairn",
            "Pacific/Pohnpei",
            "Pacific/Ponape",
            "Pacific/Port_Moresby",
            "Pacific/Rarotonga",
            "Pacific/Saipan",
            "Pacific/Samoa",
            "Pacific/Tahiti",
            "Pacific/Tarawa",
            "Pacific/Tongatapu",
            "Pacific/Truk",
            "Pacific/Wake",
            "Pacific/Wallis",
            "Pacific/Yap",
            "Poland",
            "Portugal",
            "ROC",
            "ROK",
            "Singapore",
            "Turkey",
            "UCT",
            "US/Alaska",
            "US/Aleutian",
            "US/Arizona",
            "US/Central",
            "US/East-Indiana",
            "US/Eastern",
            "US/Hawaii",
            "US/Indiana-Starke",
            "US/Michigan",
            "US/Mountain",
            "US/Pacific",
            "US/Samoa",
            "UTC",
            "Universal",
            "W-SU",
            "WET",
            "Zulu",
        ]
    ]


class TenantOut(TypedDict):
    """A tenant. `active_from` is the instant of the first activation, and may lie ahead.

    `shadow_from` is since when sales were decided and told only, up to `active_from`.
    """

    id: str
    name: str
    plan: Literal["basic", "pro"]
    timezone: str
    status: Literal["setting_up", "shadow", "active", "paused"]
    active_from: str | None
    shadow_from: str | None
    created_at: str


class TimelineOut(TypedDict):
    """One thing that happened; `text` says it to a person, in Portuguese."""

    at: str
    what: str
    why: str
    by: str
    text: str


class TotalsOut(TypedDict):
    """The month as it is filed: notas of the real environment by their competência.

    A nota cancelled in a later month stays in the totals of its own and is a credit of that
    later month. `unknown` counts notas of which no more than the amount is known: whoever
    asks again finds fewer, unless their data cannot be read. `foreign` are the issuer's notas
    that were not asked for by us: they are in no total.
    """

    by: Literal["competencia"]
    sum: FiscalSumsOut
    unknown: int
    classes: list[FiscalClassOut]
    bridge: BridgeOut
    foreign: OtherMonthOut


class UnknownDenialOut(TypedDict):
    """A text without numbers, addresses and names; equal ones of all tenants together."""

    group: str
    text: str
    count: int
    tenants: int
    first_at: str
    last_at: str


class UnknownDenialsOut(TypedDict):
    """The most frequent first; `next` goes on where they end."""

    items: list[UnknownDenialOut]
    next: str | None


class VindiIn(TypedDict):
    """The Vindi account to read: a private key and where it is valid."""

    api_key: str
    environment: Literal["production", "sandbox"]
    confirm: NotRequired[list[str]]


class VindiOut(TypedDict):
    """A connected account; `webhook_url` is to be entered at Vindi."""

    merchant: MerchantOut
    environment: Literal["production", "sandbox"]
    key_hint: str
    webhook_url: str
    warnings: list[WarningOut]


class VindiSideOut(TypedDict):
    """Vindi's side, each bill as last read; `read_at` is the oldest reading among them.

    `missing` is how many Vindi has beyond those read, by its own count at the time of asking,
    which is kept for a minute; null when Vindi could not be asked: `warnings` then says why,
    and the closing does not balance.
    """

    bills: int
    amount: str
    read_at: str | None
    missing: int | None


class WaitingOut(TypedDict):
    """Why a sale that is due was not sent yet; `until` null where nobody can say."""

    code: str
    message: str
    until: str | None


class WarningOut(TypedDict):
    """Something to know that stops nothing; the message is Portuguese."""

    code: str
    message: str


class WebhookOut(TypedDict):
    """A new address; the one before it is heard for 72 hours more, or not any more."""

    webhook_url: str


class Withholdings(TypedDict):
    """Federal taxes a company keeps back, each by its rate; one without a rate is not withheld.

    IRRF, and PIS, COFINS and CSLL together, are not withheld where they come to no more than
    `waiver` of one payment; null: they always are.
    """

    pis: NotRequired[str | None]
    cofins: NotRequired[str | None]
    csll: NotRequired[str | None]
    inss: NotRequired[str | None]
    irrf: NotRequired[str | None]
    waiver: NotRequired[str | None]

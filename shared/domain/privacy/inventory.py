"""The table of data: every table of ours, what of people is in it, why, how long, what ends it.

`docs/privacy.md` shows it, and a test holds it against the schema: a table without a line fails.
The controller is the tenant, on whose behalf we process (LGPD, arts. 5 and 39); the grounds are
those it has, of LGPD, art. 7.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.domain.privacy import terms

CONTRACT: Final = "contract (art. 7, V)"
LAW: Final = "legal duty: tax documents (art. 7, II; CTN arts. 173, 174, 195)"
RIGHTS: Final = "exercise of rights, proof (art. 7, VI)"
INTEREST: Final = "legitimate interest: security and working order (art. 7, IX)"
NONE: Final = "none needed"

FISCAL: Final = (
    f"{terms.FISCAL_YEARS} full years after that of the nota (`FISCAL_YEARS`); then without the"
    " person"
)
TENANT: Final = "as long as the tenant"
DEPARTURE: Final = "the tenant's departure"
ERASURE: Final = "an erasure; the sweep; the tenant's departure"


class Data(Struct, frozen=True, kw_only=True):
    """One table: `personal` is empty where it says nothing of a person."""

    table: str
    holds: str
    personal: str = ""
    purpose: str
    ground: str = NONE
    kept: str = TENANT
    ended_by: str = DEPARTURE


def _days(span: timedelta, since: str = "") -> str:
    count = f"{span.days} day{'s' if span.days != 1 else ''}"
    return f"{count} after {since}" if since else count


INVENTORY: Final[tuple[Data, ...]] = (
    # What is known of sales and their customers.
    Data(
        table="bills",
        holds="each bill as last read from Vindi",
        personal="customer's name, e-mail and code, metadata, card holder (sealed)",
        purpose="to decide and to close",
        ground=CONTRACT,
        kept=FISCAL,
        ended_by=ERASURE,
    ),
    Data(
        table="sales",
        holds="what was decided of each bill",
        personal="customer's name, word of the document; whole customer and unread answer (sealed)",
        purpose="to issue, and to prove why not",
        ground=LAW,
        kept=f"{FISCAL}; answers that could not be read {_days(terms.UNREAD_ANSWERS)}",
        ended_by=ERASURE,
    ),
    Data(
        table="notas",
        holds="each nota with what was sent of it",
        personal="buyer with address and contacts, text of a refusal (sealed)",
        purpose="the tax document",
        ground=LAW,
        kept=f"{FISCAL}; texts of refusals {_days(terms.DENIED_TEXTS, 'them')}",
        ended_by=ERASURE,
    ),
    Data(
        table="events",
        holds="deliveries of Vindi and of the issuer as they came",
        personal="all that Vindi sends of a customer (sealed)",
        purpose="to show what was heard",
        ground=INTEREST,
        kept=_days(terms.EVENTS),
        ended_by="its day's partition is dropped; an erasure; the tenant's departure",
    ),
    Data(
        table="timeline",
        holds="what happened to each sale",
        personal="who of the tenant acted, by name; what they typed",
        purpose="to explain each sale",
        ground=RIGHTS,
        kept=TENANT,
        ended_by="texts: an erasure; rows: the tenant's departure",
    ),
    Data(
        table="outbox",
        holds="which sale is worked on next",
        purpose="to issue each nota once",
    ),
    Data(
        table="sale_parts",
        holds="how a sale is divided",
        purpose="to issue one nota a service",
    ),
    Data(
        table="rps_numbers",
        holds="which number which nota has",
        purpose="no number twice",
    ),
    Data(
        table="rps_series",
        holds="a company's own series",
        personal="who set it, by name",
        purpose="no number twice",
        ground=RIGHTS,
    ),
    Data(
        table="unknown_denials",
        holds="texts of refusals nobody knew",
        personal="may name a customer (sealed)",
        purpose="to learn what they mean",
        ground=INTEREST,
        kept=_days(terms.UNKNOWN_TEXTS, "last met"),
        ended_by=ERASURE,
    ),
    Data(
        table="refunds_seen",
        holds="which refunds were taken in",
        purpose="each refund once",
        kept="90 days",
        ended_by="every pass",
    ),
    Data(
        table="refunds_pending",
        holds="refunds to look at again",
        purpose="each refund once",
        kept="until decided",
        ended_by="every pass",
    ),
    Data(
        table="backfills",
        holds="imports of past sales",
        personal="who asked, and why",
        purpose="to show what was imported",
        ground=RIGHTS,
    ),
    Data(
        table="backfill_bills",
        holds="the bills of an import under way",
        personal="as in bills (sealed)",
        purpose="to go on after an interruption",
        ground=CONTRACT,
        kept="until the import ends",
        ended_by="the end of the import",
    ),
    Data(
        table="backfill_customers",
        holds="the customers of an import under way",
        personal="the whole customer (sealed)",
        purpose="to foresee what becomes of a sale",
        ground=CONTRACT,
        kept="until the import ends",
        ended_by="the end of the import",
    ),
    Data(
        table="bulk_jobs",
        holds="actions for many sales",
        personal="who asked, and what they typed",
        purpose="to do them, and to show it",
        ground=RIGHTS,
        kept=_days(terms.BULK_JOBS, "their end"),
        ended_by="every hour; texts: an erasure",
    ),
    Data(
        table="bulk_refusals",
        holds="sales that refused such an action",
        personal="may name a customer",
        purpose="to show it",
        ground=RIGHTS,
        kept=_days(terms.BULK_JOBS, "its end"),
        ended_by="every hour; texts: an erasure",
    ),
    # Closings, and the issuer's side.
    Data(
        table="closing_locks",
        holds="months that were locked, with their figures",
        personal="who locked them",
        purpose="to prove a closing",
        ground=RIGHTS,
    ),
    Data(
        table="closing_checks",
        holds="months that were compared with Vindi bill by bill",
        personal="who asked",
        purpose="to prove a closing",
        ground=RIGHTS,
    ),
    Data(
        table="accepted_notas",
        holds="the issuer's notas that are not ours and were accepted",
        personal="who accepted them, and why",
        purpose="to prove a closing",
        ground=RIGHTS,
    ),
    Data(
        table="issuer_notas",
        holds="the issuer's own list of notas: numbers, amounts, days",
        purpose="the third side of a closing",
    ),
    Data(
        table="issuer_days",
        holds="which days of that list were read",
        purpose="the third side of a closing",
    ),
    Data(
        table="issuer_lists",
        holds="who reads that list",
        purpose="the third side of a closing",
    ),
    Data(
        table="foreign_notas",
        holds="notas of the company that others issued",
        personal="a keyed word of the buyer's document, which says nothing by itself",
        purpose="not to issue a second nota",
        ground=LAW,
    ),
    Data(
        table="foreign_nota_marks",
        holds="how far those were listed",
        purpose="not to issue a second nota",
    ),
    Data(
        table="month_files",
        holds="files of a month that were asked for",
        personal="who asked",
        purpose="to be fetched",
        ground=CONTRACT,
        kept=_days(terms.MONTH_FILES, "ready"),
        ended_by="every hour; an erasure",
    ),
    Data(
        table="month_file_pieces",
        holds="what is in those files",
        personal="customers' names and amounts",
        purpose="to be fetched",
        ground=CONTRACT,
        kept=_days(terms.MONTH_FILES, "ready"),
        ended_by="every hour; an erasure",
    ),
    Data(
        table="kept_figures",
        holds="sums of sales, of no single one",
        purpose="quick pages",
    ),
    Data(
        table="nota_days",
        holds="how many notas a day had",
        purpose="the brake",
    ),
    # The tenant, its keys and its people.
    Data(
        table="tenants",
        holds="the company: name, plan, state",
        personal="a company of one person has its name",
        purpose="to serve it",
        ground=CONTRACT,
    ),
    Data(
        table="vindi_connections",
        holds="the key of the Vindi account (sealed)",
        personal="the merchant's name and document",
        purpose="to read bills",
        ground=CONTRACT,
        kept="until disconnected",
    ),
    Data(
        table="issuer_connections",
        holds="the key of the issuer (sealed)",
        personal="the company's name and document",
        purpose="to issue",
        ground=CONTRACT,
        kept="until disconnected",
    ),
    Data(
        table="nota_connections",
        holds="connections that notas were born under (keys sealed)",
        personal="the company's name and document",
        purpose="to follow each nota where it is",
        ground=LAW,
        kept="keys until disconnected",
    ),
    Data(
        table="webhook_secrets",
        holds="hashes of webhook addresses",
        purpose="to know whose delivery it is",
        kept="until replaced",
    ),
    Data(
        table="webhook_rejections",
        holds="deliveries under replaced addresses, counted",
        purpose="health",
    ),
    Data(
        table="status_webhooks",
        holds="where a tenant hears of its sales",
        purpose="status webhooks",
        kept="until taken away",
    ),
    Data(
        table="webhook_deliveries",
        holds="what was told there: numbers, states, amounts",
        purpose="status webhooks",
        kept=_days(terms.DELIVERIES, "their end"),
        ended_by="every hour",
    ),
    Data(
        table="rule_versions",
        holds="the rules that were in force",
        personal="who put them; a rule may name a customer by code",
        purpose="to prove each decision",
        ground=RIGHTS,
    ),
    Data(
        table="tenant_brakes",
        holds="limits of issuing",
        purpose="the brake",
    ),
    Data(
        table="saved_filters",
        holds="lists of sales with a name",
        personal="who saved them; what was searched for (sealed)",
        purpose="to find them again",
        ground=CONTRACT,
        kept="until taken away",
        ended_by="their owner; an erasure; the tenant's departure",
    ),
    Data(
        table="idempotency_keys",
        holds="answers of the internal API (sealed)",
        purpose="a call that is repeated is done once",
        kept=_days(terms.IDEMPOTENCY),
        ended_by="every hour",
    ),
    Data(
        table="audit",
        holds="who changed what",
        personal="who acted, by name; what they typed as reason",
        purpose="proof, append-only",
        ground=RIGHTS,
        kept=f"{terms.FISCAL_YEARS} full years after that of the act",
        ended_by="the sweep; the tenant's departure",
    ),
    Data(
        table="memberships",
        holds="who may see a tenant",
        personal="which person, who added them",
        purpose="to let them in",
        ground=CONTRACT,
        kept="until taken away",
        ended_by="an owner; the tenant's departure",
    ),
    Data(
        table="person_links",
        holds="invitations and links for passwords (hashed)",
        personal="the address invited (sealed)",
        purpose="to let them in",
        ground=CONTRACT,
        kept=_days(terms.LINKS, "their end"),
        ended_by="the sweep",
    ),
    Data(
        table="people",
        holds="who signs in",
        personal="name; address and second factor (sealed), hash of the password",
        purpose="to let them in",
        ground=CONTRACT,
        kept=f"{_days(terms.PEOPLE_WITHOUT_COMPANY)} without a company",
        ended_by="the sweep; the departure of their last tenant",
    ),
    Data(
        table="person_identities",
        holds="what another door calls a person",
        personal="that name (sealed)",
        purpose="to let them in",
        ground=CONTRACT,
        kept="as the person",
        ended_by="with the person",
    ),
    Data(
        table="panel_sessions",
        holds="who is signed in (hashed)",
        personal="which person, when",
        purpose="to let them in",
        ground=CONTRACT,
        kept="until they end or rest too long",
        ended_by="every sign-in",
    ),
    Data(
        table="sign_in_failures",
        holds="failed sign-ins, counted",
        personal="keyed words of address and source",
        purpose="against guessing",
        ground=INTEREST,
        kept="6 hours",
        ended_by="every failed sign-in",
    ),
    Data(
        table="internal_tokens",
        holds="tokens of the internal API (hashed)",
        personal="the name of who or what holds one",
        purpose="to say who acted",
        ground=INTEREST,
        kept="for ever: names are not used twice",
        ended_by="nothing",
    ),
    # How things run.
    Data(
        table="reconciler_passes",
        holds="how far each account was read",
        purpose="to miss nothing",
    ),
    Data(table="vindi_oddities", holds="what is odd of an account's lists", purpose="health"),
    Data(table="issuer_breakers", holds="outages of the issuer and of cities", purpose="to wait"),
    Data(table="company_breakers", holds="outages of a company", purpose="to wait"),
    Data(
        table="restore_checks",
        holds="lists to read after a restore",
        purpose="no nota twice",
    ),
    Data(
        table="restore_finds",
        holds="notas that a restore made us forget",
        purpose="no nota twice",
    ),
    Data(
        table="restores",
        holds="when the database was an older copy",
        purpose="no nota twice",
        kept="for ever",
        ended_by="nothing",
    ),
    Data(
        table="database_life",
        holds="which server this is",
        purpose="no nota twice",
        kept="for ever",
        ended_by="nothing",
    ),
    Data(
        table="key_canaries",
        holds="a sealed word for each key",
        purpose="wrong keys are noticed",
        kept="until rotated",
        ended_by="`make rotate-keys`",
    ),
    Data(
        table="erasures",
        holds="which customers were erased, by Vindi's number, and what stayed",
        personal="Vindi's number; who asked; while it runs, whom to look for (sealed)",
        purpose="proof, and what comes later goes too",
        ground=LAW,
    ),
    Data(
        table="departures",
        holds="which tenants left: when, how many rows of each table",
        personal="who asked, and why",
        purpose="proof that it was deleted",
        ground=RIGHTS,
        kept="for ever",
        ended_by="nothing",
    ),
)


def rendered() -> str:
    """The table as Markdown."""
    head = (
        "| table | holds | of people | purpose | legal ground | kept | ended by |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(
        f"| `{one.table}` | {one.holds} | {one.personal or 'nothing'} | {one.purpose}"
        f" | {one.ground if one.personal else NONE} | {one.kept} | {one.ended_by} |\n"
        for one in INVENTORY
    )

"""A year of sales of one large tenant and many middling ones, as the panel would find them.

Blocks of text are made once, from a seed, and copied in for each tenant under its own name: six
million sales take some minutes, and every run finds the same ones. What is spread over the year:
held and denied sales (somebody's unfinished business), refunds, cancellations; the last days have
sales in guarantee and some under way. Bodies are shorter than real ones: no page reads them.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import TenantId

SEED: Final = 12
BLOCK: Final = 50_000
DAYS: Final = 365
NAMED: Final = "@tenant@"  # where a tenant's name goes in a block
NULL: Final = r"\N"
GUARANTEE_DAYS: Final = 7

TABLES: Final[dict[str, str]] = {
    "bills": "tenant_id bill_id status amount moment_amount customer_id created_at updated_at"
    " created_moment paid_moment charges_paid_at body read_at",
    "sales": "tenant_id bill_id status code attention amount moment_at issue_at competencia"
    " rule_version origin customer_id customer_name document_word customer created_at updated_at",
    "notas": "tenant_id bill_id revision external_id issuer_id status environment amount"
    " competencia request number has_pdf has_xml issued_at created_at sent_at denial denial_group"
    " denied_at cancelled_at connection_id fiscal_class fiscal_sent_at iss",
    "outbox": "tenant_id bill_id state due_at origin bill_facts bill_facts_read",
    "timeline": "tenant_id bill_id entry_id at what why by",
}
HELD: Final = (
    "customer_document_missing",
    "customer_address_incomplete",
    "customer_city_unknown",
    "rule_manual",
    "partially_refunded",
    "possible_duplicate",
)
DENIED: Final = ("denied_city", "denied_address", "denied_document")
_FIRST: Final = ("Ana", "Bruno", "Célia", "Davi", "Elisa", "Fábio", "Gilda", "Hélio", "Íris")
_LAST: Final = ("Almeida", "Barbosa", "Cardoso", "Dias", "Esteves", "Farias", "Gouveia", "Pires")
_CLASS: Final = '{{"iss_rate":"2.00","iss_withheld":{},"lc116":"1.0{}","municipal_code":"02800"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is: sales of the large tenant, how many others, sales of each."""

    large: int
    others: int
    each: int


def document_of(bill: int) -> str:
    """The CPF of the customer of a bill; a customer has about six bills."""
    return f"{bill // 6 + 10_000_000_000:011d}"


def word_of(document: str) -> bytes:
    """What stands for the keyed word of a document: equally long, and equally without order."""
    return hashlib.sha256(document.encode()).digest()


def number_of(bill: int) -> str:
    """The number of a bill's nota."""
    return f"2026{bill:08d}"


async def fill(conn: Connection, large: TenantId, others: Sequence[TenantId], size: Size) -> None:
    """Copy everything in, with the indexes of foreign order made afterwards."""
    now = datetime.now(UTC).replace(microsecond=0)
    await conn.execute("SET session_replication_role = replica; SET maintenance_work_mem = '1GB'")
    dropped = await _drop_indexes(conn)
    for number, block in enumerate(_blocks(size.large, now)):
        await _copy(conn, block, large, first=number == 0)
    if others:
        for block in _blocks(size.each, now):
            for tenant in others:
                await _copy(conn, block, tenant, first=False)
    for definition in dropped:
        await conn.execute(definition, timeout=None)
    await conn.execute("SET session_replication_role = origin; RESET maintenance_work_mem")
    for table in TABLES:
        await conn.execute(f"VACUUM (FREEZE, ANALYZE) {table}", timeout=None)
    await conn.execute(DAYS_OF_NOTAS, [large, *others], timeout=None)
    await conn.execute("ANALYZE")


DAYS_OF_NOTAS: Final = """
    INSERT INTO nota_days (tenant_id, day, notas, amount)
    SELECT tenant_id, competencia, count(*), sum(amount) FROM notas
     WHERE tenant_id = ANY($1::text[]) GROUP BY 1, 2
"""
SECONDARY: Final = """
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
      FROM pg_index i
     WHERE i.indrelid = ANY($1::text[]::regclass[]) AND NOT i.indisunique
"""


async def _drop_indexes(conn: Connection) -> list[str]:
    rows = await conn.fetch(SECONDARY, list(TABLES))
    for row in rows:
        await conn.execute(f"DROP INDEX {row['name']}")
    return [row["definition"] for row in rows]


async def _copy(
    conn: Connection, block: dict[str, bytes], tenant: TenantId, *, first: bool
) -> None:
    for table, text in block.items():
        if table == "timeline" and not first:
            continue  # one page reads a timeline: of one sale
        await conn.copy_to_table(
            table,
            source=BytesIO(text.replace(NAMED.encode(), tenant.encode())),
            columns=TABLES[table].split(),
            timeout=600,
        )


def _blocks(sales: int, now: datetime) -> Iterator[dict[str, bytes]]:
    dice = random.Random(SEED)
    for low in range(1, sales + 1, BLOCK):
        rows: dict[str, list[str]] = {table: [] for table in TABLES}
        for bill in range(low, min(low + BLOCK, sales + 1)):
            _sale(rows, bill, sales, now, dice)
        yield {table: "".join(lines).encode() for table, lines in rows.items()}


def _sale(
    rows: dict[str, list[str]], bill: int, sales: int, now: datetime, dice: random.Random
) -> None:
    paid = now - timedelta(days=DAYS * (1 - bill / (sales + 1)))
    age = now - paid
    guarded = dice.random() < 0.9
    due = paid + timedelta(days=GUARANTEE_DAYS if guarded else 0, minutes=1)
    status, code, attention = _status(dice.random(), age, guarded=guarded)
    at, when = paid.isoformat(), due.isoformat()
    amount = dice.choice((4990, 9990, 17990, 29900, 99700))
    filler = f"{dice.getrandbits(512):0128x}"
    day = min(due, now).date().isoformat()
    document = document_of(bill)
    name = f"{_FIRST[bill % 9]} {_LAST[bill % 7]} {filler[:6]}"
    add = {table: lines.append for table, lines in rows.items()}
    add["bills"](
        f"{NAMED}\t{bill}\tpaid\t{amount}\t{amount}\t{bill // 6}\t{at}\t{at}\t{at}\t{at}\t{{{at}}}"
        f"\t\\\\x{filler}\t{at}\n"
    )
    add["sales"](
        f"{NAMED}\t{bill}\t{status}\t{code}\t{attention}\t{amount}\t{at}\t{when}\t{day}\t1\twebhook"
        f"\t{bill // 6}\t{name}\t\\\\x{word_of(document).hex()}\t\\\\x{filler * 6}\t{at}\t{when}\n"
    )
    state = "due" if status in ("in_guarantee", "queued", "issuing", "uncertain") else "settled"
    add["outbox"](f"{NAMED}\t{bill}\t{state}\t{when}\twebhook\t1\t1\n")
    add["timeline"](f"{NAMED}\t{bill}\t1\t{when}\tdecided\tregra 1\tnotaponte\n")
    if status in ("issued", "cancelled", "cancel_refused", "denied", "issuing", "uncertain"):
        nota = {"issuing": "pending"}.get(status, status)
        done = (due + timedelta(minutes=3)).isoformat()
        valid = status in ("issued", "cancelled", "cancel_refused")
        why = code if status == "denied" else NULL
        fiscal = _CLASS.format("true" if bill % 3 == 0 else "false", bill % 4)
        add["notas"](
            f"{NAMED}\t{bill}\t1\tp-{NAMED}-{bill}-1\ti{bill}\t{nota}\tProducao\t{amount}\t{day}"
            f"\t\\\\x{filler * 6}\t{number_of(bill) if valid else NULL}\t{'t' if valid else 'f'}"
            f"\t{'t' if valid else 'f'}\t{done if valid else NULL}\t{when}\t{when}\t{why}\t{why}"
            f"\t{done if status == 'denied' else NULL}"
            f"\t{done if status == 'cancelled' else NULL}\t1\t{fiscal}\t{when}\t360\n"
        )


def _status(chance: float, age: timedelta, *, guarded: bool) -> tuple[str, str, str]:
    """Of a thousand sales twenty are held, ten skipped, two or three denied, two cancelled."""
    if chance < 0.020:
        return "held", HELD[int(chance * 3e5) % len(HELD)], NULL
    if chance < 0.030:
        return "skipped", "refunded", NULL
    if chance < 0.0325:
        return "denied", DENIED[int(chance * 3e5) % len(DENIED)], NULL
    if chance < 0.0345:
        return "cancelled", NULL, NULL
    if chance < 0.0350:
        return "cancel_refused", NULL, "cancel_deadline"
    if guarded and age < timedelta(days=GUARANTEE_DAYS):
        return "in_guarantee", NULL, NULL
    if age < timedelta(minutes=10):
        return ("queued", "issuing", "uncertain")[int(chance * 1e4) % 3], NULL, NULL
    return "issued", NULL, "partially_refunded" if chance < 0.036 else NULL

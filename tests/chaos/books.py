"""What became of every sale, counted at the issuer; and the closings that have to say the same."""

import asyncio
import csv
import io
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.sandbox.enotas.records import IN_PROGRESS, VALID, Nota
from tests.chaos.campaign import Campaign

SETTLED_WITHIN: Final = 60.0  # seconds after the last fault
BALANCED_WITHIN: Final = 45.0
BRASILIA: Final = ZoneInfo("America/Sao_Paulo")
REAL: Final = "Producao"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Bills by what became of them; `doubled` has when the nota too many was asked for."""

    first: Mapping[int, float] = field(default_factory=dict)  # when the first nota was asked for
    valid: Mapping[int, int] = field(default_factory=dict)  # how many real notas stand
    doubled: Mapping[int, float] = field(default_factory=dict)
    open: int = 0

    def lost(self, told: Iterable[int]) -> set[int]:
        """What was told and has no real nota."""
        return {bill for bill in told if bill not in self.valid}


def bill_of(nota: Nota) -> int:
    """The sale in `{h|p}-{tenant}-{bill}-{revision}`."""
    return int(nota.external_id.split("-")[2])


def count(notas: Iterable[Nota]) -> Books:
    """Count notas of all companies together: a sale has one valid real one, wherever it is."""
    first: dict[int, float] = {}
    valid: dict[int, list[float]] = defaultdict(list)
    in_progress = 0
    for nota in notas:
        bill = bill_of(nota)
        first[bill] = min(first.get(bill, nota.created), nota.created)
        in_progress += nota.status in IN_PROGRESS
        if nota.status in VALID and nota.body.get("ambienteEmissao") == REAL:
            valid[bill].append(nota.created)
    return Books(
        first=first,
        valid={bill: len(found) for bill, found in valid.items()},
        doubled={bill: max(found) for bill, found in valid.items() if len(found) > 1},
        open=in_progress,
    )


async def settled(campaign: Campaign) -> Books:
    """The books once every sale told has its nota and none is open, or patience ended."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while True:
        books = count(campaign.notas())
        done = not books.open and not books.lost(campaign.told)
        if done or time.monotonic() > deadline:
            return books
        await asyncio.sleep(0.5)


async def closings(campaign: Campaign, since: float) -> list[dict[str, Any]]:
    """The closing of each month that sales were told in, once it balances or patience ended."""
    days = {datetime.fromtimestamp(at, UTC).astimezone(BRASILIA) for at in (since, time.time())}
    deadline = time.monotonic() + BALANCED_WITHIN
    return [
        await _closing(campaign, month, deadline) for month in sorted({f"{d:%Y-%m}" for d in days})
    ]


async def _closing(campaign: Campaign, month: str, deadline: float) -> dict[str, Any]:
    while True:
        closing: dict[str, Any] = await campaign.of_tenant("GET", f"/closing?month={month}")
        if closing["balanced"] or time.monotonic() > deadline:
            return {**closing, "tests": await _tests_in(campaign, month)}
        await asyncio.sleep(1)


async def _tests_in(campaign: Campaign, month: str) -> int:
    """How many lines of a closing count a nota that is only a test."""
    text = await campaign.of_tenant("GET", f"/closing?month={month}", kind="text/csv")
    ids = {nota.external_id for nota in campaign.notas() if nota.body["ambienteEmissao"] != REAL}
    lines = [line for line in csv.DictReader(io.StringIO(text)) if line["nota_amount"]]
    return sum(1 for line in lines if ids & set(line["external_id"].split()))


async def slowest(campaign: Campaign, books: Books) -> dict[str, Any]:
    """The sale that waited longest from its event to its first nota, as the API shows it."""
    waits = {bill: at - campaign.told[bill] for bill, at in books.first.items()}
    bill = max(waits, key=lambda one: waits[one])
    sale = await campaign.of_tenant("GET", f"/sales/{bill}")
    return {"told": campaign.told[bill], "waited": waits[bill], **sale}


async def differences(campaign: Campaign, month: str) -> list[dict[str, Any]]:
    """Where the issuer's list and our notas disagree, the first of them."""
    page = await campaign.of_tenant("GET", f"/closing/differences?month={month}&limit=50")
    found: list[dict[str, Any]] = page["items"]
    return found


def three_ways(closings: Iterable[Mapping[str, Any]], books: Books) -> list[str]:
    """What does not add up, in words: Vindi's side, our notas and the issuer's, and the stand-in.

    The stand-in's own count is the fourth witness: a closing that balances with itself and not
    with what stands at the companies is none.
    """
    problems: list[str] = []
    notas = 0
    for closing in closings:
        month, vindi, ours = closing["month"], closing["vindi"], closing["notas"]
        theirs = closing["issuer"]
        notas += ours["bills"]
        if not closing["balanced"]:
            problems.append(
                f"{month} does not balance: missing {vindi['missing']},"
                f" difference {closing['difference']}, {theirs['differences']} differences"
            )
        if not vindi["bills"] == ours["bills"] == theirs["notas"]:
            problems.append(
                f"{month}: {vindi['bills']} bills, {ours['bills']} with notas,"
                f" {theirs['notas']} at the issuer"
            )
        if not vindi["amount"] == ours["amount"] == theirs["amount"]:
            problems.append(f"{month}: {vindi['amount']}, {ours['amount']}, {theirs['amount']}")
        if closing["tests"]:
            problems.append(f"{month}: {closing['tests']} tests counted")
    standing = sum(books.valid.values())
    if notas != standing:
        problems.append(f"{notas} notas closed, {standing} stand at the companies")
    return problems

"""One absurd value in one field of what the issuer answers about one nota: its sale alone waits.

The issuer makes a second nota of whatever is asked for twice. `NOTAPONTE_ABSURD=all` tries every
value in every field, `NOTAPONTE_ABSURD=500` so many of them.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.enotas.render import nota_body
from services.sandbox.run import running_sandbox
from services.sandbox.vindi.records import Bill
from services.sandbox.wire import Answer, Call, dump
from shared.db.connection import Pool
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk, a_desk
from tests.services.emitter.test_absurd_fields import FAILURES, LACKS, Case, some_of
from tests.support.absurd import PLAIN, RAW, paths_in, spoilt

HEALTHY = 5
TOGETHER = 40
MINUTES = timedelta(minutes=10)
KINDS = {"POST": "create", "GET": "read", "DELETE": "cancel"}
BILL = re.compile(r"[hp]-[a-z0-9]+-(\d+)-\d+")


@dataclass(slots=True)
class Spoiler:
    """Which answers are spoilt, by the bill they are about."""

    cases: dict[int, Case] = field(default_factory=dict)

    def of(self, app: EnotasApp, call: Call) -> Case | None:
        """The case of a call, if it is about one of these bills."""
        if not self.cases:
            return None
        sent = call.body.decode("utf-8", "replace") if call.method == "POST" else ""
        told = f"{call.raw_path}{sent}"
        notas = (nota for one in app._world.companies.values() for nota in one.notas.values())
        keys = (nota.external_id for nota in notas if nota.id in told.lower())
        found = BILL.search(told) or BILL.search(next(keys, ""))
        case = self.cases.get(int(found[1])) if found else None
        return case if case is not None and case.kind == KINDS[call.method] else None


@asynccontextmanager
async def a_desk_told_nonsense(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Desk, Spoiler]]:
    real = EnotasApp.handle
    spoiler = Spoiler()

    def handle(app: EnotasApp, call: Call) -> Answer:
        answer = real(app, call)
        case = spoiler.of(app, call)
        if case is None or answer.status != 200:
            return answer
        try:
            body = json.loads(answer.body)
            said = spoilt(dump(case.applied(body)))
        except (ValueError, KeyError, TypeError, IndexError):
            return answer
        return Answer(status=answer.status, body=said, headers=answer.headers)

    monkeypatch.setattr(EnotasApp, "handle", handle)
    async with running_sandbox() as sandbox, a_desk(pool, sandbox) as desk:
        desk.account.rate.limit = None
        desk.company.faults.duplicate_in_progress = "second"
        desk.company.faults.duplicate_done = "second"
        yield desk, spoiler


async def every_case(desk: Desk) -> list[Case]:
    """Each value in each field of what is read of a nota, and of what a request is answered."""
    bill = await desk.sold()
    await settled(desk, 3)
    [nota] = desk.notas_of(bill)
    body = nota_body(desk.company, nota)
    fields = [("read", path) for path in paths_in(body) if path[0] != "servico"]
    fields += [("create", ("nfeId",)), ("cancel", ("nfeId",))]
    return [
        Case(kind=kind, path=path, value=value)
        for kind, path in fields
        for value in (LACKS, *PLAIN, *RAW)
    ]


async def settled(desk: Desk, times: int, apart: timedelta = MINUTES) -> None:
    for _ in range(times):
        await desk.work()
        await desk.pool.execute("UPDATE issuer_breakers SET probe_at = now()")
        await desk.later(apart)
    await desk.work()


async def told_nonsense(desk: Desk, spoiler: Spoiler, odd: Mapping[Case, Bill], times: int) -> None:
    """For so many rounds these answers are absurd; then they are what they should be."""
    spoiler.cases = {bill.id: case for case, bill in odd.items()}
    await desk.heard(*(BillId(bill.id) for bill in odd.values()))
    await settled(desk, times)


async def said_well(desk: Desk, spoiler: Spoiler) -> None:
    spoiler.cases = {}
    await settled(desk, 8, timedelta(hours=2))


async def tried(desk: Desk, spoiler: Spoiler, cases: Sequence[Case]) -> list[str]:
    """Issue and cancel such sales beside healthy ones; give what was wrong."""
    odd = {case: desk.sell() for case in cases}
    healthy = [await desk.sold() for _ in range(HEALTHY)]
    wrong: list[str] = []
    with capture_logs() as logs:
        await told_nonsense(desk, spoiler, odd, 8)
        for bill in healthy:
            sale = await desk.sale(bill)
            wrong += [f"{sale} is in order"] if sale.status != "issued" else []
        await said_well(desk, spoiler)
        for case, bill in odd.items():
            sale, notas = await desk.sale(bill), len(desk.notas_of(bill))
            if (sale.status, notas) != ("issued", 1):
                wrong.append(f"{case}: {sale.status} {sale.code} with {notas} notas")
        await desk.pool.execute(
            "UPDATE sales SET wish = 'cancel', wish_at = now() WHERE bill_id = ANY($1)",
            [bill.id for bill in odd.values()],
        )
        await told_nonsense(desk, spoiler, odd, 6)
        await said_well(desk, spoiler)
    for case, bill in odd.items():
        sale = await desk.sale(bill)
        if sale.status != "cancelled":
            wrong.append(f"{case}: to be cancelled, and {sale.status} {sale.code}")
    return wrong + [f"{log}: {cases}" for log in logs if log["event"] in FAILURES]


async def test_an_absurd_answer_is_its_own_notas_trouble(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_desk_told_nonsense(pool, monkeypatch) as (desk, spoiler):
        cases = some_of(await every_case(desk))
        together = [cases[at : at + TOGETHER] for at in range(0, len(cases), TOGETHER)]
        wrong = [one for some in together for one in await tried(desk, spoiler, some)]
        assert not wrong, "\n".join(wrong)

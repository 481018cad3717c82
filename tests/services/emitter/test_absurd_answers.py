"""One absurd value in one field of what the issuer answers about one nota: its sale alone waits.

The issuer makes a second nota of whatever is asked for twice. `NOTAPONTE_ABSURD=all` tries every
value in every field, `NOTAPONTE_ABSURD=500` so many of them.
"""

import json
import os
import random
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.run import running_sandbox
from services.sandbox.vindi.records import Bill
from services.sandbox.wire import Answer, Call, dump
from shared.db.connection import Pool
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk, a_desk
from tests.services.emitter.test_absurd_fields import Case
from tests.support.absurd import PLAIN, RAW, paths_in, spoilt

HEALTHY = 5
TOGETHER = 40
ASKED = os.environ.get("NOTAPONTE_ABSURD", "60")
MINUTES = timedelta(minutes=10)
CREATED = {"nfeId": "an-id"}
BILL = re.compile(r"[hp]-[a-z0-9]+-(\d+)-\d+")


@dataclass(slots=True)
class Spoiler:
    """Which answers are spoilt, by the bill they are about."""

    cases: dict[int, Case] = field(default_factory=dict)

    def of(self, app: EnotasApp, call: Call) -> Case | None:
        """The case of a call, if it is about one of these bills."""
        told = call.raw_path + (call.body.decode("utf-8", "replace") if call.method == "POST" else "")
        found = BILL.search(told)
        if found is None:
            for company in app._world.companies.values():
                for nota in company.notas.values():
                    if nota.id in told.lower():
                        found = BILL.search(nota.external_id)
        case = self.cases.get(int(found[1])) if found else None
        kinds = {"POST": "create", "GET": "read", "DELETE": "cancel"}
        return case if case is not None and case.kind == kinds[call.method] else None


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
    bill = await desk.sold()
    await settled(desk, 3)
    [nota] = desk.notas_of(bill)
    from services.sandbox.enotas.render import nota_body  # noqa: PLC0415

    body = nota_body(desk.company, nota)
    paths = [path for path in paths_in(body) if path[0] != "servico"]
    found = [
        Case(kind="read", path=path, value=value)
        for path in paths
        for value in ("(absent)", *PLAIN, *RAW)
    ]
    found += [
        Case(kind=kind, path=("nfeId",), value=value)
        for kind in ("create", "cancel")
        for value in ("(absent)", *PLAIN, *RAW)
    ]
    return found


async def settled(desk: Desk, times: int, apart: timedelta = MINUTES) -> None:
    for _ in range(times):
        await desk.work()
        await desk.pool.execute("UPDATE issuer_breakers SET probe_at = now()")
        await desk.later(apart)
    await desk.work()


def some_of(cases: Sequence[Case]) -> list[Case]:
    if ASKED == "all":
        return list(cases)
    return random.Random(int(os.environ.get("NOTAPONTE_SEED", "7"))).sample(cases, int(ASKED))


async def tried(desk: Desk, spoiler: Spoiler, cases: Sequence[Case]) -> list[str]:
    odd: dict[Case, Bill] = {}
    healthy = [desk.sell() for _ in range(HEALTHY)]
    for case in cases:
        odd[case] = desk.sell()
        spoiler.cases[odd[case].id] = case
    await desk.heard(*(BillId(bill.id) for bill in (*healthy, *odd.values())))
    wrong: list[str] = []
    with capture_logs() as logs:
        await settled(desk, 8)
        for bill in healthy:
            if (await desk.sale(bill)).status != "issued":
                wrong.append(f"{cases}: a healthy one is {(await desk.sale(bill)).status}")
        before = {case: (await desk.sale(bill)) for case, bill in odd.items()}
        for case, bill in odd.items():
            if case.kind == "read" and os.environ.get("SHOW"):
                print(case.path, case.value, before[case].status, before[case].code)
        spoiler.cases.clear()
        await settled(desk, 8, timedelta(hours=2))
        for case, bill in odd.items():
            sale = await desk.sale(bill)
            notas = desk.notas_of(bill)
            if len(notas) != 1:
                wrong.append(f"{case}: {len(notas)} notas; {before[case].status}")
            if sale.status != "issued":
                wrong.append(f"{case}: {sale.status} {sale.code}; before {before[case].status}")
        # and taken back
        for case, bill in odd.items():
            spoiler.cases[bill.id] = case
        await desk.pool.execute(
            "UPDATE sales SET wish = 'cancel', wish_at = now() WHERE bill_id = ANY($1)",
            [bill.id for bill in odd.values()],
        )
        await desk.heard(*(BillId(bill.id) for bill in odd.values()))
        await settled(desk, 6)
        spoiler.cases.clear()
        await settled(desk, 8, timedelta(hours=2))
        for case, bill in odd.items():
            sale = await desk.sale(bill)
            if sale.status != "cancelled":
                wrong.append(f"{case}: to be cancelled, and {sale.status} {sale.code} {desk.notas_of(bill)[0].status}")
    failed = [log for log in logs if log["event"] in ("sale_failed", "batch_divided")]
    return wrong + [f"{cases[0]}: {log}" for log in failed[:3]]


async def test_an_absurd_answer_is_its_own_notas_trouble(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_desk_told_nonsense(pool, monkeypatch) as (desk, spoiler):
        cases = some_of(await every_case(desk))
        wrong: list[str] = []
        for at in range(0, len(cases), TOGETHER):
            wrong += await tried(desk, spoiler, cases[at : at + TOGETHER])
        assert not wrong, "\n".join(wrong)

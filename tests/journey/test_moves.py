"""Company and environment are changed to and fro at random, with notas in every state at each.

`NOTAPONTE_MOVES=500` tries that many histories; a failure prints its history and how to repeat it.
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sandbox.enotas.records import VALID, Company, Nota
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.sales import issued_tests_store
from shared.domain.ids import BillId
from shared.domain.messages import MESSAGES
from shared.domain.nota import IssuerEnvironment
from tests.journey.test_histories import (
    AT_REST,
    DEAD,
    NEEDS_CODE,
    History,
    a_history,
)
from tests.services.emitter.parts_undone import one_pass
from tests.services.emitter.test_connections import another_company, move
from tests.support.servers import PostgresForTests

EXAMPLES: Final = int(os.environ.get("NOTAPONTE_MOVES", "5"))
ROUNDS: Final = 25

Step = tuple[str, tuple[Any, ...]]
_any_bill = st.integers(0, 3)
_company = st.integers(0, 1)
_environment = st.sampled_from(["Producao", "Producao", "Homologacao"])
STEPS: Final = st.one_of(
    st.tuples(st.just("sell"), st.just(())),
    st.tuples(st.just("move"), st.tuples(_company, _environment, st.booleans())),
    st.tuples(st.just("move"), st.tuples(_company, _environment, st.booleans())),
    st.tuples(st.sampled_from(["refund", "refund_part"]), st.tuples(_any_bill)),
    st.tuples(
        st.just("person"),
        st.tuples(_any_bill, st.sampled_from(["retry", "hold", "release", "issue", "cancel"])),
    ),
    st.tuples(st.just("deny"), st.tuples(_company, st.booleans())),
    st.tuples(st.just("refuse_to_cancel"), st.tuples(_company, st.booleans())),
    st.tuples(
        st.just("spoil"),
        st.tuples(
            _company,
            st.sampled_from(["POST", "POST", "DELETE", "GET"]),
            st.sampled_from(["before", "after"]),
        ),
    ),
    st.tuples(st.just("pass"), st.just(())),
    st.tuples(st.just("cut_off"), st.tuples(st.integers(0, 1500))),
    st.tuples(st.just("work"), st.just(())),
    st.tuples(st.just("later"), st.tuples(st.sampled_from([1, 60, 4000]))),
)


@dataclass(slots=True, kw_only=True)
class Moves:
    """A history at two companies."""

    history: History
    companies: list[Company] = field(default_factory=list)

    def notas_of(self, bill: Bill) -> list[Nota]:
        """What is asked for of a bill, real ones and tests, at both."""
        word = f"-{self.history.desk.tenant}-{bill.id}-"
        notas = (nota for company in self.companies for nota in company.notas.values())
        return [nota for nota in notas if word in nota.external_id]

    async def move(self, number: int, environment: IssuerEnvironment, *, issue: bool) -> None:
        desk = self.history.desk
        await move(desk, self.companies[number], environment)
        if environment == "Producao":
            async with desk.pool.acquire() as conn, conn.transaction():
                now = await conn.fetchval("SELECT now()")
                await issued_tests_store.go_live(
                    conn, desk.tenant, issue=issue, since=None, now=now, by="ana"
                )

    async def take(self, step: Step) -> None:
        history, account = self.history, self.history.desk.account
        match step:
            case ("sell", ()):
                await history.sell(1, paid=True)
            case ("move", (number, environment, issue)):
                await self.move(number, environment, issue=issue)
            case ("refund", (number,)):
                await history.vindi(number, 1, lambda b: operations.refund(account, bill_id=b.id))
            case ("refund_part", (number,)):
                await history.vindi(
                    number,
                    1,
                    lambda b: operations.refund(account, bill_id=b.id, amount="20.00"),
                )
            case ("person", (number, action)):
                await history.asked(number, action)
            case ("deny", (number, on)):
                kind = "deny" if on else "authorise"
                self.companies[number].faults.change({"default_outcome": kind})
            case ("refuse_to_cancel", (number, on)):
                self.companies[number].faults.change({"cancel_refused": on})
            case ("spoil", (number, method, when)):
                weather = self.companies[number].weather
                weather.add(kind="hang_up", when=when, count=1, method=method)
            case ("pass", ()):
                await one_pass(history.desk)
            case ("cut_off", (turns,)):
                await history.cut_off(turns)
            case ("work", ()):
                await history.desk.work()
            case ("later", (minutes,)):
                await history.desk.later(timedelta(minutes=minutes))
            case _:
                raise ValueError(step)

    async def settle(self) -> None:
        """Real notas at the first company, and all the time that anything needs."""
        for company in self.companies:
            company.weather.clear()
            company.faults.change({"default_outcome": "authorise", "cancel_refused": False})
        await self.move(0, "Producao", issue=True)
        desk = self.history.desk
        await desk.heard(*(BillId(bill.id) for bill in self.history.bills))
        for _ in range(ROUNDS):
            await desk.work()
            await desk.later(timedelta(hours=2))
            if not await self.history.due():
                return

    def check_always(self) -> None:
        for bill in self.history.bills:
            notas = self.notas_of(bill)
            ids = [(nota.company_id, nota.external_id) for nota in notas]
            assert len(ids) == len(set(ids)), ids
            living = [
                nota
                for nota in notas
                if nota.status not in DEAD and nota.external_id.startswith("p-")
            ]
            assert len(living) <= 1, [(one.external_id, one.status) for one in living]
        assert self.history.desk.sandbox.enotas.invariants.report()["ok"]

    async def check_settled(self) -> None:
        for bill in self.history.bills:
            sale = await self.history.desk.sale(bill)
            notas = self.notas_of(bill)
            real = [one for one in notas if one.external_id.startswith("p-")]
            valid = [one for one in real if one.status in VALID]
            told = (sale, [(one.external_id, one.status) for one in notas])
            assert sale.status in AT_REST, told
            wanted = 1 if sale.status in ("issued", "cancel_refused") else 0
            assert len(valid) == wanted, told
            if sale.status in NEEDS_CODE:
                assert sale.code in MESSAGES, told


@pytest.mark.timeout(max(120, 4 * EXAMPLES))
@settings(
    max_examples=EXAMPLES,
    derandomize="NOTAPONTE_MOVES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=4, max_size=16))
async def test_wherever_its_notas_are_born_a_sale_has_one_that_is_valid_or_a_reason(
    postgres: PostgresForTests, steps: list[Step]
) -> None:
    async with a_history(postgres) as history:
        moves = Moves(history=history, companies=[history.desk.company])
        moves.companies.append(another_company(history.desk))
        for company in moves.companies:
            company.faults.duplicate_done = "second"
            company.faults.duplicate_in_progress = "second"
        await history.sell(1, paid=True)
        for step in steps:
            await moves.take(step)
            moves.check_always()
        await moves.settle()
        moves.check_always()
        await moves.check_settled()

"""The emitter is killed at each step of issuing, and every sale ends as one nota."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.run import running_sandbox
from services.sandbox.vindi.app import VindiApp
from services.sandbox.wire import Answer, Call
from tests.journey.system import PATIENCE, System, a_system

Watch = Callable[[Call], bool]

STEPS: dict[str, tuple[type, Watch, str]] = {
    "while the bill is read": (VindiApp, lambda call: "/bills" in call.raw_path, "before"),
    "while the customer is read": (VindiApp, lambda call: "/customers" in call.raw_path, "before"),
    "before the issuer has it": (EnotasApp, lambda call: call.method == "POST", "before"),
    "after the issuer has it": (EnotasApp, lambda call: call.method == "POST", "after"),
    "while it is looked up": (
        EnotasApp,
        lambda call: call.method == "GET" and "/nfes/" in call.raw_path,
        "before",
    ),
}


@dataclass(slots=True)
class Killer:
    """Kills a system's emitter once, when it asks a stand-in for something."""

    step: tuple[type, Watch, str]
    system: System | None = None
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    def lie_in_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand between the emitter and the stand-in, before or after its work is done."""
        where, watch, when = self.step
        real: Any = where.handle  # type: ignore[attr-defined]

        def handle(app: Any, call: Call) -> Answer:
            system = self.system
            if system is None or self.killed.is_set() or not watch(call):
                answer: Answer = real(app, call)
                return answer
            if when == "after":
                real(app, call)
            system.emitter.kill()
            self.killed.set()
            return Answer(hang_up=True)

        monkeypatch.setattr(where, "handle", handle)


@pytest.mark.parametrize("step", STEPS)
async def test_an_emitter_killed_at_any_step_leaves_one_nota(
    step: str, database: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = Killer(STEPS[step])
    killer.lie_in_wait(monkeypatch)
    async with (
        running_sandbox() as sandbox,
        a_system(sandbox, database=database, redis=redis_url, folder=tmp_path) as system,
    ):
        await system.set_up()
        killer.system = system

        for _ in range(3):
            system.sell()
        async with asyncio.timeout(PATIENCE):
            await killer.killed.wait()
        await system.emitter.ended()
        await system.emitter.start()
        await system.until_issued()

        assert [len(system.notas_of(bill)) for bill in system.bills] == [1, 1, 1]
        assert sandbox.enotas.invariants.report()["ok"]


async def test_fifty_copies_and_every_third_answer_lost_leave_one_nota_a_sale(
    system: System,
) -> None:
    await system.set_up()
    system.company.weather.add(kind="hang_up", when="after", every=3, method="POST")

    for _ in range(9):
        bill = system.sell()
        for _ in range(49):
            system.account.emit("bill_paid", bill)
    await system.until_issued()

    assert {len(system.notas_of(bill)) for bill in system.bills} == {1}
    assert system.sandbox.enotas.invariants.report()["ok"]

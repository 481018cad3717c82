"""A sale's whole way with PgBouncer between the services and PostgreSQL.

`NOTAPONTE_POOLER=pgbouncer` sends every journey that way.
"""

from pathlib import Path

import pytest

from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from tests.journey.system import a_system
from tests.support.pooler import MISSING, pgbouncer_binary


@pytest.mark.skipif(pgbouncer_binary() is None, reason=MISSING)
async def test_sales_lost_answers_a_refund_and_a_kill_pass_through_pgbouncer(
    database: str, redis_url: str, tmp_path: Path, server_folder: Path
) -> None:
    async with (
        running_sandbox() as sandbox,
        a_system(
            sandbox, database=database, redis=redis_url, folder=tmp_path, pooler=str(server_folder)
        ) as system,
    ):
        await system.set_up(cancel_on_refund=True)
        system.company.weather.add(kind="hang_up", when="after", every=3, method="POST")

        for _ in range(6):
            system.account.emit("bill_paid", system.sell())
        system.emitter.kill()
        await system.emitter.ended()
        await system.emitter.start()
        await system.until_issued()
        refunded = system.bills.pop()
        operations.refund(system.account, bill_id=refunded.id)
        await system.until(refunded, "cancelled")
        here = f"/tenants/{system.tenant}"
        sale = await system.api("GET", f"{here}/sales/{refunded.id}")

        assert {len(system.notas_of(bill)) for bill in system.bills} == {1}
        assert sandbox.enotas.invariants.report()["ok"]
        assert [line["what"] for line in sale["timeline"]]
        assert system.complaints("prepared statement", "startup parameter") == []

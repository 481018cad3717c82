"""What somebody asks for in the panel goes on in one trace, and says nothing of them."""

import pytest

from services.panel.pages.sale import PATH
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel
from tests.support.collector import told, tracing_here


async def test_a_click_goes_on_as_the_trace_of_its_sale(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        lively_panel(pool, sandbox, database, redis_url) as (panel, bills),
        tracing_here(monkeypatch) as collector,
    ):
        bill = bills["guarantee"]
        path = f"/e/{TENANT}/vendas/{bill}"
        async with panel.person(TENANT, name="Bia Lima") as bia:
            page = await bia.get(path)
            fields = [pair for pair in page.form(path) if pair[0] != "motivo"]
            await bia.post(path, [*fields, ("motivo", "o curso foi dado")])
        await told()
        kept = await pool.fetchval("SELECT traceparent FROM outbox WHERE bill_id = $1", bill)

    [click] = collector.named(f"POST {PATH}")
    assert kept == f"00-{click.trace_id}-{click.span_id}-01"
    everything = b"".join(collector.raw)
    for word in ("Bia", "curso", f"/{TENANT}/", f"vendas/{bill}"):
        assert word.encode() not in everything

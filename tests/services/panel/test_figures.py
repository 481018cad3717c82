"""Figures of very many sales: kept, shown with their instant, and never wrong for long."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
import pytest_asyncio

from services.panel.app import create_app
from services.panel.kit.figures import (
    AT_ONCE,
    MANY,
    Figure,
    FigureKeeper,
    FigureKind,
    Patience,
    open_figures,
)
from shared.config.settings import load_panel
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.one_tenant import pool_of
from shared.db.sales import kept_figures_store
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.api.conftest import SECRET_KEY, serving
from tests.services.panel.support import Panel

TENANT: Final = TenantId("tfigurestab")
OTHER: Final = TenantId("tfigurestac")
NUMBER: Final = FigureKind(name="number", type=int, sales=lambda value: value)
OPEN: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, moment_at, origin)
    SELECT $1, n, 'held', 'customer_document_missing', 100, now(), 'webhook'
      FROM generate_series(1, $2::int) AS n
"""
DENIED: Final = """
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, denial, denial_group,
                       environment, amount, competencia, request, reason, denied_at)
    VALUES ($1, $2, 1, $3, 'denied', 'denied_address', 'denied_address', 'Producao', 17990,
            '2026-11-03', '', $4, now())
"""
AGED: Final = """
    UPDATE kept_figures SET as_of = as_of - interval '1 hour', outdated_at = NULL
"""


def of(value: int) -> Callable[[], Awaitable[int]]:
    """Adding up that gives this."""

    async def add_up() -> int:
        return value

    return add_up


async def broken() -> int:
    """Adding up that fails."""
    raise TimeoutError


@pytest_asyncio.fixture
async def figures() -> AsyncIterator[FigureKeeper]:
    async with open_figures() as opened:
        yield opened


async def look(
    figures: FigureKeeper,
    pool: Pool,
    add_up: Callable[[], Awaitable[int]],
    tenant: TenantId = TENANT,
    patience: Patience | None = None,
) -> Figure[int]:
    return await figures.of(pool_of(pool, tenant), tenant, NUMBER, add_up, patience or Patience())


async def test_few_sales_are_added_up_for_each_page_and_nothing_is_kept(
    figures: FigureKeeper, pool: Pool
) -> None:
    assert await look(figures, pool, of(1)) == Figure(value=1)
    assert await look(figures, pool, of(2)) == Figure(value=2)
    assert await pool.fetchval("SELECT count(*) FROM kept_figures") == 0


async def test_many_are_added_up_once_and_shown_with_their_instant(
    figures: FigureKeeper, pool: Pool
) -> None:
    before = datetime.now(UTC)
    assert await look(figures, pool, of(MANY)) == Figure(value=MANY)

    await pool.execute("UPDATE kept_figures SET took_ms = 1000")  # young for longer
    seen = await look(figures, pool, of(MANY + 1))

    assert seen.value == MANY
    assert seen.as_of is not None
    assert before - timedelta(seconds=5) < seen.as_of <= datetime.now(UTC) + timedelta(seconds=5)


async def test_old_ones_are_shown_while_newer_take_long_and_are_gone_with_the_next_look(
    figures: FigureKeeper, pool: Pool
) -> None:
    await look(figures, pool, of(MANY))
    await pool.execute(AGED)
    going = asyncio.Event()

    async def slowly() -> int:
        await going.wait()
        return MANY + 1

    first = await look(figures, pool, slowly)
    second = await look(figures, pool, broken)  # both wait for the one that is under way
    going.set()
    async with asyncio.timeout(20):
        while (last := await look(figures, pool, of(MANY + 1))).value == MANY:
            await asyncio.sleep(0)

    assert (first.value, second.value) == (MANY, MANY)
    assert first.as_of == second.as_of
    assert last.value == MANY + 1


async def test_a_page_waits_once_for_all_its_old_figures(figures: FigureKeeper, pool: Pool) -> None:
    await look(figures, pool, of(MANY))
    await pool.execute(AGED)
    going, patience = asyncio.Event(), Patience()

    async def slowly() -> int:
        await going.wait()
        return MANY + 1

    assert (await look(figures, pool, slowly, patience=patience)).value == MANY
    going.set()

    assert patience.left == 0.0


async def test_whoever_changed_something_waits_for_figures_that_know_of_it(
    figures: FigureKeeper, pool: Pool
) -> None:
    await look(figures, pool, of(MANY))
    await figures.outdate(pool_of(pool, TENANT), TENANT)

    assert await look(figures, pool, of(MANY - 1)) == Figure(value=MANY - 1)
    assert (await look(figures, pool, of(7))).value == MANY - 1  # kept: it was kept before


async def test_what_was_begun_before_an_act_does_not_pass_for_newer(
    figures: FigureKeeper, pool: Pool
) -> None:
    await look(figures, pool, of(MANY))
    await pool.execute(AGED)
    going = asyncio.Event()

    async def before_the_act() -> int:
        await going.wait()
        return MANY + 1

    await look(figures, pool, before_the_act)
    await figures.outdate(pool_of(pool, TENANT), TENANT)
    going.set()

    assert (await look(figures, pool, of(MANY + 2))).value == MANY + 2


@pytest.mark.parametrize(
    "damage",
    [
        "body = '6000', as_of = now() - interval '1 day'",
        'body = \'{"of": "other code"}\'',
        "body = '\"text\"'",
        "body = ''",
        "body = '6000', as_of = now() + interval '10 years'",
        "body = '6000', outdated_at = now() + interval '10 years'",
    ],
)
async def test_what_is_wrong_in_a_kept_row_is_mended_by_looking(
    figures: FigureKeeper, pool: Pool, damage: str
) -> None:
    await look(figures, pool, of(MANY))
    await pool.execute(f"UPDATE kept_figures SET {damage}")  # noqa: S608 - our own words

    async with asyncio.timeout(20):
        while (await look(figures, pool, of(MANY))).value != MANY:
            await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while await pool.fetchval("SELECT body FROM kept_figures") != str(MANY):
            await look(figures, pool, of(MANY))


async def test_older_figures_never_take_the_place_of_newer_ones(pool: Pool) -> None:
    now = datetime.now(UTC)
    async with pool_of(pool, TENANT).acquire() as conn:
        for seconds, body in ((0, "newer"), (-30, "older")):
            at = now + timedelta(seconds=seconds)
            await kept_figures_store.keep(conn, TENANT, "n", as_of=at, took_ms=1, body=body)
        kept = await kept_figures_store.read(conn, TENANT, "n")

    assert kept is not None
    assert kept.body == "newer"


async def test_what_cannot_be_added_up_now_is_shown_as_it_was(
    figures: FigureKeeper, pool: Pool
) -> None:
    await look(figures, pool, of(MANY))
    await pool.execute(AGED)

    seen = await look(figures, pool, broken)

    assert seen.value == MANY
    assert seen.as_of is not None
    with pytest.raises(TimeoutError):
        await look(figures, pool, broken, OTHER)


async def test_one_tenant_sees_nothing_of_what_is_kept_for_another(
    figures: FigureKeeper, pool: Pool
) -> None:
    await look(figures, pool, of(MANY))
    assert await look(figures, pool, of(3), OTHER) == Figure(value=3)

    async with pool_of(pool, OTHER).acquire() as conn:
        assert await kept_figures_store.read(conn, TENANT, "number") is None
        await kept_figures_store.outdate(conn, TENANT)
    assert await pool.fetchval("SELECT outdated_at FROM kept_figures") is None


async def test_a_page_of_many_sales_says_when_it_was_added_up_and_an_act_is_seen_at_once(
    panel: Panel,
) -> None:
    tenant = await panel.tenant()
    await panel.pool.execute(OPEN, tenant, MANY)
    base = f"/e/{tenant}"
    async with panel.person(tenant) as ana:
        first = [await ana.get(f"{base}{page}") for page in ("", "/pendencias")]
        await panel.sale(tenant, MANY + 1, SaleStatus.HELD, "customer_document_missing")
        await panel.pool.execute("UPDATE kept_figures SET as_of = now()")  # young, however slow
        again = [await ana.get(f"{base}{page}") for page in ("", "/pendencias")]
        path = f"{base}/vendas/{MANY + 1}"
        page = await ana.get(path)
        await ana.send(page, path, acao="retry", motivo="O cliente mandou o CPF.")
        after = [await ana.get(f"{base}{page}") for page in ("", "/pendencias")]

    for one in first:
        assert "5.000 vendas" in one.text
    for one in again:
        assert "5.000 vendas" in one.text
        assert "Números de hoje" in one.text
    for one in after:
        assert "5.001 vendas" in one.text
        assert "Números de" not in one.text


async def test_what_the_issuer_said_is_not_kept_with_figures_and_goes_with_the_nota(
    panel: Panel,
) -> None:
    tenant, said = await panel.tenant(), "CEP 04101-300 de Padaria Fictícia nao existe"
    await panel.pool.execute(OPEN, tenant, MANY)
    await panel.sale(tenant, MANY + 1, SaleStatus.DENIED, "denied_address")
    sealed = columns.REASON.seal(panel.sealer, tenant, said.encode(), MANY + 1, 0, 1)
    await panel.pool.execute(DENIED, tenant, MANY + 1, f"np-{tenant}-1-1", sealed)
    async with panel.person(tenant) as ana:
        first = await ana.get(f"/e/{tenant}/pendencias")
        await panel.pool.execute("UPDATE kept_figures SET as_of = now()")  # young, however slow
        again = await ana.get(f"/e/{tenant}/pendencias")
        kept = await panel.pool.fetchval("SELECT body FROM kept_figures WHERE name = 'attention'")
        shut = "UPDATE notas SET reason = overlay(reason PLACING '\\x00' FROM 2 FOR 1)"
        await panel.pool.execute(shut)  # as under a key that was lost
        lost = await ana.get(f"/e/{tenant}/vendas/{MANY + 1}")
        await panel.pool.execute("UPDATE notas SET reason = NULL")  # as an erasure does
        after = await ana.get(f"/e/{tenant}/pendencias")

    assert said in first.text
    assert said in again.text
    assert "Números de hoje" in again.text
    assert base64.b64encode(sealed).decode() not in kept
    assert lost.status == 200
    assert said not in lost.text
    assert said not in after.text
    assert "Números de hoje" in after.text


async def test_pages_show_while_redis_is_away(database: str, pool: Pool) -> None:
    settings = load_panel(
        {
            "DATABASE_URL": database,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEYS": base64.urlsafe_b64encode(SECRET_KEY).decode(),
        }
    )
    async with serving(create_app(settings)) as base:
        panel = Panel(base=base, pool=pool, sandbox=None, sealer=Sealer([SECRET_KEY]))  # type: ignore[arg-type]
        tenant = await panel.tenant()
        await panel.sale(tenant, 1, SaleStatus.HELD, "customer_document_missing")
        async with panel.person(tenant) as ana:
            pages = ("", "/pendencias", "/vendas", "/vendas/1", "/fechamento", "/regra")
            seen = [(await ana.get(f"/e/{tenant}{page}")).status for page in pages]

    assert seen == [200] * len(pages)


async def test_many_tenants_old_figures_leave_room_for_pages(
    figures: FigureKeeper, pool: Pool
) -> None:
    going, under_way = asyncio.Event(), 0

    async def counted() -> int:
        nonlocal under_way
        under_way += 1
        await going.wait()
        return MANY

    tenants = [TenantId(f"tfigures{number:03d}") for number in range(5)]
    for tenant in tenants:
        await look(figures, pool, of(MANY), tenant)
    await pool.execute(AGED)

    seen = [await look(figures, pool, counted, tenant) for tenant in tenants]
    begun = under_way
    going.set()

    assert [one.value for one in seen] == [MANY] * len(tenants)
    assert begun == AT_ONCE

"""Redis, Vindi or the issuer away: every page still shows, and says what it could not read now."""

import time
from dataclasses import replace

import pytest

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT, a_desk
from tests.services.panel.lively import live, panel_beside
from tests.services.panel.support import Browser, Seen
from tests.services.panel.test_graded import MONTH, filled, real_ids

NOWHERE = "http://127.0.0.1:1"
BASE = f"/e/{TENANT}"
PATIENCE = 20.0  # seconds, on a slow machine; a person is told long before
# Downloads of what the issuer has: there is nothing to show without it.
OF_ISSUER = {"sale_pdf", "sale_xml"}
# By what is away, what a page says of it.
SAID = {
    "vindi": [
        (f"{BASE}/ativacao/exemplo", "A Vindi não respondeu agora. Tente de novo"),
        (f"{BASE}/regra/teste", "A Vindi não respondeu agora. Tente de novo"),
        (f"{BASE}/fechamento?mes={MONTH}", "Não foi possível conferir com a contagem da Vindi"),
    ],
    "issuer": [(f"{BASE}/vendas/{{bill}}/nota.pdf", "O emissor não respondeu. Tente de novo")],
    "redis": [],
}


async def looked_at(browser: Browser, ids: dict[str, str]) -> list[tuple[str, object]]:
    """Every page; what of it did not show, or not in time."""
    wrong: list[tuple[str, object]] = []
    for page in PAGES:
        if page.get is None or page.door:
            continue
        began = time.monotonic()
        seen: Seen = await browser.get(filled(page, TENANT, ids))
        good = seen.status in (200, 404) or (page.name in OF_ISSUER and seen.status == 409)
        if not good or time.monotonic() - began > PATIENCE:
            wrong.append((page.name, (seen.status, time.monotonic() - began)))
    return wrong


@pytest.mark.parametrize("away", sorted(SAID))
async def test_every_page_shows_whoever_is_away(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, away: str
) -> None:
    async with a_desk(pool, sandbox) as desk:
        bills = await live(desk)
        if away == "vindi":
            sandbox = replace(sandbox, vindi_url=NOWHERE)
        elif away == "issuer":
            sandbox = replace(sandbox, enotas_url=NOWHERE)
        redis = "redis://127.0.0.1:1/0" if away == "redis" else redis_url
        async with (
            panel_beside(pool, sandbox, database, redis) as panel,
            panel.person(TENANT, "operator") as ana,
        ):
            ids = await real_ids(panel, bills)
            wrong = await looked_at(ana, ids)
            said = [
                (path, (await ana.get(path.format(bill=ids["bill"]))).text, words)
                for path, words in SAID[away]
            ]
            overview = await ana.get(BASE)

    assert wrong == []
    assert [(path, text[:400]) for path, text, words in said if words not in text] == []
    # What was read when stands there, with its instant.
    assert "<time" in overview.html

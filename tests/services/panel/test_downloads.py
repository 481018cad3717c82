"""Files are made while they are sent, and one company's never take all there is."""

from collections.abc import AsyncIterator

import pytest

from services.panel.app import create_app
from services.panel.kit.downloads import AT_ONCE, Download, Downloads, TooManyDownloads
from services.sandbox.run import Sandbox
from shared.config.settings import PanelSettings
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.domain.ids import TenantId
from tests.services.api.conftest import SECRET_KEY, serving
from tests.services.panel.support import Panel


async def slowly_taken() -> AsyncIterator[bytes]:
    while True:
        yield b"a line\n"


async def test_a_company_fetches_some_files_at_once_and_keeps_no_other_from_its_own(
    panel_settings: PanelSettings, pool: Pool, sandbox: Sandbox
) -> None:
    app = create_app(panel_settings)
    async with serving(app) as base:
        panel = Panel(base=base, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))
        ours, theirs = await panel.tenant(), await panel.tenant("Escola Boreal")
        downloads = app.state.resources.downloads
        under_way = [downloads.place(ours) for _ in range(AT_ONCE)]
        async with panel.person(ours) as ana, panel.person(theirs) as bia:
            refused = await ana.get(f"/e/{ours}/vendas.csv")
            other = await bia.get(f"/e/{theirs}/vendas.csv")
            under_way.pop().free()
            taken = [await ana.get(f"/e/{ours}/vendas.{kind}") for kind in ("csv", "xlsx", "csv")]
    assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
    assert "Há muitos arquivos sendo baixados" in refused.text
    assert other.status == 200
    assert [one.status for one in taken] == [200, 200, 200]


async def test_a_burst_finds_the_places_taken_before_any_piece_was_sent() -> None:
    downloads, tenant = Downloads(), TenantId("ta")
    promised = [
        Download(downloads.place(tenant), slowly_taken(), media_type="text/csv", headers={})
        for _ in range(AT_ONCE)
    ]

    with pytest.raises(TooManyDownloads):
        downloads.place(tenant)
    del promised  # whatever kept them from being sent
    with downloads.place(tenant), downloads.place(tenant):
        pass

    assert all(downloads.place(tenant) for _ in range(AT_ONCE))

"""An address that was cut short, forged, or is another company's: nothing is widened by it."""

import pytest

from services.panel.show import filters
from shared.crypto.sealed_words import seal_words
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.panel.support import Panel

SAID = "não pode ser lido"
CUT = {
    "status": "hel",
    "motivo": "É",
    "de": "2026-1",
    "ate": "2026-13-01",
    "minimo": "1e9",
    "maximo": "-1",
    "meio": "Pix!",
    "b": "abc",
}


async def company(panel: Panel) -> TenantId:
    tenant = await panel.tenant()
    for bill in (4711, 4712):
        await panel.sale(tenant, bill, SaleStatus.HELD, "held_by_person")
    return tenant


@pytest.mark.parametrize("name", CUT)
async def test_a_filter_that_nobody_can_read_names_no_sale(panel: Panel, name: str) -> None:
    tenant = await company(panel)
    path = f"/e/{tenant}/vendas"
    async with panel.person(tenant) as ana:
        page = await ana.get(f"{path}?{name}={CUT[name]}")
        files = [await ana.get(f"{path}.{kind}?{name}={CUT[name]}") for kind in ("csv", "xlsx")]
        whole = await ana.get(path)
        fields = dict(whole.form(f"{path}/acoes"))
        all_ = [("csrf", fields["csrf"]), ("todas", "sim"), (f"lista.{name}", CUT[name])]
        acted = await ana.post(f"{path}/acoes", all_)

    assert "4711" in whole.text
    for seen in (page, *files, acted):
        assert seen.status == 422
        assert "4711" not in seen.text
        assert "Limpar filtros" in seen.text
    assert SAID in page.text


async def test_words_of_another_company_or_cut_ones_are_told(panel: Panel) -> None:
    ours, theirs = await company(panel), await panel.tenant("Padaria Boreal")
    foreign = seal_words(panel.sealer, theirs, "Padaria")
    own = seal_words(panel.sealer, ours, "Padaria")
    async with panel.person(ours) as ana:
        good = await ana.get(f"/e/{ours}/vendas?b={own}")
        told = [await ana.get(f"/e/{ours}/vendas?b={word}") for word in (foreign, own[:-3])]
        log = f"/e/{ours}/configuracoes/registro"
        whole = await ana.get(log)
        cut = [
            await ana.get(f"{log}?{asked}")
            for asked in (f"quem={foreign}", f"quem={own[:-3]}", "de=2026-1", "tipo=x", "ate=x")
        ]

    assert (good.status, "4711" in good.text) == (200, True)
    assert whole.status == 200
    for seen in (*told, *cut):
        assert seen.status == 422
        assert SAID in seen.text
        assert "4711" not in seen.text
    entries = [seen.html.count("<time") for seen in (whole, *cut)]
    assert entries[0] > 0
    assert set(entries[1:]) == {0}


def test_what_a_page_wrote_itself_can_be_read() -> None:
    for one in SaleStatus:
        assert not filters.read({"status": one.value, "motivo": "held_by_person"}).unread
    written = filters.read({"de": "2026-11-01", "ate": "", "minimo": "17990", "meio": "pix"})
    assert not written.unread
    assert filters.read(dict(written.fields())) == written

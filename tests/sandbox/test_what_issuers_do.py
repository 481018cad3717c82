"""What the stand-in for eNotas does when told to, about which nobody has written anything down."""

import pytest

from services.sandbox.run import Sandbox

from .conftest import Issuer

WHOLE_WAY = 70


@pytest.mark.parametrize(("by", "gaps"), [("given", False), ("asked", True)])
async def test_a_list_can_cap_its_pages(issuer: Issuer, by: str, *, gaps: bool) -> None:
    for number in range(5):
        await issuer.post(idExterno=f"h-t-{number}-1")
    issuer.company.faults.change({"list_cap": 2, "list_pages_by": by})

    pages = [
        await issuer.call("GET", "/nfes", params={"pageNumber": str(number), "pageSize": "4"})
        for number in (0, 1)
    ]

    assert [page.body["totalRecords"] for page in pages] == [5, 5]
    seen = [row["idExterno"] for page in pages for row in page.body["data"]]
    assert seen == [f"h-t-{number}-1" for number in ((0, 1, 4) if gaps else (0, 1, 2, 3))]


async def test_a_page_of_404_can_stand_in_for_a_nota(issuer: Issuer) -> None:
    await issuer.post()
    issuer.company.faults.not_found_html = 1

    first, second = await issuer.find(), await issuer.find()

    assert (first.status, first.headers["Content-Type"]) == (404, "text/html")
    assert second.status == 200


async def test_a_read_can_lag_behind(issuer: Issuer, sandbox: Sandbox) -> None:
    await issuer.post()
    sandbox.clock.advance(WHOLE_WAY)
    issuer.company.faults.stale_reads = 1

    stale, fresh = await issuer.find(), await issuer.find()

    assert (stale.body["status"], fresh.body["status"]) == (
        "AutorizadaAguardandoGeracaoPDF",
        "Autorizada",
    )
    assert stale.body["dataUltimaAlteracao"] < fresh.body["dataUltimaAlteracao"]


async def test_a_lost_request_can_turn_up_late(issuer: Issuer, sandbox: Sandbox) -> None:
    issuer.company.faults.late_seconds = 300
    lost = await issuer.post()

    assert (lost.status, (await issuer.find()).status) == (500, 404)
    sandbox.clock.advance(301)
    assert (await issuer.find()).status == 200


async def test_cancelling_can_be_refused_in_any_words(issuer: Issuer, sandbox: Sandbox) -> None:
    await issuer.post()
    sandbox.clock.advance(WHOLE_WAY)
    issuer.company.faults.cancel_refusals = ["Conta bloqueada.", "Prazo encerrado."]

    said = [(await issuer.cancel()).body[0]["mensagem"] for _ in range(3)]

    assert said == ["Conta bloqueada.", "Prazo encerrado.", "Prazo encerrado."]


async def test_a_repeated_post_can_make_a_second_nota_while_the_first_is_under_way(
    issuer: Issuer,
) -> None:
    issuer.company.faults.duplicate_in_progress = "second"
    first, second = await issuer.post(), await issuer.post()

    assert first.body["nfeId"] != second.body["nfeId"]
    assert len(issuer.company.notas) == 2


async def test_somebody_can_cancel_and_send_again_in_the_panel(
    issuer: Issuer, sandbox: Sandbox
) -> None:
    await issuer.post(description="[sim:negar:certificate]")
    sandbox.clock.advance(WHOLE_WAY)
    [nota] = issuer.company.notas.values()
    assert nota.status == "Negada"

    sandbox.enotas.resend_in_panel(issuer.company, nota)
    sandbox.clock.advance(WHOLE_WAY)
    assert await issuer.status() == "Autorizada"

    sandbox.enotas.cancel_in_panel(issuer.company, nota)
    sandbox.clock.advance(WHOLE_WAY)
    assert await issuer.status() == "Cancelada"

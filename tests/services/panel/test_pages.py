"""What finance people do, page by page, against the real emitter and the sandbox."""

import re

import pytest

from services.panel.pages import sales
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import LONG_NAME
from tests.services.panel.support import Panel
from tests.services.panel.working import worked_off

BASE = f"/e/{TENANT}"


async def test_the_first_page_says_what_needs_a_look_and_who_acts(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(BASE)

    assert page.status == 200
    assert "O endereço do cliente está incompleto." in page.text
    assert "Seu cliente" in page.text
    assert "R$ 997,00" in page.text
    assert len(page.raw) < 60_000


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Padaria", ["waiting"]),
        ("padaria boreal", ["waiting"]),
        ("ninguém com este nome", []),
        ("%", []),
    ],
)
async def test_one_box_finds_a_sale_by_name(
    lively: tuple[Panel, dict[str, int]], words: str, found: list[str]
) -> None:
    panel, bills = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/vendas")
        page = await ana.send(page, f"{BASE}/vendas", busca=words)

    wanted = {f"{BASE}/vendas/{bills[name]}" for name in found}
    assert {href for href in wanted if f'href="{href}"' in page.html} == wanted
    if not found:
        assert "Nenhuma venda" in page.text


async def test_one_box_finds_a_sale_by_its_bill_its_nota_and_its_document(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    number = await panel.pool.fetchval(
        "SELECT number FROM notas WHERE bill_id = $1", bills["issued"]
    )
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/vendas")
        by_bill = await ana.send(page, f"{BASE}/vendas", busca=str(bills["issued"]))
        by_nota = await ana.send(page, f"{BASE}/vendas", busca=str(number))
        by_document = await ana.send(page, f"{BASE}/vendas", busca="123.456.789-09")

    for seen in (by_bill, by_nota, by_document):
        assert f'href="{BASE}/vendas/{bills["issued"]}"' in seen.html
    assert by_nota.html.count(f'href="{BASE}/vendas/') == by_bill.html.count(
        f'href="{BASE}/vendas/'
    )
    assert f'href="{BASE}/vendas/{bills["no_document"]}"' not in by_document.html


async def test_a_list_is_narrowed_and_an_amount_is_typed_as_brazilians_do(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/vendas")
        dear = await ana.send(page, f"{BASE}/vendas", minimo="R$ 900,00", maximo="1.000")
        wrong = await ana.send(page, f"{BASE}/vendas", minimo="muito")

    assert f'href="{BASE}/vendas/{bills["guarantee"]}"' in dear.html
    assert f'href="{BASE}/vendas/{bills["issued"]}"' not in dear.html
    assert wrong.status == 422
    assert 'value="muito"' in wrong.html
    assert "Escreva um valor" in wrong.text


async def test_a_list_is_a_file_that_a_spreadsheet_opens_as_it_is(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    await panel.pool.execute(
        "UPDATE sales SET customer_name = '=HYPERLINK(1)' WHERE bill_id = $1", bills["waiting"]
    )
    async with panel.person(TENANT, "accountant") as bia:
        whole = await bia.get(f"{BASE}/vendas.csv")
        book = await bia.get(f"{BASE}/vendas.xlsx?c=product,method")
        course = await bia.get(f"{BASE}/vendas.csv?c=product,method&produto=cerâmica")
        held = await bia.get(f"{BASE}/vendas.csv?status=held")

    lines = whole.raw.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Fatura;Cliente;Situação")
    assert len(lines) == 14
    assert "997,00" in whole.html
    assert ";'=HYPERLINK(1);" in whole.html
    assert len(held.html.splitlines()) == 4
    assert "attachment" in whole.headers["Content-Disposition"]
    assert book.raw.startswith(b"PK")
    assert "Curso de Cerâmica (CURSO);" in course.html
    assert len(course.html.splitlines()) == 2


async def test_ticks_are_kept_from_page_to_page_and_a_list_gets_a_name(
    lively: tuple[Panel, dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, bills = lively
    monkeypatch.setattr(sales, "ROWS", 5)
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/vendas")
        form = page.form(f"{BASE}/vendas/acoes")
        first, last = max(bills.values()), min(bills.values())
        after = re.search(r'name="ir" value="(\d+)"', page.html)
        assert after is not None
        other = await ana.post(
            f"{BASE}/vendas/selecao", [*form, ("venda", str(first)), ("ir", after[1])]
        )
        kept = other.form(f"{BASE}/vendas/acoes")
        both = await ana.post(
            f"{BASE}/vendas/acoes", [*kept, ("venda", str(last)), ("acao", "hold")]
        )
        held = await ana.get(f"{BASE}/vendas?status=held")
        named = await ana.send(
            held, f"{BASE}/vendas/filtros", nome_filtro="Para ligar <b>", fazer="salvar"
        )
        usual = await ana.get(f"{BASE}/vendas?c=moment,nota")
        columns = await ana.get(f"{BASE}/vendas?c=moment,product")
        with_columns = await ana.send(
            columns, f"{BASE}/vendas/filtros", nome_filtro="Com produto", fazer="salvar"
        )
        gone = await ana.send(
            await ana.get(f"{BASE}/vendas"), f"{BASE}/vendas/filtros", fazer="apagar"
        )

    assert "1 venda marcada em outras páginas" in other.text
    assert "Reter: 2 vendas" in both.text
    assert "Filtro salvo" in named.text
    assert "Salvar este filtro" not in usual.text
    assert "vendas?c=moment%2Cproduct" in with_columns.html
    assert "Para ligar <b>" in named.text
    assert "Filtro apagado" in gone.text


async def test_a_sale_explains_itself_to_the_cent(lively: tuple[Panel, dict[str, int]]) -> None:
    panel, bills = lively
    async with panel.person(TENANT) as ana:
        issued = await ana.get(f"{BASE}/vendas/{bills['issued']}")
        guarantee = await ana.get(f"{BASE}/vendas/{bills['guarantee']}")
        denied = await ana.get(f"{BASE}/vendas/{bills['denied']}")
        held = await ana.get(f"{BASE}/vendas/{bills['no_document']}")

    assert "foi autorizada" in issued.text
    assert "Nota autorizada" in issued.text
    assert "Curso de Cerâmica" in guarantee.text
    assert "Se o produto é CURSO, emitir 7 dias após o pagamento." in guarantee.text
    assert "Em geral: emitir quando a fatura é paga." in issued.text
    assert "A nota será emitida" in guarantee.text
    assert "Palavras do emissor" in denied.text
    assert "Tentar de novo" in denied.text
    assert "Falta o CPF ou CNPJ" in held.text
    assert LONG_NAME.split()[0] in held.text


async def test_pdf_and_xml_come_from_the_issuer_and_from_nowhere_else(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    path = f"{BASE}/vendas/{bills['issued']}"
    async with panel.person(TENANT, "accountant") as bia:
        pdf, xml = await bia.get(f"{path}/nota.pdf"), await bia.get(f"{path}/nota.xml")
        none = await bia.get(f"{BASE}/vendas/{bills['waiting']}/nota.pdf")
    other = await panel.tenant("Outra")
    async with panel.person(other) as stranger:
        theirs = await stranger.get(f"/e/{other}/vendas/{bills['issued']}/nota.pdf")

    assert pdf.raw.startswith(b"%PDF")
    assert "attachment" in pdf.headers["Content-Disposition"]
    assert xml.raw.lstrip().startswith(b"<")
    assert none.status == 404
    assert theirs.status == 404


async def test_an_action_wants_a_reason_and_stands_in_the_story_with_a_name(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    path = f"{BASE}/vendas/{bills['guarantee']}"
    async with panel.person(TENANT, name="Bia Lima") as bia:
        page = await bia.get(path)
        fields = [pair for pair in page.form(path) if pair[0] != "motivo"]
        without = await bia.post(path, [*fields, ("motivo", "  ")])
        done = await bia.post(path, [*fields, ("motivo", "o curso foi dado")])
        twice = await bia.post(path, [*fields, ("motivo", "o curso foi dado")])
        again = await bia.post(path, [*fields, ("motivo", "mais uma vez")])
        log = await bia.get(f"{BASE}/configuracoes/registro")

    assert without.status == 422
    assert "É obrigatório" in without.text or "formato" in without.text
    assert "Pedido: emitir" in done.text
    assert "Bia Lima" in done.text
    assert "(p" not in done.text
    # The second click is answered as the first, and does nothing.
    assert "Pedido feito" in twice.text
    assert twice.text.count("Pedido: emitir") == done.text.count("Pedido: emitir")
    # Another request from a page that is old by now is told what changed.
    assert again.status == 409
    assert "mudou enquanto você olhava" in again.text
    assert "O que mudou desde que você abriu a página" in again.text
    assert "Último acontecimento" in again.text
    assert 'value="mais uma vez"' in again.html
    assert "Pedido: emitir" in log.text
    assert "o curso foi dado" in log.text


async def test_a_sale_without_document_is_issued_so_by_a_person_who_says_why(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    path = f"{BASE}/vendas/{bills['no_document']}"
    async with panel.person(TENANT, name="Bia Lima") as bia:
        page = await bia.get(path)
        other = await bia.get(f"{BASE}/vendas/{bills['guarantee']}")
        bare = next(fields for _, fields in page.forms if ("sem_documento", "sim") in fields)
        kept = [pair for pair in bare if pair[0] != "motivo"]
        done = await bia.post(path, [*kept, ("motivo", "não informa")])

    assert "Emitir sem documento" in page.text
    assert "Emitir sem documento" not in other.text
    assert "Pedido: emitir: não informa; sem CPF ou CNPJ, só nesta venda" in done.text


async def test_many_are_asked_for_at_once_after_a_look_at_how_many(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    path = f"{BASE}/vendas/acoes"
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/vendas?status=held")
        first = await ana.send(page, path, todas="sim", acao="retry")
        done = await ana.send(first, path, motivo="cadastros completos")
        twice = await ana.send(first, path, motivo="cadastros completos")
        nothing = await ana.send(page, path, acao="retry")

        await worked_off(panel)
        after = await ana.get(done.url)

    assert "Tentar de novo: 3 vendas" in first.text
    assert "0 de 3" in done.text
    assert "3 vendas aceitaram o pedido." in after.text
    assert twice.url == done.url
    assert "Marque ao menos uma venda." in nothing.text
    due = await panel.pool.fetch(
        "SELECT bill_id FROM outbox WHERE state = 'due' AND due_at <= now()"
    )
    assert {bills["held"], bills["held_too"]} <= {row["bill_id"] for row in due}


async def test_one_button_sends_all_denials_of_a_cause_again(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    async with panel.person(TENANT, "finance") as caio:
        page = await caio.get(f"{BASE}/pendencias")
        groups = [dict(fields) for to, fields in page.forms if to == f"{BASE}/pendencias"]
        denied = next(one for one in groups if one["grupo"])
        done = await caio.post(
            f"{BASE}/pendencias", [*denied.items(), ("motivo", "certificado renovado")]
        )
        await worked_off(panel)

    assert "certificado digital" in page.text
    assert "Pedido feito" in done.text
    assert await panel.pool.fetchval("SELECT resend FROM notas WHERE bill_id = $1", bills["denied"])

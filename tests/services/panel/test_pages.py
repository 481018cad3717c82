"""What finance people do, page by page, against the real emitter and the sandbox."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.panel.pages import sales
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import LONG_NAME, lively_panel
from tests.services.panel.support import Panel
from tests.services.panel.working import worked_off

BASE = f"/e/{TENANT}"


@pytest_asyncio.fixture
async def lively(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[tuple[Panel, dict[str, int]]]:
    async with lively_panel(pool, sandbox, database, redis_url) as made:
        yield made


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
        gone = await ana.send(
            await ana.get(f"{BASE}/vendas"), f"{BASE}/vendas/filtros", fazer="apagar"
        )

    assert "1 venda marcada em outras páginas" in other.text
    assert "Reter: 2 vendas" in both.text
    assert "Filtro salvo" in named.text
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


async def test_a_change_of_the_rule_is_foreseen_and_put_by_whom_it_was_shown(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/regra")
        fields = next(dict(f) for to, f in page.forms if dict(f).get("mudar") == "campos")
        fields |= {"quando": "bill_paid", "sem_documento": "issue_without"}
        fields |= {"descricao": "{produtos} - fatura {fatura}"}
        preview = await ana.post(f"{BASE}/regra", list(fields.items()))
        other = await ana.post(f"{BASE}/regra", [*fields.items(), ("fatura", "")])
        before = await panel.pool.fetchval("SELECT max(version) FROM rule_versions")
        put = await ana.send(preview, f"{BASE}/regra/vigor")
        stale = await ana.send(other, f"{BASE}/regra/vigor")

    assert "emitir sem o que falta" in preview.text
    assert "1 venda muda" in preview.text
    assert "Se o código" not in preview.text
    assert await panel.pool.fetchval("SELECT max(version) FROM rule_versions") == before + 1
    assert "Regra salva" in put.text
    assert "Outra pessoa mudou a regra" in stale.text


async def test_an_exception_is_a_sentence_and_moves_by_a_button(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/regra")
        add = next(dict(f) for _, f in page.forms if dict(f).get("mudar") == "excecao")
        add |= {"x_product_code": "EBOOK, APOSTILA", "x_quando": "guarantee_ended", "x_dias": "30"}
        preview = await ana.post(f"{BASE}/regra", [*add.items(), ("x_cycle", "first")])
        await ana.send(preview, f"{BASE}/regra/vigor")
        page = await ana.get(f"{BASE}/regra")
        move = next(dict(f) for _, f in page.forms if dict(f).get("lugar") == "2")
        up = await ana.post(f"{BASE}/regra", [*move.items(), ("mudar", "subir")])
        await ana.send(up, f"{BASE}/regra/vigor")
        moved = await ana.get(f"{BASE}/regra")
        now = next(dict(f) for _, f in moved.forms if dict(f).get("mudar") == "excecao")
        now |= {"x_product_code": "EBOOK, APOSTILA", "x_quando": "guarantee_ended"}
        wrong = await ana.post(f"{BASE}/regra", [*{**now, "x_dias": "mil"}.items()])
        days = next(dict(f) for _, f in moved.forms if dict(f).get("lugar") == "0")
        longer = await ana.post(
            f"{BASE}/regra", [*{**days, "x_dias": "15"}.items(), ("mudar", "dias")]
        )

    told = "Se o produto é EBOOK ou APOSTILA e é a primeira cobrança, emitir 30 dias após"
    assert told in preview.text
    assert "Se o produto é CURSO, emitir 15 dias após o pagamento." in longer.text
    assert "Não vale mais: Se o produto é CURSO, emitir 7 dias" in longer.text
    assert moved.text.index("EBOOK") < moved.text.index("PARCEIRO-1")
    assert wrong.status == 422
    assert 'value="mil"' in wrong.html


async def test_the_order_of_exceptions_is_sent_whole_and_an_older_page_is_told(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/regra")
        sort = next(dict(f) for _, f in page.forms if dict(f).get("mudar") == "ordem")
        token = [("csrf", sort["csrf"]), ("mudar", "ordem")]
        turned = await ana.post(f"{BASE}/regra", [*token, ("ordem", "1"), ("ordem", "0")])
        odd = [
            await ana.post(f"{BASE}/regra", [*token, *(("ordem", one) for one in order)])
            for order in (["0"], ["0", "0"], ["0", "1", "2"], ["0", "x"], [])
        ]
        await ana.send(turned, f"{BASE}/regra/vigor")
        after = await ana.get(f"{BASE}/regra")

    assert after.text.index("PARCEIRO-1") < after.text.index("CURSO")
    assert all("Outra pessoa mudou a regra" in one.text for one in odd)


async def test_a_rule_is_tried_on_one_real_bill_before_and_after_it_is_in_force(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    bill = bills["guarantee"]
    async with panel.person(TENANT) as ana:
        now = await ana.get(f"{BASE}/regra/teste?fatura={bill}")
        page = await ana.get(f"{BASE}/regra")
        fields = next(dict(f) for to, f in page.forms if dict(f).get("mudar") == "campos")
        fields |= {"descricao": "Aula {produtos} nº {fatura}", "quando": "bill_paid"}
        example = await ana.post(
            f"{BASE}/regra", [*fields.items(), ("exemplo", "sim"), ("fatura", str(bill))]
        )
        preview = await ana.post(f"{BASE}/regra", list(fields.items()))
        tried = await ana.send(preview, f"{BASE}/regra/vigor", testar="sim", fatura=str(bill))
        nowhere = await ana.send(preview, f"{BASE}/regra/vigor", testar="sim", fatura="99")

    assert "Em garantia" in now.text
    assert "Se o produto é CURSO" in now.text
    assert f"Aula Curso de Cerâmica nº {bill}" in example.text
    assert "R$ 997,00" in example.text
    assert "Nada foi salvo" in example.text
    assert f"A fatura {bill} pela regra nova" in tried.text
    assert "A Vindi não encontra esta fatura" in nowhere.text
    assert await panel.pool.fetchval("SELECT count(*) FROM rule_versions") == 2


async def test_a_services_code_is_found_by_words(lively: tuple[Panel, dict[str, int]]) -> None:
    panel, _ = lively
    async with panel.person(TENANT, "accountant") as bia:
        found = await bia.get(f"{BASE}/regra/codigos?palavras=programas de computador")
        none = await bia.get(f"{BASE}/regra/codigos?palavras=xyzzy&tabela=nada")

    assert "Lista de serviços" in found.text
    assert "computa" in found.text.lower().partition("código o que é")[2]
    assert "Nada encontrado" in none.text


async def test_people_are_invited_get_roles_and_one_owner_is_always_left(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    place = f"{BASE}/configuracoes/pessoas"
    async with panel.person(TENANT) as ana:
        page = await ana.get(place)
        made = await ana.send(page, place, email="contador@exemplo.com", papel="accountant")
        link = dict.fromkeys(one for one in made.html.split('"') if "/convite/" in one)
        alone = next(dict(f) for to, f in page.forms if dict(f).get("pessoa"))
        last = await ana.post(f"{place}/mudar", [*alone.items(), ("fazer", "tirar")])

    assert len(link) == 1
    assert "contador@exemplo.com" in made.text
    assert last.status == 422
    assert "ao menos um responsável" in last.text


async def test_nobody_is_let_into_another_company_by_a_new_password(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    other = await panel.tenant("Outra")
    place = f"{BASE}/configuracoes/pessoas"
    async with panel.person(TENANT) as ana, panel.person(TENANT, "accountant", "Bia") as bia:
        await bia.send(await bia.get(await panel.invitation(other, "accountant")), "/convite")
        page = await ana.get(place)
        theirs = [dict(f) for to, f in page.forms if dict(f).get("pessoa")]
        answers = [
            await ana.post(f"{place}/mudar", [*one.items(), ("fazer", "senha")]) for one in theirs
        ]

    assert sum("/senha/" in seen.html for seen in answers) >= 1
    assert sum("também a outras empresas" in seen.text for seen in answers) >= 1


async def test_a_month_is_shown_by_three_sides_and_locked_with_a_word(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        now = await ana.get(f"{BASE}/fechamento?mes=2026-01")
        locked = await ana.send(now, f"{BASE}/fechamento", motivo="conferido", assim_mesmo="sim")
        opened = await ana.send(locked, f"{BASE}/fechamento", motivo="faltou uma nota")
        odd = await ana.get(f"{BASE}/fechamento?mes=nada")

    assert "Fechamento de janeiro de 2026" in now.text
    assert "Não há vendas neste mês." in now.text
    assert "Mês fechado" in locked.text
    assert "conferido" in locked.text
    assert "Mês reaberto" in opened.text
    assert odd.status == 200


async def test_past_sales_are_previewed_before_they_are_brought_in(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/passadas")
        wrong = await ana.send(page, f"{BASE}/passadas", desde="2999-01-01")
        late = await ana.send(page, f"{BASE}/passadas", desde="2026-03-01", ate="2026-02-01")
        run = await ana.send(page, f"{BASE}/passadas", desde="2026-03-01")
        second = await ana.send(page, f"{BASE}/passadas", desde="2026-03-01")
        over = await ana.send(run, run.url)

    assert "ainda não chegou" in wrong.text or "31/12" in wrong.text or wrong.status == 422
    assert "antes da inicial" in late.text
    assert "Prévia: nada é emitido" in run.text
    assert second.url == run.url
    assert "Cancelada" in over.text


async def test_ours_look_at_any_company_and_act_only_under_a_ticket(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    path = f"{BASE}/vendas/{bills['guarantee']}"
    async with panel.person(TENANT, "support", "Rui") as rui:
        found = await rui.send(await rui.get("/suporte"), "/suporte", busca="Empresa")
        page = await rui.get(path)
        asked = await rui.send(page, path, motivo="pedido do cliente")
        done = await rui.send(asked, path, chamado="4711")
        direct = await rui.send(found, "/suporte", busca=f"p-{TENANT}-{bills['issued']}-1")
        searched = await rui.send(
            await rui.get(f"{BASE}/vendas"), f"{BASE}/vendas", busca="Padaria"
        )

    assert TENANT in found.text
    assert "Em nome de qual chamado?" in asked.text
    assert "Pedido feito" in done.text
    assert "Rui (suporte, chamado 4711)" in done.text
    assert direct.url == f"{BASE}/vendas/{bills['issued']}"
    assert "Padaria Boreal" in searched.text


async def test_a_tenant_that_nothing_happened_to_has_pages_too(panel: Panel) -> None:
    tenant = await panel.tenant("Nova")
    places = ["", "/vendas", "/pendencias", "/fechamento", "/regra", "/passadas", "/ativacao"]
    places += ["/ativacao/vindi", "/ativacao/emissor", "/ativacao/avisos", "/configuracoes"]
    async with panel.person(tenant) as ana:
        for place in places:
            assert (await ana.get(f"/e/{tenant}{place}")).status == 200, place
        missing = await ana.get(f"/e/{tenant}/vendas/99")
        longest = await ana.get(f"/e/{tenant}/vendas/{'9' * 19}")
        odd = await ana.get(
            f"/e/{tenant}/vendas?antes=x&status=nada&motivo=';--&de=x&minimo=-1&b=%00"
        )

    assert missing.status == longest.status == 404
    assert odd.status == 200


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("/vendas?motivo=%00", 200),
        ("/fechamento/diferencas?depois=%00", 200),
        ("/configuracoes/avisos?antes=%00", 200),
        ("/passadas/b%00", 404),
        ("/vendas/acoes/j%00", 404),
    ],
)
async def test_an_address_with_what_no_text_can_hold_is_answered(
    panel: Panel, place: str, status: int
) -> None:
    tenant = await panel.tenant("Nova")
    async with panel.person(tenant) as ana:
        page = await ana.get(f"/e/{tenant}{place}")

    assert page.status == status


async def test_whatever_a_customer_is_called_is_only_text(panel: Panel) -> None:
    tenant = await panel.tenant()
    name = "<script>alert(1)</script>\"' onmouseover=x"
    await panel.sale(tenant, 5, SaleStatus.HELD, "rule_manual", customer_name=name)
    async with panel.person(tenant) as ana:
        pages = [await ana.get(f"/e/{tenant}/vendas{more}") for more in ("", "/5")]

    for page in pages:
        assert "<script>alert" not in page.html
        assert "&lt;script&gt;alert(1)" in page.html

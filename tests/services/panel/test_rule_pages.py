"""The rule's pages: a change is foreseen, exceptions are sentences, a bill is tried under it."""

from tests.services.emitter.conftest import TENANT
from tests.services.panel.support import Panel

BASE = f"/e/{TENANT}"


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

"""Whatever text comes from Vindi, what is posted is valid, fits, and says which bill it is for.

`NOTAPONTE_TEXTS=100000` tries that many random customers and bills.
"""

import json
import os
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.decide import decide
from shared.domain.decision import Decision, Hold, Issue
from shared.domain.ids import ExternalId
from shared.domain.nota import NotaDraft, Service
from shared.domain.text.fit import Fitted, fit_draft
from shared.issuer.enotas.form import FORM
from shared.issuer.enotas.payloads import encode, render_nota
from shared.vindi.payloads import read_bill, read_customer
from tests.builders import NOW, a_bill, a_rule, a_sale, terms
from tests.vendors import bodies

TEXTS: Final = int(os.environ.get("NOTAPONTE_TEXTS", "2000"))
KEY: Final = ExternalId("p-tabcdefghij-4711-1")
TEMPLATES: Final = (
    "{produtos} - fatura {fatura}",
    "{produtos} {cliente} {plano} {valor} {pagamento} {ciclo} {competencia} #{fatura}",
    "Linha um\nde {cliente}\r\n{produtos}\n\n\n\nFatura {fatura}.",
    "“Serviços” prestados – conforme contrato… " * 40 + "{produtos}{cliente}{fatura}",
    "{fatura}: {produtos}, {produtos}",
)
LENGTHS: Final = {
    "nome": 75, "email": 80, "telefone": 11, "logradouro": 60, "numero": 10, "complemento": 30,
    "bairro": 50, "cep": 8, "cidade": 60, "pais": 60, "uf": 2, "descricao": 2000,
    "observacoes": 2000,
}  # fmt: skip
XML: Final = re.compile("[\n -퟿\ue000-\ufffd\U00010000-\U0010ffff]*")
POLICIES: Final[Mapping[str, str]] = {
    "customer_document_missing": "issue_without",
    "customer_address_incomplete": "issue_without",
    "customer_foreign": "issue_without",
}
RULES: Final = [a_rule(description=template, **POLICIES) for template in TEMPLATES]


def sold_to(customer: dict[str, Any], names: list[str], plan: str, template: int) -> Decision:
    """Decide about a sale whose texts are those of Vindi's answers."""
    lines = [
        {"id": n, "product": {"id": n, "name": name}, "amount": "1.50", "quantity": 1}
        for n, name in enumerate(names, start=1)
    ]
    raw = bodies.a_bill(4711) | {"bill_items": lines, "subscription": {"plan": {"code": plan}}}
    read = read_bill(raw)
    bill = a_bill(lines=read.lines, amount=read.lines_total, plan_code=read.plan_code)
    sale = a_sale(bill, customer=read_customer(bodies.a_customer() | customer))
    return decide(sale, RULES[template], terms(), NOW)


def check(decision: Decision) -> bool:
    """Look at the body of what is issued; False for what was held for want of a name."""
    if isinstance(decision, Hold):
        assert decision.code in {"customer_name_missing", "customer_document_invalid"}
        return False
    assert isinstance(decision, Issue)
    body = render_nota(KEY, decision.draft, "Producao")
    assert json.loads(encode(body)) == body
    for name, text in texts_of(body):
        assert XML.fullmatch(text), (name, text)
        assert through_xml(text) == text
        text.encode("latin-1")
        assert text == text.strip() != "", name
        assert "  " not in text, name
        assert len(text) <= LENGTHS.get(name, 10_000), name
        assert name == "descricao" or "\n" not in text
    assert "4711" in described(body)
    assert len("".join(described(body).split())) >= 10
    fitted = fit_draft(decision.draft, FORM).draft
    assert fit_draft(fitted, FORM) == Fitted(draft=fitted)
    return True


def described(body: Mapping[str, Any]) -> str:
    text: str = body["servico"]["descricao"]
    return text


def texts_of(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from texts_of(value)
        elif isinstance(value, str):
            yield name, value


def through_xml(text: str) -> str | None:
    element = ET.Element("texto", {"valor": text.replace("\n", " ")})
    element.text = text
    back = ET.fromstring(ET.tostring(element, encoding="iso-8859-1"))  # noqa: S314 - our own
    assert back.get("valor") == text.replace("\n", " ")
    return back.text


any_text = st.text(st.characters(codec=None), max_size=120)
some_texts = st.one_of(any_text, st.sampled_from(["", " ", ".", "\r\n", "12 ap 3", "01001 000"]))
addresses = st.fixed_dictionaries(
    {
        "street": some_texts,
        "number": some_texts,
        "additional_details": some_texts,
        "neighborhood": some_texts,
        "zipcode": st.one_of(some_texts, st.just("01001-000")),
        "city": st.one_of(some_texts, st.just("São Paulo")),
        "state": st.one_of(some_texts, st.just("SP")),
        "country": st.sampled_from(["BR", "PT", "Ж", None]),
    }
)
customers = st.fixed_dictionaries(
    {
        "name": some_texts,
        "email": st.one_of(some_texts, st.just("bia@loja.com.br")),
        "registry_code": st.sampled_from(["12345678909", None]),
        "address": addresses,
        "phones": st.lists(st.fixed_dictionaries({"number": some_texts}), max_size=3),
    }
)


@given(
    customers,
    st.lists(st.text(st.characters(codec=None), max_size=60), min_size=1, max_size=40),
    some_texts,
    st.integers(0, len(TEMPLATES) - 1),
)
@settings(deadline=None)
def test_any_text_of_vindi_makes_a_body_that_can_be_sent(
    customer: dict[str, Any], names: list[str], plan: str, template: int
) -> None:
    check(sold_to(customer, names, plan, template))


POOLS: Final = (
    [chr(code) for code in range(0x20, 0x7F)],
    [chr(code) for code in range(0x20, 0x7F)],
    [chr(code) for code in range(0xA0, 0x100)],
    [chr(code) for code in range(0x100, 0x250)],
    [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))],
    [chr(code) for code in range(0x300, 0x370)],
    [chr(code) for code in (*range(0x2000, 0x2070), 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF)],
    [chr(code) for code in range(0xD800, 0xE000)],
    [chr(code) for code in range(0x400, 0x500)],
    [chr(code) for code in range(0x4E00, 0x4F00)],
    [chr(code) for code in range(0x1F300, 0x1F700)],
    [
        "a\u0301",
        "👨‍👩‍👧",
        "\r\n",
        "  ",
        " - ",
        "{fatura}",
        "“",
        "…",
        "&amp;",
        "<b>",
        "]]>",
        "ap 12",
    ],
)


class Typist(random.Random):
    """Types what people, other programs and nobody at all would type."""

    def text(self, most: int) -> str:
        length = self.choice((0, 1, self.randint(0, 20), self.randint(0, 100), most))
        if self.random() < 0.1:
            return "".join(map(chr, self.choices(range(0x110000), k=min(length, 200))))
        pools = self.choices(POOLS, k=self.randint(1, 4))
        letters = [letter for pool in pools for letter in self.choices(pool, k=12)]
        return "".join(self.choices(letters, k=length))

    def or_text(self, usual: object, most: int = 200) -> object:
        return usual if self.random() < 0.4 else self.text(most)

    def customer(self) -> dict[str, Any]:
        return {
            "name": self.or_text("Bia Fictícia"),
            "email": self.or_text("bia@loja.com.br"),
            "registry_code": self.choice(("12345678909", None)),
            "address": {
                "street": self.or_text("Avenida Governador Fulano de Tal, 12"),
                "number": self.or_text(f"{self.randint(1, 99_999)} {self.text(30)}"),
                "additional_details": self.or_text("apto 51"),
                "neighborhood": self.or_text("Centro"),
                "zipcode": self.choice(("01001000", "01001 000", self.text(12))),
                "city": self.choice(("São Paulo", "São Paulo", self.text(40))),
                "state": self.choice(("SP", "SP", "SP", self.text(4))),
                "country": self.choice(("BR", "BR", "BR", "PT", None, self.text(70))),
            },
            "phones": [
                {"number": self.or_text("21977776666", 30)} for _ in range(self.randint(0, 3))
            ],
        }

    def products(self) -> list[str]:
        most = self.choice((30, 30, 200, 2100))
        count = self.choice((1, 1, 2, self.randint(1, 9), self.choice((1, 40, 120))))
        return [self.text(most) or "Plano" for _ in range(count)]


@pytest.mark.timeout(3600)
def test_no_customer_and_no_bill_of_thousands_makes_a_body_that_cannot_be_sent() -> None:
    typist = Typist(20_261_129)
    sent = sum(
        check(
            sold_to(
                typist.customer(),
                typist.products(),
                typist.text(60),
                typist.randrange(len(TEMPLATES)),
            )
        )
        for _ in range(TEXTS)
    )
    assert sent > TEXTS / 2


def test_what_others_fill_in_is_fitted_like_all_else() -> None:
    typist = Typist(4711)
    for _ in range(300):
        draft = NotaDraft(
            **{
                **{name: getattr(bodies.a_draft(), name) for name in ("amount", "competencia")},
                "description": typist.text(3000) + " fatura 4711",
                "tomador": bodies.a_draft().tomador,
                "service": Service(city_text=typist.text(900), lc116=typist.text(9)),
                "send_email": True,
                "observations": typist.text(3000),
                "more_emails": (typist.text(20), "fin@loja.com.br"),
                "extras": {"regimeApuracaoTributosSN": typist.text(400)},
                "nature": typist.text(4),
            }
        )
        fitted = fit_draft(draft, FORM).draft
        for text in (
            fitted.description, fitted.observations, fitted.service.city_text, fitted.nature,
            *fitted.extras.values(),
        ):  # fmt: skip
            assert text is None or (XML.fullmatch(text) and text == text.strip())
        assert len(fitted.observations or "") <= 2000
        assert len(fitted.service.city_text or "") <= 600
        assert fitted.more_emails == ("fin@loja.com.br",)
        assert fit_draft(fitted, FORM) == Fitted(draft=fitted)

"""What people paste and type is taken as they meant it, in every form alike."""

import importlib
import inspect
import pkgutil
import re
from datetime import date
from urllib.parse import urlencode

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.types import Message

from services.panel import pages
from services.panel.kit.forms import A_DAY, COPY_WHOLE, DAYS, TypedForm, read_form
from services.panel.kit.render import FOLDER
from services.panel.kit.typed import number_said, read_instant, whole_number
from services.panel.pages.activation import _Vindi
from services.panel.pages.past import _Asking
from services.panel.show.companies import fits
from services.panel.show.filters import amount, wrong_span

KEY = "4Oam-DPlKEixPWlBBrhSU0GeV-UQHs6Wut1wkjG08sE"


async def sent(*fields: tuple[str, str]) -> TypedForm:
    """A form as a browser sends it."""

    async def receive() -> Message:
        return {"type": "http.request", "body": urlencode(fields).encode(), "more_body": False}

    return await read_form(Request({"type": "http", "method": "POST"}, receive))


@pytest.mark.parametrize("around", [" {} ", "{}\r\n", "\t{}", "\u00a0{}\u00a0", "\u200b{}\ufeff "])
async def test_what_is_pasted_along_with_a_key_is_left_out(around: str) -> None:
    form = await sent(("api_key", around.format(KEY)), ("ambiente", "production"))

    read = form.read(_Vindi)

    assert isinstance(read, _Vindi)
    assert read.api_key == KEY
    assert form["api_key"] == KEY


async def test_a_password_may_begin_and_end_with_a_blank() -> None:
    form = await sent(("senha", " abre-te sésamo "), ("senha_nova", "duas  palavras "))

    assert form["senha"] == " abre-te sésamo "
    assert form["senha_nova"] == "duas  palavras "


async def test_what_stands_between_words_and_lines_stays() -> None:
    form = await sent(("descricao", "Aulas:  {produtos}\r\n\r\nfatura {fatura}\r\n"))

    assert form["descricao"] == "Aulas:  {produtos}\n\nfatura {fatura}"


async def test_a_key_that_was_cut_is_told_what_to_do() -> None:
    form = await sent(("api_key", f"{KEY[:20]} {KEY[20:]}"), ("ambiente", "production"))

    read = form.read(_Vindi)

    assert isinstance(read, TypedForm)
    assert read.errors == {"api_key": COPY_WHOLE}


@pytest.mark.parametrize("typed", ["01/03/2026", "1/3/2026", "01.03.2026", "2026-03-01"])
async def test_a_day_may_be_typed_as_people_write_it(typed: str) -> None:
    form = await sent(("desde", typed), ("motivo", "março"))

    read = form.read(_Asking)

    assert isinstance(read, _Asking)
    assert read.desde == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("31/02/2026", A_DAY),
        ("amanhã", A_DAY),
        ("2026-02-31", A_DAY),
        ("01/03/0026", "Deve ser 01/01/2000 ou mais."),
        ("01/03/9999", "Deve ser 31/12/2199 ou menos."),
    ],
)
async def test_a_day_that_there_is_not_is_told_as_people_write_days(typed: str, said: str) -> None:
    read = (await sent(("desde", typed), ("motivo", "março"))).read(_Asking)

    assert isinstance(read, TypedForm)
    assert read.errors == {"desde": said}


def test_every_day_that_a_page_asks_for_may_be_written_so() -> None:
    asked = {
        name
        for file in FOLDER.glob("*.html")
        for name in re.findall(r'"([a-z_]+)", t\([^)]*\), type="date"', file.read_text())
    }

    assert asked
    assert asked <= DAYS


@pytest.mark.parametrize("typed", ["1e5", "-5", "١٢", "10,555", "1,234.56", "0x10", "1_000", "inf"])
def test_what_nobody_writes_as_money_is_no_amount(typed: str) -> None:
    assert amount(typed) is None


@pytest.mark.parametrize("typed", ["1.234,56", "1234,56", "R$ 1234.56", " 1234,56 "])
def test_money_is_typed_with_comma_or_point(typed: str) -> None:
    assert amount(typed) == 123456


@pytest.mark.parametrize("typed", ["R$ 10", "R$10", "r$ 10,00", "R$\u00a010,00"])
def test_money_may_stand_behind_its_sign(typed: str) -> None:
    assert amount(typed) == 1000


@pytest.mark.parametrize("typed", ["1500", "1.500", " 1500 ", "1 500", "01500", "1\u00a0500"])
def test_a_thousand_has_a_point_in_brazil(typed: str) -> None:
    assert whole_number(typed) == 1500


@pytest.mark.parametrize(
    "typed", ["1.5", "1.0", "1.500,00", "15.00", "+5", "1_000", "1e3", "-1", ""]
)
def test_what_is_no_whole_number_is_never_taken_for_one(typed: str) -> None:
    with pytest.raises(PydanticCustomError):
        whole_number(typed)


def forms_of_pages() -> list[type[BaseModel]]:
    """Every form that a page reads."""
    found: list[type[BaseModel]] = []
    for module in pkgutil.iter_modules(pages.__path__):
        loaded = importlib.import_module(f"{pages.__name__}.{module.name}")
        found += [
            one
            for _, one in inspect.getmembers(loaded, inspect.isclass)
            if issubclass(one, BaseModel) and one.__module__ == loaded.__name__
        ]
    return found


def test_no_form_takes_a_thousand_for_one() -> None:
    whole = []
    for form in forms_of_pages():
        for name, field in form.model_fields.items():
            if not re.search(r"\bint\b", str(field.annotation)):
                continue
            for typed in ("1.0", "1.000"):
                read = TypedForm(values={name: (typed,)}).read(form)
                if isinstance(read, TypedForm):
                    assert name in read.errors or typed == "1.000", (form, name)
                else:
                    assert getattr(read, name) == 1000, (form, name)
            whole.append(name)

    assert {"notas", "antigas", "proximo", "dias"} <= set(whole)


@pytest.mark.parametrize(
    "typed", ["4Oam\u200b-DPl", "\u202a4Oam-DPl\u202c", "4Oam-\ufeffDPl\u00ad"]
)
async def test_unseen_signs_within_a_key_or_a_number_are_left_out(typed: str) -> None:
    form = await sent(("api_key", typed), ("cliente", typed))

    assert form["api_key"] == form["cliente"] == "4Oam-DPl"


async def test_what_joins_an_emoji_or_a_foreign_name_stays() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

    form = await sent(("nome", f"Escola {family}"), ("motivo", "\u05e9\u05dc\u05d5\u05dd\u200f!"))

    assert form["nome"] == f"Escola {family}"
    assert form["motivo"] == "\u05e9\u05dc\u05d5\u05dd\u200f!"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("#4711", "4711"),
        ("Fatura nº 4711", "4711"),
        ("NFS-e 1024", "1024"),
        ("https://app.vindi.com.br/admin/bills/4711?x=1", "4711"),
        ("https://painel.exemplo.com/e/tabcdefghij/vendas/4711", "4711"),
        ("12.345.678/0001-95", "12.345.678/0001-95"),
        ("12.ABC.345/01DE-35", "12.ABC.345/01DE-35"),
        ("Nota Fiscal Contabilidade", "Nota Fiscal Contabilidade"),
    ],
)
def test_a_number_is_found_in_what_people_paste(typed: str, meant: str) -> None:
    assert number_said(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["30/11/2026 14:30", "30/11/2026, 14h30", "30/11/2026 às 14:30", "2026-11-30T14:30"],
)
def test_an_instant_may_be_typed_as_people_write_it(typed: str) -> None:
    assert str(read_instant(typed)) == "2026-11-30 14:30:00"


@pytest.mark.parametrize("typed", ["31/11/2026 14:30", "ontem", "30/11/2026 25:00", "30/11/0026"])
def test_an_instant_that_there_is_not_is_none(typed: str) -> None:
    assert read_instant(typed) is None


def test_days_that_narrow_a_list_are_told_when_they_cannot_be() -> None:
    assert wrong_span({"de": "2026-11-31", "ate": "2026-11-30"}) == {"de": A_DAY}
    assert wrong_span({"de": "", "ate": "31/11/2026"}) == {"ate": A_DAY}
    assert set(wrong_span({"de": "2026-11-30", "ate": "2026-11-01"})) == {"ate"}
    assert wrong_span({"de": "2026-11-30", "ate": "2026-11-30"}) == {}
    assert wrong_span({"de": "", "ate": ""}) == {}


def test_a_company_is_found_without_its_accents() -> None:
    name = "Associação São José de Ensino"

    assert fits("sao ensino", name, "tabcdefghij")
    assert fits("ASSOCIAÇÃO", name, "tabcdefghij")
    assert fits("", name, "tabcdefghij")
    assert fits("tabcdefghij", name, "tabcdefghij")
    assert not fits("sao paulo", name, "tabcdefghij")

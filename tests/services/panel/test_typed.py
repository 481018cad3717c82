"""What people paste and type is taken as they meant it, in every form alike."""

import re
from datetime import date
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.types import Message

from services.panel.kit.forms import A_DAY, COPY_WHOLE, DAYS, TypedForm, read_form
from services.panel.kit.render import FOLDER
from services.panel.pages.activation import _Vindi
from services.panel.pages.past import _Asking
from services.panel.show.filters import amount

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

"""What people paste and type is taken as they meant it, in every form alike."""

from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.types import Message

from services.panel.kit.forms import COPY_WHOLE, TypedForm, read_form
from services.panel.pages.activation import _Vindi

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

"""E-mail addresses of a customer, as a nota takes them."""

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.emails import email_for_nota, emails_in
from tests.builders import a_customer, a_rule
from tests.unit.test_customer_data import drafted


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("bia@loja.com.br", "bia@loja.com.br"),
        ("bia@loja.example", "bia@loja.example"),
        ("bia@loja.test", "bia@loja.test"),
        ("Bia.Souza+nf@LOJA.com.br", "Bia.Souza+nf@loja.com.br"),
        ("  bia@loja.com.br\t", "bia@loja.com.br"),
        ("\x1fbia@loja.com.br\x07", "bia@loja.com.br"),
        ("bia@loja\u200b.com.br", "bia@loja.com.br"),
        ("Bia Souza <bia@loja.com.br>", "bia@loja.com.br"),
        ('"Souza, Bia" <bia@loja.com.br>', "bia@loja.com.br"),
        ("<bia@loja.com.br>", "bia@loja.com.br"),
        ("mailto:bia@loja.com.br", "bia@loja.com.br"),
        ("bia@loja.com.br (financeiro)", "bia@loja.com.br"),
        ("bia@loja.com.br.", "bia@loja.com.br"),
        ("bia@loja.com.br, fin@loja.com.br", "bia@loja.com.br"),
        ("bia@loja.com.br fin@loja.com.br", "bia@loja.com.br"),
        ("bia@loja.com.br\nfin@loja.com.br", "bia@loja.com.br"),
        ("bia@; fin@loja.com.br", "fin@loja.com.br"),
        ("bia@@loja..com; Fin <fin@loja.com.br>", "fin@loja.com.br"),
        ("josé@loja.com.br", "josé@loja.com.br"),
        ("E-mail: bia@loja.com.br", "bia@loja.com.br"),
        ("emails - bia@loja.com.br", "bia@loja.com.br"),
        ("bia&#64;loja.com.br", "bia@loja.com.br"),
        ("bia&amp;co@loja.com.br", "bia&co@loja.com.br"),  # and not co@loja.com.br
        ("meu.email-x@loja.com.br", "meu.email-x@loja.com.br"),
        ("bia@loja.c; fin@loja.com.br", "fin@loja.com.br"),  # no ending has one letter
        ("bia@lojinhadapraça.com.br", "bia@xn--lojinhadapraa-tgb.com.br"),
    ],
)
def test_the_first_good_address_is_sent(typed: str, sent: str) -> None:
    assert email_for_nota(typed) == sent
    assert email_for_nota(sent) == sent


@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        " ",
        "bia",
        "bia@",
        "@loja.com.br",
        "bia@@loja.com.br",
        "bia@loja..com.br",
        "bia@loja",
        ".bia@loja.com.br",
        "bia.@loja.com.br",
        "bia souza@loja.com.br",  # souza@ may be somebody else
        "bia@loja.com.br souza",
        "bia@-loja.com.br",
        "bia@loja_x.com.br",
        "bia@[10.0.0.1]",
        "жук@loja.com.br",
        "b" * 70 + "@loja.com.br",
        "bia@" + "l" * 64 + ".com.br",
        "não tem",
        "\N{PARTY POPPER}@",
    ],
)
def test_what_surely_is_no_address_is_left_out_and_nothing_is_mailed(typed: str | None) -> None:
    assert email_for_nota(typed) is None
    draft = drafted(a_customer(email=typed), send_email=True)
    assert (draft.tomador.email, draft.send_email) == (None, False)


def test_all_good_addresses_of_a_field_are_found_once_each() -> None:
    typed = "bia@loja.com.br; x@; Fin <fin@loja.com.br> e bia@loja.com.br"
    assert emails_in(typed) == ("bia@loja.com.br", "fin@loja.com.br")
    assert a_rule().send_email


_WORDS = st.text("ab1._-+", min_size=1, max_size=12)


@given(_WORDS, st.text("ab1.-", min_size=1, max_size=40), st.sampled_from([".com", ".example", ""]))
def test_what_is_sent_at_a_glance_is_what_the_standard_lets_through(
    local: str, domain: str, end: str
) -> None:
    sent = email_for_nota(f"{local}@{domain}{end}")
    if sent is not None:
        told = validate_email(sent, check_deliverability=False, test_environment=True, strict=True)
        assert told.normalized == sent

"""What pages say, without a page."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.panel.kit import csrf, say
from services.panel.kit.forms import TypedForm
from services.panel.kit.keep import ours
from services.panel.kit.menu import menu_of
from services.panel.kit.render import short_name, without_settings
from services.panel.kit.say import Clock
from services.panel.show import filters, overview
from services.panel.show import rule as rule_show
from services.panel.show.audit import told
from services.panel.show.month_zip import all_documents, zip_shown
from services.panel.show.rule import changes, only_moves
from services.panel.show.sale import in_order, what_is_next
from services.panel.show.setup import REFUSALS, SetUpProgress, refusal, steps
from services.panel.show.status import OUTCOMES, TONES
from shared.crypto.seal import Sealer
from shared.crypto.sealed_words import open_words, seal_words
from shared.db.sales.overview_read import Heap, SentDay
from shared.db.sales.sales_read import SaleStory, SaleView
from shared.db.tenants.audit_store import AuditEntry
from shared.domain.closing import Closing, Figures, Month, Sum
from shared.domain.filing import Filing, MonthSum
from shared.domain.ids import BillId, TenantId
from shared.domain.messages import message_for
from shared.domain.moment import VINDI_ZONE
from shared.domain.money import NOTHING, Cents
from shared.domain.nota import NotaStatus
from shared.domain.parts import Part, Share
from shared.domain.people import RIGHTS
from shared.domain.rule import Rule
from shared.domain.rule_change import Change, ChangeCount, DueSpan, RuleOutcome
from shared.domain.sale import SaleStatus
from shared.domain.statement import Statable, statable
from shared.watch.connection import ConnectionCheck

NOON = datetime(2026, 11, 29, 15, tzinfo=UTC)  # noon in São Paulo
CLOCK = Clock(now=NOON, zone=ZoneInfo("America/Sao_Paulo"))
TENANT, OTHER = TenantId("taaaaaaaaaa"), TenantId("tbbbbbbbbbb")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOON, "hoje às 12:00"),
        (NOON - timedelta(hours=13), "ontem às 23:00"),
        (datetime(2026, 11, 30, 3, tzinfo=UTC), "amanhã às 00:00"),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "01/03/2026 às 09:00"),
    ],
)
def test_an_instant_is_told_as_people_tell_it_and_exactly_beside(at: datetime, said: str) -> None:
    told = CLOCK.when(at)

    assert told.human == said
    assert datetime.fromisoformat(told.iso) == at
    assert "GMT-0300" in told.exact


def test_money_counts_and_spans_are_brazilian() -> None:
    assert say.money(123_456_78).replace("\xa0", " ") == "R$ 123.456,78"
    assert say.money(-5).replace("\xa0", " ") == "-R$ 0,05"
    assert say.counted(1, "venda", "vendas") == "1 venda"
    assert say.counted(1200, "venda", "vendas") == "1.200 vendas"
    assert say.month(date(2026, 3, 1)) == "março de 2026"
    assert say.span(timedelta(seconds=20)) == "menos de 1 minuto"
    assert say.span(timedelta(hours=5)) == "5 horas"


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("179,90", 17_990),
        ("R$ 1.234,5", 123_450),
        ("1.234", 123_400),
        ("1234.56", 123_456),
        ("1.234.567,00", 123_456_700),
        ("", None),
        ("muito", None),
        ("-1", None),
        ("1,234", None),
        ("9" * 40, None),
    ],
)
def test_an_amount_is_read_as_brazilians_type_it(typed: str, cents: int | None) -> None:
    assert filters.amount(typed) == cents


@given(
    st.dictionaries(st.sampled_from(["status", "motivo", "de", "ate", "minimo", "c"]), st.text())
)
def test_whatever_stands_in_an_address_is_a_filter_or_nothing(given: dict[str, str]) -> None:
    once = filters.read(given)
    pairs = dict(part.split("=") for part in once.query().split("&") if part)

    assert filters.read({name: value.replace("%2C", ",") for name, value in pairs.items()}) == once
    left_out = [name for name, typed in given.items() if typed.strip() and name not in pairs]
    assert once.unread == bool(set(left_out) - {"c"})


def test_words_that_were_searched_are_of_one_company_and_look_different_each_time() -> None:
    sealer = Sealer([b"k" * 32])
    sealed = seal_words(sealer, TENANT, "  529.982.247-25 ")

    assert "529" not in sealed
    assert seal_words(sealer, TENANT, "529.982.247-25") != sealed
    assert open_words(sealer, TENANT, sealed) == "529.982.247-25"
    assert open_words(sealer, OTHER, sealed) == ""
    assert open_words(sealer, TENANT, sealed[:-3]) == ""
    assert open_words(sealer, TENANT, "é") == seal_words(sealer, TENANT, "  ") == ""


def test_a_forms_token_is_never_the_same_and_fits_its_session_alone() -> None:
    one, two = csrf.token("word"), csrf.token("word")

    assert one != two
    assert csrf.fits(one, "word")
    assert csrf.fits(two, "word")
    assert not csrf.fits(one, "another")
    assert not csrf.fits("", "word")
    assert not csrf.fits("é", "word")
    assert not csrf.fits(one, "")


@given(st.text())
def test_the_way_back_stays_here(path: str) -> None:
    back = ours(path)

    assert back.startswith("/")
    assert not back.startswith("//")
    assert "\\" not in back


def test_the_menu_shows_what_somebody_may_open_and_where_they_are() -> None:
    for rank in RIGHTS:
        items = menu_of(rank, "/vendas/4711")
        assert [item.word for item in items if item.here] == ["sales"]
    assert [item.word for item in menu_of("owner", "") if item.here] == ["overview"]


def test_every_status_has_a_tone_and_an_outcome() -> None:
    assert set(TONES) == set(OUTCOMES) == set(SaleStatus)


def test_causes_are_what_somebody_has_to_look_at_the_most_money_first() -> None:
    heaps = [
        Heap(status=SaleStatus.HELD, code="rule_manual", sales=1, amount=Cents(100)),
        Heap(status=SaleStatus.DENIED, code="denied_certificate", sales=2, amount=Cents(900)),
        Heap(status=SaleStatus.ISSUED, code="kept_by_rule", sales=5, amount=Cents(10_000)),
        Heap(status=SaleStatus.ISSUED, code="partially_refunded", sales=1, amount=Cents(50)),
        Heap(status=SaleStatus.IN_GUARANTEE, code=None, sales=9, amount=Cents(99_999)),
    ]

    found = overview.causes(heaps)

    assert [one.code for one in found] == [
        "denied_certificate",
        "rule_manual",
        "partially_refunded",
    ]
    assert found[0].title.endswith(".")
    assert found[0].who == "Você"


@given(st.lists(st.tuples(st.integers(0, 29), st.sampled_from(SaleStatus), st.integers(1, 10**6))))
def test_the_chart_never_leaves_its_frame_and_its_table_says_the_same(
    rows: list[tuple[int, SaleStatus, int]],
) -> None:
    today = date(2026, 11, 29)
    heaps = [
        Heap(
            status=status,
            code=None,
            sales=sales,
            amount=Cents(sales),
            day=today - timedelta(days=back),
        )
        for back, status, sales in rows
    ]
    sent = [SentDay(day=today, notas=7, amount=Cents(7))]

    chart = overview.chart(sent, heaps, today)

    shown = [sales for _, status, sales in rows if OUTCOMES[status] in ("under_way", "needs_look")]
    assert len(chart.days) == 30
    assert sum(day.total for day in chart.days) == sum(shown) + 7
    for day in chart.days:
        for piece in day.pieces:
            assert 0 <= piece.x <= chart.width
            assert 10 <= piece.y <= chart.floor + 1
            assert piece.y + piece.height <= chart.floor + 1


def test_a_rule_is_told_in_sentences_and_comes_back_from_its_own_form() -> None:
    rule = Rule.model_validate(
        {
            "issue_when": "guarantee_ended",
            "guarantee_days": 7,
            "exceptions": [
                {
                    "if": {"product_code": ["CURSO"], "cycle": "first"},
                    "issue_when": "guarantee_ended",
                    "guarantee_days": 30,
                }
            ],
            "service": {"iss_rate": "2.00", "municipal_code": "010700188"},
        }
    )
    fields = {name: (value,) for name, value in rule_show.filled(rule).items()}
    form = TypedForm(values={**fields, "cancelar": ("sim",), "email": ("sim",)})

    assert rule_show.read(rule_show.with_fields(rule, form)) == rule
    assert rule_show.sentences(rule)[0] == "Em geral: emitir 7 dias após o pagamento."
    assert rule_show.spoke(rule, None) == "Em geral: emitir 7 dias após o pagamento."
    assert rule_show.spoke(rule, 1) == (
        "Se o produto é CURSO e é a primeira cobrança, emitir 30 dias após o pagamento."
    )
    assert rule_show.stored(rule_show.carried(rule)) == rule
    assert rule_show.stored("[") is None
    assert rule_show.differences(rule, rule) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dias": "0"}, "dias"),
        ({"dias": "mil"}, "dias"),
        ({"dias": ""}, "dias"),
        ({"aliquota": "muito"}, "aliquota"),
        ({"descricao": "{nada}"}, "descricao"),
        ({"quando": "ontem"}, "quando"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_at_its_field_in_portuguese(
    changes: dict[str, str], field: str
) -> None:
    rule = Rule.model_validate({"issue_when": "guarantee_ended", "guarantee_days": 7})
    filled = {**rule_show.filled(rule), **changes}
    form = TypedForm(values={name: (value,) for name, value in filled.items()})

    wrong = rule_show.read(rule_show.with_fields(rule, form))

    assert isinstance(wrong, dict)
    assert field in wrong
    assert not any(word in wrong[field] for word in ("iss_rate", "guarantee_days", "input", "be"))


def test_the_checklist_points_at_the_first_step_that_is_open() -> None:
    nothing = SetUpProgress(
        vindi=False, issuer=False, heard=False, rule=False, previewed=False, active=False
    )

    assert [step.state for step in steps(nothing)] == ["now", *["later"] * 5]
    assert not nothing.complete
    assert refusal("issuer_company_incomplete", ("certificado",)).endswith("Falta: certificado.")
    assert all(said[-1] in ".:" for said in REFUSALS.values())


def test_a_name_is_shown_without_what_names_it_beyond_doubt() -> None:
    assert short_name("Ana Souza (pk3f9x2m1qz)") == "Ana Souza"
    assert short_name("Rui (p0000000001, suporte, chamado 4711)") == "Rui (suporte, chamado 4711)"
    assert short_name("support") == "support"
    assert short_name("Ana (Financeiro)") == "Ana (Financeiro)"


def test_the_register_names_a_month_and_counts_one_sale_as_one() -> None:
    def said(**detail: object) -> str:
        return told(
            AuditEntry(id=1, at=NOON, actor="x", action="month_closed", detail=detail)
        ).detail

    assert said(month="2026-10", reason="conferido") == "Mês outubro de 2026 · conferido"
    assert said(month="?") == "Mês ?"
    assert said(bill_ids=[7]) == "Fatura 7"
    assert said(bill_ids=[7, 8]) == "Faturas 7, 8"


def test_the_installation_is_not_named_by_a_word_of_ours() -> None:
    assert short_name("operator") == "Operação"
    assert short_name("Rui (p1, suporte)") == "Rui (suporte)"


def test_what_waits_for_a_word_is_first_offered_to_be_issued() -> None:
    assert in_order(("retry", "hold", "issue"), SaleStatus.HELD, "rule_manual")[0] == "issue"
    assert in_order(("retry", "issue"), SaleStatus.HELD, "partially_refunded")[0] == "issue"
    assert in_order(("issue", "retry"), SaleStatus.HELD, "no_rule")[0] == "retry"


def test_a_change_of_days_alone_gives_no_nota_another_text() -> None:
    old = Rule(issue_when="guarantee_ended", guarantee_days=7)
    assert only_moves(old, old.model_copy(update={"guarantee_days": 15}))
    assert not only_moves(old, old.model_copy(update={"description": "outra"}))
    assert not only_moves(None, old)


def test_a_message_names_no_setting_to_who_cannot_set_it() -> None:
    said = message_for("issuer_address_suspicious").text

    assert "(ENOTAS_URL)" in said
    assert "ENOTAS_URL" not in without_settings(said)
    assert without_settings("Falta o CPF (ou CNPJ).") == "Falta o CPF (ou CNPJ)."


def test_a_download_goes_on_ends_or_was_broken_off() -> None:
    at = datetime(2026, 11, 29, 15, tzinfo=UTC)
    soon, late = at + timedelta(seconds=5), at + timedelta(minutes=5)

    assert zip_shown(1, over=False, at=at, now=soon).said == "Baixando: 1 documento enviado."
    assert zip_shown(8, over=False, at=at, now=soon).open
    assert "O download parou: 8 documentos" in zip_shown(8, over=False, at=at, now=late).said
    assert zip_shown(8, over=True, at=at, now=late).said.startswith("Arquivo baixado: 8")


def test_a_months_zip_has_two_documents_of_each_nota_also_of_divided_bills() -> None:
    month = Month(year=2026, month=10)
    nothing = MonthSum(month=month, notas=0, amount=Cents(0))
    filing = Filing(
        month=month,
        classes=(),
        of_sales=MonthSum(month=month, notas=143, amount=Cents(100)),
        competencia_elsewhere=(),
        moment_elsewhere=(),
        cancelled_later=(),
        credits=(),
        foreign=nothing,
    )
    figures = Figures(notas=Sum(bills=140, amount=Cents(100)))
    counted = Closing(
        month=month, figures=figures, missing=0, trouble=None, lock=None, filing=filing
    )

    assert all_documents(counted) == 286
    assert all_documents(replace(counted, filing=None)) == 280
    assert all_documents(replace(counted, figures=Figures(), filing=None)) == 1


@pytest.mark.parametrize(
    "status", [SaleStatus.ISSUING, SaleStatus.UNCERTAIN, SaleStatus.CANCELLING]
)
def test_a_sale_at_the_issuer_says_when_it_is_asked_about_again(status: SaleStatus) -> None:
    sale = SaleView(
        bill_id=BillId(1), status=status, code=None, detail="", attention=None, amount=NOTHING,
        moment_at=None, issue_at=None, competencia=None, rule_version=None, origin="webhook",
        customer_name="", wish=None, updated_at=NOON, nota=None,
    )  # fmt: skip
    later = SaleStory(
        sale=sale, timeline=(), waiting=None, looks_again_at=NOON + timedelta(minutes=9)
    )
    soon = replace(later, looks_again_at=NOON)

    assert "de novo hoje às 12:09." in what_is_next(sale, later, CLOCK)
    assert "de novo" not in what_is_next(sale, soon, CLOCK)


def test_a_refused_key_is_told_once_whatever_follows_from_it() -> None:
    refused = ConnectionCheck(
        code="vindi_connection", status="broken", since=None, message="A Vindi recusou a chave."
    )
    follows = dataclasses.replace(refused, code="last_pass")
    well = dataclasses.replace(refused, code="issuer_connection", status="ok", message="Conectado.")
    city = dataclasses.replace(refused, code="city_outage", message="A prefeitura não responde.")

    assert [check.code for check in overview.troubles([refused, follows, well, city])] == [
        "vindi_connection",
        "city_outage",
    ]


def test_a_change_of_days_says_until_when_sales_wait_before_and_after() -> None:
    waits = RuleOutcome(status=SaleStatus.IN_GUARANTEE)
    count = ChangeCount(
        change=Change(before=waits, after=waits),
        sales=2,
        amount=Cents(100),
        was=DueSpan(first=at(5), last=at(5)),
        will=DueSpan(first=at(13), last=at(14)),
    )

    (moved,) = changes([count], VINDI_ZONE, moves=True)
    (rewritten,) = changes([count], VINDI_ZONE)

    assert moved.before == "Em garantia até 05/12/2026"
    assert moved.after == "Em garantia, que termina entre 13/12/2026 e 14/12/2026"
    assert rewritten.after == "O mesmo, em outra data ou com outro texto"


def at(day: int) -> datetime:
    return datetime(2026, 12, day, 3, tzinfo=UTC)  # midnight in Brasília


def test_what_may_be_stated_of_a_nota_follows_from_where_it_is() -> None:
    def said(status: NotaStatus, denial: str | None = None) -> tuple[bool, bool]:
        part = Part(share=Share(part=0, amount=Cents(1)), status=status, denial=denial)
        found = statable([part])
        return found.exists, found.gone

    assert said(NotaStatus.ISSUED) == said(NotaStatus.CANCEL_REFUSED) == (False, True)
    assert said(NotaStatus.UNCERTAIN) == (True, True)
    assert said(NotaStatus.DENIED, "denied_numbering") == (True, True)
    assert said(NotaStatus.DENIED, "denied_city") == said(NotaStatus.CANCELLED) == (False, False)
    assert statable([]) == Statable(exists=False, gone=False)

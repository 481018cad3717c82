"""What a list of sales is narrowed to, as it stands in an address. Pure."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from urllib.parse import parse_qsl, urlencode

from services.panel.kit.forms import A_DAY
from services.panel.kit.typed import read_day
from services.panel.show.overview import divided
from services.panel.texts import text
from shared.domain.message_texts.denials import DENIALS
from shared.domain.message_texts.holds import HOLDS
from shared.domain.message_texts.skips import SKIPS
from shared.domain.messages import message_for
from shared.domain.money import Cents, read_reais
from shared.domain.sale import SaleStatus

_CODE: Final = re.compile(r"[a-z0-9_]{1,60}")
_GROUPED: Final = re.compile(r"\d{1,3}(\.\d{3})+(,\d{1,2})?")
_CURRENCY: Final = re.compile(r"R\$\s*", re.IGNORECASE)
_CENTAVOS: Final = re.compile(r",\d{1,2}$")
_REAIS: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")  # no other way of writing numbers
# Columns beyond those that always show, in their order.
COLUMNS: Final[tuple[str, ...]] = (
    "moment",
    "issue",
    "nota",
    "competencia",
    "product",
    "plan",
    "method",
    "origin",
    "version",
)
# Vindi's words for how something is paid, as people say it.
METHODS: Final[dict[str, str]] = {
    "credit_card": "Cartão de crédito",
    "debit_card": "Cartão de débito",
    "bank_slip": "Boleto",
    "online_bank_slip": "Boleto registrado",
    "pix": "Pix",
    "pix_bank_slip": "Boleto com Pix",
    "bank_debit": "Débito em conta",
    "cash": "Dinheiro ou outro",
}
_MOST_LETTERS: Final = 100
_UNREAD: Final = "ilegivel"  # so that a list which nobody could read leads to no wider one
USUAL: Final[tuple[str, ...]] = ("moment", "nota")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What somebody chose; wrong values were left out. `words` is sealed."""

    status: SaleStatus | None = None
    code: str | None = None
    since: date | None = None
    until: date | None = None
    least: Cents | None = None
    most: Cents | None = None
    words: str = ""
    product: str = ""
    plan: str = ""
    method: str = ""
    columns: tuple[str, ...] = USUAL
    unread: bool = False  # something was chosen that nobody can read: nothing fits it

    def query(self, **more: str) -> str:
        """As an address has it."""
        found: dict[str, str | Sequence[str]] = {
            "status": self.status.value if self.status else "",
            "motivo": self.code or "",
            "de": self.since.isoformat() if self.since else "",
            "ate": self.until.isoformat() if self.until else "",
            "minimo": str(self.least) if self.least is not None else "",
            "maximo": str(self.most) if self.most is not None else "",
            "b": self.words,
            "produto": self.product,
            "plano": self.plan,
            "meio": self.method,
            _UNREAD: "1" if self.unread else "",
            "c": () if self.columns == USUAL else (",".join(self.columns) or "-",),
            **more,
        }
        kept = {name: value for name, value in found.items() if value}
        return urlencode(kept, doseq=True)

    def fields(self) -> Sequence[tuple[str, str]]:
        """The same for a form to carry along."""
        return parse_qsl(self.query())

    @property
    def any(self) -> bool:
        """Whether the list is narrowed at all."""
        return self.query(c="") != ""

    @property
    def own(self) -> bool:
        """Whether it is worth a name: narrowed, or with columns of one's own choice."""
        return self.any or self.columns != USUAL


def read(given: Mapping[str, str]) -> Filters:
    """Filters out of an address.

    An address that was cut short or made by hand may choose what there is not: left out, it would
    name more sales than were meant, and an action would take them all. So it is said (`unread`).
    """
    columns = given.get("c", "")
    chosen = tuple(word for word in COLUMNS if word in columns.split(","))
    those = Filters(
        status=_status(given.get("status", "")),
        code=found[0] if (found := _CODE.fullmatch(given.get("motivo", ""))) else None,
        since=read_day(given.get("de", "")),
        until=read_day(given.get("ate", "")),
        least=_cents(given.get("minimo", "")),
        most=_cents(given.get("maximo", "")),
        words=given.get("b", ""),
        product=given.get("produto", "").strip()[:_MOST_LETTERS],
        plan=given.get("plano", "").strip()[:_MOST_LETTERS],
        method=found[0] if (found := _CODE.fullmatch(given.get("meio", ""))) else "",
        columns=chosen if columns else USUAL,
    )
    return replace(those, unread=_is_unread(given, those))


def _is_unread(given: Mapping[str, str], found: Filters) -> bool:
    read = {
        "status": found.status,
        "motivo": found.code,
        "de": found.since,
        "ate": found.until,
        "minimo": found.least,
        "maximo": found.most,
        "meio": found.method or None,
    }
    lost = any(given.get(name, "").strip() and value is None for name, value in read.items())
    return lost or given.get(_UNREAD) == "1"


def causes() -> Sequence[tuple[str, str]]:
    """Every cause that a sale may name, by its first sentence; of equal ones the first."""
    found: dict[str, str] = {}
    for code in (*HOLDS, *DENIALS, *SKIPS):
        found.setdefault(divided(message_for(code).text)[0], code)
    return [(code, said) for said, code in sorted(found.items())]


def wrong_span(typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the two days of a form, by field: one that there is not, or their order.

    A day that is left out narrows nothing; one that cannot be read must not either, silently.
    """
    days = {name: read_day(typed[name]) for name in ("de", "ate") if typed[name]}
    wrong = {name: A_DAY for name, day in days.items() if day is None}
    since, until = days.get("de"), days.get("ate")
    if since and until and until < since:
        wrong["ate"] = text("span.order")
    return wrong


def amount(typed: str) -> Cents | None:
    """Reais as people type them: `1.234,56`, `1234,5`, `1234.56`; None for anything else."""
    plain = _CURRENCY.sub("", typed.strip())
    if _GROUPED.fullmatch(plain) or "," in plain:
        plain = plain.replace(".", "").replace(",", ".")
    if not _REAIS.fullmatch(plain):
        return None
    with suppress(ValueError):
        return read_reais(plain)
    return None


def sum_said(typed: str) -> Cents | None:
    """An amount where one searches for anything: told from a number by R$ or by its centavos."""
    said = _CURRENCY.match(typed.strip()) or _CENTAVOS.search(typed.strip())
    return amount(typed) if said else None


def _status(word: str) -> SaleStatus | None:
    return SaleStatus(word) if word in list(SaleStatus) else None


def _cents(text: str) -> Cents | None:
    return Cents(int(text)) if text.isascii() and text.isdigit() and len(text) <= 13 else None


def method_said(word: str) -> str:
    """How something is paid, for people; a word we do not know as Vindi says it."""
    return METHODS.get(word, word)

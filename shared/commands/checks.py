"""What is learnt of a connection before it is stored: refused, unreachable, or good."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from shared.db.sales.issued_tests_store import WentLive
from shared.db.tenants.elsewhere_store import Elsewhere, ElsewhereCode
from shared.db.tenants.nota_connections_store import OpenElsewhere
from shared.domain.errors import RejectedError, TransientError
from shared.domain.field_checks import field_warnings
from shared.domain.messages import message_for
from shared.domain.nota import REAL, IssuerEnvironment
from shared.domain.regime import regime_warnings
from shared.domain.rule import Rule
from shared.domain.sale import Seller
from shared.domain.service_checks import service_warnings
from shared.issuer.errors import IssuerCompanyUnknown, IssuerForbidden, IssuerKeyRefused
from shared.issuer.interface import Connection as Company
from shared.issuer.interface import Issuer
from shared.vindi.payloads import Merchant

MOST_WARNINGS: Final = 50  # shown at once; `missing` names every code

# Names that no resolver outside of a house knows (RFC 6761, RFC 6762, RFC 9476).
_INSIDE: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".alt")


class SetUpRefused(RejectedError):
    """What was asked for cannot be stored.

    `missing` names what is lacking, where that is why; `warnings` what has to be confirmed first.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        missing: tuple[str, ...] = (),
        warnings: "tuple[Notice, ...]" = (),
    ) -> None:
        super().__init__(detail, code=code)
        self.code = code
        self.missing = missing
        self.warnings = warnings


class SideUnreachable(TransientError):
    """Nothing could be checked, so nothing was stored; `code` says which side did not answer."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to know that does not stop what was asked for; `message` is Portuguese."""

    code: str
    message: str
    field: str | None = None  # of the rule, where it is about one


def good_merchant(
    outcome: Literal["ok", "refused", "account_blocked", "too_narrow", "unreachable"],
    merchant: Merchant | None,
    forbidden: str | None,
) -> Merchant:
    """The merchant of a key that is good; raises SetUpRefused or SideUnreachable otherwise."""
    match outcome:
        case "refused":
            raise SetUpRefused("Vindi refused the key.", code="vindi_key_refused")
        case "too_narrow":
            raise SetUpRefused(
                f"The key's access profile forbids reading {forbidden or 'something needed'}.",
                code="vindi_key_too_narrow",
                missing=(forbidden,) if forbidden else (),
            )
        case "account_blocked":
            raise SetUpRefused("Vindi blocked the account.", code="vindi_account_blocked")
        case "ok" if merchant is not None:
            return merchant
        case _:
            raise SideUnreachable("Vindi did not answer usably.", code="vindi_unreachable")


async def checked_company(issuer: Issuer) -> Company:
    """The company of a key that is good and complete; SetUpRefused or SideUnreachable otherwise."""
    try:
        company = await issuer.check_connection()
    except IssuerKeyRefused as error:
        raise SetUpRefused("The issuer refused the key.", code="issuer_key_refused") from error
    except IssuerForbidden as error:
        raise SetUpRefused(
            "The key has no right to this company.", code="issuer_company_unknown"
        ) from error
    except IssuerCompanyUnknown as error:
        raise SetUpRefused(
            "The issuer knows no such company.", code="issuer_company_unknown"
        ) from error
    except TransientError as error:
        raise SideUnreachable(
            "The issuer did not answer usably.", code="issuer_unreachable"
        ) from error
    if company.missing:
        raise SetUpRefused(
            "The company's registration at the issuer is incomplete.",
            code="issuer_company_incomplete",
            missing=company.missing,
        )
    return company


ACCOUNT_CHANGED: Final = Notice(
    code="vindi_account_changed",
    message="Esta chave é de outra conta ou ambiente da Vindi. As vendas já registradas são da"
    " conta anterior, e as da outra conta passam a ser emitidas por esta empresa, a partir de"
    " agora: as mais antigas só por uma importação de vendas passadas. Confira a chave.",
)


def notice(code: str, before: str = "") -> Notice:
    """The notice of a code, with what is special about this one before its text."""
    return Notice(code=code, message=before + message_for(code).text)


def elsewhere_notices(found: Sequence[Elsewhere], code: ElsewhereCode) -> tuple[Notice, ...]:
    """Warn of what another tenant has too."""
    return tuple(notice(one.code) for one in found if one.code == code)


def demand_confirmed(found: Sequence[Elsewhere], confirmed: Collection[str]) -> None:
    """Raise SetUpRefused (`confirm_needed`) with each warning that nobody has confirmed."""
    open_ = tuple(notice(one.code) for one in found if one.code not in confirmed)
    if open_:
        raise SetUpRefused(
            "What another tenant has too must be confirmed: repeat it with confirm.",
            code="confirm_needed",
            missing=tuple(one.code for one in open_),
            warnings=open_,
        )


def rule_notices(rule: Rule, today: date, seller: Seller | None) -> tuple[Notice, ...]:
    """What is unusual in a rule, as of a day, for the company that issues."""
    found = (
        *service_warnings(rule, today),
        *regime_warnings(rule, seller),
        *field_warnings(rule),
    )
    return tuple(Notice(code=one.code, message=one.message, field=one.field) for one in found)


def demand_usual(
    rule: Rule, today: date, confirmed: Collection[str], seller: Seller | None
) -> None:
    """Raise SetUpRefused (`confirm_needed`) with what is unusual in a rule and not confirmed."""
    open_ = tuple(one for one in rule_notices(rule, today, seller) if one.code not in confirmed)
    if open_:
        raise SetUpRefused(
            "What is unusual in this rule must be confirmed: repeat it with confirm.",
            code="confirm_needed",
            missing=tuple(dict.fromkeys(one.code for one in open_)),
            warnings=open_[:MOST_WARNINGS],
        )


def heard_from_outside(url: str) -> bool:
    """Whether a webhook's address can be one that Vindi reaches over the internet."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_INSIDE)


def vindi_notices(
    *, issues_already: bool, changed: bool, unreachable: bool = False
) -> tuple[Notice, ...]:
    """What to know of a Vindi account that works."""
    found = [notice("webhook_url_not_public")] if unreachable else []
    if issues_already:
        found.append(
            Notice(
                code="vindi_issues_already",
                message="A Vindi já tem notas emitidas por outra integração. Desligue-a antes de"
                " ativar, para não emitir em dobro.",
            )
        )
    if changed:
        found.append(ACCOUNT_CHANGED)
    return tuple(found)


def open_notices(found: Sequence[OpenElsewhere]) -> tuple[Notice, ...]:
    """What becomes of notas that are under way at a connection the tenant has left."""
    return tuple(
        notice("open_notas_elsewhere", f"{_notas(one.notas)} em {_where(one)}. ") for one in found
    )


def live_notices(went: WentLive) -> tuple[Notice, ...]:
    """What becomes of the sales that were issued only as tests."""
    counts = (("test_sales_held", went.held), ("test_sales_due", went.due))
    return tuple(notice(code, f"{_sales(count)}. ") for code, count in counts if count)


def _notas(count: int) -> str:
    return "1 nota em andamento" if count == 1 else f"{count} notas em andamento"


def _sales(count: int) -> str:
    return "1 venda emitida como teste" if count == 1 else f"{count} vendas emitidas como teste"


def _where(one: OpenElsewhere) -> str:
    return f"{one.company_name} ({'produção' if one.environment == REAL else 'homologação'})"


def issuer_notices(environment: IssuerEnvironment) -> tuple[Notice, ...]:
    """What to know of an issuer's environment."""
    if environment == REAL:
        return ()
    return (
        Notice(
            code="issuer_test_environment",
            message="Ambiente de homologação: as notas não têm valor fiscal.",
        ),
    )

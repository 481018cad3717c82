"""What is learnt of a connection before it is stored: refused, unreachable, or good."""

from dataclasses import dataclass
from typing import Literal

from shared.domain.errors import RejectedError, TransientError
from shared.domain.nota import IssuerEnvironment
from shared.issuer.errors import IssuerCompanyUnknown, IssuerForbidden, IssuerKeyRefused
from shared.issuer.interface import Connection as Company
from shared.issuer.interface import Issuer
from shared.vindi.payloads import Merchant


class SetUpRefused(RejectedError):
    """What was asked for cannot be stored; `missing` names what is lacking, where that is why."""

    def __init__(self, detail: str, *, code: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(detail, code=code)
        self.code = code
        self.missing = missing


class SideUnreachable(TransientError):
    """Nothing could be checked, so nothing was stored; `code` says which side did not answer."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to know that does not stop the connection; `message` is Portuguese."""

    code: str
    message: str


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


def vindi_notices(*, issues_already: bool, changed: bool) -> tuple[Notice, ...]:
    """What to know of a Vindi account that works."""
    found = []
    if issues_already:
        found.append(
            Notice(
                code="vindi_issues_already",
                message="A Vindi já tem notas emitidas por outra integração. Desligue-a antes de"
                " ativar, para não emitir em dobro.",
            )
        )
    if changed:
        found.append(
            Notice(
                code="vindi_account_changed",
                message="Esta chave é de outra conta ou ambiente da Vindi. As vendas já registradas"
                " são da conta anterior.",
            )
        )
    return tuple(found)


def issuer_notices(environment: IssuerEnvironment) -> tuple[Notice, ...]:
    """What to know of an issuer's environment."""
    if environment == "Producao":
        return ()
    return (
        Notice(
            code="issuer_test_environment",
            message="Ambiente de homologação: as notas não têm valor fiscal.",
        ),
    )

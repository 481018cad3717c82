"""What a company's tax regime does not let it say on a nota, by the national catalogue. Pure."""

from decimal import Decimal

from shared.domain.decision import Hold
from shared.domain.fields.withholding import FEDERAL
from shared.domain.nota import NotaDraft
from shared.domain.regime import (
    ALL_IN_SIMPLES,
    APPORTIONED,
    LOWEST_WITHHELD,
    NO_SPECIAL_REGIME,
    Regime,
)


def regime_refusal(draft: NotaDraft, regime: Regime | None) -> Hold | None:
    """Say why a nota of a company of this regime would be refused; None: it would not, surely."""
    match regime:
        case "mei":
            return _of_mei(draft)
        case "simples":
            return _of_simples(draft)
        case "normal" if APPORTIONED in draft.extras:
            return _held(f"{APPORTIONED}: só existe no Simples Nacional [E0162]")
        case _:
            return None


def _held(detail: str) -> Hold:
    return Hold(code="denied_service", detail=detail)


def _of_mei(draft: NotaDraft) -> Hold | None:
    service, withheld = draft.service, draft.withheld
    if service.iss_withheld:
        return _held("retenção do ISS: de MEI nada é retido [E0583]")
    if service.iss_rate is not None:
        return _held("alíquota do ISS: MEI não a informa [E0600]")
    if service.special_regime not in NO_SPECIAL_REGIME:
        return _held("regime especial de tributação: MEI não tem nenhum [E0174]")
    if (
        service.pis_cofins_situation
        or service.pis_cofins_withholding
        or service.own_pis_cofins
        or (withheld is not None and any(getattr(withheld, tax) for tax in FEDERAL))
    ):
        return _held("tributos federais: MEI não os informa, e nada é retido dele [E0676]")
    if APPORTIONED in draft.extras:
        return _held(f"{APPORTIONED}: MEI não o informa [E0162]")
    return None


def _of_simples(draft: NotaDraft) -> Hold | None:
    service = draft.service
    if service.iss_withheld and (
        service.iss_rate is None or Decimal(service.iss_rate) < LOWEST_WITHHELD
    ):
        return _held(
            "alíquota do ISS: é obrigatória, de 1,80 % ou mais, com ISS retido no Simples [E0621]"
        )
    if (
        service.special_regime not in NO_SPECIAL_REGIME
        and draft.extras.get(APPORTIONED) == ALL_IN_SIMPLES
    ):
        return _held("regime especial de tributação: não vale com tudo no Simples [E0175]")
    return None

"""What a nota says beyond buyer and service, as the timeline tells it: with its arithmetic. Pure.

Texts of people are not repeated: observations, the city's text, extras and addresses are only
named.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from shared.domain.countries import country_name
from shared.domain.fields.withholding import CSRF, FEDERAL
from shared.domain.money import NOTHING, show_reais
from shared.domain.nota import NotaDraft, PlaceOfService, Service, Withheld

_TAXES: Final = {
    "pis": "PIS",
    "cofins": "COFINS",
    "csll": "CSLL",
    "inss": "INSS",
    "irrf": "IRRF",
}


def arithmetic(draft: NotaDraft) -> str:
    """One line for the timeline; empty for a nota that says its amount and nothing more."""
    if _says_no_more(draft):
        return ""
    sums = list(_sums(draft))
    if sums:
        sums = [f"valor R$ {_shown(draft.total)}", *sums, f"líquido R$ {_shown(draft.net)}"]
    return "; ".join([*sums, *_said(draft)])


def _says_no_more(draft: NotaDraft) -> bool:
    """Say whether a nota surely says its amount alone, as most do: nothing is looked for then."""
    return (
        draft.withheld is None
        and draft.nature is None
        and draft.rps_series is None
        and not (draft.discount or draft.conditional_discount or draft.deductions)
        and not (draft.observations or draft.more_emails or draft.extras)
        and not (draft.numbered or draft.final_consumer or draft.tomador.municipal_registration)
        and _is_bare(draft.service)
    )


@lru_cache(maxsize=1024)  # a rule's services, over and over
def _is_bare(service: Service) -> bool:
    """Say whether a service has nothing but its codes and its rate."""
    codes = Service(
        municipal_code=service.municipal_code,
        lc116=service.lc116,
        cnae=service.cnae,
        iss_rate=service.iss_rate,
        iss_withheld=service.iss_withheld,
        nbs=service.nbs,
        national_code=service.national_code,
        ibs_cbs_class=service.ibs_cbs_class,
        ibs_cbs_operation=service.ibs_cbs_operation,
    )
    return service == codes


def _sums(draft: NotaDraft) -> Iterator[str]:
    if draft.discount:
        yield f"desconto incondicionado R$ {_shown(draft.discount)}"
    if draft.conditional_discount:
        yield f"desconto condicionado R$ {_shown(draft.conditional_discount)}"
    if draft.discount or draft.conditional_discount or draft.deductions or draft.withheld:
        yield f"base R$ {_shown(draft.base)}"
    if draft.deductions:
        base = draft.base - draft.deductions
        yield f"deduções R$ {_shown(draft.deductions)}; base do ISS R$ {_shown(base)}"
    if draft.withheld is not None:
        yield from _withheld(draft.withheld)


def _withheld(withheld: Withheld) -> Iterator[str]:
    for tax in FEDERAL:
        rate = withheld.rates.get(tax)
        if rate is None:
            continue
        head = f"{_TAXES[tax]} {_percent(rate)}"
        if tax in withheld.waived:
            what = "PIS, COFINS e CSLL " if tax in CSRF else ""
            yield f"{head}: dispensado ({what}≤ R$ {_shown(withheld.waiver)})"
        else:
            yield f"{head} retido: R$ {_shown(getattr(withheld, tax))}"
    if "iss" in withheld.rates:
        yield f"ISS {_percent(withheld.rates['iss'])} retido: R$ {_shown(withheld.iss)}"


def _said(draft: NotaDraft) -> Iterator[str]:
    service = draft.service
    if own := service.own_pis_cofins:
        yield (
            f"PIS próprio {_percent(own.pis_rate)}: R$ {_shown(own.pis)}, COFINS própria"
            f" {_percent(own.cofins_rate)}: R$ {_shown(own.cofins)}"
        )
    for name, value in (
        ("situação PIS/COFINS", service.pis_cofins_situation),
        ("tipo de retenção PIS/COFINS", service.pis_cofins_withholding),
        ("natureza da operação", draft.nature),
        ("regime especial", service.special_regime),
        ("imunidade", service.immunity),
        ("exigibilidade suspensa", service.suspension and service.suspension.process),
        ("série do RPS", draft.rps_series),
        ("código interno", service.internal_code),
    ):
        if value is not None:
            yield f"{name} {value}"
    if service.place is not None:
        yield f"serviço prestado em {_place(service.place)}"
    for said, told in (
        (draft.numbered, "RPS numerado pela empresa"),
        (service.export, "exportação"),
        (draft.final_consumer, "consumidor final"),
        (draft.observations, "com observações"),
        (service.city_text, "com o texto da prefeitura"),
        (draft.more_emails, f"cópia a mais {len(draft.more_emails)} endereço(s)"),
        (draft.tomador.municipal_registration, "com a inscrição municipal do tomador"),
    ):
        if said:
            yield told
    if draft.extras:
        yield f"metadados: {', '.join(sorted(draft.extras))}"


def _place(place: PlaceOfService) -> str:
    if place.country is not None:
        return country_name(place.country)
    return f"{place.city}/{place.state}"


def _percent(rate: str) -> str:
    return f"{rate.replace('.', ',')}%"


def _shown(cents: int) -> str:
    return show_reais(cents or NOTHING).replace(".", ",")

"""Fills a nota with what was stated of it, reckoned for its sale. Pure."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from shared.domain.decision import Hold
from shared.domain.description import MOST_CHARACTERS
from shared.domain.fields.stated import AMOUNT_VARIABLE, ForeignTrade, SuspensionRule
from shared.domain.fields.terms import NotaTerms
from shared.domain.fields.withholding import (
    Portion,
    contradicts,
    is_company,
    iss_withheld,
    percent_of,
    withheld_of,
    withholding_kind,
)
from shared.domain.money import NOTHING, Cents, read_reais, show_reais
from shared.domain.nota import NotaDraft, OwnPisCofins, Service, Suspension
from shared.domain.text.cutting import MARK, cut


class Setting(Struct, frozen=True, kw_only=True):
    """What a nota is filled in: what its lines were discounted, and what is paid with it.

    `others` are the notas of the same bill beside it; `write` fills a template for this sale.
    """

    discount: Cents
    others: Sequence[Portion]
    is_part: bool
    seller_city: str | None
    write: Callable[[str], str]


def filled(draft: NotaDraft, terms: NotaTerms, setting: Setting) -> NotaDraft | Hold:
    """The nota with every field that was stated, or the hold that says why it cannot be one."""
    if setting.is_part and _is_for_one_nota(terms):
        return Hold(
            code="nota_values_impossible", detail="um valor em reais não se divide entre notas"
        )
    if terms.rps_number == "sequence" and terms.rps_series is None:
        return Hold(code="rps_series_missing")
    own = portion_of(terms, draft.amount, setting.discount)
    deductions = _deductions(terms, own.base)
    if deductions > own.base:
        return Hold(code="nota_values_impossible", detail=_above(deductions, own.base))
    keeps_iss = iss_withheld(draft.service, terms, draft.tomador, setting.seller_city)
    withheld = withheld_of(
        own,
        (own, *setting.others),
        company=is_company(draft.tomador),
        iss_rate=draft.service.iss_rate if keeps_iss else None,
        iss_base=own.base - deductions,
    )
    if withheld is not None and withheld.whole > draft.amount:
        return Hold(code="nota_values_impossible", detail="retenções acima do valor da nota")
    kind = withholding_kind(terms, withheld)
    if contradicts(kind, withheld):
        return Hold(code="withholding_contradicts", detail=f"pis_cofins_withholding: {kind}")
    conditional = terms.discount_kind == "conditional"
    return NotaDraft(  # by hand: `replace` takes three times as long, for every nota
        amount=draft.amount,
        competencia=draft.competencia,
        description=draft.description,
        tomador=draft.tomador,
        service=_service(draft.service, terms, own.base, keeps_iss=keeps_iss, kind=kind),
        send_email=draft.send_email,
        discount=NOTHING if conditional else setting.discount,
        conditional_discount=setting.discount if conditional else NOTHING,
        deductions=deductions,
        withheld=withheld,
        nature=terms.nature,
        final_consumer=terms.final_consumer,
        observations=_observations(terms, own.base, setting.write),
        rps_series=terms.rps_series,
        numbered=terms.rps_number == "sequence",
        more_emails=terms.more_emails or (),
        extras=_extras(terms, draft.amount),
    )


def portion_of(terms: NotaTerms, amount: Cents, discount: Cents) -> Portion:
    """What a nota's withholdings are reckoned from."""
    conditional = terms.discount_kind == "conditional"
    return Portion(base=Cents(amount + (discount if conditional else 0)), rates=terms.withholdings)


def _service(
    service: Service, terms: NotaTerms, base: Cents, *, keeps_iss: bool, kind: str | None
) -> Service:
    return Service(
        municipal_code=service.municipal_code,
        lc116=service.lc116,
        cnae=service.cnae,
        iss_rate=service.iss_rate,
        iss_withheld=keeps_iss,
        nbs=service.nbs,
        national_code=service.national_code,
        ibs_cbs_class=service.ibs_cbs_class,
        ibs_cbs_operation=service.ibs_cbs_operation,
        city_text=terms.city_text,
        internal_code=terms.internal_code,
        place=terms.place.found if terms.place else None,
        export=terms.export,
        special_regime=terms.special_regime,
        immunity=terms.immunity,
        suspension=_suspension(terms.suspension),
        pis_cofins_situation=terms.pis_cofins_situation,
        pis_cofins_withholding=kind,
        own_pis_cofins=_own(terms, base),
    )


def _suspension(stated: SuspensionRule | None) -> Suspension | None:
    return None if stated is None else Suspension(kind=stated.kind, process=stated.process)


def _own(terms: NotaTerms, base: Cents) -> OwnPisCofins | None:
    rates = terms.own_pis_cofins
    if rates is None:
        return None
    return OwnPisCofins(
        base=base,
        pis_rate=rates.pis_rate,
        pis=percent_of(base, rates.pis_rate),
        cofins_rate=rates.cofins_rate,
        cofins=percent_of(base, rates.cofins_rate),
    )


def _deductions(terms: NotaTerms, base: Cents) -> Cents:
    if terms.deductions is not None:
        return read_reais(terms.deductions)
    return percent_of(base, terms.deduction_rate) if terms.deduction_rate else NOTHING


def _is_for_one_nota(terms: NotaTerms) -> bool:
    trade = terms.foreign_trade
    return terms.deductions is not None or (trade is not None and trade.amount is not None)


def _above(deductions: int, base: int) -> str:
    return f"deduções de R$ {_shown(deductions)}, acima da base de R$ {_shown(base)}"


def _observations(terms: NotaTerms, base: Cents, write: Callable[[str], str]) -> str | None:
    said = write(terms.observations) if terms.observations else ""
    if terms.approximate_taxes is not None:
        rate = terms.approximate_taxes
        taxes = _shown(percent_of(base, rate))
        line = (
            f"Valor aproximado dos tributos: R$ {taxes} ({rate.replace('.', ',')}%)"
            " - Lei 12.741/2012"
        )
        said = f"{cut(said, MOST_CHARACTERS - len(line) - 1, MARK)}\n{line}" if said else line
    return said or None


def _extras(terms: NotaTerms, amount: Cents) -> Mapping[str, str]:
    if terms.extras is None and terms.foreign_trade is None:
        return {}
    shown = show_reais(amount)
    stated = {name: text.replace(AMOUNT_VARIABLE, shown) for name, text in terms.extras or ()}
    return {**_trade(terms.foreign_trade), **stated}


def _trade(trade: ForeignTrade | None) -> dict[str, str]:
    """The export group by the names of the national layout."""
    if trade is None:
        return {}
    shared = trade.shared_with_mdic
    said = {
        "mdPrestacao": trade.mode,
        "vincPrest": trade.relationship,
        "tpMoeda": trade.currency,
        "vServMoeda": trade.amount,
        "mdic": None if shared is None else str(int(shared)),
    }
    return {f"InfoComercioExterior.{name}": value for name, value in said.items() if value}


def _shown(cents: int) -> str:
    return show_reais(cents).replace(".", ",")

"""What counts for one nota once rule, product, customer and bill have had their say. Pure."""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.fields.stated import (
    DiscountKind,
    ForeignTrade,
    IssWithholding,
    OwnRates,
    PlaceRule,
    RpsNumber,
    SuspensionRule,
    Withholdings,
)


class NotaTerms(Struct, frozen=True, kw_only=True):
    """The fields of `NotaFields` and `CustomerFields`, those of the last layer that stated them.

    `plain`: nobody stated any, and nothing but the service is to be said.
    """

    plain: bool = False
    iss_withholding: IssWithholding | None = None
    iss_withheld: bool | None = None
    withholdings: Withholdings | None = None
    pis_cofins_situation: str | None = None
    pis_cofins_withholding: str | None = None
    own_pis_cofins: OwnRates | None = None
    place: PlaceRule | None = None
    export: bool | None = None
    foreign_trade: ForeignTrade | None = None
    nature: str | None = None
    special_regime: str | None = None
    immunity: str | None = None
    suspension: SuspensionRule | None = None
    final_consumer: bool | None = None
    deductions: str | None = None
    deduction_rate: str | None = None
    show_discounts: bool | None = None
    discount_kind: DiscountKind | None = None
    observations: str | None = None
    approximate_taxes: str | None = None
    rps_series: str | None = None
    rps_number: RpsNumber | None = None
    more_emails: tuple[str, ...] | None = None
    city_text: str | None = None
    internal_code: str | None = None
    extras: tuple[tuple[str, str], ...] | None = None
    municipal_registration: str | None = None
    nif: str | None = None
    without_nif: str | None = None


# A deduction is one question with two answers: the later layer's takes the place of both.
_EITHER: Final = frozenset({"deductions", "deduction_rate"})
OF_THE_BUYER: Final = frozenset({"municipal_registration", "nif", "without_nif"})


def laid_over(before: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Two layers as one; the later has the word, field by field."""
    if later.keys() & _EITHER:
        before = {name: value for name, value in before.items() if name not in _EITHER}
    return {**before, **later}


def restated(before: NotaTerms, later: dict[str, Any]) -> NotaTerms:
    """The terms with a layer above them: as `laid_over`, of terms worked out already."""
    either = dict.fromkeys(_EITHER, None) if later.keys() & _EITHER else {}
    plain = before.plain and later.keys() <= OF_THE_BUYER
    return replace(before, **{**either, **later, "plain": plain})


def terms_from(values: dict[str, Any], *, iss_withheld: bool = False) -> NotaTerms:
    """The terms of what was stated; `iss_withheld` is what the service itself says."""
    plain = not iss_withheld and not (values.keys() - OF_THE_BUYER)
    return NotaTerms(plain=plain, **values)

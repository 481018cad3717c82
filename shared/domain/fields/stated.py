"""What a tenant may state of a nota beyond its service: in the rule, by product, by customer.

The names are those of the rule's JSON; `docs/fiscal.md` says in an accountant's words what each
is for. Nothing has a default that says anything: what nobody states is not sent.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from shared.domain.cities import find_city, find_state
from shared.domain.countries import is_brazil
from shared.domain.description import check_template
from shared.domain.nota import PlaceOfService

IssWithholding = Literal["no", "companies", "companies_of_same_city", "listed_customers"]
RpsNumber = Literal["sequence", "issuer"]  # who numbers: we, or (as nobody states it) the issuer
DiscountKind = Literal["unconditional", "conditional"]
AUTO: Final = "auto"  # worked out from what is withheld
OMIT: Final = "omit"

RPS_SERIES: Final = r"^[0-9A-Za-z]{1,5}$"
_PERCENT: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")
# Names that cities demand beyond eNotas' own fields (enotas-api, section 4.1); what lies inside
# an object is named behind a dot.
EXTRA_NAMES: Final[Mapping[str, str]] = {
    name.lower(): name
    for name in (
        "cidadeprestacao",
        "valorTotalRecebido",
        "regimeApuracaoTributosSN",
        "valorPercentualTributosFederal",
        "valorPercentualTributosEstadual",
        "valorPercentualTributosMunicipal",
        "InfoComercioExterior",
    )
}
AMOUNT_VARIABLE: Final = "{valor}"  # in an extra: what the nota comes to, as 179.90
_EMAIL: Final = re.compile(r"[^\s@;,]+@[^\s@;,.]+(\.[^\s@;,.]+)+")
_INSIDE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,39}")


class RulePart(BaseModel):
    """A part of a rule: unknown names are refused, nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def percentage(value: str) -> str:
    """Check a percentage as a rule has it."""
    if not _PERCENT.fullmatch(value) or float(value) > 100:
        raise ValueError("deve ser uma porcentagem de 0 a 100, como 1.50")
    return value


def one_email(value: str) -> str:
    """Check an address that copies of a nota go to."""
    if not value.isascii() or not _EMAIL.fullmatch(value):
        raise ValueError("deve ser um endereço de e-mail só")
    return value


def _extras(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    for name, text in value.items():
        if not isinstance(text, str) or not 0 < len(text) <= 200:
            raise ValueError(f"{name}: deve ser um texto de até 200 caracteres")
    named = sorted((extra_name(str(name)), text) for name, text in value.items())
    for (name, _), (other, _) in pairwise(named):
        if name == other or other.startswith(f"{name}."):
            raise ValueError(f"{name}: informado duas vezes")
    return tuple(named)


def extra_name(name: str) -> str:
    """The name as eNotas writes it; ValueError for one that is not known."""
    root, dot, inside = name.partition(".")
    known = EXTRA_NAMES.get(root.lower())
    if known is None or (dot and not _INSIDE.fullmatch(inside)):
        raise ValueError(f"o nome não é conhecido; os conhecidos são {', '.join(KNOWN_EXTRAS)}")
    return f"{known}{dot}{inside}"


KNOWN_EXTRAS: Final = tuple(EXTRA_NAMES.values())

Rate = Annotated[str, AfterValidator(percentage), Field(description="Percent, as 1.50")]
ReaisText = Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,2})?$")]
Email = Annotated[str, AfterValidator(one_email), Field(max_length=80)]
Code = Annotated[str, Field(min_length=1, max_length=60)]
Extras = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_extras),
    PlainSerializer(dict, return_type=dict[str, str]),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]


OfBuyer = Literal["document", "address", "number", "email", "phone", "municipal_registration"]


class CityDemands(RulePart):
    """Whether notas state the rate of ISS, and between which two; what they say of the buyer.

    Rates are asked about in the city where ISS is due, the buyer in the one that issues.
    """

    iss_rate: Literal["required", "forbidden"] | None = None
    iss_rate_least: Rate | None = None
    iss_rate_most: Rate | None = None
    buyer: Annotated[tuple[OfBuyer, ...], Field(max_length=6)] = ()


class Withholdings(RulePart):
    """Federal taxes a company keeps back, each by its rate; one without a rate is not withheld.

    IRRF, and PIS, COFINS and CSLL together, are not withheld where they come to no more than
    `waiver` of one payment; null: they always are.
    """

    pis: Rate | None = None
    cofins: Rate | None = None
    csll: Rate | None = None
    inss: Rate | None = None
    irrf: Rate | None = None
    waiver: ReaisText | None = "10.00"


class OwnRates(RulePart):
    """The seller's own PIS and COFINS."""

    pis_rate: Rate
    cofins_rate: Rate


class PlaceRule(RulePart):
    """Where a service is rendered: a city of Brazil with its state, or another country."""

    city: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    state: Annotated[str, Field(min_length=2, max_length=30)] | None = None
    country: Annotated[str, Field(min_length=2, max_length=60)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.country is not None and not is_brazil(self.country):
            if self.city is not None or self.state is not None:
                raise ValueError("informe cidade e estado, ou um país, não os dois")
        elif self.found.city is None:
            raise ValueError("o IBGE não conhece essa cidade nesse estado")
        return self

    @cached_property
    def found(self) -> PlaceOfService:
        """The place as a nota has it: the city by IBGE's code."""
        if self.country is not None and not is_brazil(self.country):
            return PlaceOfService(country=self.country)
        state = find_state(self.state)
        return PlaceOfService(state=state, city=find_city(self.city or "", state or ""))


class ForeignTrade(RulePart):
    """The export group of the national layout (`comExt`), in its own codes."""

    mode: Literal["1", "2", "3", "4"] | None = None  # mdPrestacao
    relationship: Literal["0", "1", "2", "3", "4", "5", "6"] | None = None  # vincPrest
    currency: Annotated[str, Field(pattern=r"^\d{3}$")] | None = None  # BACEN's code
    amount: ReaisText | None = None  # in that currency
    shared_with_mdic: bool | None = None


class SuspensionRule(RulePart):
    """Why ISS is not demanded for now, and the process that says so."""

    kind: Code
    process: Annotated[str, Field(min_length=1, max_length=30)]


class NotaFields(RulePart):
    """What may be stated in the rule's service, by product and by customer; the later has it."""

    iss_withholding: IssWithholding | None = None
    withholdings: Withholdings | None = None
    pis_cofins_situation: Annotated[str, Field(pattern=r"^\d{2}$")] | None = None
    pis_cofins_withholding: Annotated[str, Field(min_length=1, max_length=30)] | None = None
    own_pis_cofins: OwnRates | None = None
    place: PlaceRule | None = None
    export: bool | None = None
    foreign_trade: ForeignTrade | None = None
    nature: Code | None = None
    special_regime: Code | None = None
    immunity: Code | None = None
    suspension: SuspensionRule | None = None
    final_consumer: bool | None = None
    deductions: ReaisText | None = None
    deduction_rate: Rate | None = None
    show_discounts: bool | None = None
    discount_kind: DiscountKind | None = None
    observations: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    approximate_taxes: Rate | None = None
    rps_series: Annotated[str, Field(pattern=RPS_SERIES)] | None = None
    rps_number: RpsNumber | None = None
    more_emails: Annotated[tuple[Email, ...], Field(max_length=10)] | None = None
    city_text: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    internal_code: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,20}$")] | None = None
    extras: Extras | None = None

    @field_validator("observations")
    @classmethod
    def _known_variables(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                check_template(value)
            except ValueError as error:
                raise ValueError(str(error).removeprefix("description: ")) from error
        return value

    @field_validator("rps_number", mode="before")
    @classmethod
    def _never_one_number(cls, value: object) -> object:
        if value is not None and value not in get_args(RpsNumber):
            raise ValueError(
                'deve ser "sequence" (numerado aqui, a partir do número que se informa para a'
                ' série) ou "issuer" (numerado pelo emissor): um número fixo se repetiria'
            )
        return value

    @model_validator(mode="after")
    def _one_deduction(self) -> Self:
        if self.deductions is not None and self.deduction_rate is not None:
            raise ValueError("deductions e deduction_rate não valem ao mesmo tempo")
        return self


class CustomerFields(NotaFields):
    """What is stated for one customer alone."""

    iss_withheld: bool | None = None
    municipal_registration: Annotated[str, Field(pattern=r"^[0-9A-Za-z./-]{1,15}$")] | None = None
    nif: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    without_nif: Literal["1", "2"] | None = None  # cNaoNIF: exempt from one, or none is demanded


NAMES: Final = tuple(NotaFields.model_fields)
OF_CUSTOMER: Final = tuple(CustomerFields.model_fields)


def stated(fields: NotaFields) -> dict[str, Any]:
    """The fields that say something."""
    names = OF_CUSTOMER if isinstance(fields, CustomerFields) else NAMES
    return {name: value for name in names if (value := getattr(fields, name)) is not None}

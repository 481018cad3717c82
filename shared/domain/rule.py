"""The tenant's rule: when a nota is issued, and what is done about missing data.

The JSON is that of the interface page, section 6. Unknown names are refused, so that a typing
error cannot silently become a default.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.domain.cities import find_city
from shared.domain.description import check_template
from shared.domain.fields.stated import (
    CityDemands,
    CustomerFields,
    NotaFields,
    PlaceRule,
    RulePart,
    stated,
)
from shared.domain.fields.terms import NotaTerms, laid_over, terms_from
from shared.domain.impossible import Impossible, impossible
from shared.domain.nota import Service
from shared.domain.service_checks import bare_code

IssueWhen = Literal["bill_created", "bill_paid", "guarantee_ended", "manual", "never"]
Cycle = Literal["first", "renewal", "any"]
GuaranteeDays = Annotated[int, Field(ge=1, le=365, strict=True)]
AfterRefund = Literal["cancel", "hold", "nothing"]
# The context in which a rule that was taken once is read again: what later versions of this
# program refuse stays in force until it is changed.
STORED: Final = object()
Text = Annotated[str, Field(min_length=1, max_length=120)]
NamePattern = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


def _as_id(value: object) -> object:
    """Vindi's numbers are copied as text too; anything else is left to be refused."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value


VindiId = Annotated[int, BeforeValidator(_as_id), Field(ge=1, le=2**63 - 1, strict=True)]
CityCode = Annotated[str, Field(pattern=r"^[0-9]{7}$")]
IdText = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")]


class Conditions(RulePart):
    """All stated conditions must hold; any value of a list will do; an empty list means any.

    Names are patterns, see `patterns`.
    """

    product_code: tuple[str, ...] = ()
    product_id: tuple[VindiId, ...] = ()
    product_name: tuple[NamePattern, ...] = ()
    plan_code: tuple[str, ...] = ()
    plan_id: tuple[VindiId, ...] = ()
    plan_name: tuple[NamePattern, ...] = ()
    payment_method_code: tuple[str, ...] = ()
    customer_code: tuple[str, ...] = ()
    cycle: Cycle = "any"


class RuleException(RulePart):
    """Another moment for some sales; the first exception that matches has the word."""

    if_: Conditions = Field(alias="if")
    issue_when: IssueWhen
    guarantee_days: GuaranteeDays | None = None


class LateCompetencia(RulePart):
    """What to do with a competência in an earlier month than the day of sending."""

    keep_until_day: int = Field(default=5, ge=0, le=31, strict=True)
    then: Literal["hold", "today"] = "hold"


class CityWindow(RulePart):
    """Until when the city hall takes a cancellation, as the accountant knows it.

    Either so many days after the nota was issued, or until a day of the month after its
    competência (0: until its own month ends). `afterwards` nothing is asked and a person is told,
    or it is tried all the same.
    """

    days_after_issue: Annotated[int, Field(ge=0, le=365, strict=True)] | None = None
    until_day: Annotated[int, Field(ge=0, le=31, strict=True)] | None = None
    afterwards: Literal["hold", "try"] = "hold"


class RefundPolicy(RulePart):
    """What becomes of a nota when its payment or its bill is undone; `refund_policy.TABLE`.

    `full` (given back in full) and `bill_canceled` are as `cancel_on_refund` says where they are
    null.
    """

    full: AfterRefund | None = None
    partial: AfterRefund = "hold"
    chargeback: AfterRefund = "hold"
    bill_canceled: AfterRefund | None = None
    city_window: CityWindow | None = None


class DefaultAddress(RulePart):
    """The tenant's own stand-in for an incomplete address."""

    street: Text
    number: Annotated[str, Field(max_length=10)] = "S/N"
    complement: Annotated[str, Field(max_length=60)] | None = None
    district: Text
    city: Text
    state: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    zip: Annotated[str, Field(pattern=r"^\d{5}-?\d{3}$")]

    @model_validator(mode="after")
    def _a_city_of_its_state(self) -> Self:
        if find_city(self.city, self.state) is None:
            raise ValueError("city: o IBGE não conhece essa cidade nesse estado")
        return self


class IbsCbs(RulePart):
    """Classification for IBS/CBS, as the accountant decided it (six digits each)."""

    class_code: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None
    operation_code: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None


class ServiceRule(NotaFields):
    """How a service is taxed, and what else its notas say.

    A product's own has the word about the service as a whole; of the fields of `NotaFields` it
    takes those of the rule that it does not state itself, see `Rule.with_inherited`.
    """

    municipal_code: Annotated[str, Field(max_length=20)] | None = None
    lc116: Annotated[str, Field(max_length=10)] | None = None
    cnae: Annotated[str, Field(max_length=10)] | None = None
    iss_rate: str | None = None
    iss_withheld: bool = False
    nbs: Annotated[str, Field(max_length=12)] | None = None
    national_code: Annotated[str, Field(max_length=10)] | None = None
    ibs_cbs: IbsCbs | None = None

    @field_validator("nbs", "national_code", "cnae")
    @classmethod
    def _without_mask(cls, value: str | None, info: ValidationInfo) -> str | None:
        digits = {"nbs": 9, "national_code": 6, "cnae": 7}[info.field_name or "nbs"]
        return None if value is None else bare_code(value, digits)

    @field_validator("iss_rate")
    @classmethod
    def _a_percentage(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            rate = Decimal(value)
        except InvalidOperation as error:
            raise ValueError("iss_rate: deve ser uma porcentagem, como 2.00") from error
        if (
            not rate.is_finite()
            or not 0 <= rate <= 100
            or not re.fullmatch(r"[0-9]+(\.[0-9]{1,4})?", value)
        ):
            raise ValueError("iss_rate: deve ser uma porcentagem de 0 a 100, como 2.00")
        return value

    @model_validator(mode="after")
    def _one_word_on_withholding(self) -> Self:
        if self.iss_withheld and self.iss_withholding is not None:
            raise ValueError("iss_withheld e iss_withholding não valem ao mesmo tempo")
        return self

    @cached_property
    def as_nota(self) -> Service:
        """The service as a nota has it, but for what depends on the sale."""
        reform = self.ibs_cbs
        return Service(
            municipal_code=self.municipal_code,
            lc116=self.lc116,
            cnae=self.cnae,
            iss_rate=self.iss_rate,
            iss_withheld=self.iss_withheld,
            nbs=self.nbs,
            national_code=self.national_code,
            ibs_cbs_class=reform.class_code if reform else None,
            ibs_cbs_operation=reform.operation_code if reform else None,
        )

    @cached_property
    def terms(self) -> NotaTerms:
        """What counts for its notas where neither customer nor bill state anything."""
        return terms_from(stated(self), iss_withheld=self.iss_withheld)

    def terms_for(self, customer: CustomerFields) -> NotaTerms:
        """What counts for the notas of a customer whom the rule names."""
        known = self._terms_of_customers.get(id(customer))
        if known is None:
            values = laid_over(stated(self), stated(customer))
            known = customer, terms_from(values, iss_withheld=self.iss_withheld)
            self._terms_of_customers[id(customer)] = known
        return known[1]

    @cached_property
    def _terms_of_customers(self) -> dict[int, tuple[CustomerFields, NotaTerms]]:
        return {}  # with what each is of, so that no address in memory is given to another one


class Rule(RulePart):
    """A tenant's whole rule, one version of it."""

    issue_when: IssueWhen
    guarantee_days: GuaranteeDays | None = None
    exceptions: tuple[RuleException, ...] = ()
    cancel_on_refund: bool = True
    refunds: RefundPolicy = RefundPolicy()
    customer_document_missing: Literal["hold", "issue_without"] = "hold"
    customer_address_incomplete: Literal["hold", "issue_without", "default_address"] = "hold"
    default_address: DefaultAddress | None = None
    complete_address_by_cep: bool = False  # the state, where the CEP names one that has the city
    customer_foreign: Literal["hold", "issue_without", "issue"] = "hold"
    customer_foreign_kind: Literal["F", "J", "E"] = "F"  # `tipoPessoa`; "E" is unconfirmed
    customer_foreign_without_nif: Literal["1", "2"] | None = None
    competencia: Literal["moment", "issue_day"] | None = None
    late_competencia: LateCompetencia = LateCompetencia()
    send_email: bool = True
    description: Annotated[str, Field(min_length=1, max_length=2000)] = (
        "{produtos} - fatura {fatura}"
    )
    service: ServiceRule = ServiceRule()
    # A product's own service: what its id says, else its code, else the first name that fits.
    services_by_product_id: dict[IdText, ServiceRule] = Field(default_factory=dict)
    services_by_product_code: dict[str, ServiceRule] = Field(default_factory=dict)
    services_by_product_name: dict[NamePattern, ServiceRule] = Field(default_factory=dict)
    mixed_services: Literal["split", "hold"] = "split"
    # By the customer's code at Vindi, or its id.
    customers: Annotated[dict[str, CustomerFields], Field(max_length=5000)] = Field(
        default_factory=dict
    )
    # Where the company is, and how it is taxed; null: as its registration at the issuer says.
    seller_city: PlaceRule | None = None
    regime: Literal["mei", "simples", "normal"] | None = None
    # What cities demand, by IBGE's code; of one that is not named nothing is known.
    cities: Annotated[dict[CityCode, CityDemands], Field(max_length=500)] = Field(
        default_factory=dict
    )
    # Whether a valid nota may be given up for one with mended data in one step, where the city
    # knows that; else it is cancelled first.
    reissue: Literal["cancel_and_new", "substitute"] = "cancel_and_new"

    @field_validator("description")
    @classmethod
    def _known_variables(cls, value: str) -> str:
        check_template(value)
        return value

    @field_validator("seller_city")
    @classmethod
    def _in_brazil(cls, value: PlaceRule | None) -> PlaceRule | None:
        if value is not None and value.found.city is None:
            raise ValueError("informe cidade e estado do Brasil")
        return value

    def with_inherited(self, own: ServiceRule) -> ServiceRule:
        """A service of the rule with the fields it takes from the rule's own; the same each time.

        Products whose services come to the same are one service.
        """
        if own is self.service or not self._inherits:
            return own
        known = self._inherited.get(id(own))
        if known is None:
            known = own, self._with_inherited(own)
            self._inherited[id(own)] = known
        return known[1]

    def _with_inherited(self, own: ServiceRule) -> ServiceRule:
        values = {name: getattr(own, name) for name in ServiceRule.model_fields}
        inherits = dict(self._inherits)
        if own.iss_withheld:
            inherits.pop("iss_withholding", None)  # it has answered that question already
        whole = ServiceRule.model_construct(**(values | laid_over(inherits, stated(own))))
        return self.service if whole == self.service else whole

    @cached_property
    def _inherits(self) -> dict[str, Any]:
        return stated(self.service)

    @cached_property
    def _inherited(self) -> dict[int, tuple[ServiceRule, ServiceRule]]:
        return {}  # with what each is of, so that no address in memory is given to another one

    def fields_of(self, code: str | None, number: int) -> CustomerFields | None:
        """What the rule states for one customer, by its code at Vindi or its id."""
        return self.customers.get(code or "") or self.customers.get(str(number))

    @classmethod
    def impossible(cls, told: Mapping[str, Any]) -> list[Impossible]:
        """Name every combination in a rule as it was told that cannot be meant."""
        return impossible(told)

    @model_validator(mode="after")
    def _possible_combinations(self, info: ValidationInfo) -> Self:
        if info.context is STORED:
            return self
        found = self.impossible(self.model_dump(mode="json", by_alias=True))
        if found:
            raise ValidationError.from_exception_data("Rule", [_error(one) for one in found])
        return self


def _error(one: Impossible) -> InitErrorDetails:
    kind = PydanticCustomError("impossible_combination", "{why}", {"why": one.message})
    return InitErrorDetails(type=kind, loc=one.field, input=None)

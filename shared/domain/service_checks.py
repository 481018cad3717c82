"""What is wrong, or unusual, with the service values of a rule, against the official tables. Pure.

`service_problems` works on a rule as it was told, as `impossible` does, and refuses what cannot be
meant; `service_warnings` on one that was taken, and names what has to be confirmed. A rule that is
in force already is never looked at again by either.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from shared.domain.tables import TableName, table
from shared.domain.told import Field, Misfit, Told, part_of

if TYPE_CHECKING:
    from shared.domain.rule import Rule, ServiceRule

Unusual = tuple[str, str, str]  # code, field, what is said

LOWEST_RATE: Final = Decimal(2)  # LC 116, arts. 8 and 8-A
HIGHEST_RATE: Final = Decimal(5)
_RATE: Final = re.compile(
    r"[0-9]{1,3}(\.[0-9]{1,4})?"
)  # as the model reads it; two decimals are taken
_LC116: Final = re.compile(r"([0-9]{1,2})\.([0-9]{2})|([0-9]{1,2})([0-9]{2})")
_MASK: Final = re.compile(r"[0-9]([0-9./-]*[0-9])?")
_CONFIRM: Final = "Se está certo, confirme."
# Where a rule has services of products, by what names the product.
SERVICES: Final = (
    "services_by_product_id",
    "services_by_product_code",
    "services_by_product_name",
)
_TEXTS: Final = ("municipal_code", "lc116", "cnae", "nbs", "national_code")


class RuleWarning(Struct, frozen=True, kw_only=True):
    """Possible, but seldom meant: taken once somebody confirms its code."""

    code: str
    field: str
    message: str


def bare_code(text: str, digits: int) -> str:
    """A code without its mask, where that leaves as many digits as it has; else as it was typed."""
    if not _MASK.fullmatch(text):
        return text
    bare = re.sub(r"\D", "", text)
    return bare if len(bare) == digits else text


def subitem_of(text: str) -> str | None:
    """An item of LC 116 as its table writes it, 01.07, from 1.07, 01.07, 0107 or 107."""
    found = _LC116.fullmatch(text)
    if found is None:
        return None
    item, subitem = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"{item.zfill(2)}.{subitem}"


def service_problems(rule: Told) -> Iterator[Misfit]:
    """Name every value of a rule's services that no nota could carry."""
    yield from _service(part_of(rule, "service"), ("service",))
    for services in SERVICES:
        for product, service in part_of(rule, services).items():
            if product != product.strip() or not product:
                message = f"{services}: um produto está em branco ou tem espaço no começo ou no fim"
                yield (services,), message
            if isinstance(service, Mapping):
                yield from _service(service, (services, product))


def _service(told: Told, at: Field) -> Iterator[Misfit]:
    for name in _TEXTS:
        value = told.get(name)
        if not isinstance(value, str):
            continue
        if not value.strip():
            yield (*at, name), f"{name}: não pode ficar em branco; sem valor, informe null"
        elif (wrong := _wrong(name, value)) is not None:
            yield (*at, name), f"{name}: {wrong}"
    yield from _rate(told, at)
    yield from _reform(told, at)


def _wrong(name: str, value: str) -> str | None:
    match name:
        case "municipal_code":
            # Each city writes its codes its own way: only what nobody can read is surely wrong.
            good = value == value.strip() and value.isprintable()
            return None if good else "tem espaço no começo ou no fim, ou um caractere invisível"
        case "lc116":
            return _wrong_subitem(value)
        case "cnae":
            bare = re.fullmatch(r"[0-9]{7}", bare_code(value, 7))
            return None if bare else "deve ter 7 algarismos, como 6209-1/00"
        case "nbs":
            return _unlisted("nbs", value, 9, "1.1502.10.00")
        case _:
            return _wrong_national(value)


def _wrong_subitem(value: str) -> str | None:
    subitem = subitem_of(value)
    if subitem is None:
        return "deve ser um subitem da lista da LC 116, como 1.07"
    if table("lc116").denies(subitem):
        return f"a lista da LC 116 não tem o subitem {subitem}"
    return None


def _wrong_national(value: str) -> str | None:
    if subitem_of(value) is not None:
        return (
            "é o código de tributação nacional, de 6 algarismos, como 010701; o subitem da LC 116"
            " (1.07) vai em lc116"
        )
    return _unlisted("national_code", value, 6, "010701")


def _unlisted(name: TableName, value: str, digits: int, example: str) -> str | None:
    bare = bare_code(value, digits)
    if not re.fullmatch(rf"[0-9]{{{digits}}}", bare):
        return f"deve ter {digits} algarismos, como {example}"
    known = table(name)
    if known.denies(bare):
        return f"o código {bare} não existe na tabela oficial ({known.version})"
    return None


def _rate(told: Told, at: Field) -> Iterator[Misfit]:
    value = told.get("iss_rate")
    if isinstance(value, str) and _RATE.fullmatch(value) and len(value.partition(".")[2]) > 2:
        yield (*at, "iss_rate"), "iss_rate: deve ter no máximo 2 casas decimais, como 2.00"


def _reform(told: Told, at: Field) -> Iterator[Misfit]:
    reform = part_of(told, "ibs_cbs")
    for name in ("class_code", "operation_code"):
        value = reform.get(name)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{6}", value):
            wrong = _unlisted(name, value, 6, "000001" if name == "class_code" else "100301")
            if wrong is not None:
                yield (*at, "ibs_cbs", name), f"{name}: {wrong}"
    if any(reform.get(name) is not None for name in ("class_code", "operation_code")) and (
        told.get("nbs") is None
    ):
        yield (*at, "nbs"), "nbs: é obrigatório com ibs_cbs (a nota seria recusada: E0322)"


def service_warnings(rule: "Rule", today: date) -> tuple[RuleWarning, ...]:
    """Name what is unusual in a rule's services, as of a day."""
    services = {"service": rule.service} | {
        f"{name}.{product}": service
        for name in SERVICES
        for product, service in getattr(rule, name).items()
    }
    return tuple(
        RuleWarning(code=code, field=f"{at}.{field}", message=f"{_last(field)}: {message}")
        for at, service in services.items()
        for code, field, message in _unusual(service, today)
    )


def _unusual(service: "ServiceRule", today: date) -> Iterator[Unusual]:
    yield from _unusual_rate(service.iss_rate)
    yield from _not_in_table(service)
    yield from _other_item(service)
    yield from _unusual_reform(service, today)


def _unusual_rate(text: str | None) -> Iterator[Unusual]:
    if text is None:
        return
    rate, percent = Decimal(text), Decimal(text) * 100
    if 0 < percent <= HIGHEST_RATE:
        meant = f"se ela é de {percent.normalize():f} %, informe {percent:.2f}"
        said = f"{text} parece uma fração, e a alíquota é informada em porcentagem: {meant}."
        yield "iss_rate_fraction", "iss_rate", f"{said} {_CONFIRM}"
    elif rate < LOWEST_RATE:
        said = f"{text} % está abaixo de 2 %, o mínimo do ISS."
        yield "iss_rate_low", "iss_rate", f"{said} {_CONFIRM}"
    elif rate > HIGHEST_RATE:
        said = f"{text} % está acima de 5 %, o máximo do ISS."
        yield "iss_rate_high", "iss_rate", f"{said} {_CONFIRM}"


def _not_in_table(service: "ServiceRule") -> Iterator[Unusual]:
    reform = service.ibs_cbs
    told: tuple[tuple[TableName, str, str | None], ...] = (
        ("lc116", "lc116", subitem_of(service.lc116 or "")),
        ("national_code", "national_code", service.national_code),
        ("operation_code", "ibs_cbs.operation_code", reform.operation_code if reform else None),
    )
    for name, field, code in told:
        if code is not None and code not in table(name).entries:
            where = f"a tabela que temos ({table(name).version})"
            yield f"{name}_unlisted", field, f"{where} não traz o código {code}. {_CONFIRM}"


def _other_item(service: "ServiceRule") -> Iterator[Unusual]:
    national, subitem = service.national_code, subitem_of(service.lc116 or "")
    if national is not None and subitem is not None and national[:4] != subitem.replace(".", ""):
        yield (
            "national_code_of_other_item",
            "national_code",
            f"o código {national} não é do subitem {subitem} da LC 116. {_CONFIRM}",
        )


def _unusual_reform(service: "ServiceRule", today: date) -> Iterator[Unusual]:
    reform = service.ibs_cbs
    if reform is None:
        return
    if (reform.class_code is None) != (reform.operation_code is None):
        lacking = "class_code" if reform.class_code is None else "operation_code"
        said = f"o grupo IBS/CBS da nota pede class_code e operation_code. {_CONFIRM}"
        yield "ibs_cbs_incomplete", f"ibs_cbs.{lacking}", said
    entry = table("class_code").entries.get(reform.class_code or "")
    if entry is not None and not entry.on_notas:
        said = f"a classificação {entry.code} não é usada em notas de serviço. {_CONFIRM}"
        yield "class_code_not_on_notas", "ibs_cbs.class_code", said
    if entry is not None and not entry.valid_on(today):
        said = f"a classificação {entry.code} não está em vigor hoje. {_CONFIRM}"
        yield "class_code_out_of_force", "ibs_cbs.class_code", said


def _last(field: str) -> str:
    return field.rpartition(".")[2]

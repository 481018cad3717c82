"""What the metadata of a bill or a customer at Vindi states of its notas.

Keys begin with `nota_`; capitals do not count. Values are texts as people type them: "1,5",
"1.5 %", "sim", "não". One left empty states nothing. A key of ours whose value cannot be read holds
the sale; every other key is none of our business.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from shared.domain.cities import STATE_OF_CODE
from shared.domain.fields.stated import CustomerFields, extra_name
from shared.domain.fields.terms import NotaTerms, restated

PREFIX: Final = "nota_"
_TRUE: Final = frozenset({"sim", "s", "true", "1", "yes"})
_FALSE: Final = frozenset({"nao", "não", "n", "false", "0", "no"})

Path = tuple[str, ...]


class BadMetadata(Struct, frozen=True, kw_only=True):
    """A key whose value cannot be used, and what it should be; the value itself is not told."""

    key: str
    problem: str


def _text(said: str) -> Any:
    return said


def _rate(said: str) -> Any:
    return said.removesuffix("%").strip().replace(",", ".")


def _reais(said: str) -> Any:
    bare = said.upper().removeprefix("R$").strip()
    return bare.replace(".", "").replace(",", ".") if "," in bare else bare


def _yes(said: str) -> Any:
    word = said.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("deve ser sim ou não")


def _emails(said: str) -> Any:
    return [one for one in said.replace(",", ";").replace(" ", ";").split(";") if one]


def _kind(said: str) -> Any:
    words = {"incondicionado": "unconditional", "condicionado": "conditional"}
    if said.lower() not in words:
        raise ValueError("deve ser incondicionado ou condicionado")
    return words[said.lower()]


def _numbering(said: str) -> Any:
    words = {"sequência": "sequence", "sequencia": "sequence", "emissor": "issuer"}
    if said.lower() not in words:
        raise ValueError("deve ser sequência ou emissor: um número fixo se repetiria")
    return words[said.lower()]


def _city(said: str) -> Any:
    name, _, state = said.replace(" - ", "/").rpartition("/")
    if not name and said.isdigit() and len(said) == 7:
        return {"city": said, "state": STATE_OF_CODE.get(said[:2], "")}
    return {"city": name.strip(), "state": state.strip()}


def _country(said: str) -> Any:
    return {"country": said}


def _withholds(said: str) -> Any:
    if _yes(said):
        raise ValueError("só pode ser não; as alíquotas vão em nota_irrf, nota_csll e as demais")
    return {}


class _Key(Struct, frozen=True):
    path: Path
    read: Callable[[str], Any] = _text


KEYS: Final[Mapping[str, _Key]] = {
    "iss_retido": _Key(("iss_withheld",), _yes),
    "retencoes": _Key(("withholdings",), _withholds),
    "pis": _Key(("withholdings", "pis"), _rate),
    "cofins": _Key(("withholdings", "cofins"), _rate),
    "csll": _Key(("withholdings", "csll"), _rate),
    "inss": _Key(("withholdings", "inss"), _rate),
    "irrf": _Key(("withholdings", "irrf"), _rate),
    "dispensa_ate": _Key(("withholdings", "waiver"), _reais),
    "situacao_pis_cofins": _Key(("pis_cofins_situation",)),
    "tipo_retencao_pis_cofins": _Key(("pis_cofins_withholding",)),
    "pis_proprio": _Key(("own_pis_cofins", "pis_rate"), _rate),
    "cofins_proprio": _Key(("own_pis_cofins", "cofins_rate"), _rate),
    "municipio_prestacao": _Key(("place",), _city),
    "pais_prestacao": _Key(("place",), _country),
    "exportacao": _Key(("export",), _yes),
    "modo_prestacao": _Key(("foreign_trade", "mode")),
    "vinculo_prestacao": _Key(("foreign_trade", "relationship")),
    "moeda": _Key(("foreign_trade", "currency")),
    "valor_moeda": _Key(("foreign_trade", "amount"), _reais),
    "mdic": _Key(("foreign_trade", "shared_with_mdic"), _yes),
    "natureza": _Key(("nature",)),
    "regime_especial": _Key(("special_regime",)),
    "imunidade": _Key(("immunity",)),
    "suspensao_tipo": _Key(("suspension", "kind")),
    "suspensao_processo": _Key(("suspension", "process")),
    "consumidor_final": _Key(("final_consumer",), _yes),
    "deducoes": _Key(("deductions",), _reais),
    "deducao_percentual": _Key(("deduction_rate",), _rate),
    "mostrar_descontos": _Key(("show_discounts",), _yes),
    "tipo_desconto": _Key(("discount_kind",), _kind),
    "observacoes": _Key(("observations",)),
    "tributos_aproximados": _Key(("approximate_taxes",), _rate),
    "serie_rps": _Key(("rps_series",)),
    "numero_rps": _Key(("rps_number",), _numbering),
    "email": _Key(("more_emails",), _emails),
    "emails": _Key(("more_emails",), _emails),
    "texto_servico": _Key(("city_text",)),
    "codigo_interno": _Key(("internal_code",)),
    "inscricao_municipal": _Key(("municipal_registration",)),
    "nif": _Key(("nif",)),
    "sem_nif": _Key(("without_nif",)),
}
# Without the prefix, as shops have them already: one that is no registration is left alone.
_PLAIN: Final[Mapping[str, str]] = {
    "inscricao_municipal": "inscricao_municipal",
    "inscricaomunicipal": "inscricao_municipal",
}
_REGISTRATION_CHARACTERS: Final = frozenset("0123456789./- ")


def over(before: NotaTerms, metadata: Mapping[str, object]) -> NotaTerms | BadMetadata:
    """The terms with what the metadata states above them."""
    try:
        said = dict(_said(metadata))
    except _UnreadableError as error:
        return error.bad
    if not said:
        return before
    told = _whole({path: value for path, (_, value) in said.items()}, before)
    try:
        fields = CustomerFields.model_validate(told)
    except ValidationError as error:
        return _bad(error, said)
    later = {name: getattr(fields, name) for name in told}
    return restated(before, later)


class _UnreadableError(Exception):
    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key)
        self.bad = BadMetadata(key=key, problem=problem)


def _said(metadata: Mapping[str, object]) -> Iterator[tuple[Path, tuple[str, Any]]]:
    """What each key of ours says, by the field it is for."""
    extras: dict[str, str] = {}
    for key, value in sorted(metadata.items(), key=lambda one: one[0].lower().startswith(PREFIX)):
        as_typed = key.strip()
        name = as_typed.lower()
        if name.startswith(PREFIX):
            name, as_typed = name[len(PREFIX) :], as_typed[len(PREFIX) :]
        elif name in _PLAIN:
            if not _is_registration(value):
                continue
            name = _PLAIN[name]
        else:
            continue
        known = KEYS.get(name)
        text = _as_text(key, value) if known is not None or _is_extra(as_typed) else None
        if text is None:
            continue
        try:
            if known is not None:
                yield known.path, (key, known.read(text))
            else:
                extras[extra_name(as_typed)] = text
        except ValueError as error:
            raise _UnreadableError(key, str(error)) from None
    if extras:
        yield ("extras",), (f"{PREFIX}…", extras)


def _as_text(key: str, value: object) -> str | None:
    """The text of a value; None where it is empty."""
    if isinstance(value, bool):
        return "sim" if value else "não"
    if value is None:
        return None
    if not isinstance(value, str | int | float):
        raise _UnreadableError(key, "deve ser um texto")
    return str(value).replace("\x00", "").strip() or None


def _is_extra(name: str) -> bool:
    try:
        extra_name(name)
    except ValueError:
        return False
    return True


def _is_registration(value: object) -> bool:
    text = str(value).strip() if isinstance(value, str | int) else ""
    digits = sum(character.isdigit() for character in text)
    return digits > 0 and len(text) <= 15 and set(text) <= _REGISTRATION_CHARACTERS


def _whole(said: Mapping[Path, Any], known: NotaTerms) -> dict[str, Any]:
    """The fields as a rule would tell them: parts stated here complete what is known of one."""
    told: dict[str, Any] = {}
    for path, value in sorted(said.items(), key=lambda one: len(one[0])):
        if len(path) == 1:
            told[path[0]] = value
            continue
        before = getattr(known, path[0])
        dumped = before.model_dump() if isinstance(before, BaseModel) else {}
        told.setdefault(path[0], dumped)[path[1]] = value
    return told


def _bad(error: ValidationError, said: Mapping[Path, tuple[str, Any]]) -> BadMetadata:
    first = error.errors(include_input=False, include_url=False)[0]
    where = tuple(str(part) for part in first["loc"])
    keys = {path: key for path, (key, _) in said.items()}
    key = next(
        (key for path, key in keys.items() if where[: len(path)] == path),
        next(
            (key for path, key in keys.items() if path[:1] == where[:1]), next(iter(keys.values()))
        ),
    )
    problem = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else ""
    return BadMetadata(key=key, problem=problem or "o valor não tem o formato esperado")

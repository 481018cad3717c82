"""The keys of metadata that are ours: which field each is for, and how its text is read. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from shared.domain.cities import STATE_OF_CODE
from shared.domain.description import check_template

PREFIX: Final = "nota_"
NONE: Final = frozenset({"nenhum", "nenhuma", "-"})  # takes away what was stated before
_TRUE: Final = frozenset({"sim", "s", "true", "1", "yes"})
_FALSE: Final = frozenset({"nao", "não", "n", "false", "0", "no"})

Path = tuple[str, ...]


def _text(said: str) -> Any:
    return said


def _template(said: str) -> Any:
    try:
        check_template(said)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("description: ")) from error
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
    name, _, state = said.replace(" - ", "/").replace(",", "/").rpartition("/")
    if not name and said.isdigit() and len(said) == 7:
        return {"city": said, "state": STATE_OF_CODE.get(said[:2], "")}
    return {"city": name.strip(), "state": state.strip()}


def _two_digits(said: str) -> Any:
    return said.zfill(2)  # a spreadsheet eats the zero


def _country(said: str) -> Any:
    return {"country": said}


def _withholds(said: str) -> Any:
    if said.lower() not in NONE and _yes(said):
        raise ValueError("só pode ser não; as alíquotas vão em nota_irrf, nota_csll e as demais")
    return {}


class MetadataKey(Struct, frozen=True):
    path: Path
    read: Callable[[str], Any] = _text


KEYS: Final[Mapping[str, MetadataKey]] = {
    "iss_retido": MetadataKey(("iss_withheld",), _yes),
    "retencoes": MetadataKey(("withholdings",), _withholds),
    "pis": MetadataKey(("withholdings", "pis"), _rate),
    "cofins": MetadataKey(("withholdings", "cofins"), _rate),
    "csll": MetadataKey(("withholdings", "csll"), _rate),
    "inss": MetadataKey(("withholdings", "inss"), _rate),
    "irrf": MetadataKey(("withholdings", "irrf"), _rate),
    "dispensa_ate": MetadataKey(("withholdings", "waiver"), _reais),
    "situacao_pis_cofins": MetadataKey(("pis_cofins_situation",), _two_digits),
    "tipo_retencao_pis_cofins": MetadataKey(("pis_cofins_withholding",)),
    "pis_proprio": MetadataKey(("own_pis_cofins", "pis_rate"), _rate),
    "cofins_proprio": MetadataKey(("own_pis_cofins", "cofins_rate"), _rate),
    "municipio_prestacao": MetadataKey(("place",), _city),
    "pais_prestacao": MetadataKey(("place",), _country),
    "exportacao": MetadataKey(("export",), _yes),
    "modo_prestacao": MetadataKey(("foreign_trade", "mode")),
    "vinculo_prestacao": MetadataKey(("foreign_trade", "relationship")),
    "moeda": MetadataKey(("foreign_trade", "currency")),
    "valor_moeda": MetadataKey(("foreign_trade", "amount"), _reais),
    "mdic": MetadataKey(("foreign_trade", "shared_with_mdic"), _yes),
    "natureza": MetadataKey(("nature",)),
    "regime_especial": MetadataKey(("special_regime",)),
    "imunidade": MetadataKey(("immunity",)),
    "suspensao_tipo": MetadataKey(("suspension", "kind")),
    "suspensao_processo": MetadataKey(("suspension", "process")),
    "consumidor_final": MetadataKey(("final_consumer",), _yes),
    "deducoes": MetadataKey(("deductions",), _reais),
    "deducao_percentual": MetadataKey(("deduction_rate",), _rate),
    "mostrar_descontos": MetadataKey(("show_discounts",), _yes),
    "tipo_desconto": MetadataKey(("discount_kind",), _kind),
    "observacoes": MetadataKey(("observations",), _template),
    "tributos_aproximados": MetadataKey(("approximate_taxes",), _rate),
    "serie_rps": MetadataKey(("rps_series",)),
    "numero_rps": MetadataKey(("rps_number",), _numbering),
    "email": MetadataKey(("more_emails",), _emails),
    "emails": MetadataKey(("more_emails",), _emails),
    "texto_servico": MetadataKey(("city_text",)),
    "codigo_interno": MetadataKey(("internal_code",)),
    "inscricao_municipal": MetadataKey(("municipal_registration",)),
    "nif": MetadataKey(("nif",)),
    "sem_nif": MetadataKey(("without_nif",)),
}
OF_WORDS: Final = (_yes, _withholds, _kind, _numbering)  # which have a word of their own for none
# Without the prefix, as shops have them already: one that is no registration is left alone.
PLAIN: Final[Mapping[str, str]] = {
    "inscricao_municipal": "inscricao_municipal",
    "inscricaomunicipal": "inscricao_municipal",
}

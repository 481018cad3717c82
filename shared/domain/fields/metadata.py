"""What the metadata of a bill or a customer at Vindi states of its notas.

Keys begin with `nota_`; capitals, accents, and blanks or dashes in place of `_` do not count.
Values are texts as people type them: "1,5", "1.5 %", "sim", "não". One left empty states nothing,
"nenhum" takes away what was stated before. A key of ours whose value cannot be read holds the sale,
and so does one that nearly is ours, since a tax would silently be another; every other key is none
of our business.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from shared.domain.cities import STATE_OF_CODE
from shared.domain.field_checks import is_rate, looks_a_fraction, value_problems
from shared.domain.fields.stated import CustomerFields, extra_name
from shared.domain.fields.terms import NotaTerms, restated

PREFIX: Final = "nota_"
_NONE: Final = frozenset({"nenhum", "nenhuma", "-"})
# Groups that are nothing without any of their parts.
_WHOLE_GROUPS: Final = frozenset({"suspension", "own_pis_cofins"})
_NEARLY: Final = 0.84  # of two names' letters: one wrong or missing in a short name, two in a long
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
    name, _, state = said.replace(" - ", "/").replace(",", "/").rpartition("/")
    if not name and said.isdigit() and len(said) == 7:
        return {"city": said, "state": STATE_OF_CODE.get(said[:2], "")}
    return {"city": name.strip(), "state": state.strip()}


def _two_digits(said: str) -> Any:
    return said.zfill(2)  # a spreadsheet eats the zero


def _country(said: str) -> Any:
    return {"country": said}


def _withholds(said: str) -> Any:
    if said.lower() not in _NONE and _yes(said):
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
    "situacao_pis_cofins": _Key(("pis_cofins_situation",), _two_digits),
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
_OF_WORDS: Final = (_yes, _withholds, _kind, _numbering)  # which have a word of their own for none
_BETWEEN_WORDS: Final = re.compile(r"[ _-]+")
# What shops keep of notas under this prefix, and is near a key of ours by chance.
_OF_OTHERS: Final = frozenset(
    {"id", "fiscal", "nf", "nfe", "nfse", "numero", "serie", "status", "url", "pdf", "xml", "tipo"}
)
_SHORT: Final = 6
# Other words for what a key of ours says.
_MEANT: Final[Mapping[str, str]] = {
    "ir": "irrf",
    "iss": "iss_retido",
    "issqn_retido": "iss_retido",
    "retencao": "retencoes",
    "retem_iss": "iss_retido",
    "natureza_operacao": "natureza",
    "natureza_da_operacao": "natureza",
    "deducao": "deducoes",
    "observacao": "observacoes",
    "im": "inscricao_municipal",
    "pais": "pais_prestacao",
    "regime_especial_tributacao": "regime_especial",
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
        said = _once(_said(metadata))
    except _UnreadableError as error:
        return error.bad
    if not said:
        return before
    told = _whole({path: value for path, (_, value) in said.items()}, before)
    if (found := _unfit(told, said)) is not None:
        return found
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


def _once(said: Iterator[tuple[Path, tuple[str, Any]]]) -> dict[Path, tuple[str, Any]]:
    """What is said of each field; two keys that say two things of one are not chosen between."""
    found: dict[Path, tuple[str, Any]] = {}
    for path, (key, value) in said:
        if path in found and path != ("municipal_registration",):
            other, before = found[path]
            if path == ("more_emails",):
                value = list(dict.fromkeys([*before, *value]))
            elif before != value:
                raise _UnreadableError(key, f"diz outra coisa que {other}")
        found[path] = key, value
    return found


def _said(metadata: Mapping[str, object]) -> Iterator[tuple[Path, tuple[str, Any]]]:
    """What each key of ours says, by the field it is for."""
    extras: dict[str, str] = {}
    for key, value in sorted(metadata.items(), key=lambda one: one[0].lower().startswith(PREFIX)):
        as_typed = key.strip()
        name = _name(as_typed)
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
            if known is None and value not in (None, "") and (meant := _nearly(name)) is not None:
                raise _UnreadableError(key, f"a chave não existe; seria {PREFIX}{meant}?")
            continue
        try:
            if known is not None:
                nothing = text.lower() in _NONE and known.read not in _OF_WORDS
                yield known.path, (key, None if nothing else known.read(text))
            else:
                extras[extra_name(as_typed)] = text
        except ValueError as error:
            raise _UnreadableError(key, str(error)) from None
    if extras:
        yield ("extras",), (f"{PREFIX}…", extras)


@lru_cache(maxsize=4096)  # a shop's keys, of each of its sales
def _name(key: str) -> str:
    """A key as ours are written: small letters without accents, one `_` between words."""
    plain = unicodedata.normalize("NFKD", key.lower()).encode("ascii", "ignore").decode()
    return _BETWEEN_WORDS.sub("_", plain.strip()).rstrip("_") or plain


@lru_cache(maxsize=4096)
def _nearly(name: str) -> str | None:
    """The key of ours that a name with our prefix was probably meant for."""
    if name in _OF_OTHERS:
        return None
    if name in _MEANT:
        return _MEANT[name]
    if len(name) <= _SHORT:
        return next((key for key in KEYS if _one_apart(name, key)), None)
    return next(iter(get_close_matches(name, KEYS, n=1, cutoff=_NEARLY)), None)


def _one_apart(name: str, key: str) -> bool:
    """One letter wrong, missing or too many, or two swapped."""
    if len(name) == len(key):
        wrong = [place for place in range(len(key)) if name[place] != key[place]]
        swapped = len(wrong) == 2 and sorted(name) == sorted(key)
        return len(wrong) == 1 or swapped
    short, long = sorted((name, key), key=len)
    shortened = (long[:place] + long[place + 1 :] for place in range(len(long)))
    return len(long) == len(short) + 1 and short in shortened


def _unfit(told: Mapping[str, Any], said: Mapping[Path, tuple[str, Any]]) -> BadMetadata | None:
    """What no nota could carry, and rates that were typed as a fraction."""
    fractions = (
        ((*group, tax), "parece uma fração; informe em porcentagem, como 1,5")
        for group in (("withholdings",), ("own_pis_cofins",))
        for tax, rate in (told.get(group[0]) or {}).items()
        if (*group, tax) in said and is_rate(rate) and looks_a_fraction(tax.split("_")[0], rate)
    )
    for at, problem in chain(value_problems(told, ()), fractions):
        place = tuple(str(part) for part in at)
        key = _key_of(place, said)
        if key is not None:
            named = problem if place[0] == "extras" else problem.partition(": ")[2]
            return BadMetadata(key=key, problem=named or problem)
    return None


def _key_of(place: Path, said: Mapping[Path, tuple[str, Any]]) -> str | None:
    """The key that says a field, else one of its group."""
    exact = (key for path, (key, _) in said.items() if place[: len(path)] == path)
    near = (key for path, (key, _) in said.items() if place[:1] == path[:1])
    return next(exact, None) or next(near, None)


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
        if value is None and path[0] in _WHOLE_GROUPS:
            told[path[0]] = None
            continue
        before = getattr(known, path[0])
        dumped = before.model_dump() if isinstance(before, BaseModel) else {}
        group = told.setdefault(path[0], dumped)
        if group is not None:
            group[path[1]] = value
    return told


def _bad(error: ValidationError, said: Mapping[Path, tuple[str, Any]]) -> BadMetadata:
    first = error.errors(include_input=False, include_url=False)[0]
    where = tuple(str(part) for part in first["loc"])
    key = _key_of(where, said) or next(key for key, _ in said.values())
    problem = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else ""
    return BadMetadata(key=key, problem=problem or "o valor não tem o formato esperado")

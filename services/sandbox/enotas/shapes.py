"""What eNotas itself would say of a request's shape, before any city sees it.

Only fields beyond buyer, service and price: each may be left out, and has its form where it is
there. Written apart from the client that it tests.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from services.sandbox.enotas.records import Json

_MONEY: Final = ("valorPis", "valorCofins", "valorCsll", "valorInss", "valorIr")
_ROOT_MONEY: Final = ("deducoes", "descontos", "descontoCondicionado")


def _money(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and value >= 0 and round(value * 100, 6) == round(value * 100)


def _text(longest: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _digits(count: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value.isdigit() and len(value) == count


def _addresses(value: Any) -> bool:
    listed = value.get("outrosDestinatarios") if isinstance(value, dict) else None
    return isinstance(listed, str) and all(
        one.count("@") == 1 and " " not in one and "." in one.split("@")[1]
        for one in listed.split(";")
    )


def _suspension(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _text(60)(value.get(name)) for name in ("tipo", "numeroProcesso")
    )


def _own_pis_cofins(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    base = value.get("baseCalculo", -1)
    if not all(_money(value.get(f"valor{tax}")) for tax in ("Pis", "Cofins")) or not _money(base):
        return False
    return all(
        abs(base * value.get(f"aliquota{tax}", 0) / 100 - value[f"valor{tax}"]) <= 0.01
        for tax in ("Pis", "Cofins")
    )


def _metadata(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _text(200)(one) or (isinstance(one, dict) and all(map(_text(200), one.values())))
        for one in value.values()
    )


_ROOT: Final[dict[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_ROOT_MONEY, _money),
    "naturezaOperacao": _text(60), "observacoes": _text(2000), "serieRps": _text(5),
    "consumidorFinal": _flag, "dadosAdicionaisEmail": _addresses, "metadados": _metadata,
}  # fmt: skip
_SERVICE: Final[dict[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_MONEY, _money),
    "descricaoServicoMunicipio": _text(500), "codigoInternoServicoMunicipal": _text(20),
    "ufPrestacaoServico": _text(2), "municipioPrestacaoServico": _text(60),
    "paisPrestacaoServico": _text(60), "exportacao": _flag, "regimeEspecialTributacao": _text(60),
    "tipoImunidadeIss": _text(60), "exigibilidadeSuspensa": _suspension,
    "situacaoTributariaPisCofins": _digits(2), "tipoRetencaoPisCofins": _text(30),
    "pisCofinsApuracaoPropria": _own_pis_cofins,
}  # fmt: skip


def wrong_in(body: Json, *, takes_foreign_kind: bool) -> Iterator[str]:
    """Name the fields that do not have their form."""
    parts = (("", body, _ROOT), ("servico.", body.get("servico"), _SERVICE))
    for prefix, part, forms in parts:
        if isinstance(part, dict):
            said = {name: value for name, value in part.items() if value is not None}
            yield from (f"{prefix}{name}" for name, fits in forms.items()
                        if name in said and not fits(said[name]))  # fmt: skip
    buyer = body.get("cliente")
    if isinstance(buyer, dict):
        kinds = {"F", "J", "E", None} if takes_foreign_kind else {"F", "J", None}
        if buyer.get("tipoPessoa") not in kinds:
            yield "cliente.tipoPessoa"
        if buyer.get("inscricaoMunicipal") is not None and not _text(15)(
            buyer["inscricaoMunicipal"]
        ):
            yield "cliente.inscricaoMunicipal"
    if _keeps_too_much(body):
        yield "valorTotal"


def _keeps_too_much(body: Json) -> bool:
    """Discounts and what is withheld cannot come to more than the price."""
    service = body.get("servico")
    sums = [body.get(name) for name in ("descontos", "descontoCondicionado")]
    sums += [service.get(name) for name in _MONEY] if isinstance(service, dict) else []
    total = body.get("valorTotal")
    taken = sum(one for one in sums if isinstance(one, int | float))
    return isinstance(total, int | float) and taken > total + 0.005

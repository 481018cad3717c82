"""City halls and their services, a few invented ones."""

from typing import Any, Final

from services.sandbox.enotas.records import Json

_USUAL: Final[Json] = {
    "tipoAutenticacao": 1, "assinaturaDigital": 2,
    "helpTipoAutenticacao": {
        "certificadoDigital": "Envie o certificado A1 da empresa.", "usuario": None,
        "senha": None, "token": None, "fraseSecreta": None,
    },
    "suportaCancelamento": True, "usaAEDF": False, "usaRegimeEspecialTributacao": True,
    "usaCodigoServicoMunicipal": True, "usaDescricaoServico": False, "usaCNAE": False,
    "usaItemListaServico": True, "suportaEmissaoNFeSemCliente": True,
    "suportaEmissaoNFeClienteSemCpf": True, "suportaEmissaoNFeClienteSemEndereco": True,
    "suportaCancelamentoNFeSemCliente": True, "suportaCancelamentoNFeClienteSemCpf": True,
    "regimesEspecialTributacao": [
        {"codigo": "0", "nome": " - "}, {"codigo": "6", "nome": "ME EPP - Simples Nacional"},
    ],
}  # fmt: skip
_NATIONAL: Final[Json] = {
    "suportaEmissaoNFeClienteSemCpf": False, "suportaCancelamentoNFeClienteSemCpf": False,
    "usaItemListaServico": False,
}  # fmt: skip
_PROVIDERS: Final[dict[str, Json]] = {
    "3550308": _USUAL,  # São Paulo: keeps its own system
    "4106902": _USUAL | _NATIONAL,  # Curitiba, on the national emitter
    "3304557": _USUAL | {"suportaEmissaoNFeClienteSemEndereco": False},  # Rio de Janeiro
    "3106200": _USUAL | _NATIONAL,  # Belo Horizonte
    "2927408": _USUAL | {"suportaCancelamento": False},  # Salvador: by the city's portal only
}
_SERVICES: Final = (
    ("10901", "Disponibilização de conteúdos por assinatura", 2.9),
    ("02919", "Licenciamento de programas de computador", 2.9),
    ("05762", "Cursos livres e treinamento", 5.0),
    ("03115", "Assessoria e consultoria", 5.0),
)


def provider(city: str, overrides: dict[str, Json]) -> Json | None:
    """Describe a city hall; None where eNotas does not issue."""
    if city in overrides:
        return _USUAL | overrides[city]
    return _PROVIDERS.get(city)


def services(city: str, wanted: str) -> list[dict[str, Any]]:
    """List the services of a city whose description has `wanted` in it."""
    return [
        {
            # Some cities' codes come as numbers, others as text.
            "codigo": int(code) if city == "3304557" else code, "descricao": text,
            "codigoIBGECidade": city, "aliquotaSugerida": rate, "construcaoCivil": False,
            "percentualAproximadoFederalIBPT": 13.45, "percentualAproximadoEstadualIBPT": 0.0,
            "percentualAproximadoMunicipalIBPT": 2.9, "chaveTabelaIBPT": "A1B2C3",
        }
        for code, text, rate in _SERVICES
        if wanted.casefold() in text.casefold()
    ]  # fmt: skip


def cities() -> list[Json]:
    """List the cities of the unified table."""
    return [{"codigoIbge": code} for code in _PROVIDERS]

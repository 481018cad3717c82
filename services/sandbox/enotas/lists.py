"""The list of a company's notas, with its small filter language."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from services.sandbox.enotas.records import Company, Json, Nota
from services.sandbox.enotas.render import nota_body
from services.sandbox.enotas.world import EnotasWorld
from services.sandbox.wire import Answer, answer_json

_TERM: Final = re.compile(r"\s*(status|dataCriacao)\s+(eq|ge|le)\s+'([^']*)'\s*", re.IGNORECASE)
LONGEST_PAGE: Final = 150
_FOREIGN_NOTA: Final[Json] = {
    "servico": {"descricao": "Nota de outro sistema"},
    "valorTotal": 1,
    "ambienteEmissao": "Producao",
}
WRONG_PARAMETERS: Final = answer_json(
    [{"codigo": "GEN001", "mensagem": "Parâmetros de consulta inválidos."}], 400
)


def page(world: EnotasWorld, company: Company, params: dict[str, str]) -> Answer:
    """Answer with one page, counted from 0; 400 for what cannot be understood."""
    try:
        number = int(params.get("pageNumber", "0"))
        size = min(int(params.get("pageSize", "100")), LONGEST_PAGE)
        test = read_filter(params.get("filter", ""))
    except ValueError:
        return WRONG_PARAMETERS
    found = [nota for nota in company.notas.values() if test(nota)]
    # A dictionary keeps the order of creation, which is what can be sorted by.
    if params.get("sortDirection", "asc").lower() == "desc":
        found.reverse()
    given = min(size, company.faults.list_cap)
    start = max(0, number) * (size if company.faults.list_pages_by == "asked" else given)
    rows = [nota_body(company, nota) for nota in found[start : start + given]]
    answer = answer_json({"totalRecords": len(found), "data": rows})
    for _ in range(company.faults.shift_pages if rows else 0):
        world.issue(company, "", dict(_FOREIGN_NOTA))
    return answer


def plain_page(rows: list[Json], params: dict[str, str]) -> Answer:
    """Answer with one page of rows that have no filter."""
    try:
        number, size = int(params.get("pageNumber", "0")), int(params.get("pageSize", "100"))
    except ValueError:
        return WRONG_PARAMETERS
    start = max(0, number) * size
    return answer_json({"totalRecords": len(rows), "data": rows[start : start + size]})


def read_filter(text: str) -> Callable[[Nota], bool]:
    """Read `status eq 'x'` and `dataCriacao ge|le 'instant'` joined by `and`; ValueError."""
    if not text.strip():
        return lambda _: True
    tests = [_read_term(part) for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE)]
    return lambda nota: all(test(nota) for test in tests)


def _read_term(text: str) -> Callable[[Nota], bool]:
    match = _TERM.fullmatch(text)
    if match is None:
        raise ValueError(text)
    field, op, value = match[1].lower(), match[2].lower(), match[3]
    if field == "status":
        wanted = value.casefold()
        return lambda nota: nota.status.casefold() == wanted
    moment = datetime.fromisoformat(value)
    instant = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if op == "ge":
        return lambda nota: int(nota.created) >= instant
    return lambda nota: int(nota.created) <= instant

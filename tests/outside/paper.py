"""What a nota's request must be by the papers alone, whatever the data were like.

Source: the reference of eNotas' APIs, sections 4.1 to 4.4; the fiscal domain, sections 6, 12, 15.
"""

import re
from collections.abc import Iterator
from typing import Any

LONGEST = {
    "nome": 75,
    "logradouro": 60,
    "numero": 10,
    "complemento": 30,
    "bairro": 50,
    "email": 80,
    "descricao": 2000,
    "telefone": 11,
}
# XML 1.0 has none of these, and no field of one line has the last ones.
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
NOT_IN_A_LINE = re.compile("[\t\n\r\x7f-\x9f\u2028\u2029]")
EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")


def wrong_with(body: dict[str, Any]) -> list[str]:
    """Each thing for which a city or the Gateway would refuse it."""
    wrong = [*_texts(body), *_buyer(body)]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,50}", str(body.get("idExterno"))):
        wrong.append(f"idExterno {body.get('idExterno')!r}")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT1[5-9]:\d\d:\d\dZ", str(body.get("dataCompetencia"))):
        wrong.append(f"dataCompetencia {body.get('dataCompetencia')!r}")
    amount = body.get("valorTotal")
    if not isinstance(amount, int | float) or amount <= 0 or round(amount, 2) != amount:
        wrong.append(f"valorTotal {amount!r}")
    described = body["servico"]["descricao"]
    if not len(described) >= 10 or "\r" in described:
        wrong.append(f"descricao {described!r}")
    return wrong


def _texts(body: dict[str, Any]) -> Iterator[str]:
    for path, text in _leaves("", body):
        name = path.rpartition(".")[2]
        if text == "" or text is None:
            yield f"{path} is blank: leave it out"
        if not isinstance(text, str):
            continue
        if NOT_IN_XML.search(text):
            yield f"{path} has what XML has not: {text!r}"
        if text != text.strip():
            yield f"{path} begins or ends with a blank: {text!r}"
        if name != "descricao" and NOT_IN_A_LINE.search(text):
            yield f"{path} has more than a line: {text!r}"
        if len(text) > LONGEST.get(name, 2000):
            yield f"{path} is too long: {len(text)}"
        if "endereco" in path or name == "email":
            try:
                text.encode("latin-1")
            except UnicodeEncodeError:
                yield f"{path} is not Latin-1: {text!r}"


def _buyer(body: dict[str, Any]) -> Iterator[str]:
    buyer = body.get("cliente") or {}
    document = buyer.get("cpfCnpj")
    if document is not None and not _is_document(document):
        yield f"cpfCnpj {document!r}"
    if document is not None and buyer.get("tipoPessoa") != "FJ"[len(document) == 14]:
        yield f"tipoPessoa {buyer.get('tipoPessoa')!r} of {document}"
    phone = buyer.get("telefone")
    if phone is not None and not re.fullmatch(r"[1-9][1-9]\d{8,9}", phone):
        yield f"telefone {phone!r}"
    email = buyer.get("email")
    if email is not None and not EMAIL.fullmatch(email):
        yield f"email {email!r}"
    if email is None and body.get("enviarPorEmail"):
        yield "mailed to nobody"
    if not str(buyer.get("nome") or "").strip():
        yield "nobody's name"
    address = buyer.get("endereco") or {}
    code = address.get("cep")
    if address.get("pais", "Brasil") == "Brasil" and code and not re.fullmatch(r"\d{8}", code):
        yield f"cep {code!r}"


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _leaves(f"{path}.{key}", each)
        case list():
            for each in value:
                yield from _leaves(path, each)
        case _:
            yield path, value


def _is_document(text: str) -> bool:
    """CPF or CNPJ, bare and in capitals, with check digits that are right."""
    if re.fullmatch(r"\d{11}", text):
        return len(set(text)) > 1 and _checked(text, 2, most=12)
    if re.fullmatch(r"[0-9A-Z]{12}\d\d", text):
        return len(set(text)) > 1 and _checked(text, 2, most=9)
    return False


def _checked(text: str, digits: int, *, most: int) -> bool:
    for place in range(len(text) - digits, len(text)):
        total, weight = 0, 2
        for sign in reversed(text[:place]):
            total += (ord(sign) - 48) * weight
            weight = 2 if weight == most else weight + 1
        rest = total % 11
        if int(text[place]) != (0 if rest < 2 else 11 - rest):
            return False
    return True

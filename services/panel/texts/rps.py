"""Numeração de RPS."""

from typing import Final

RPS: Final[dict[str, str]] = {
    "rps.title": "Numeração de RPS",
    "rps.text": "Só para empresas que numeram os seus próprios RPS, porque a prefeitura exige ou"
    " porque a numeração vem de outro sistema. Nas demais, o eNotas numera e não é preciso fazer"
    " nada aqui.",
    "rps.go": "Ver a numeração",
    "rps.card": "Séries e números, para quem precisa numerar os RPS por conta própria.",
    "rps.series_all": "Séries",
    "rps.series": "Série",
    "rps.series_help": "De uma a cinco letras ou números, igual à que a regra usa.",
    "rps.next": "Próximo número",
    "rps.next_help": "O número que a próxima nota da série recebe. Ele é sempre maior que o último"
    " usado.",
    "rps.last": "Último usado",
    "rps.none_given": "nenhum ainda",
    "rps.set": "Informado",
    "rps.reason_help": "Por exemplo: continuação do sistema anterior. Fica no registro, com o seu"
    " nome.",
    "rps.Homologacao": "homologação",
    "rps.Producao": "produção",
    "rps.not_in_use": "fora de uso",
    "rps.none": "Nenhuma série própria",
    "rps.none_text": "Se uma venda ficou pendente pedindo o próximo número de RPS, informe a série"
    " e o número abaixo.",
    "rps.say": "Informar onde a numeração continua",
    "rps.numbers": "Números da série {series}",
    "rps.number": "Número",
    "rps.given_at": "Usado",
    "rps.no_numbers": "Nenhum número desta série foi usado ainda.",
    "rps.older": "Números anteriores",
    "rps.wrong_series": "Escreva de uma a cinco letras ou números, sem acento.",
    "rps.given": "Os números até {last} já foram usados. Informe um número maior.",
    "rps.elsewhere": "Outra conta já numera esta série para a mesma empresa: os números se"
    " repetiriam. Use outra série.",
    "rps.no_issuer": "Conecte primeiro o emissor: a numeração é de uma empresa e de um ambiente.",
    "audit.rps_series_put": "Numeração de RPS informada",
}

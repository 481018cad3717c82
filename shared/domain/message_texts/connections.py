"""What stops a tenant as a whole: its connections, brakes, outages, and what is waited for."""

from typing import Final

from shared.domain.message_texts.message import Message, says

CONNECTIONS: Final[dict[str, Message]] = {
    "vindi_key_refused": says(
        "tenant", "A Vindi recusou a chave da API. Crie uma chave privada nova e conecte de novo."
    ),
    "vindi_key_too_narrow": says(
        "tenant",
        "O perfil da chave da Vindi não permite todas as leituras. Amplie o perfil e conecte de"
        " novo.",
    ),
    "vindi_profile_too_narrow": says(
        "tenant",
        "O perfil da chave da Vindi não permite todas as leituras. Amplie o perfil e conecte de"
        " novo.",
    ),
    "vindi_account_blocked": says(
        "tenant",
        "A conta na Vindi está bloqueada. Regularize-a com a Vindi; depois a emissão continua"
        " automaticamente.",
    ),
    "vindi_not_connected": says("tenant", "A Vindi não está conectada. Conecte-a para continuar."),
    "vindi_request_refused": says(
        "support", "A Vindi recusou uma leitura que fazemos. Fale com o suporte."
    ),
    "issuer_key_refused": says(
        "tenant", "O emissor recusou a chave da API. Confira a chave no eNotas e conecte de novo."
    ),
    "issuer_forbidden": says(
        "tenant",
        "A chave do emissor não tem acesso à empresa. Confira a empresa no eNotas e conecte de"
        " novo.",
    ),
    "issuer_company_unknown": says(
        "tenant",
        "O emissor não encontra a empresa. Confira o código da empresa e se ela está habilitada.",
    ),
    "issuer_company_incomplete": says(
        "tenant", "O cadastro da empresa no emissor está incompleto. Complete-o no eNotas."
    ),
    "issuer_not_connected": says(
        "tenant", "O emissor não está conectado. Conecte-o para continuar."
    ),
    "issuer_left_unreachable": says(
        "tenant",
        "A nota foi negada na empresa anterior do emissor, que não aceita mais a nossa consulta."
        " Confira no portal da prefeitura que ela não vale lá e escolha Emitir agora: sai uma nota"
        " nova.",
    ),
    "issuer_unanswered": says(
        "support",
        "Há horas o emissor não dá uma resposta que se entenda sobre esta nota. Continuamos a"
        " perguntar, e nada é reenviado às cegas. Fale com o suporte; se houver pressa, veja no"
        " portal da prefeitura se a nota existe e informe aqui.",
    ),
    "issuer_stuck": says(
        "support",
        "O emissor está há muito tempo sem responder sobre esta nota. Abra um chamado com ele; nada"
        " será reenviado às cegas.",
    ),
}

BRAKES: Final[dict[str, Message]] = {
    "brake_daily_count": says(
        "tenant",
        "A emissão parou: o limite de notas por dia foi atingido. Confira as vendas e libere, ou"
        " aumente o limite.",
    ),
    "brake_daily_amount": says(
        "tenant",
        "A emissão parou: o limite de valor por dia foi atingido. Confira as vendas e libere, ou"
        " aumente o limite.",
    ),
    "brake_nota_amount": says(
        "tenant",
        "A emissão parou: uma nota passaria do limite de valor por nota. Confira a venda e libere,"
        " ou aumente o limite.",
    ),
    "brake_unusual": says(
        "tenant",
        "A emissão parou: o dia tem muito mais notas do que esta conta costuma emitir. Confira as"
        " vendas e libere se estiver certo.",
    ),
    "brake_old_moments": says(
        "tenant",
        "Várias notas de datas passadas seriam emitidas agora, mais do que esta conta costuma ter."
        " Confira se outro sistema já as emitiu: libere se devem sair, ou cancele as vendas.",
    ),
}

OUTAGES: Final[dict[str, Message]] = {
    "issuer_outage": says(
        "nobody",
        "O emissor não responde. As vendas esperam na fila; testamos com uma nota e retomamos"
        " gradualmente.",
    ),
    "issuer_address_suspicious": says(
        "support",
        "No endereço do emissor quem responde não é o emissor. Nenhuma nota é enviada, e nada se"
        " perde. Fale com o suporte, que confere o endereço configurado (ENOTAS_URL) e a rede;"
        " depois a emissão é retomada automaticamente.",
    ),
    "city_outage": says(
        "nobody",
        "A prefeitura está fora do ar. As vendas esperam na fila; testamos com uma nota e"
        " retomamos gradualmente.",
    ),
    "company_blocked": says(
        "tenant",
        "A emissão desta empresa está parada, porque a recusa vale para todas as notas dela. As"
        " vendas esperam na fila e nada se perde: corrija a causa e escolha Tentar de novo nas"
        " notas negadas, ou conecte o emissor de novo. Testamos com uma nota de tempos em tempos e"
        " retomamos gradualmente.",
    ),
    "issuer_host_outage": says(
        "nobody",
        "O emissor está fora do ar para todos. As vendas esperam na fila; retomamos gradualmente.",
    ),
}

WAITS: Final[dict[str, Message]] = {
    "not_decided": says(
        "nobody", "Esta venda acabou de chegar e ainda não foi avaliada. Aguarde alguns instantes."
    ),
    "vindi_budget": says(
        "nobody",
        "Aguardando a vez de consultar a Vindi: o limite de consultas da conta está em uso.",
    ),
    "vindi_outage": says(
        "nobody", "A Vindi não respondeu à consulta desta fatura. Tentaremos de novo."
    ),
    "issuer_pace": says(
        "nobody",
        "Aguardando a vez de enviar: o emissor aceita um número limitado de notas por vez.",
    ),
    "database_restored": says(
        "nobody",
        "O banco de dados foi restaurado: antes de emitir, conferimos na lista do emissor o que já"
        " foi emitido. A emissão recomeça em seguida.",
    ),
    "brake": says(
        "tenant", "A emissão está parada por um limite da conta. Confira as vendas e libere."
    ),
}

"""People of a company."""

from typing import Final

PEOPLE: Final[dict[str, str]] = {
    "people.invite": "Convidar alguém",
    "people.email_help": "Opcional. Com ele, só essa pessoa pode usar o convite.",
    "people.role": "Papel",
    "people.owner": "Faz tudo, também convidar pessoas e trocar conexões.",
    "people.finance": "Vê tudo, resolve pendências, muda a regra, importa e fecha o mês.",
    "people.accountant": "Vê tudo e baixa arquivos, sem mudar nada.",
    "people.make_link": "Criar convite",
    "people.link": "Link criado",
    "people.link_text": "Envie-o à pessoa. Ele vale uma vez, e não o mostramos de novo.",
    "people.link_label": "Link para enviar",
    "people.who": "Quem tem acesso",
    "people.name": "Pessoa",
    "people.since": "Desde",
    "people.do": "Ações",
    "people.role_of": "Papel de {name}",
    "people.save_role": "Salvar o papel de {name}",
    "people.password": "Link de senha",
    "people.password_of": "Criar link de senha para {name}",
    "people.out": "Tirar o acesso",
    "people.out_of": "Tirar o acesso de {name}",
    "people.open": "Convites em aberto",
    "people.until": "Vale até",
    "people.anybody": "Quem tiver o link",
    "people.withdraw": "Retirar",
    "people.last_owner": "A empresa precisa de ao menos um responsável. Dê o papel a outra pessoa"
    " antes.",
    "people.not_a_member": "Esta pessoa não tem mais acesso a esta empresa.",
    "people.not_only_here": "Esta pessoa tem acesso também a outras empresas. Peça que fale com o"
    " suporte para uma senha nova.",
}

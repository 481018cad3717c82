"""What is mailed."""

from typing import Final

MAIL: Final[dict[str, str]] = {
    "mail.invitation_subject": "Convite para {company} no Notaponte",
    "mail.invitation": "Olá,\n\nvocê recebeu um convite para acompanhar as notas fiscais de"
    " {company} no Notaponte.\n\nPara criar o seu acesso, abra:\n{link}\n\nO link vale por 7 dias"
    " e uma única vez. Se você não esperava este convite, ignore esta mensagem.\n\n"
    "Notaponte, {panel}\n",
    "mail.password_subject": "Senha nova no Notaponte",
    "mail.password": "Olá,\n\npara escolher uma senha nova no Notaponte, abra:\n{link}\n\nO link"
    " vale por 2 horas e uma única vez. Se você não pediu, ignore esta mensagem: a sua senha"
    " continua a mesma.\n\nNotaponte, {panel}\n",
    "people.mailed": "Enviado por e-mail",
    "people.mailed_text": "O link foi enviado para {to}.",
    "people.not_mailed": "O e-mail não saiu: copie o link e envie-o você mesmo.",
    "people.renew": "Enviar de novo",
    "people.renew_of": "Enviar de novo o convite de {name}",
    "people.renew_text": "O convite anterior deixa de valer.",
    "people.invite_by_mail": "Com o e-mail, o convite vai direto para a pessoa, e só ela pode"
    " usá-lo. Sem ele, mostramos o link para você enviar.",
    "people.link_unknown": "Este convite já foi usado, retirado ou venceu. Crie outro.",
    "forgot.title": "Esqueci a senha",
    "forgot.text": "Se houver um acesso com este e-mail, enviamos um link para criar uma senha"
    " nova.",
    "forgot.go": "Enviar o link",
    "forgot.sent": "Se houver um acesso com este e-mail, o link chega em instantes. Confira também"
    " a caixa de spam.",
    "other.or": "ou",
    "other.go": "Entrar com {name}",
    "other.join": "Aceitar com {name}",
    "other.away": "Não foi possível falar com {name} agora. Tente de novo em um minuto, ou entre"
    " com a sua senha.",
    "other.refused": "A entrada com {name} não foi aceita. Comece de novo.",
    "other.no_email": "{name} não confirmou o seu e-mail. Confirme-o lá, ou entre com a sua senha.",
    "other.not_invited": "Não há acesso com o e-mail que {name} informou. Peça um convite a um"
    " responsável da sua empresa.",
    "other.other_email": "Já existe acesso com este e-mail. Entre primeiro e depois aceite o"
    " convite.",
    "other.already_in": "Você já tem acesso a esta empresa. Entre sem o convite.",
    "other.late": "A entrada demorou demais. Comece de novo.",
}

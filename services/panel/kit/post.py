"""Links by mail, where a server is named; otherwise, or when it fails, shown to who made them."""

from dataclasses import dataclass

from services.panel.kit.page import Visit
from services.panel.texts import text
from shared.db.people.links_store import LinkKind
from shared.ways_in.mail import MailNotSent, send_mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a link: mailed to an address, or to be shown; `failed` where it was tried."""

    to: str = ""
    link: str = ""
    failed: bool = False


async def send_link(
    visit: Visit, kind: LinkKind, link: str, to: str | None, company: str = ""
) -> Sent:
    """Mail a link to somebody; whatever was committed stays, also when the mail does not leave."""
    settings = visit.resources.mail
    if settings is None or to is None:
        return Sent(link=link)
    said = text(f"mail.{kind}", company=company, link=link, panel=visit.resources.public_url)
    subject = text(f"mail.{kind}_subject", company=company)
    try:
        await send_mail(settings, to, subject, said)
    except MailNotSent:
        return Sent(link=link, failed=True)
    return Sent(to=to)

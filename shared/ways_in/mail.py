"""Mail that leaves by a server of the operator's: one message at a time, never in a transaction."""

from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

import aiosmtplib
import structlog

from shared.config.ways_in import MailSettings

log = structlog.get_logger()

ASCII_DOMAIN: Final = "notaponte.invalid"  # what an id ends with says nothing of this machine


class MailNotSent(Exception):
    """It did not leave, as far as is known; whoever asked decides what to do instead."""


async def send_mail(settings: MailSettings, to: str, subject: str, text: str) -> None:
    """Send a message to one person; raises MailNotSent. Not safe to repeat blindly.

    Nothing of it reaches a log: neither the address nor a link in it.
    """
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = to
    message["Subject"] = " ".join(subject.split())
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=ASCII_DOMAIN)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        await aiosmtplib.send(
            message,
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls,
            start_tls=settings.start_tls,
            username=settings.user or None,
            password=settings.password.reveal() or None,
            timeout=settings.timeout.total_seconds(),
        )
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        log.warning("mail_not_sent", error=type(error).__name__)
        raise MailNotSent from error

"""Mail by SMTP: a body that any reader shows, the report attached, one Message-ID for every try."""

from __future__ import annotations

import hashlib
import mimetypes
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from bkkenergy.adapters.delivery.base import DeliveryFailed, Notification, is_of_mailbox
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.i18n import Words
from bkkenergy.recipients import MailSettings, Recipient
from bkkenergy.settings import Settings

NEVER_TAKEN = 500


def send_mail(settings: Settings, recipient: Recipient, message: Notification) -> None:
    """Send a message through the mail server. Raises DeliveryFailed, ConfigError."""
    mail = settings.mail
    if not mail.host:
        raise ConfigError([Fault.of("no_mail_server", "bkkenergy.toml: mail.host")])
    try:
        email = composed(mail, recipient, message)
    except ValueError as error:  # a line break in a name or an address, which could smuggle in a header
        raise DeliveryFailed(f"the mail cannot be written: {error}", is_final=True) from None
    try:
        with _connected(mail) as server:
            if mail.username and mail.password:
                server.login(mail.username, mail.password.get_secret_value())
            server.send_message(email)
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        said = f"{recipient.to} is refused ({error.recipients})"
        is_of_address = is_of_mailbox(f"{code} {answer.decode(errors='replace')}")
        raise DeliveryFailed(said, is_final=code >= NEVER_TAKEN, is_of_address=is_of_address) from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryFailed(f"{mail.host}:{mail.port}: {error}", is_final=False) from error


def composed(mail: MailSettings, recipient: Recipient, message: Notification) -> EmailMessage:
    """Return the message as mail."""
    email = EmailMessage()
    domain = parseaddr(mail.sender)[1].rpartition("@")[2] or "localhost"
    digest = hashlib.sha256(f"{message.key} {recipient.to}".encode()).hexdigest()[:32]
    email["Message-ID"] = f"<{digest}@{domain}>"
    email["Date"] = formatdate(localtime=True)
    email["From"], email["To"], email["Subject"] = mail.sender, recipient.to, message.subject
    email["Auto-Submitted"] = "auto-generated"
    text, html = message.text, message.html
    if message.unsubscribe:
        email["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        email["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        said = Words(recipient.language)("unsubscribe.link")
        text += f"\n\n{said}: {message.unsubscribe}"
        link = f'<p style="padding:0 20px"><a href="{message.unsubscribe}">{said}</a></p></body>'
        html = html.replace("</body>", link)
    email.set_content(text)
    if html:
        email.add_alternative(html, subtype="html")
    for name, content in message.attachments.items():
        main, _, sub = (mimetypes.guess_type(name)[0] or "application/octet-stream").partition("/")
        email.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return email


def _connected(mail: MailSettings) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=str(mail.ca_file) if mail.ca_file else None)
    if mail.tls == "tls":
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=mail.timeout_s, context=context)
    server = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_s)
    if mail.tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server

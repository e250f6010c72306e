"""Where reports, papers and messages go: their kinds, formats and recipients, and the servers that take them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, SecretStr, model_validator

from bkkenergy.errors import WrongValue
from bkkenergy.tomlfiles import Frozen

MAIL_PASSWORD_VARIABLE = "BKKENERGY_MAIL_PASSWORD"  # noqa: S105 - a name, not a secret
PICTURE = "png"
"""A report's first page, for LINE."""

CITY = "city"
"""What the report of all agencies together is filed under, beside the agencies' ids."""
ALL = "all"
"""Every agency, and the city."""

Port = Annotated[int, Field(ge=1, le=65_535)]
ReportFormat = Literal["html", "pdf", "xlsx", "docx", "json", "csv"]
ReportLang = Literal["th", "en"]
AttachedFormat = Literal["pdf", "xlsx", "docx", "csv", "html"]
ReportKind = Literal["day", "week", "month", "quarter", "fiscal_year"]
PaperKind = Literal["poster", "committee", "pv", "progress", "training", "partner", "memo"]
ENERGY: Literal["energy"] = "energy"
"""The energy report itself, beside its papers."""
DocumentKind = Literal["energy", PaperKind]
DOCUMENT_KINDS: tuple[DocumentKind, ...] = get_args(DocumentKind)
ATTACHED_FORMATS: tuple[AttachedFormat, ...] = get_args(AttachedFormat)


class BounceSettings(Frozen):
    """The mailbox that delivery reports come to, by IMAP: that of `sender`. A report that is read is marked so."""

    host: Annotated[str, Field(min_length=1)]
    port: Port = 993
    tls: Literal["starttls", "tls", "none"] = "tls"
    username: Annotated[str, Field(min_length=1)]
    password_file: Path
    folder: str = "INBOX"


class MailSettings(Frozen):
    """The server that takes our mail. `tls`: "starttls", "tls" from the first byte, or "none" (intranet only)."""

    host: str = ""
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Path | None = None
    username: str | None = None
    password: SecretStr | None = Field(default=None, description=f"from ${MAIL_PASSWORD_VARIABLE} or password_file")
    password_file: Path | None = None
    sender: str = "bkkenergy <bkkenergy@localhost>"
    timeout_s: Annotated[float, Field(gt=0)] = 30.0
    bounces: BounceSettings | None = None


class LineSettings(Frozen):
    """The LINE Messaging API. secret_file : the channel's access token, for users who want messages by LINE.

    pictures : a report comes with a picture of its first page, by a link of `web.public_address` that opens for a week.
    """

    url: str = "https://api.line.me"
    timeout_s: Annotated[float, Field(gt=0)] = 15.0
    secret_file: Path | None = None
    pictures: bool = False


class Recipient(Frozen):
    """Who is sent what: reports of some kinds and agencies, alerts, or both.

    to : a mail address, a webhook's URL, or a LINE user's or group's id. secret_file : the webhook's signing key,
    or the LINE channel's access token. documents : the energy report, papers, or both. formats : of
    the files that a mail has attached; a paper without one of them is attached in its usual form.
    """

    channel: Literal["mail", "webhook", "line"] = "mail"
    to: Annotated[str, Field(min_length=3)]
    agencies: Annotated[tuple[str, ...], Field(min_length=1)] = (ALL,)
    reports: tuple[ReportKind, ...] = ("day", "month", "fiscal_year")
    alerts: bool = False
    documents: Annotated[tuple[DocumentKind, ...], Field(min_length=1)] = (ENERGY,)
    formats: Annotated[tuple[AttachedFormat, ...], Field(min_length=1)] = ("pdf",)
    language: ReportLang = "th"
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _channel_has_what_it_needs(self) -> Self:
        if self.channel == "mail" and "@" not in self.to:
            raise WrongValue("no_address", to=self.to)
        if self.channel != "mail" and self.secret_file is None:
            raise WrongValue("needs_secret", channel=self.channel)
        return self

    def wants(self, agency: str) -> bool:
        """Return whether an agency's matters are this recipient's."""
        return ALL in self.agencies or agency in self.agencies

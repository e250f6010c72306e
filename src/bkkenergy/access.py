"""Who may do what: roles, powers and their scope, and passwords that are good enough. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from bkkenergy.commonpasswords import is_common
from bkkenergy.errors import NotAllowed, NotThere

Role = Literal["viewer", "manager", "engineer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
Power = Literal[
    "see", "dismiss", "plan", "edit", "propose", "design", "operate", "administer", "portfolio", "serve", "send"
]
POWERS: tuple[Power, ...] = get_args(Power)
TokenScope = Literal["read", "write", "records", "readings", "wall", "server"]
TOKEN_SCOPES: tuple[TokenScope, ...] = get_args(TokenScope)

SERVER_POWERS: frozenset[Power] = frozenset({"portfolio", "serve"})
"""Powers over what belongs to no agency. Only an admin of all agencies has them."""

MANAGER: frozenset[Power] = frozenset({"see", "dismiss", "plan", "edit", "propose"})
MAY: dict[Role, frozenset[Power]] = {
    "viewer": frozenset({"see"}),
    "manager": MANAGER,
    "engineer": MANAGER | {"design", "send"},
    "admin": frozenset(POWERS),
}
"""see: everything of one's agencies; dismiss: hide findings until they grow; plan: change projects; edit: change
records of one's agencies; propose: ask for other changes of records; design: store solar scenarios; send: readings of
one's meters; operate: runs of reports; administer: users and their tokens. Of the server: portfolio: records that
agencies share, and the plan's targets; serve: quarantine, settings, messages, imports, the audit log."""

TOKEN_MAY: dict[TokenScope, frozenset[Power]] = {
    "read": frozenset({"see"}),
    "write": MANAGER | {"design"},
    "records": MANAGER | {"design", "portfolio"},
    "readings": frozenset({"send"}),
    "wall": frozenset(),
    "server": frozenset(POWERS),
}
"""What a token may at most; its user's role and agencies narrow it further. wall: the wall display and nothing else."""

EVERY_AGENCY = "all"
MIN_PASSWORD = 12
MAX_PASSWORD = 256


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for something, as use cases and the audit log know one. Without powers it may do nothing.

    address : where the request came from, empty on this machine. agencies : ids, or "all". user_id : of an account.
    """

    name: str
    address: str = ""
    powers: frozenset[Power] = frozenset()
    agencies: tuple[str, ...] = ()
    user_id: int | None = None

    @property
    def sees_all(self) -> bool:
        """Whether every agency is this actor's, and with them the city."""
        return EVERY_AGENCY in self.agencies

    def reaches(self, agency: str) -> bool:
        """Whether an agency (or the city) is this actor's."""
        return self.sees_all or agency in self.agencies

    def may(self, power: Power, agency: str | None = None) -> bool:
        """Whether the actor may do something, of an agency where it is one's matter."""
        if power in SERVER_POWERS and not self.sees_all:
            return False
        return power in self.powers and (agency is None or self.reaches(agency))

    def need(self, power: Power, *agencies: str) -> None:
        """Raise NotThere where an agency is out of the actor's reach, else NotAllowed where the power is missing."""
        if EVERY_AGENCY in agencies and not self.sees_all:
            raise NotAllowed
        if not all(self.reaches(agency) for agency in agencies):
            raise NotThere
        if not self.may(power):
            raise NotAllowed

    def reachable(self, agencies: Iterable[str]) -> list[str]:
        """Return those of some agencies that are this actor's."""
        return [agency for agency in agencies if self.reaches(agency)]


def server_actor(name: str) -> Actor:
    """Return an actor with every power over everything: who works on the machine itself."""
    return Actor(name, powers=frozenset(POWERS), agencies=(EVERY_AGENCY,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user as the rest of the service sees one. agencies : ids, or "all". scope : of the token that was sent."""

    id: int
    name: str
    display: str
    role: Role
    agencies: tuple[str, ...]
    language: str = "th"
    must_change: bool = False
    scope: TokenScope = "server"

    def actor(self, address: str = "") -> Actor:
        """Return the user as one who acts, with the powers that role and token both give."""
        powers = MAY[self.role] & TOKEN_MAY[self.scope]
        return Actor(self.name, address, powers, self.agencies, self.id)

    @property
    def sees_all(self) -> bool:
        """Whether every agency is this user's, and with them the city."""
        return self.actor().sees_all

    def reaches(self, agency: str) -> bool:
        """Whether an agency (or the city) is this user's."""
        return self.actor().reaches(agency)

    def may(self, power: Power, agency: str | None = None) -> bool:
        """Whether the user may do something, of an agency where it is one's matter."""
        return self.actor().may(power, agency)

    def reachable(self, agencies: Iterable[str]) -> list[str]:
        """Return those of some agencies that are this user's."""
        return self.actor().reachable(agencies)


GUESSED_WORDS = (
    "bkkenergy", "krungthep", "bangkok", "thailand", "thai", "siam", "metropolitan", "district", "government", "energy",
    "meter", "solar", "electricity", "building", "school", "hospital", "health", "education", "office", "city", "bkk",
    "bma", "mea", "pea", "administrator", "admin", "operator", "manager", "engineer", "viewer", "user", "root", "guest",
    "password", "passphrase", "passwort", "passwd", "pass", "secret", "changeme", "change", "letmein", "welcome",
    "login", "default", "temp", "test", "demo", "hello", "iloveyou", "love", "lucky", "happy", "money", "family",
    "monkey", "dragon", "tiger", "football", "baseball", "liverpool", "chelsea", "manchester", "superman", "batman",
    "pokemon", "starwars", "sunshine", "princess", "flower", "master", "shadow", "computer", "internet", "samsung",
    "google", "facebook", "summer", "winter", "spring", "autumn", "january", "february", "march", "april", "june",
    "july", "august", "september", "october", "november", "december", "monday", "friday", "sunday", "trustno1",
    "กรุงเทพมหานคร", "กรุงเทพ", "กทม", "ไทย", "พลังงาน", "ไฟฟ้า", "รหัสผ่าน", "ผู้ดูแลระบบ", "แอดมิน", "สวัสดี", "โรงเรียน",
)  # fmt: skip
"""Words of this service, its city and its trade, and those that lists of stolen passwords begin with."""
ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "กขคฆงจฉชซฌญ", "ๆไำพะัีรนยบล", "ฟหกดเ้่าสว", "ผปแอิืทมใฝ",
)  # fmt: skip
READ_AS = str.maketrans("@430$5!17", "aaeossiit")
MIN_RUN, MIN_LEFT = 4, 5


def is_guessed(password: str) -> bool:
    """Return whether next to nothing is left of a password without common words, years, runs of keys and repeats."""
    plain = unicodedata.normalize("NFKC", password).casefold()
    words = [unicodedata.normalize("NFKC", word) for word in sorted(GUESSED_WORDS, key=len, reverse=True)]
    left = {_without(plain, words), _without(plain.translate(READ_AS), words)}
    return any(len(set(rest)) < MIN_LEFT for rest in left)


def _without(text: str, words: Iterable[str]) -> str:
    """Return the letters of a text that belong to no common word, no year, no run of keys and no repeat."""
    for word in words:
        text = text.replace(word, " ")
    runs = [unicodedata.normalize("NFKC", row) for row in ROWS]
    for row in (*runs, *(row[::-1] for row in runs)):
        for length in range(len(row), MIN_RUN - 1, -1):
            for start in range(len(row) - length + 1):
                text = text.replace(row[start : start + length], " ")
    text = re.sub(r"(?:19|20|24|25)\d\d|\d{1,2}(?!\d)", " ", text)
    text = re.sub(r"(.{1,4}?)\1+", r"\1", text)
    return "".join(sign for sign in text if sign.isalnum())


def password_fault(password: str, name: str) -> str | None:
    """Return what is wrong with a password, as a key of the texts; None where it is good enough.

    Length rather than rules of composition: NIST SP 800-63B, section 5.1.1.
    """
    if len(password) < MIN_PASSWORD:
        return "web.password_short"
    if len(password) > MAX_PASSWORD:
        return "web.password_long"
    is_plain = name.lower() in password.lower() or len(set(password)) < MIN_PASSWORD // 3
    if is_plain or is_common(password) or is_guessed(password):
        return "web.password_guessed"
    return None

"""Faults: where, what is wrong, and the remedy; and the exceptions that carry them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from bkkenergy.texts import Lang, filled


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a person has to correct.

    where : file and key, topic, or meter.
    what : what is wrong, with the value that was found.
    remedy : what to do about it.
    key, values : its texts in the catalogues, for readers of either language. since : the day that it comes with.
    """

    where: str
    what: str
    remedy: str
    key: str = field(default="", compare=False, repr=False)
    values: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    since: dt.date | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, key: str, where: str, /, **values: object) -> Self:
        """Make the fault of a key under [fault] of the catalogues: its text, and its remedy under the key with `_do`.

        Parameters
        ----------
        key : str
            The key of the text.
        where : str
            File and key, topic, or meter.
        **values : object
            What fills the places of both texts.

        Returns
        -------
        Fault
            The fault, in English until it is said.

        Examples
        --------
        >>> from bkkenergy.errors import Fault
        >>> str(Fault.of("missing", "agency[2].name_th"))
        'agency[2].name_th: the key is missing. Add it.'
        """
        what, remedy = (filled("en", f"fault.{name}", values) for name in (key, f"{key}_do"))
        return cls(where, what, remedy, key, values)

    def from_day(self, day: dt.date) -> Self:
        """Return the fault as one that comes with a day."""
        return replace(self, what=f"from {day} on: {self.what}", since=day)

    def said(self, lang: Lang) -> Fault:
        """Return the fault in a language. One without a key has its English text alone.

        Parameters
        ----------
        lang : str
            "th" or "en".

        Returns
        -------
        Fault
            With text and remedy in that language.

        Examples
        --------
        >>> from bkkenergy.errors import Fault
        >>> Fault.of("missing", "name_th").said("th").what
        'ไม่ได้กรอกช่องนี้'
        """
        if lang == "en" or not self.key:
            return self
        what, remedy = (filled(lang, f"fault.{name}", self.values) for name in (self.key, f"{self.key}_do"))
        if self.since is not None:
            what = filled(lang, "fault.from_day", {"day": self.since, "what": what})
        return replace(self, what=what, remedy=remedy)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}"


class WrongValue(ValueError):
    """What a model refuses, by a key under [fault] of the catalogues."""

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, values
        super().__init__(filled("en", f"fault.{key}", values))


class BkkEnergyError(Exception):
    """Root of all errors whose text is meant for a person. `exit_code` is what a command returns.

    key, values : its text in the catalogues, for pages in either language. An error without a key of its own is shown
    on a Thai page by the text of its class, and its English text goes to the log.
    """

    exit_code = 1
    key = "web.error_422"
    values: Mapping[str, object] | None = None

    @classmethod
    def of(cls, key: str, **values: object) -> Self:
        """Make the error of a key under [error] of the catalogues, its text in English.

        Parameters
        ----------
        key : str
            The key of the text.
        **values : object
            What fills the text's places.

        Returns
        -------
        BkkEnergyError
            The error, to be raised.

        Examples
        --------
        >>> from bkkenergy.errors import InputError
        >>> str(InputError.of("no_number", field="kwp", given="many"))
        "kwp 'many' is no number."
        """
        error = cls(filled("en", f"error.{key}", values))
        error.key, error.values = f"error.{key}", values
        return error

    def said(self, lang: Lang) -> str:
        """Return what a person reads of the error in a language.

        Parameters
        ----------
        lang : str
            "th" or "en".

        Returns
        -------
        str
            The text.

        Examples
        --------
        >>> from bkkenergy.errors import InputError
        >>> InputError.of("no_number", field="kwp", given="many").said("th")
        'kwp: “many” ไม่ใช่ตัวเลข'
        """
        if self.values is None and lang == "en":
            return str(self)
        return filled(lang, self.key, self.values or {})


class ConfigError(BkkEnergyError):
    """The configuration cannot be used. Carries every fault found, not the first alone."""

    key = "error.config"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def said(self, lang: Lang) -> str:
        """Return every fault in a language; a general text where one of them has no text there.

        Parameters
        ----------
        lang : str
            "th" or "en".

        Returns
        -------
        str
            A fault a line.

        Examples
        --------
        >>> from bkkenergy.errors import ConfigError, Fault
        >>> ConfigError([Fault.of("missing", "name_th")]).said("th")
        'name_th: ไม่ได้กรอกช่องนี้. โปรดกรอก'
        """
        if lang == "en" or not self.faults or not all(fault.key for fault in self.faults):
            return super().said(lang)
        return "\n".join(str(fault.said(lang)) for fault in self.faults)


class InputError(BkkEnergyError):
    """A file or an argument that a person gave cannot be used."""

    exit_code = 2


class UnavailableError(BkkEnergyError):
    """A server that is needed does not answer: broker or store. Trying again later can help."""

    exit_code = 3
    key = "web.error_503"


class NotAllowed(BkkEnergyError):
    """The actor has not the power to do this."""

    exit_code = 2
    key = "web.error_403"

    def __init__(self, text: str = "not allowed") -> None:
        super().__init__(text)


class NotThere(BkkEnergyError):
    """What is asked for does not exist, or is out of the actor's reach: the two look alike."""

    exit_code = 2
    key = "web.error_404"

    def __init__(self, text: str = "not found") -> None:
        super().__init__(text)

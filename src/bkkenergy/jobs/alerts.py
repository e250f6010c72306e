"""Alerts: silent meters, a new peak in the making, findings of weight; in digests, never at night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import structlog

from bkkenergy.adapters.state import StateStore, transaction, us_of
from bkkenergy.adapters.state.alerts import Alarm, last_sent_us, mark_sent, reconcile, unsent_alerts
from bkkenergy.adapters.state.outbox import OutboxMessage, post
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.i18n import Words
from bkkenergy.jobs.reminders import KINDS, reminders
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.belongings import asked_about
from bkkenergy.readings import US_PER_S, FloatArray
from bkkenergy.recipients import Recipient
from bkkenergy.reports.alert_words import alert_line
from bkkenergy.reports.content import AgencyReport
from bkkenergy.settings import AlertSettings, Settings
from bkkenergy.site import Site
from bkkenergy.usecases.energy import buildings_quarters

MAX_PEOPLE = 3
"""Of a building in a message."""
log = structlog.get_logger(__name__)

QUARTER = pd.Timedelta(minutes=15)
QUARTERS_AN_HOUR = 4
BUILDINGS_AT_ONCE = 200
"""Whose quarter-hours are read together: of two months each, once."""
FRESH = pd.Timedelta(minutes=45)
"""A quarter-hour older than this says nothing of what is about to happen."""


def silent_meters(
    portfolio: Portfolio, last_seen_us: Mapping[str, int], now: dt.datetime, silent_h: float
) -> list[Alarm]:
    """List meters that have sent before and have been silent for long. silent_h : where no record says otherwise."""
    return [
        Alarm(
            key=f"meter_silent/{meter.id}/{last_seen_us[meter.id]}",
            kind="meter_silent",
            agency=building.agency,
            building=building.id,
            meter=meter.id,
            figures={"last_seen_us": last_seen_us[meter.id]},
        )
        for building in portfolio.buildings.values()
        for before_us in (_silent_before_us(portfolio, building, now, silent_h),)
        for meter in building.meters
        if last_seen_us.get(meter.id, before_us) < before_us
    ]


def _silent_before_us(portfolio: Portfolio, building: Building, now: dt.datetime, silent_h: float) -> int:
    limit_h = portfolio.threshold("silent_h", silent_h, agency=building.agency, building=building.id)
    return us_of(now) - int(limit_h * 3600 * US_PER_S)


def finding_alarms(report: AgencyReport, portfolio: Portfolio, min_thb: float) -> list[Alarm]:
    """List a report's findings that are worth enough baht a month; one alerts again the month after.

    min_thb : that are enough where no record says otherwise.
    """
    return [
        Alarm(
            key=f"finding/{finding.building}/{finding.rule}/{report.last_day:%Y-%m}",
            kind="finding",
            agency=report.agency_id,
            building=finding.building,
            figures={"rule": finding.rule, "cost_thb_a_month": finding.cost_thb_a_month},
        )
        for finding in report.findings
        if finding.cost_thb_a_month
        >= portfolio.threshold("finding_thb", min_thb, agency=report.agency_id, building=finding.building)
    ]


@dataclass
class PeakWatch:
    """The highest quarter-hour of this month and the last, of each building; read once, then only what is new."""

    _month: dict[str, tuple[str, float]] = field(default_factory=dict)
    _through: dict[str, pd.Timestamp] = field(default_factory=dict)

    def alarms(self, site: Site, now: dt.datetime, near_ratio: float) -> list[Alarm]:
        """List buildings with a latest quarter-hour near the highest of this month and the last."""
        moment = pd.Timestamp(now).tz_convert(BANGKOK).floor(QUARTER)
        by_start: dict[pd.Timestamp, list[Building]] = {}
        for building in site.portfolio.buildings.values():
            if building.main_meters and _pays_demand(site, building, moment.date()):
                by_start.setdefault(self._start(building, moment), []).append(building)
        return [
            alarm
            for start, buildings in by_start.items()
            if start < moment
            for at in range(0, len(buildings), BUILDINGS_AT_ONCE)
            for alarm in self._of_some(site, buildings[at : at + BUILDINGS_AT_ONCE], start, moment, near_ratio)
        ]

    def _start(self, building: Building, moment: pd.Timestamp) -> pd.Timestamp:
        """Return from when on a building is not looked at yet: in a new month what counts is the last month's peak."""
        known_month, _ = self._month.get(building.id, ("", 0.0))
        if known_month == f"{moment:%Y-%m}":
            return self._through[building.id]
        return (moment.normalize().replace(day=1) - pd.Timedelta(days=1)).replace(day=1)

    def _of_some(
        self, site: Site, buildings: Sequence[Building], start: pd.Timestamp, moment: pd.Timestamp, near_ratio: float
    ) -> Iterator[Alarm]:
        """Look at buildings that are read together."""
        quarters = buildings_quarters(site.energy, buildings, Period(start, moment))
        for building, of_building in zip(buildings, quarters, strict=True):
            yield from self._look(site, building, of_building.firm_kwh, start, moment, near_ratio)

    def _look(
        self,
        site: Site,
        building: Building,
        firm_kwh: FloatArray,
        start: pd.Timestamp,
        moment: pd.Timestamp,
        near_ratio: float,
    ) -> Iterator[Alarm]:
        month = f"{moment:%Y-%m}"
        known_month, highest_kw = self._month.get(building.id, ("", 0.0))
        if known_month != month:
            highest_kw = 0.0
        skipped = int((start - start.normalize()) / QUARTER)
        power_kw = firm_kwh[skipped : skipped + int((moment - start) / QUARTER)] * QUARTERS_AN_HOUR
        known = np.flatnonzero(np.isfinite(power_kw))
        if len(known) == 0:
            return
        last = int(known[-1])
        before = power_kw[known[:-1]]
        reference_kw = max(highest_kw, float(before.max()) if len(before) else 0.0)
        self._month[building.id] = (month, reference_kw)
        self._through[building.id] = start + last * QUARTER  # the latest is looked at again, with what comes after
        near_ratio = site.portfolio.threshold(
            "near_peak_ratio", near_ratio, agency=building.agency, building=building.id
        )
        latest_kw, ended = float(power_kw[last]), start + (last + 1) * QUARTER
        if moment - ended <= FRESH and reference_kw > 0 and latest_kw >= near_ratio * reference_kw:
            yield Alarm(
                key=f"near_peak/{building.id}/{moment:%Y-%m-%d}",
                kind="near_peak",
                agency=building.agency,
                building=building.id,
                figures={"power_kw": latest_kw, "peak_kw": reference_kw},
            )


def _pays_demand(site: Site, building: Building, day: dt.date) -> bool:
    schedule = site.figures.tariffs.schedules.get(site.portfolio.schedule_of(building))
    return schedule is not None and bool(schedule.rates_on(day).demand_thb_per_kw)


def detect_alerts(site: Site, engine: StateStore, peaks: PeakWatch, now: dt.datetime) -> int:
    """Check meters, peaks and what is owed, and enter what is new; return how many alerts were opened."""
    alerts = site.settings.alerts
    seen = site.energy.seen([meter.id for meter in site.portfolio.meters])
    last_seen_us = {name: meter_seen.last_us for name, meter_seen in seen.items()}
    alarms = silent_meters(site.portfolio, last_seen_us, now, alerts.silent_h)
    alarms += peaks.alarms(site, now, alerts.near_peak_ratio)
    alarms += reminders(site, now)
    return reconcile(engine, alarms, now, kinds={"meter_silent", "near_peak", *KINDS})


def is_quiet(alerts: AlertSettings, now: dt.datetime) -> bool:
    """Return whether it is a quiet hour."""
    clock = now.astimezone(BANGKOK).time()
    start, end = dt.time.fromisoformat(alerts.quiet_from), dt.time.fromisoformat(alerts.quiet_to)
    return start <= clock < end if start <= end else clock >= start or clock < end


def send_digest(engine: StateStore, settings: Settings, portfolio: Portfolio, now: dt.datetime) -> int:
    """Put alerts not sent yet into one digest a recipient; return how many were put.

    Nothing in quiet hours, nor sooner after the last digest than the settings say: alerts wait and come together.
    """
    alerts = settings.alerts
    recipients = [recipient for recipient in settings.recipient if recipient.alerts]
    before_us = last_sent_us(engine)
    is_soon = before_us is not None and us_of(now) - before_us < alerts.digest_min * 60 * US_PER_S
    if not recipients or is_soon or is_quiet(alerts, now):
        return 0
    alarms = unsent_alerts(engine)
    if not alarms:
        return 0
    with transaction(engine) as connection:
        for recipient in recipients:
            chosen = [alarm for alarm in alarms if recipient.wants(alarm.agency)]
            if chosen:
                key = f"alerts/{us_of(now)}/{recipient.channel}/{recipient.to}"
                message = digest(chosen, recipient, portfolio)
                post(connection, key=key, channel=recipient.channel, recipient=recipient.to, message=message, now=now)
        mark_sent(connection, alarms, now)
    log.info("alerts_queued", alerts=len(alarms), recipients=len(recipients))
    return len(alarms)


def digest(alarms: Sequence[Alarm], recipient: Recipient, portfolio: Portfolio) -> OutboxMessage:
    """Format alerts as one message in the recipient's language, with the people to ask at its end."""
    words = Words(recipient.language)
    alert_lines = [alert_line(alarm, portfolio, words) for alarm in alarms]
    lines = [f"• {line['place']}: {line['text']}" for line in alert_lines]
    people = {
        f"{line['place']}: {person}": None
        for line in alert_lines
        for person in asked_about(portfolio, line["building"])[:MAX_PEOPLE]
    }
    if people:
        lines += ["", words("alert.ask"), *people]
    data = {
        "kind": "alerts",
        "alerts": [{"key": alarm.key, "building": alarm.building, **alarm.figures} for alarm in alarms],
    }
    return OutboxMessage(subject=words("alert.subject", count=len(alarms)), text="\n".join(lines), data=data)

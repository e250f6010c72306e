"""A small agency with readings that a test can bend, and the report made from it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.carbon import GridFactor
from bkkenergy.portfolio import Agency, Building, OpeningCalendar, Portfolio
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.build import AgencyInputs, build_report
from bkkenergy.reports.content import AgencyReport
from bkkenergy.settings import ReportSettings
from bkkenergy.site.figures import Prices
from bkkenergy.tariff.flat import FlatRate
from bkkenergy.usecases.balance import sub_meters
from tests.builders import DAY, QUARTER_US, FromQuarters, meter, quarters, refused

WEEKS = 4
STEPS_PER_DAY = 96
NOW = dt.datetime(2026, 11, 24, 7, 0, tzinfo=BANGKOK)
RATE = FlatRate(
    name_th="อัตรา",
    name_en="Rate",
    energy_thb_per_kwh=3.9,
    ft_thb_per_kwh=0.1,
    vat_ratio=0.07,
    source="test",
    entered=dt.date(2026, 1, 1),
)
FACTOR = GridFactor(
    purpose="footprint", valid_from=dt.date(2021, 1, 1), kg_co2e_per_kwh=0.5, source="test", grade="V",
    entered=dt.date(2026, 1, 1),
)  # fmt: skip
OFFICE = OpeningCalendar(
    id="office",
    name_th="ราชการ",
    name_en="Office",
    source="test",
    hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-16:30"),
)


def building(name: str, *meters) -> Building:
    return Building(
        id=f"agency.{name}", agency="agency", name_th=f"อาคาร {name}", name_en=f"Building {name}", type="office",
        gross_floor_area_m2=1000, latitude_deg=13.7, longitude_deg=100.5, tariff="x", calendar="office", meters=meters,
    )  # fmt: skip


class Scene:
    """Two buildings of one main meter each (the first with a sub-meter), at steady load for 29 days."""

    def __init__(self) -> None:
        self.meters = [
            meter("main", id="agency.one.main", building="agency.one", topic="t/1"),
            meter("sub", id="agency.one.sub", building="agency.one", topic="t/2", parent="agency.one.main"),
            meter("main", id="agency.two.main", building="agency.two", topic="t/3"),
        ]
        self.period = DAY
        self.kw = np.array([[40.0], [10.0], [20.0]]) * np.ones((3, (WEEKS * 7 + 1) * STEPS_PER_DAY))
        self.sent = np.ones((3, self.kw.shape[1] + 1), bool)
        self.register_shift_kwh = np.zeros((3, self.kw.shape[1] + 1))
        self.thresholds = ReportSettings()
        self.demonstration = False
        self.prices: tuple[Prices, ...] = ()

    def lengthen(self, days: int) -> None:
        """Begin the period some days earlier, with data as steady."""
        self.period = Period.days(self.period.first_day - dt.timedelta(days=days), self.period.last_day)
        steps = days * STEPS_PER_DAY
        self.kw = np.hstack((self.kw[:, :steps], self.kw))
        self.sent = np.ones((3, self.kw.shape[1] + 1), bool)
        self.register_shift_kwh = np.zeros((3, self.kw.shape[1] + 1))

    def day(self, days_before: int) -> slice:
        """The steps of a day before (0 = the day of the report)."""
        start = (WEEKS * 7 - days_before) * STEPS_PER_DAY
        return slice(start, start + STEPS_PER_DAY)

    def inputs(self) -> AgencyInputs:
        span = self.period.with_days_before(WEEKS * 7)
        register = 1000 + np.concatenate((np.zeros((3, 1)), np.cumsum(self.kw / 4, axis=1)), axis=1)
        register += self.register_shift_kwh
        ts_us = timestamp_us(span.start) + np.arange(register.shape[1]) * QUARTER_US
        number, step = np.nonzero(self.sent)
        ids = tuple(one.id for one in self.meters)
        batch = ReadingBatch(ids, number, ts_us[step], {"energy_kwh": register[number, step]})
        by_building = {
            name: [one for one in self.meters if one.building == name] for name in ("agency.one", "agency.two")
        }
        portfolio = Portfolio(
            agencies={
                "agency": Agency(id="agency", name_th="หน่วยงาน", name_en="Agency", demonstration=self.demonstration)
            },
            buildings={name: building(name[7:], *own) for name, own in by_building.items()},
            calendars={"office": OFFICE},
        )
        energy, exported = quarters(batch, self.meters, span), quarters(batch, self.meters, span, "export")
        ledger = FromQuarters({"import": energy, "export": exported})
        return AgencyInputs(
            agency=portfolio.agencies["agency"],
            portfolio=portfolio,
            period=self.period,
            energy=energy,
            exported=exported,
            sub_meters=sub_meters(ledger, portfolio.buildings["agency.one"], self.period, "15min"),
            refused=refused(batch, self.meters, self.period),
            last_seen={one.id: NOW for one in self.meters},
            prices=self.prices or (Prices(self.period.first_day, self.period.last_day, RATE, FACTOR),),
            thresholds=self.thresholds,
        )

    def report(self) -> AgencyReport:
        return build_report(self.inputs(), generated_at=NOW)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def scene_on():
    def make(day: str) -> Scene:
        scene = Scene()
        scene.period = Period.day(dt.date.fromisoformat(day))
        return scene

    return make

"""Bills that others published, line by line: real ones of PEA, worked examples, and test cases of other programs.

Rates of households stand here, for no building of the city is on schedule 1.
"""

import datetime as dt

import pytest

from bkkenergy.tariff.bill import bill_of
from bkkenergy.tariff.quantities import Quantities
from bkkenergy.tariff.schedule import (
    Eligibility,
    EnergyBlock,
    Ft,
    LowSide,
    OffPeakDays,
    Rates,
    Rules,
    Schedule,
    Supply,
    Tariffs,
    Vat,
)

SOURCED = {"source": "published bill", "grade": "V", "entered": dt.date(2026, 11, 24)}
LONG_AGO = dt.date(2000, 1, 1)
JULY, APRIL = dt.date(2026, 7, 1), dt.date(2026, 4, 1)
GENERAL = {"service_thb_per_month": 312.24, "minimum_demand_share": 0.7, "has_power_factor_charge": True}
TOU_MV = GENERAL | {
    "on_peak_thb_per_kwh": 4.1839, "off_peak_thb_per_kwh": 2.6037, "demand_thb_per_kw": {"on_peak": 132.93},
}  # fmt: skip


def blocks(*bounds):
    return {"blocks": tuple(EnergyBlock(up_to_kwh=upper, thb_per_kwh=thb) for upper, thb in bounds)}


HOUSE_1_2 = blocks((150, 3.2484), (400, 4.2218), (None, 4.4217)) | {"service_thb_per_month": 24.62}
HOUSE_1_1 = blocks(
    (15, 2.3488), (25, 2.9882), (35, 3.2405), (100, 3.6237), (150, 3.7171), (400, 4.2218), (None, 4.4217)
) | {"service_thb_per_month": 8.19}
HOUSE_2026 = blocks((200, 3.0), (400, 4.1584), (None, 4.3583)) | {"service_thb_per_month": 24.62}


def bill(quantities, rates, *, kind="plain", ft=0.0, step_kw=1.0):
    dated = SOURCED | {"valid_from": LONG_AGO}
    tariffs = Tariffs(
        schedules={},
        ft=(Ft(thb_per_kwh=ft, **dated),),
        vat=(Vat(ratio=0.07, **dated),),
        rules=Rules(
            free_kvar_per_kw=0.6197, kvar_thb=56.07, demand_rounding_kw={"mea": step_kw, "pea": 0.01}, on_peak_hours="09:00-22:00",
            tod_peak_hours="18:30-21:30", tod_partial_hours="08:00-18:30", **SOURCED,
        ),
        low_side=LowSide(raised_ratio=0.02, **SOURCED),
        off_peak_days=OffPeakDays(**SOURCED),
    )  # fmt: skip
    eligible = Eligibility(customers=("business",), **SOURCED)
    schedule = Schedule(
        id="x", name_th="x", name_en="x", kind=kind, rates=(Rates(**rates, **dated),), eligible=eligible
    )
    return bill_of(quantities, schedule, tariffs)


def lines(found, *items):
    return {item: found.amount_thb(item) for item in items}


def test_a_real_bill_of_pea_with_demand_as_measured():
    paper = Quantities(JULY, 1703.91 + 1014.90, 1703.91, {"on_peak": 25.09, "all": 25.09}, supply=Supply(utility="pea"))
    found = bill(paper, TOU_MV, kind="tou", ft=0.1623)
    assert {line.item: line.amount_thb for line in found.lines} == {
        "energy_on_peak": 7128.99, "energy_off_peak": 2642.50, "demand": 3335.21, "service": 312.24, "ft": 441.26,
        "vat": 970.21,
    }  # fmt: skip
    assert found.total_thb == 14830.41


def test_the_same_bill_in_whole_kilowatts_as_mea_would_write_it():
    paper = Quantities(JULY, 1703.91 + 1014.90, 1703.91, {"on_peak": 25.09, "all": 25.09})
    assert bill(paper, TOU_MV, kind="tou", ft=0.1623).total_thb == 14817.62


def test_a_real_bill_of_pea_under_tod():
    paper = Quantities(APRIL, 1235200.0, 0.0, {"tod_peak": 3620.0, "tod_partial": 5260.0, "all": 5260.0})
    rates = GENERAL | blocks((None, 3.1471)) | {"demand_thb_per_kw": {"tod_peak": 285.05, "tod_partial": 58.88}}
    assert lines(bill(paper, rates, kind="tod", ft=0.0972), "demand", "demand_partial", "energy", "ft") == {
        "demand": 1031881.00, "demand_partial": 96563.20, "energy": 3887297.92, "ft": 120061.44,
    }  # fmt: skip


def test_a_factory_of_2009_without_a_service_line():
    rates = blocks((None, 1.7034)) | {"demand_thb_per_kw": {"all": 196.26}, "service_thb_per_month": 0.0}
    factory = Quantities(dt.date(2009, 11, 1), 151500.0, 0.0, {"all": 404.0})
    assert bill(factory, rates, ft=0.9255).total_thb == 510997.11


@pytest.mark.parametrize(
    ("month", "energy_kwh", "rates", "ft", "total_thb"),
    [
        (APRIL, 200.0, HOUSE_1_2, 0.0972, 794.38),
        (JULY, 200.0, HOUSE_1_2, 0.1623, 808.31),
        (JULY, 50.0, HOUSE_1_1, 0.0, 171.27),
        (dt.date(2026, 9, 1), 966.0, HOUSE_2026, 0.1623, 4365.47),
        (dt.date(2026, 9, 1), 300.0, HOUSE_2026, 0.1623, 1165.39),
    ],
)
def test_households_that_others_worked(month, energy_kwh, rates, ft, total_thb):
    assert bill(Quantities(month, energy_kwh, 0, {}), rates, ft=ft).total_thb == total_thb


def test_specific_business_below_22_kv_with_reactive_power():
    rates = GENERAL | blocks((None, 3.1751)) | {"demand_thb_per_kw": {"all": 276.64}}
    found = bill(Quantities(JULY, 50000.0, 0, {"all": 100.0}, peak_kvar=120.0), rates, ft=0.3972)
    assert lines(found, "demand", "energy", "ft", "power_factor") == {
        "demand": 27664.00, "energy": 158755.00, "ft": 19860.00, "power_factor": 3252.06,
    }  # fmt: skip


def test_specific_business_tou_at_22_kv_with_reactive_power():
    load = Quantities(
        JULY, 55000.0, 20000.0, {"on_peak": 120.0, "all": 120.0}, peak_kvar=110.0, highest_demand_thb=28000.0
    )
    found = bill(load, TOU_MV, kind="tou", ft=0.3972)
    energy_thb = found.amount_thb("energy_on_peak", "energy_off_peak")
    assert (energy_thb, lines(found, "demand", "ft", "power_factor")) == (
        174807.50, {"demand": 15951.60, "ft": 21846.00, "power_factor": 2018.52},
    )  # fmt: skip


def test_the_minimum_under_the_demand_line():
    rates = GENERAL | blocks((None, 3.1097)) | {"demand_thb_per_kw": {"all": 220.56}}
    load = Quantities(JULY, 20000.0, 0, {"all": 50.0}, peak_kvar=50.0, highest_demand_thb=30000.0)
    assert lines(bill(load, rates, ft=0.3972), "demand", "minimum") == {"demand": 11028.0, "minimum": 9972.0}


@pytest.mark.parametrize(
    ("highest_thb", "lacking_thb"), [(15755.0, 0.5), (15755.72, 1.0), (15754.29, 0.0), (15754.3, 0.01)]
)
def test_what_lacks_to_the_minimum_is_billed_however_little_it_is(highest_thb, lacking_thb):
    rates = GENERAL | blocks((None, 3.1097)) | {"demand_thb_per_kw": {"all": 220.56}}
    load = Quantities(JULY, 20000.0, 0, {"all": 50.0}, peak_kvar=0.0, highest_demand_thb=highest_thb)
    assert bill(load, rates, ft=0.3972).amount_thb("minimum") == lacking_thb

"""Tables of solar designs for a terminal: what each size would give, and designs side by side."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from bkkenergy.i18n import NO_VALUE, Words
from bkkenergy.reports.solar.html import days_text
from bkkenergy.solar.design import SolarDesign


def size_table(building: str, design: SolarDesign, words: Words) -> Table:
    """Make the table of sizes; the best by net present value has a *, the largest that is used nearly whole a +."""
    schedule = words.either(th=design.schedule.name_th, en=design.schedule.name_en)
    table = _table(f"{building}: {schedule}", words, _SIZE_COLUMNS)
    best, whole = design.sweep.best_by_npv, design.sweep.best_by_self_consumption
    for option in design.sweep.options:
        mark = " *" if option is best else " +" if option is whole else "  "
        money = option.money
        table.add_row(
            words.number(option.capacity_kwp, 1) + mark,
            words.number(option.energy_kwh),
            words.percent(option.self_consumption_ratio),
            words.percent(option.load_share_ratio),
            words.number(option.capex_thb),
            words.number(option.saving_thb),
            words.number(money.npv_thb),
            words.percent(money.irr, 1),
            words.number(money.payback_years, 1),
        )
    return table


def _mounting(mounting: str, words: Words) -> str:
    """Name how modules are mounted; in English by the word that the command takes."""
    keys = {"flush": "solar.flush", "racked": "web.racked"}
    return mounting if words.lang == "en" else words(keys[mounting])


def designs_table(building: str, rows: list[dict[str, Any]], words: Words) -> Table:
    """Make the table of designs, one a row."""
    table = _table(building, words, _DESIGN_COLUMNS)
    for row in rows:
        table.add_row(
            f"{row['asked_kwp']} {_mounting(row['mounting'], words)} {row['module']}",
            words.number(row["capacity_kwp"], 1),
            words.number(row["energy_kwh"]),
            words.number(row["specific_yield_kwh_per_kwp"]),
            words.percent(row["self_consumption_ratio"]),
            *(words.number(row[key]) for key in ("saving_thb", "capex_thb", "npv_thb")),
            words.number(row["payback_years"], 1),
            NO_VALUE if row["lcoe_thb_per_kwh"] is None else words.number(row["lcoe_thb_per_kwh"], 2),
        )
    return table


def cleaning_table(building: str, design: SolarDesign, words: Words) -> Table:
    """Make the table of cleanings a year; the best has a *, what the design assumes a +."""
    title = f"{building}: {words('solar.cleaning')}, {words.number(design.capacity_kwp, 1)} kWp"
    table = _table(title, words, _CLEANING_COLUMNS)
    for option in design.cleaning:
        mark = "*" * option.is_best + "+" * option.is_assumed
        table.add_row(
            f"{option.count_per_year} {mark}",
            words.percent(-option.soiling_ratio, 1),
            *(words.number(value) for value in (option.gain_kwh, option.gain_thb, option.cost_thb, option.net_thb)),
            days_text(option.days, words),
        )
    return table


def cleaning_note(design: SolarDesign, words: Words) -> str:
    """Return what stands below the table of cleanings."""
    months = ", ".join(words.percent(share, 1) for share in design.config.losses.soiling_months)
    return words("solar.cleaning_by_months", months=months) if months else words("solar.cleaning_marks")


_CLEANING_COLUMNS = (
    ("cleanings", ""), ("step_soiling", ""), ("cleaning_gain", "kwh"), ("cleaning_gain", "thb"),
    ("cleaning_cost", "thb"), ("cleaning_net", "thb"), ("cleaning_days", ""),
)  # fmt: skip
_SIZE_COLUMNS = (
    ("capacity", ""), ("energy", "kwh"), ("self_consumption", ""), ("load_share", ""), ("capex", "thb"),
    ("saving", "thb"), ("npv", "thb"), ("irr", ""), ("payback", "years"),
)  # fmt: skip
_DESIGN_COLUMNS = (
    ("design", ""), ("capacity", ""), ("energy", "kwh"), ("yield_per_kwp", ""), ("self_consumption", ""),
    ("saving", "thb"), ("capex", "thb"), ("npv", "thb"), ("payback", "years"), ("lcoe", "thb"),
)  # fmt: skip


def _table(title: str, words: Words, columns: tuple[tuple[str, str], ...]) -> Table:
    table = Table(title=title)
    units = {"kwh": words("unit.kwh"), "thb": words("unit.thb"), "years": words("solar.years")}
    for name, unit in columns:
        text = words(f"solar.{name}") + (f" ({units[unit]})" if unit else "")
        table.add_column(text, justify="left" if name in {"design", "cleaning_days"} else "right")
    return table

"""What a design assumes where the engineer says nothing else: config/solar/design.toml."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bkkenergy.dated import Cited, DatedFigure
from bkkenergy.errors import WrongValue
from bkkenergy.solar.climate import Climate
from bkkenergy.solar.export import ExportTerms
from bkkenergy.solar.module import PvEquipment
from bkkenergy.tomlfiles import Frozen

ZERO_EXPORT = "none"
"""In place of a scheme's id: what is left over is held back, whatever the site's own price."""
Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]


class Sourced(Cited):
    """Figures with where they come from and when they were entered.

    is_provisional : no public source gives them for here, and a design that rests on them says so on every face.
    """

    entered: dt.date
    is_provisional: bool = False


class Losses(Sourced):
    """Shares of energy lost on the way, 0..1. Soiling grows by a share a day until rain or a cleaning.

    soiling_rain_leaves : the most that rain does not wash off. soiling_months : what is lost in each month instead,
    January first, where it is measured or prescribed.
    """

    mismatch: Share
    module_quality: Annotated[float, Field(ge=-0.05, le=1)]
    light_induced_degradation: Share
    dc_wiring: Share
    ac_wiring: Share
    unavailability: Share
    degradation_per_year: Share
    soiling_per_day: Share
    soiling_max: Share
    soiling_cleaning_rain_mm: Positive
    soiling_rain_leaves: Share
    soiling_cleaned_on: tuple[MonthDay, ...] = ()
    soiling_months: Annotated[tuple[Share, ...], Field(max_length=12)] = ()

    @field_validator("soiling_months")
    @classmethod
    def _is_a_year(cls, months: tuple[float, ...]) -> tuple[float, ...]:
        if len(months) not in {0, 12}:
            raise WrongValue("soiling_months")
        return months


class Cleaning(Sourced):
    """What cleaning all modules once costs: for coming, and for each m2 of module."""

    thb_per_visit: NotNegative
    thb_per_m2: NotNegative


class Uncertainty(Sourced):
    """Relative standard deviations of a year's energy, taken as independent."""

    interannual: Share
    irradiance: Share
    model: Share


class SiteTemperature(Sourced):
    """Extremes that strings must stand."""

    record_low_air_c: float
    high_cell_c: float


class LayoutRules(Sourced):
    """How modules may lie on a roof. walkway_m : free width of a walkway after walkway_every_rows; 0 rows is none."""

    setback_m: NotNegative
    obstacle_clearance_m: NotNegative
    module_gap_m: NotNegative
    walkway_every_rows: Annotated[int, Field(ge=0)]
    walkway_m: NotNegative
    max_load_kg_m2: Positive
    rack_kg_m2: NotNegative
    wind_uplift_pa: NotNegative
    existing_m2_per_kwp: Positive


class CapexPoint(Frozen):
    """A turn-key price at a size, with the range of what is asked today; without one the price stands alone."""

    kwp: Positive
    thb_per_kwp: Positive
    low_thb_per_kwp: Positive | None = None
    high_thb_per_kwp: Positive | None = None

    @model_validator(mode="after")
    def _is_in_its_range(self) -> Self:
        if not self.priced("low") <= self.thb_per_kwp <= self.priced("high"):
            raise WrongValue("price_between")
        return self

    def priced(self, price: Literal["low", "central", "high"]) -> float:
        """Return the price of a kWp, or an end of its range."""
        ends = {"low": self.low_thb_per_kwp, "high": self.high_thb_per_kwp}
        return ends.get(price) or self.thb_per_kwp


class FinanceAssumptions(Sourced):
    """Money over the system's life; rates are real or nominal alike, as long as all are.

    export_thb_per_kwh : 0 is no export: what is left over is held back. export_on_peak_thb_per_kwh,
    export_off_peak_thb_per_kwh : in the tariff's windows instead. is_export_netted : whether surplus of a month first
    offsets what the month buys. export_years : from the first on for which that is agreed; after them nothing is paid.
    export_scheme : under which it is sold. loan_share : of the cost; 0 is no loan. tax_rate : on profit; agencies pay
    none. vat_ratio : added to the prices of capex, which are without VAT: what a bill saves has it, and an agency
    cannot reclaim it; 0 for who can.
    """

    discount_rate: Annotated[float, Field(gt=-0.5, lt=1)]
    analysis_years: Annotated[int, Field(ge=1, le=60)]
    om_share_of_capex: Share
    inverter_replacement_year: Annotated[int, Field(ge=0)]
    inverter_share_of_capex: Share
    tariff_escalation: Annotated[float, Field(gt=-0.5, lt=0.5)]
    ppa_discount: Share
    ppa_years: Annotated[int, Field(ge=1)]
    esco_share: Share
    esco_years: Annotated[int, Field(ge=1)]
    export_thb_per_kwh: NotNegative
    export_on_peak_thb_per_kwh: NotNegative | None = None
    export_off_peak_thb_per_kwh: NotNegative | None = None
    is_export_netted: bool = False
    export_years: Annotated[int, Field(ge=0)] = 60
    export_scheme: str = ""
    loan_share: Share = 0.0
    loan_rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    loan_years: Annotated[int, Field(ge=1, le=60)] = 10
    tax_rate: Share = 0.0
    depreciation_years: Annotated[int, Field(ge=1, le=60)] = 20
    vat_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.07
    capex: Annotated[tuple[CapexPoint, ...], Field(min_length=1)]

    @property
    def export(self) -> ExportTerms:
        """The terms under which surplus is sold."""
        return terms_of(
            self.export_thb_per_kwh, self.export_on_peak_thb_per_kwh, self.export_off_peak_thb_per_kwh,
            is_netted=self.is_export_netted,
        )  # fmt: skip

    @property
    def paid_capex(self) -> tuple[CapexPoint, ...]:
        """Prices with VAT, as they are paid."""
        names = ("thb_per_kwp", "low_thb_per_kwp", "high_thb_per_kwp")
        over = 1 + self.vat_ratio
        return tuple(
            point.model_copy(update={name: thb * over for name in names if (thb := getattr(point, name)) is not None})
            for point in self.capex
        )


def terms_of(flat: float, on_peak: float | None, off_peak: float | None, *, is_netted: bool) -> ExportTerms:
    """Return terms of prices: a window without its own has the flat one.

    Parameters
    ----------
    flat : float
        Price at all hours [THB/kWh].
    on_peak, off_peak : float or None
        Prices of the tariff's windows [THB/kWh].
    is_netted : bool
        Whether surplus of a month first offsets what the month buys.

    Returns
    -------
    ExportTerms
        A price for each window.

    Examples
    --------
    >>> from bkkenergy.solar.assumptions import terms_of
    >>> terms_of(1.0, 3.0, None, is_netted=False)
    ExportTerms(on_peak_thb_per_kwh=3.0, off_peak_thb_per_kwh=1.0, is_netted_by_month=False)
    """
    return ExportTerms(flat if on_peak is None else on_peak, flat if off_peak is None else off_peak, is_netted)


class ExportScheme(DatedFigure):
    """Terms under which surplus may be sold, and the days on which one may join.

    thb_per_kwh : at all hours; on_peak_thb_per_kwh, off_peak_thb_per_kwh : in the tariff's windows instead.
    is_netted_by_month : whether surplus of a month first offsets what the month buys. is_offered : to public buildings;
    one that is not stands here so that its price is not taken for theirs. building_types : whose; empty is everyone's.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    name_th: str
    name_en: str
    thb_per_kwh: NotNegative = 0.0
    on_peak_thb_per_kwh: NotNegative | None = None
    off_peak_thb_per_kwh: NotNegative | None = None
    is_netted_by_month: bool = False
    is_offered: bool = True
    years: Annotated[int, Field(ge=1)]
    building_types: tuple[str, ...] = ()

    @field_validator("id")
    @classmethod
    def _is_not_reserved(cls, scheme_id: str) -> str:
        if scheme_id == ZERO_EXPORT:
            raise WrongValue("export_id")
        return scheme_id

    @model_validator(mode="after")
    def _is_worth_something(self) -> Self:
        if not self.terms.is_allowed:
            raise WrongValue("export_price")
        return self

    @property
    def terms(self) -> ExportTerms:
        """Its prices and its rule."""
        return terms_of(
            self.thb_per_kwh, self.on_peak_thb_per_kwh, self.off_peak_thb_per_kwh, is_netted=self.is_netted_by_month
        )

    def is_open_to(self, building_type: str) -> bool:
        """Check whether buildings of a type may sell under it."""
        return self.is_offered and (not self.building_types or building_type in self.building_types)


class Battery(Sourced):
    """Storage beside the system; kwh = 0 is none.

    kw : 0 is half of kwh in an hour. dispatch : "bill" lowers energy and demand charges, "surplus" stores what is left
    over. fade_per_year : of what it saves. replacement_years : 0 is never.
    """

    kwh: NotNegative
    kw: NotNegative
    round_trip_efficiency: Annotated[float, Field(gt=0, le=1)]
    capex_thb_per_kwh: NotNegative
    dispatch: Literal["bill", "surplus"] = "bill"
    fade_per_year: Annotated[float, Field(ge=0, lt=1)] = 0.0
    replacement_years: Annotated[int, Field(ge=0)] = 0
    replacement_share_of_capex: Share = 0.0


class QuarterSpread(Sourced):
    """How PV varies within an hour.

    spread_ratio : standard deviation of a quarter-hour's clear-sky index around its hour's, under half-clear skies.
    """

    spread_ratio: Share


class Support(Sourced):
    """What modules stand on that is no roof. capex_ratio : turn-key price over that of a roof of the same size.

    cooling : "racked" where air reaches the back of the modules, "flush" where it hardly does. ground_albedo : share of
    light that comes back from below. setback_m : free at its edges; clear_height_m : below it, 0 where nothing passes.
    """

    id: Literal["canopy", "floating"]
    capex_ratio: Positive
    cooling: Literal["flush", "racked"]
    ground_albedo: Share
    setback_m: NotNegative
    clear_height_m: NotNegative


class TypicalLoad(Frozen):
    """W per m2 of gross floor area: always on, and more when open."""

    base: NotNegative
    open: NotNegative


class TypicalLoads(Sourced):
    """By building type, for buildings that have no meter yet."""

    wm2: dict[str, TypicalLoad]


class Wiring(Sourced):
    """Cables and breakers of a tender. Lengths are assumed until a survey gives them.

    areas_mm2, carries_a : copper cables, and the current that each carries in conduit at 30 degC; heat_factor : at the
    site's heat. continuous_factor : by which current that flows for hours is raised. max_dc_drop, max_ac_drop : of the
    voltage, in each run.
    """

    roof_to_inverter_m: Positive
    inverter_run_m: Positive
    main_run_m: Positive
    three_phase_v: Positive
    single_phase_v: Positive
    single_phase_up_to_kw: NotNegative
    max_dc_drop: Annotated[float, Field(gt=0, le=0.1)]
    max_ac_drop: Annotated[float, Field(gt=0, le=0.1)]
    copper_ohm_mm2_per_m: Positive
    continuous_factor: Annotated[float, Field(ge=1)]
    heat_factor: Annotated[float, Field(gt=0, le=1)]
    min_dc_mm2: Positive
    max_parallel: Annotated[int, Field(ge=1, le=8)]
    areas_mm2: Annotated[tuple[Positive, ...], Field(min_length=1)]
    carries_a: Annotated[tuple[Positive, ...], Field(min_length=1)]
    breakers_a: Annotated[tuple[Positive, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if len(self.areas_mm2) != len(self.carries_a):
            raise ValueError("areas_mm2 and carries_a are of different length")
        for row in (self.areas_mm2, self.carries_a, self.breakers_a):
            if list(row) != sorted(set(row)):
                raise ValueError("areas_mm2, carries_a and breakers_a grow from the first to the last")
        return self


class SolarConfig(Frozen):
    """All of config/solar."""

    climate: Climate
    equipment: PvEquipment
    losses: Losses
    cleaning: Cleaning
    uncertainty: Uncertainty
    site_temperature: SiteTemperature
    layout: LayoutRules
    finance: FinanceAssumptions
    battery: Battery
    quarter_hours: QuarterSpread
    wiring: Wiring
    export_schemes: tuple[ExportScheme, ...] = ()
    supports: tuple[Support, ...] = ()
    typical_loads: TypicalLoads

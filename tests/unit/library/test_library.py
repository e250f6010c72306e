"""The library as a scientist uses it: `import bkkenergy as bk`, pandas in, pandas out, and nothing else."""

import numpy as np
import pandas as pd
import pytest

import bkkenergy as bk
from bkkenergy.errors import InputError

ZONE = "Asia/Bangkok"


def offices_hours() -> pd.Series:
    """Two years of an office: in the second it uses a tenth less."""
    index = pd.date_range("2024-01-01", "2025-12-31 23:00", freq="h", tz=ZONE)
    rng = np.random.default_rng(0)
    kwh = 20 + 10 * ((index.hour >= 8) & (index.hour < 17) & (index.day_of_week < 5)) + rng.normal(0, 1, len(index))
    return pd.Series(np.where(index.year == 2025, kwh * 0.9, kwh), index)


class TestATrial:
    """From hours to a baseline, a saving and a bill, with `bk` alone."""

    def test_the_saving_that_was_planted_is_found(self):
        series = offices_hours()
        baseline = bk.Baseline.fit(series["2024"], calendar=bk.calendars.government())
        saved = baseline.savings(series["2025"])
        assert saved.saving_ratio == pytest.approx(0.1, abs=0.005)
        assert saved.saving_kwh == pytest.approx(saved.summary()["baseline_kwh"] - series["2025"].sum(), rel=1e-9)
        low, high = saved.interval_ratio
        assert low < 0.1 < high

    def test_a_bill_of_hours_spread_over_quarters_warns_of_nothing(self):
        quarters = offices_hours()["2025-11"].resample("15min").ffill() / 4
        quarters = quarters.reindex(
            pd.date_range("2025-11-01", "2025-12-01", freq="15min", tz=ZONE, inclusive="left"), method="ffill"
        )
        bill = bk.bill(quarters, schedule="mea-3-2-mv")
        assert bill.total_thb == pytest.approx(bill.lines["amount_thb"].sum())
        assert bill.months["energy_kwh"].iloc[0] == pytest.approx(quarters.sum())
        assert bill.known_ratio.tolist() == [1.0]

    def test_results_are_a_line_and_not_a_wall(self):
        series = offices_hours()
        baseline = bk.Baseline.fit(series["2024"])
        for value in (
            baseline,
            baseline.savings(series["2025"]),
            bk.simulate(bk.Roof(area_m2=100, tilt_deg=5, azimuth_deg=180)),
        ):
            assert len(repr(value)) < 160


class TestIntervals:
    def test_the_sum_of_intervals_is_the_registers_difference(self):
        readings = bk.examples.register()
        table = bk.intervals(readings, rated_kw=80, register_digits=5)
        assert table["energy_kwh"].sum() == pytest.approx(readings.iloc[-1] + 100_000 - readings.iloc[0], abs=1e-6)

    def test_a_register_in_utc_gives_the_same_energy(self):
        readings = bk.examples.register()
        here = bk.intervals(readings, rated_kw=80, register_digits=5)
        there = bk.intervals(readings.tz_convert("UTC"), rated_kw=80, register_digits=5)
        pd.testing.assert_frame_equal(here, there)

    def test_power_is_integrated(self):
        index = pd.date_range("2026-03-02", periods=61, freq="1min", tz=ZONE)
        table = bk.intervals(pd.Series(12.0, index), kind="power", rated_kw=60, interval_s=60)
        assert table["energy_kwh"].tolist() == pytest.approx([3.0] * 4)

    def test_export_is_read_from_its_own_register(self):
        index = pd.date_range("2026-03-02", periods=3, freq="15min", tz=ZONE)
        frame = pd.DataFrame({"energy_kwh": [5.0, 5.0, 5.0], "export_kwh": [1.0, 3.0, 4.0]}, index)
        assert bk.intervals(frame, channel="export", rated_kw=60)["energy_kwh"].tolist() == [2.0, 1.0]

    def test_energy_that_cannot_have_flowed_is_refused_and_listed(self):
        index = pd.date_range("2026-03-02", periods=96, freq="15min", tz=ZONE)
        register = pd.Series(np.arange(96.0), index)
        register.iloc[48:] += 5_000.0
        table = bk.intervals(register, rated_kw=10)
        assert table["energy_kwh"].sum() < 200
        assert "over_rating" in bk.spans(table)["reason"].tolist()

    @pytest.mark.parametrize(
        "change", [{"interval": "7min"}, {"kind": "registr"}, {"rated_kw": 0}, {"rated_kw": float("nan")}]
    )
    def test_what_cannot_be_meant_is_refused(self, change):
        with pytest.raises(bk.InputError):
            bk.intervals(bk.examples.register(), **({"rated_kw": 80} | change))

    @pytest.mark.parametrize(
        ("readings", "kind", "says"),
        [
            (lambda: bk.examples.register().rename("power_kw"), "register", 'kind="power"'),
            (bk.examples.register, "power", "needs kW"),
            (bk.examples.office_quarters, "register", 'kind="interval"'),
            (lambda: bk.examples.office_quarters().cumsum(), "interval", 'kind="register"'),
            (lambda: bk.examples.register().tz_localize(None), "register", "tz_localize"),
            (lambda: bk.examples.register().to_frame("meter"), "register", "rename"),
        ],
    )
    def test_readings_that_are_not_what_their_kind_says_are_refused(self, readings, kind, says):
        with pytest.raises(bk.InputError, match=says):
            bk.intervals(readings(), kind=kind, rated_kw=80)

    def test_a_table_that_lost_its_spans_is_no_table_without_spans(self):
        with pytest.raises(bk.InputError, match=r"bk\.intervals returned"):
            bk.spans(pd.DataFrame({"energy_kwh": [1.0]}))


def test_a_baseline_and_a_bill_take_the_table_of_intervals():
    hours = bk.examples.office()["2025-11"]
    register = pd.Series(
        np.concatenate([[0.0], hours.cumsum()]), hours.index.append(hours.index[-1:] + pd.Timedelta(hours=1))
    )
    table = bk.intervals(register, rated_kw=80, interval_s=3600)
    assert bk.bill(table, schedule="mea-3-2-lv").months["energy_kwh"].iloc[0] == pytest.approx(hours.sum())


def test_shorter_intervals_are_billed_as_the_quarter_hours_that_they_fill():
    quarters = bk.examples.office_quarters("2025-11")
    paper = bk.bill(quarters, schedule="mea-3-2-lv")
    for parts in (3, 15):
        times = pd.date_range(quarters.index[0], periods=len(quarters) * parts, freq=f"{15 // parts}min")
        uneven = pd.Series(np.repeat(quarters.to_numpy(), parts), times).where(np.arange(len(times)) % parts == 0, 0.0)
        assert bk.bill(uneven, schedule="mea-3-2-lv").months["demand_kw"].tolist() == paper.months["demand_kw"].tolist()
        assert bk.bill(uneven, schedule="mea-3-2-lv").total_thb == paper.total_thb
        offers = bk.compare_schedules(uneven, schedule="mea-3-1-lv")
        assert offers.equals(bk.compare_schedules(quarters, schedule="mea-3-1-lv"))


def test_a_quarter_hour_known_in_part_counts_as_energy_and_sets_no_demand():
    quarters = bk.examples.office_quarters("2025-11")
    minutes = (
        quarters.resample("5min").ffill().reindex(pd.date_range(quarters.index[0], periods=8640, freq="5min")).ffill()
        / 3
    )
    highest = quarters.to_numpy().argmax()
    minutes.iloc[highest * 3] = np.nan
    with pytest.warns(bk.EnergyWarning, match="Not all energy is known"):
        bill = bk.bill(minutes, schedule="mea-3-2-lv").months.iloc[0]
    assert bill["energy_kwh"] == pytest.approx(quarters.sum() - quarters.max() / 3)
    assert bill["demand_kw"] == pytest.approx(quarters.drop(quarters.index[highest]).max() * 4)


def test_intervals_that_fill_no_quarter_hours_are_warned_of_or_refused():
    quarters = bk.examples.office_quarters("2025-11")
    tens = quarters.resample("5min").ffill().resample("10min").sum() / 3
    with pytest.warns(bk.EnergyWarning, match="10 minutes it is too high"):
        bk.bill(tens, schedule="mea-3-2-lv")
    aside = quarters.set_axis(quarters.index + pd.Timedelta(minutes=7))
    with pytest.raises(bk.InputError, match="do not divide the hours"):
        bk.bill(aside, schedule="mea-3-2-lv")


@pytest.mark.parametrize("days", [None, [1.0], pd.DatetimeIndex([], tz="Asia/Bangkok")])
def test_days_that_hold_no_instants_are_refused(days):
    baseline = bk.Baseline.fit(bk.examples.office()["2024"])
    with pytest.raises(bk.InputError, match="days (holds no instants|is a)"):
        baseline.predict(days)


def test_findings_of_less_than_a_week_are_refused_and_of_a_week_are_judged():
    use = bk.examples.office()
    for count in range(1, 7):
        with pytest.raises(bk.InputError, match=f"{count} days"):
            bk.findings(use.iloc[: count * 24], schedule="mea-3-2-lv")
    for count in (7, 13, 14, 27, 28):
        assert isinstance(bk.findings(use.iloc[: count * 24], schedule="mea-3-2-lv"), pd.DataFrame)


def test_estimated_intervals_are_billed_and_set_no_demand():
    quarters = bk.examples.office_quarters("2025-11")
    table = quarters.to_frame().assign(quality="measured")
    highest = table["energy_kwh"].idxmax()
    table.loc[highest, "energy_kwh"] = 500.0
    table.loc[highest, "quality"] = "estimated"
    bill = bk.bill(table, schedule="mea-3-1-lv").months.iloc[0]
    assert bill["energy_kwh"] == pytest.approx(table["energy_kwh"].sum())
    assert bill["demand_kw"] < 60


class TestErrorsSayWhatToDo:
    GOOD = bk.examples.office()

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            pytest.param(lambda s: s.tz_localize(None), r"tz_localize\('Asia/Bangkok'\)", id="a naive index"),
            pytest.param(lambda s: s.to_numpy(), "pandas Series", id="an array"),
            pytest.param(lambda s: s.reset_index(drop=True), "DatetimeIndex", id="an index of numbers"),
            pytest.param(lambda s: s.iloc[::-1], "sort_index", id="instants out of order"),
            pytest.param(lambda s: pd.concat([s.iloc[:5], s.iloc[:5]]).sort_index(), "duplicated", id="doubles"),
            pytest.param(lambda s: s.rename("power_kw"), "That is power", id="power by its name"),
            pytest.param(lambda s: (s * 1000).rename("energy_Wh"), "Divide by 1000", id="watt-hours"),
            pytest.param(lambda s: s.rename("energy [MWh]"), "Multiply by 1000", id="megawatt-hours"),
            pytest.param(lambda s: s.cumsum(), r"bk\.intervals", id="a register"),
            pytest.param(lambda s: s.resample("D").sum(), "hours, or shorter", id="days"),
            pytest.param(lambda s: s.iloc[: 24 * 30], "only 30 valid days", id="too few days"),
            pytest.param(lambda s: s.astype(object).where(s > 8, "n/a"), "to_numeric", id="text among numbers"),
            pytest.param(lambda s: s.where(s > 8, np.inf), "infinite", id="infinite values"),
            pytest.param(lambda s: s.to_frame("a").assign(b=1.0), r"series\['a'\]", id="a table of several columns"),
            pytest.param(lambda s: s.drop(s.index[3]).drop(s.index[5]).set_axis(s.index[:-2] + pd.to_timedelta(np.arange(len(s) - 2) % 3, unit="min")), "differing length", id="irregular times"),
        ],
    )  # fmt: skip
    def test_of_a_series(self, spoil, says):
        with pytest.raises(bk.InputError, match=says):
            bk.Baseline.fit(spoil(self.GOOD))

    def test_of_temperature_in_kelvin(self):
        with pytest.raises(bk.InputError, match=r"subtract 273\.15"):
            bk.Baseline.fit(self.GOOD["2024"], temperature=bk.examples.temperature() + 273.15)

    def test_of_temperature_in_fahrenheit(self):
        with pytest.raises(bk.InputError, match="From Fahrenheit"):
            bk.Baseline.fit(self.GOOD["2024"], temperature=bk.examples.temperature() * 1.8 + 32)

    def test_of_temperature_of_another_year(self):
        with pytest.raises(bk.InputError, match="the weather of the same time"):
            bk.Baseline.fit(self.GOOD["2024"], temperature=bk.examples.temperature()["2025"])

    def test_of_temperature_that_is_missing_where_it_is_needed(self):
        baseline = bk.Baseline.fit(self.GOOD["2024"], temperature=bk.examples.temperature())
        assert baseline.needs_temperature
        with pytest.raises(bk.InputError, match="temperature=series of degC"):
            baseline.savings(self.GOOD["2025"])

    def test_of_a_period_that_the_model_was_fitted_on(self):
        baseline = bk.Baseline.fit(self.GOOD["2024"])
        with pytest.raises(bk.InputError, match="give days after them"):
            baseline.savings(self.GOOD["2024-06":"2025-06"])

    def test_of_a_period_without_a_value(self):
        baseline = bk.Baseline.fit(self.GOOD["2024"])
        with pytest.raises(bk.InputError, match="no day from 2025-01-01"):
            baseline.savings(self.GOOD["2025"] * np.nan)

    @pytest.mark.parametrize(
        ("call", "says"),
        [
            (lambda: bk.bill(bk.examples.office_quarters(), schedule="mea-32-mv"), "mea-3-2-mv"),
            (lambda: bk.calendars.named("offce"), "Did you mean office"),
            (lambda: bk.calendars.custom({"monday": "08:00-16:00"}), "Did you mean mon"),
            (lambda: bk.calendars.custom({"mon": "8-16"}), "08:00-16:30"),
            (lambda: bk.finance(capacity_kwp=1, saving_thb=1, energy_kwh=1, discount=0.1), "discount_rate"),
            (lambda: bk.finance(capacity_kwp=1, saving_thb=1, energy_kwh=1, way="esc"), "Did you mean esco"),
            (lambda: bk.screen(agency="helth"), "Did you mean health"),
            (lambda: bk.simulate(bk.Roof(area_m2=99, tilt_deg=5, azimuth_deg=180), weather="bangkok"), "bangkok-typical"),
            (lambda: bk.design(bk.Roof(area_m2=99, tilt_deg=5, azimuth_deg=180), schedule="mea-3-2-lv"), "load=series"),
            (lambda: bk.emissions(1000.0), "day="),
            (lambda: bk.emissions(1000.0, day="1980-01-01"), "No grid factor"),
        ],
    )  # fmt: skip
    def test_of_a_name_or_an_argument(self, call, says):
        with pytest.raises(bk.InputError, match=says):
            call()


class TestWarnings:
    def test_a_month_of_which_a_day_is_missing_is_billed_and_warned_of(self):
        with pytest.warns(bk.EnergyWarning, match=r"2025-11 \(96\.7%\)"):
            bill = bk.bill(bk.examples.office_quarters().iloc[96:], schedule="mea-3-2-lv")
        assert "96.7 % known" in repr(bill)

    def test_hours_understate_a_demand_and_say_so(self):
        with pytest.warns(bk.EnergyWarning, match="means of 60 minutes"):
            bk.bill(bk.examples.office()["2025-11"], schedule="mea-3-2-lv")

    def test_hours_are_enough_where_no_demand_is_charged(self, recwarn):
        bk.bill(bk.examples.office()["2025-11"], schedule="mea-2-1-lv")
        assert not recwarn.list

    def test_a_warning_points_at_the_callers_line(self):
        with pytest.warns(bk.EnergyWarning) as caught:
            bk.bill(bk.examples.office()["2025-11"], schedule="mea-3-2-lv")
        assert caught[0].filename == __file__


class TestPrediction:
    BASELINE = bk.Baseline.fit(bk.examples.office()["2024"])

    def test_predicted_days_are_those_of_bangkok(self):
        utc = pd.date_range("2025-06-04 17:00", periods=24, freq="h", tz="UTC")
        assert self.BASELINE.predict(utc).index.tolist() == [pd.Timestamp("2025-06-05", tz=ZONE)]

    def test_the_sum_over_the_period_is_the_savings_baseline(self):
        year = bk.examples.office()["2025"]
        total = self.BASELINE.predict(year).sum()
        assert total == pytest.approx(self.BASELINE.savings(year).summary()["baseline_kwh"])

    def test_a_year_without_a_project_shows_no_saving(self):
        saved = self.BASELINE.savings(bk.examples.office()["2025"])
        assert not saved.is_significant
        assert "no saving can be shown yet" in repr(saved)

    def test_finer_intervals_give_the_same_baseline(self):
        quarters = bk.examples.office_quarters("2024")
        fine = bk.Baseline.fit(quarters)
        assert fine.summary()["cvrmse"] == pytest.approx(self.BASELINE.summary()["cvrmse"], rel=1e-6)


class TestRoofs:
    ROOF = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)

    def test_months_hours_and_losses_agree(self):
        found = bk.simulate(self.ROOF)
        assert found.monthly_kwh.sum() == pytest.approx(found.energy_kwh)
        assert found.hourly_kw.sum() == pytest.approx(found.energy_kwh)
        rebuilt = found.losses["energy_kwh"].shift() * (1 + found.losses["change_ratio"])
        assert rebuilt.iloc[1:].to_numpy() == pytest.approx(found.losses["energy_kwh"].iloc[1:].to_numpy())

    def test_the_typical_year_given_as_a_table_gives_the_same_energy(self):
        from bkkenergy.library.skies import bangkok_year

        year = bangkok_year()
        names = ("ghi_wm2", "dni_wm2", "dhi_wm2", "temp_air_c", "wind_ms", "rain_mm", "humidity_percent")
        table = pd.DataFrame({name: getattr(year, name) for name in names}, year.starts)
        assert bk.simulate(self.ROOF, table).energy_kwh == pytest.approx(bk.simulate(self.ROOF).energy_kwh)

    def test_a_table_of_light_alone_says_what_stands_for_the_rest(self):
        from bkkenergy.library.skies import bangkok_year

        year = bangkok_year()
        with pytest.warns(bk.EnergyWarning) as warned:
            found = bk.simulate(self.ROOF, pd.DataFrame({"ghi_wm2": year.ghi_wm2}, year.starts))
        assert found.energy_kwh == pytest.approx(bk.simulate(self.ROOF).energy_kwh, rel=0.03)
        texts = "\n".join(str(one.message) for one in warned)
        assert "The weather has no rain" in texts
        assert "temp_air_c, wind_ms, humidity_percent: 100.0% of it is not in the weather's source" in texts

    @pytest.mark.parametrize(
        ("azimuth_deg", "tilt_deg", "is_said"), [(0, 30, True), (50, 30, True), (90, 30, False), (0, 5, False)]
    )
    def test_modules_that_face_north_are_named(self, azimuth_deg, tilt_deg, is_said):
        """An azimuth that was counted from south, as PVGIS does, is north here: a third less energy."""
        roof = bk.Roof(area_m2=300, tilt_deg=tilt_deg, azimuth_deg=azimuth_deg)
        made = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=22)
        assert ("faces_north" in made.warnings) is is_said

    def test_half_a_year_of_weather_is_no_year(self):
        from bkkenergy.library.skies import bangkok_year

        year = bangkok_year()
        table = pd.DataFrame({"ghi_wm2": year.ghi_wm2}, year.starts).iloc[: 24 * 180]
        with pytest.raises(bk.InputError, match="needs a whole year"):
            bk.simulate(self.ROOF, table)

    def test_a_month_of_load_is_no_year(self):
        with pytest.raises(bk.InputError, match=r"covers 30\.0 days"):
            bk.design(self.ROOF, bk.examples.office()["2025-11"], schedule="mea-3-2-lv")

    def test_a_gap_of_the_load_is_filled_and_said(self):
        load = bk.examples.office()["2025"].copy()
        load.iloc[100:200] = np.nan
        with pytest.warns(bk.EnergyWarning, match=r"1\.1% of the load"):
            bk.design(self.ROOF, load, schedule="mea-3-2-lv")

    def test_a_design_is_the_same_as_the_domains(self):
        made = bk.design(self.ROOF, bk.examples.office()["2025"], schedule="mea-3-2-lv", capacity_kwp="max")
        assert made.summary()["npv_thb"] == made.money.loc["own", "npv_thb"]
        assert made.monthly_kwh.sum() == pytest.approx(made.summary()["energy_kwh"], rel=1e-6)
        assert made.sizes.index.max() == pytest.approx(made.record.capacity_kwp, rel=0.03)

    def test_a_measured_load_changes_its_buildings_row_alone(self):
        typical = bk.screen(agency="health")
        name = typical.index[0]
        measured = bk.screen(agency="health", loads={name: bk.examples.office()["2025"]})
        assert measured.loc[name, "load_measured_ratio"] == 1.0
        others = [one for one in typical.index if one != name]
        pd.testing.assert_frame_equal(typical.loc[others], measured.loc[others])


class TestMoneyAndCarbon:
    def test_assumptions_can_be_changed(self):
        base = bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000)
        dear = bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000, discount_rate=0.2)
        assert dear.result.npv_thb < base.result.npv_thb
        assert base.cash_thb.iloc[0] == -base.project.capex_thb

    def test_a_project_that_never_pays_says_so(self):
        assert "payback none" in repr(bk.finance(capacity_kwp=100, saving_thb=1, energy_kwh=140_000))

    def test_a_series_takes_the_factor_of_each_day_in_bangkok(self):
        use = pd.Series([1000.0, 1000.0], pd.to_datetime(["2025-12-31 16:00", "2025-12-31 17:00"]).tz_localize("UTC"))
        found = bk.emissions(use)
        assert found.tolist() == [pytest.approx(499.9), pytest.approx(475.0)]
        assert set(found.attrs["sources"]) == {"2022-01-01", "2026-01-01"}

    def test_a_building_without_energy_stands_last_without_a_rank(self):
        energy = pd.Series({"a": np.nan, "b": 100.0, "c": 50.0})
        ranked = bk.rank(energy, pd.Series(1.0, energy.index))
        assert ranked.index.tolist() == ["c", "b", "a"]
        assert pd.isna(ranked.loc["a", "rank"])

    def test_a_building_without_an_area_is_named(self):
        with pytest.raises(bk.InputError, match="for b"):
            bk.rank(pd.Series({"a": 1.0, "b": 1.0}), pd.Series({"a": 1.0}))


def test_pictures_are_svg_that_stand_alone(tmp_path):
    import xml.etree.ElementTree as ET

    baseline = bk.Baseline.fit(bk.examples.office()["2024"])
    for picture in (baseline.plot(), bk.bill(bk.examples.office_quarters("2025"), schedule="mea-3-2-lv").plot()):
        root = ET.fromstring(picture.save(tmp_path / "picture.svg").read_text())
        assert root.tag.endswith("svg")
        assert "http" not in picture.svg.replace("http://www.w3.org/2000/svg", "")
        assert picture._repr_svg_() == picture.svg


def test_a_month_costs_the_same_alone_with_the_months_before_it_and_within_its_year():
    year = bk.examples.office_quarters("2025")
    is_december = year.index >= "2025-12-01"
    year = year.where(~is_december, year * 0.2)
    within = bk.bill(year, schedule="mea-3-1-lv").bills[-1]
    alone = bk.bill(year[is_december], schedule="mea-3-1-lv", earlier=year[~is_december])
    assert alone.bills == (within,)
    assert alone.summary()["minimum"] > 0
    assert "minimum" not in bk.bill(year[is_december], schedule="mea-3-1-lv").summary()
    with pytest.raises(InputError, match="earlier"):
        bk.bill(year[is_december], schedule="mea-3-1-lv", earlier=year)


def test_a_bill_follows_the_utility_and_the_side_of_the_meter():
    november = bk.examples.office_quarters("2025-11")
    plain = bk.bill(november, schedule="mea-3-1-lv")
    raised = bk.bill(november, schedule="mea-3-1-lv", utility="pea", meter_side="low")
    assert raised.summary()["energy"] == pytest.approx(plain.summary()["energy"] * 1.02, abs=0.01)
    assert raised.lines.query("item == 'demand'")["quantity"].iloc[0] % 1 > 0
    assert any("2 %" in source for source in raised.sources)

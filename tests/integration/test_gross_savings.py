"""Savings are of gross use: PV behind the meter is none of them, and what cannot be known gets no verdict."""

import datetime as dt
import shutil
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state.baselines import Fitted, save_baseline
from bkkenergy.calendar import BANGKOK, Period, epoch_us
from bkkenergy.errors import InputError
from bkkenergy.plan import Project
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.savings.gather import facts_of, fit_buildings, hours_of, judge
from bkkenergy.reports.savings.plan import measured_savings
from bkkenergy.site import load_configuration, open_site
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.weather import rows_at
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.context import AppContext
from bkkenergy.web.figures import expected_series
from tests.conftest import ROOT
from tests.unit.savings.generated import building

OFFICE = "district-bangkhen.office"
BASE = Period.days(dt.date(2023, 10, 1), dt.date(2024, 9, 30))
AFTER = Period.days(dt.date(2024, 10, 1), dt.date(2025, 9, 30))
STARTED = "2024-10-01"
PV_METER = '\n[[building.meters]]\nid = "solar"\npv = true\nrated_kw = 120\ninterval_s = 3600\n'
DATED_PV_METER = PV_METER + f"commissioned = {STARTED}\n"


def registers(energy_kwh):
    return np.concatenate([[1000.0], 1000 + np.cumsum(energy_kwh)])


def site_with(home, *, pv_kw=60.0, roof_kwp=60.0, meter=DATED_PV_METER, writes=("import", "export", "pv"), saving=0.0):
    """A site of one office that used the same in two years, with PV from the second on."""
    shutil.copytree(ROOT / "config", home / "config")
    path = home / "config/portfolio/buildings/district-bangkhen.toml"
    text = path.read_text().replace('id = "main"', 'id = "main"\ninterval_s = 3600', 1)
    if roof_kwp:
        text = text.replace(
            "area_m2 = 1485, tilt_deg = 5", f"area_m2 = 1485, installed_kwp = {roof_kwp}, tilt_deg = 5", 1
        )
    head, mark, tail = text.partition('\n[[building.meters]]\nid = "aircon"')
    path.write_text(head + meter + mark + tail)
    use = building(0, noise=0.02, drift=0.0, saving=saving)
    typical = typical_year(load_solar(ROOT / "config").climate)
    made = typical.ghi_wm2[rows_at(typical, use.starts)] / 1000 * pv_kw
    made = np.where(np.asarray(use.starts.tz_convert(BANGKOK).date) < dt.date.fromisoformat(STARTED), 0.0, made)
    net = use.energy_kwh - made
    at = epoch_us(use.starts)
    edge = np.append(at, at[-1] + 3_600_000_000)
    store = SqliteStore(home / "var/bkkenergy.sqlite")
    store.prepare()
    columns = {"energy_kwh": registers(np.clip(net, 0, None))}
    if "export" in writes:
        columns["export_kwh"] = registers(np.clip(-net, 0, None))
    store.commit(ReadingBatch((f"{OFFICE}.main",), np.zeros(len(edge), np.int64), edge, columns))
    if "pv" in writes:
        since = edge >= epoch_us(use.starts[use.starts >= STARTED][:1])[0]
        rows = {"energy_kwh": registers(made)[since]}
        store.commit(ReadingBatch((f"{OFFICE}.solar",), np.zeros(int(since.sum()), np.int64), edge[since], rows))
    store.close()
    return load_configuration(home / "config")


@contextmanager
def opened_with(home, **given):
    """Open a site, and fit the office's baseline on the first year."""
    with open_site(site_with(home, **given)) as before:
        site = up_to_date(before)
        office = site.portfolio.buildings[OFFICE]
        ((_, baseline),) = fit_buildings(site, [office], BASE)
        if not isinstance(baseline, str):
            save_baseline(site.state, Fitted(OFFICE, baseline), site.clock())
        yield site, office, baseline


@pytest.fixture
def opened(tmp_path):
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(opened_with(tmp_path, **given))


@pytest.fixture(scope="module")
def with_pv(tmp_path_factory):
    with opened_with(tmp_path_factory.mktemp("pv")) as found:
        yield found


def test_pv_behind_the_meter_is_no_saving(with_pv):
    site, office, _ = with_pv
    judged = judge(site, office, AFTER)
    assert judged.saving is not None
    assert abs(judged.saving.saving_ratio) < 0.02
    assert judged.band.verdict == "unclear"


def test_the_plan_counts_pv_once_and_a_lamp_project_beside_it_gets_nothing_of_it(with_pv):
    site, office, _ = with_pv
    given = {"agency": office.agency, "building": OFFICE, "name_th": "ก", "name_en": "A", "state": "done"}
    given |= {"done_on": AFTER.first_day, "expected_kwh": 1.0, "budget_thb": 1.0, "due_year_be": 2569}
    projects = [
        Project(id="roof-pv", kind="solar", pv_meter=f"{OFFICE}.solar", **given),
        Project(id="new-lamps", kind="led", **given),
    ]
    measured = measured_savings(site, projects, {OFFICE: hours_of(site, office, AFTER)}, AFTER.last_day)
    assert measured["roof-pv"].kwh_a_year > 50_000
    assert abs(measured["new-lamps"].kwh_a_year) < 0.05 * measured["roof-pv"].kwh_a_year


def test_a_true_saving_beside_pv_is_found_in_full(opened):
    site, office, _ = opened(saving=0.15)
    assert judge(site, office, AFTER).saving.saving_ratio == pytest.approx(0.15, abs=0.02)


def test_pv_without_a_meter_gets_no_verdict_but_the_reason_in_both_languages(opened):
    site, office, _ = opened(meter="", writes=("import", "export"))
    judged = judge(site, office, AFTER)
    assert judged.saving is None
    assert "PV" in judged.why_in("en")
    assert "โซลาร์รูฟท็อป" in judged.why_in("th")
    facts = facts_of(site, office, last_day=AFTER.last_day)
    assert str(facts.why) == judged.why_in("en")
    assert not facts.series.day_known.any()


def test_energy_that_flows_back_without_pv_in_the_portfolio_gets_no_verdict(opened):
    site, office, _ = opened(roof_kwp=None, meter="", writes=("import", "export"))
    assert "flows back" in judge(site, office, AFTER).why_in("en")


def test_pv_whose_beginning_is_not_known_gives_no_baseline_before_its_first_reading(opened):
    _, _, baseline = opened(meter=PV_METER)
    assert isinstance(baseline, str)
    assert "commissioned" in baseline


def test_without_an_export_register_hours_that_may_export_are_not_judged(opened):
    """A saving would be claimed or denied of energy that went back uncounted."""
    site, office, _ = opened(pv_kw=120.0, writes=("import", "pv"))
    hours = hours_of(site, office, AFTER)
    truth = building(0, noise=0.02, drift=0.0).between(AFTER.first_day, AFTER.last_day).energy_kwh
    known = np.isfinite(hours.energy_kwh)
    assert 0.5 < known.mean() < 0.95
    assert np.abs(hours.energy_kwh[known] / truth[known] - 1).max() < 0.02


def test_a_building_without_a_meter_has_the_reason(with_pv):
    site, _, _ = with_pv
    bare = site.portfolio.buildings[OFFICE].model_copy(update={"meters": ()})
    with pytest.raises(InputError, match="no meter"):
        hours_of(site, bare, AFTER)


def test_pages_compare_the_grid_with_what_the_grid_would_have_given(with_pv):
    site, office, baseline = with_pv
    days = expected_series(AppContext(site), office, baseline, AFTER.first_day, AFTER.last_day)
    net = building(0, noise=0.02, drift=0.0).between(AFTER.first_day, AFTER.last_day).day_energy_kwh
    facts = facts_of(site, office, last_day=AFTER.last_day)
    assert facts.own_supply
    assert days.sum() < 0.9 * net.sum()
    bought = facts.grid_kwh.reshape(-1, 24).sum(axis=1)[-len(days) :]
    assert days.sum() == pytest.approx(bought.sum(), rel=0.03)

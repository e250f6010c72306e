"""A weather file of one's own on the designer's page: checked, stored for the agency, kept with a saved design."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.adapters.state.weatherfiles import weather_files
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from tests.conftest import ROOT
from tests.integration.test_record_pages import english
from tests.unit.adapters.test_weather import write_epw
from tests.unit.solar.test_public_cases import pvgis_tmy_csv
from tests.web import csrf_of, make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BUILDING, OTHERS = "health.centre-1", "education.headquarters"
TYPICAL = typical_year(load_solar(ROOT / "config").climate)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("weather"), days=2))


@pytest.fixture(scope="module")
def engineer(app):
    return english(app, "engineer-health")


@pytest.fixture(scope="module")
def epw(tmp_path_factory):
    """A year without rain, 10 % dimmer than the typical one."""
    light = {name: 0.9 * getattr(TYPICAL, name) for name in ("ghi_wm2", "dni_wm2", "dhi_wm2")}
    path = tmp_path_factory.mktemp("file") / "w.epw"
    write_epw(path, replace(TYPICAL, rain_mm=np.zeros(8760), **light))
    return path.read_bytes()


def sent(client, name, content, building=BUILDING, **fields):
    data = {"csrf": csrf_of(client), "kwp": "20"} | fields
    return client.post(f"/solar/weather/{building}", data=data, files={"file": (name, content)})


def energy_kwh(page):
    return float(re.search(r"energy[^<]*</th><td class=\"n\">([\d,]+)", page, re.IGNORECASE)[1].replace(",", ""))


def test_a_file_is_checked_stored_once_and_designed_by(engineer, epw):
    answer = sent(engineer, "dim year.epw", epw)
    address = answer.headers["location"]
    assert answer.status_code == 303
    assert "kwp=20" in address
    page = engineer.get(address).text
    assert "dim year.epw" in page
    assert "has no rain" in page or "no rain" in page
    usual = engineer.get(f"/solar?building={BUILDING}&kwp=20").text
    assert energy_kwh(page) == pytest.approx(0.9 * energy_kwh(usual), rel=0.02)
    assert sent(engineer, "again.epw", epw).headers["location"] == address


def test_it_is_kept_with_a_saved_design_and_not_deleted_under_it(engineer, epw):
    address = sent(engineer, "dim.epw", epw).headers["location"]
    given = re.search(r"weather=([^&]+)", address)[1].replace("%3A", ":")
    wish = {"csrf": csrf_of(engineer), "name": "By the dim year", "kwp": "20", "weather": given}
    engineer.post(f"/solar/scenarios/{BUILDING}", data=wish)
    page = engineer.get(f"/solar?building={BUILDING}").text
    assert "weather=file%3A" in re.search(r'href="([^"]*)">By the dim year', page)[1]
    drop = re.search(rf"/solar/weather/{BUILDING}/\d+/drop", page)[0]
    refused = engineer.post(drop, data={"csrf": csrf_of(engineer)})
    assert refused.status_code == 422
    assert "By the dim year" in refused.text
    number = re.search(r"By the dim year.*?/solar/scenarios/(\d+)/drop", page, re.DOTALL)[1]
    engineer.post(f"/solar/scenarios/{number}/drop", data={"csrf": csrf_of(engineer)})
    assert engineer.post(drop, data={"csrf": csrf_of(engineer)}).status_code == 303
    assert "is no weather file" not in engineer.get(f"/solar?building={BUILDING}").text
    assert "has no weather file" in engineer.get(f"/solar?building={BUILDING}&weather={given}").text


def test_a_download_of_pvgis_and_its_report_name_the_file(engineer):
    address = sent(engineer, "tmy_13.750_100.500_2005_2023.csv", pvgis_tmy_csv(TYPICAL).encode()).headers["location"]
    report = engineer.get(address.replace("/solar?", f"/solar/report/{BUILDING}?")).text
    assert "PVGIS typical meteorological year" in report
    assert "file:1" not in address, "a number may be another file's one day"


def singapore(epw):
    return epw.replace(b"13.76,100.50,7.0", b"1.37,103.98,7.0", 1)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("w.doc", lambda epw: epw, "no weather file"),
        ("w.epw", singapore, "km"),
        ("w.epw", lambda epw: epw[: len(epw) // 2], "cannot be right|no weather"),
        ("w.epw", lambda epw: epw.replace(b"100.50,7.0", b"100.50,5.0", 1), "UTC"),
        ("w.csv", lambda _: b"a,b\n1,2\n", "no weather that can be read"),
        ("w.json", lambda _: b"{}", "no weather that can be read"),
        ("w.epw", lambda _: b"\x00\xff" * 500, "no weather that can be read"),
        ("../../w.epw", lambda _: b"", "no weather that can be read"),
    ],
    ids=["ending", "singapore", "half", "zone", "csv", "json", "bytes", "empty"],
)
def test_what_is_no_weather_of_the_design_is_refused_in_words_and_not_stored(app, engineer, epw, name, change, said):
    before = weather_files(app.state.here.opened.state, ["health"])
    answer = sent(engineer, name, change(epw))
    assert answer.status_code == 422
    fault = re.search(r'class="fault" role="alert">([^<]+)', answer.text)[1]
    assert re.search(said, fault)
    assert "Traceback" not in answer.text
    assert weather_files(app.state.here.opened.state, ["health"]) == before


def test_another_agency_neither_sees_nor_designs_by_it(app, engineer, epw):
    given = re.search(r"weather=([^&]+)", sent(engineer, "dim.epw", epw).headers["location"])[1]
    admin = english(app, "admin")
    assert "dim.epw" not in admin.get(f"/solar?building={OTHERS}&kwp=20").text
    assert "has no weather file" in admin.get(f"/solar?building={OTHERS}&kwp=20&weather={given}").text
    assert sent(engineer, "w.epw", epw, building=OTHERS).status_code == 404
    viewer = signed_in(app, "viewer-health")
    assert sent(viewer, "w.epw", epw).status_code == 403

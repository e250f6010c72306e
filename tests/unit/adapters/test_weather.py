import json
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pvlib
import pytest

from bkkenergy.adapters.weather import Urls, Years, fetched_or_cached, read_cached, read_weather_file, write_cached
from bkkenergy.errors import InputError, UnavailableError
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.weather import completed
from bkkenergy.solar.weathercheck import weather_findings
from tests.conftest import ROOT

TMY3 = Path(pvlib.__file__).parent / "data" / "703165TY.csv"
COLUMNS = ("ghi_wm2", "dni_wm2", "dhi_wm2", "temp_air_c", "wind_ms")


@pytest.fixture(scope="module")
def typical():
    return typical_year(load_solar(ROOT / "config").climate)


def write_epw(path, weather):
    """The typical year in EnergyPlus' weather format: eight lines of head, then an hour a line, labelled 1 to 24."""
    head = "LOCATION,Bangkok,-,THA,Made,484550,13.76,100.50,7.0,4.0\n" + "DESIGN CONDITIONS,0\n" * 7
    lines = []
    for row, at in enumerate(weather.starts):
        values = [99.0] * 35
        values[:6] = [at.year, at.month, at.day, at.hour + 1, 60, "?"]
        values[6], values[8], values[9] = weather.temp_air_c[row], weather.humidity_percent[row], 101_000
        values[13], values[14], values[15] = weather.ghi_wm2[row], weather.dni_wm2[row], weather.dhi_wm2[row]
        values[21], values[33] = weather.wind_ms[row], weather.rain_mm[row]
        lines.append(",".join(str(value) for value in values))
    path.write_text(head + "\n".join(lines) + "\n")


def test_an_epw_file_comes_back_as_it_was(tmp_path, typical):
    write_epw(tmp_path / "bangkok.epw", typical)
    found = read_weather_file(tmp_path / "bangkok.epw")
    for name in COLUMNS:
        np.testing.assert_allclose(getattr(found, name), getattr(typical, name), atol=1e-6)
    assert found.starts[8].tz_convert("Asia/Bangkok").hour == 8
    assert weather_findings(found) == ()
    assert "Bangkok" in found.provenance.source


def test_a_tmy3_file_is_labelled_by_starts():
    found = read_weather_file(TMY3)
    assert len(found.starts) == 8760
    assert found.latitude_deg == pytest.approx(55.317, abs=0.01)
    noon = (
        pd.Series(found.ghi_wm2, index=found.starts.tz_convert("Etc/GMT+9")).groupby(lambda at: at.hour).mean().idxmax()
    )
    assert noon in (12, 13)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.epw", "LOCATION,nothing\n", "no readable .epw"),
        ("x.csv", "1,2\n", "no readable .csv"),
        ("x.doc", "", "is not known"),
    ],
)
def test_a_file_that_is_no_weather_says_so(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_weather_file(tmp_path / name)
    with pytest.raises(InputError, match="does not exist"):
        read_weather_file(tmp_path / "absent.epw")


def test_kept_weather_keeps_its_origin(tmp_path, typical):
    write_cached(typical, tmp_path / "w.parquet")
    found = read_cached(tmp_path / "w.parquet")
    assert found.provenance == typical.provenance
    np.testing.assert_array_equal(found.ghi_wm2, typical.ghi_wm2)
    assert (found.starts == typical.starts).all()


def instants(weather, minute=10):
    """An answer of PVGIS' hourly service, as it documents it: clear-sky instants at some minutes past each hour."""
    at = weather.starts.tz_convert("UTC") + pd.Timedelta(minutes=minute)
    place = pvlib.location.Location(13.75, 100.5, altitude=5)
    sun, sky = place.get_solarposition(at), place.get_clearsky(at, model="ineichen")
    beam = sky["dni"] * np.cos(np.radians(sun["zenith"])).clip(lower=0)
    rows = [
        {"time": f"{stamp:%Y%m%d:%H%M}", "Gb(i)": b, "Gd(i)": d, "Gr(i)": 0.0, "H_sun": h, "T2m": 30.0, "WS10m": 1.5, "Int": 0.0}
        for stamp, b, d, h in zip(at, beam, sky["dhi"], sun["elevation"].clip(lower=0), strict=True)
    ]  # fmt: skip
    inputs = {
        "location": {"latitude": 13.75, "longitude": 100.5, "elevation": 5.0},
        "meteo_data": {"radiation_db": "PVGIS-SARAH3"},
    }
    return {"inputs": inputs, "outputs": {"hourly": rows}, "meta": {"inputs": {}}}


class Service:
    """A stand-in for PVGIS and NASA POWER, speaking their documented JSON; counts what it is asked."""

    def __init__(self, weather):
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                status, body = outer.answer(self.path, weather)
                payload = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def answer(self, path, weather):
        asked = parse_qs(urlsplit(path).query)
        if float(asked.get("lat", asked.get("latitude", ["0"]))[0]) > 80:
            return 400, {
                "message": "Location over the sea. Please, select another location",
                "messages": ["no"],
                "header": "",
            }
        utc = weather.starts.tz_convert("UTC")
        if "/tmy" in path:
            rows = [
                {"time(UTC)": f"{at:%Y%m%d:%H%M}", "T2m": t, "RH": 70.0, "G(h)": g, "Gb(n)": b, "Gd(h)": d, "IR(h)": 400.0, "WS10m": 1.5, "WD10m": 0.0, "SP": 101000.0}
                for at, t, g, b, d in zip(utc, weather.temp_air_c, weather.ghi_wm2, weather.dni_wm2, weather.dhi_wm2, strict=True)
            ]  # fmt: skip
            rows.sort(key=lambda row: row["time(UTC)"][4:])
            months = [{"month": number, "year": 2025} for number in range(1, 13)]
            inputs = {
                "location": {"latitude": 13.75, "longitude": 100.5, "elevation": 5.0, "irradiance_time_offset": 0.5},
                "meteo_data": {"radiation_db": "PVGIS-SARAH3"},
            }
            return 200, {
                "inputs": inputs,
                "outputs": {"months_selected": months, "tmy_hourly": rows},
                "meta": {"inputs": {}},
            }
        if "/seriescalc" in path:
            return 200, instants(weather)
        names = {"ALLSKY_SFC_SW_DWN": weather.ghi_wm2, "ALLSKY_SFC_SW_DNI": weather.dni_wm2, "ALLSKY_SFC_SW_DIFF": weather.dhi_wm2, "T2M": weather.temp_air_c, "WS10M": weather.wind_ms, "RH2M": weather.humidity_percent, "PRECTOTCORR": weather.rain_mm}  # fmt: skip
        wanted = asked["parameters"][0].split(",")
        series = {
            name: {
                f"{at:%Y%m%d%H}": float(value) for at, value in zip(utc, names.get(name, weather.wind_ms), strict=True)
            }
            for name in wanted
        }
        return 200, {
            "properties": {"parameter": series}, "header": {"fill_value": -999.0}, "times": {}, "parameters": {},
            "geometry": {"coordinates": [100.5, 13.75, 4.0]},
        }  # fmt: skip

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def service(typical):
    running = Service(typical)
    yield running
    running.close()


@pytest.mark.parametrize("name", ["pvgis_tmy", "nasa_power"])
def test_fetched_once_and_kept(tmp_path, service, typical, name):
    urls = Urls(pvgis=service.url, nasa_power=service.url + "power")
    first = fetched_or_cached(tmp_path, name, 13.75, 100.5, years=Years(2025, 2025), urls=urls)
    again = fetched_or_cached(
        tmp_path,
        name,
        13.75,
        100.5,
        years=Years(2025, 2025),
        urls=Urls("http://127.0.0.1:1/", "http://127.0.0.1:1/"),
    )
    assert len(service.asked) == 1
    assert again.provenance == first.provenance
    assert first.ghi_wm2.sum() == pytest.approx(typical.ghi_wm2.sum(), rel=1e-6)
    assert first.provenance.kind == ("pvgis" if name == "pvgis_tmy" else "nasa_power")
    findings = [finding.key for finding in weather_findings(completed(first, typical))]
    assert findings == (["no_rain"] if name == "pvgis_tmy" else []), "PVGIS has no rain, and that is said"


def test_unavailable_and_refused_are_told_apart(tmp_path, service):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(UnavailableError, match="--weather typical"):
        fetched_or_cached(tmp_path, "pvgis_tmy", 13.75, 100.5, urls=Urls(pvgis=nobody))
    with pytest.raises(InputError, match="over the sea"):
        fetched_or_cached(tmp_path, "pvgis_tmy", 85.0, 100.5, urls=Urls(pvgis=service.url))
    assert list(tmp_path.iterdir()) == []


def test_hourly_instants_of_pvgis_have_the_sun_of_their_stamps_and_their_own_beam(tmp_path, service, typical):
    weather = fetched_or_cached(tmp_path, "pvgis_hourly", 13.75, 100.5, years=Years(2025, 2025), urls=Urls(service.url))
    assert weather.sun_at_h == pytest.approx(1 / 6)
    assert (weather.starts.minute == 0).all()
    assert weather.provenance.decomposition == ""
    noon = (weather.starts.month == 4) & (weather.starts.hour == 12)
    clear = pvlib.location.Location(13.75, 100.5, altitude=5).get_clearsky(weather.sun_times[noon], model="ineichen")
    np.testing.assert_allclose(weather.dni_wm2[noon], clear["dni"], rtol=0.01)
    assert [finding.key for finding in weather_findings(completed(weather, typical))] == ["no_rain", "filled"]


def test_stamps_that_are_not_where_the_sun_was_are_refused(tmp_path, service, typical):
    answer = instants(typical)
    for row in answer["outputs"]["hourly"]:
        row["H_sun"] = max(0.0, row["H_sun"] - 2)
    service.answer = lambda *_: (200, answer)
    with pytest.raises(InputError, match="H_sun"):
        fetched_or_cached(tmp_path, "pvgis_hourly", 13.75, 100.5, years=Years(2025, 2025), urls=Urls(service.url))


def test_the_offset_that_a_typical_year_of_pvgis_states_is_where_its_sun_is(tmp_path, service):
    weather = fetched_or_cached(tmp_path, "pvgis_tmy", 13.75, 100.5, urls=Urls(service.url))
    assert weather.sun_at_h == 0.5
    assert read_cached(next(tmp_path.iterdir())).sun_at_h == 0.5


def test_a_file_of_cams_has_irradiance_and_the_rest_is_the_typical_year_s(tmp_path, typical):
    """As SoDa documents it: comments, then semicolons, Wh/m2 over each period in UTC."""
    head = (
        "# Coding: utf-8\n# Title: CAMS Radiation v4.6\n# Latitude (positive North, ISO 19115): 13.7500\n"
        "# Longitude (positive East, ISO 19115): 100.5000\n# Altitude (m): 4.00\n# Time reference: Universal time (UT)\n"
        "# Summarization (integration) period: 0 year 0 month 0 day 1 h 0 min 0 s\n#\n"
        "# Observation period;TOA;Clear sky GHI;Clear sky BHI;Clear sky DHI;Clear sky BNI;GHI;BHI;DHI;BNI;Reliability\n"
    )
    hours = pd.Timedelta(hours=1)
    rows = [
        f"{at:%Y-%m-%dT%H:%M:%S.0}/{at + hours:%Y-%m-%dT%H:%M:%S.0};1;1;1;1;1;{g:.4f};{g - d:.4f};{d:.4f};{b:.4f};1.0"
        for at, g, d, b in zip(
            typical.starts.tz_convert("UTC"), typical.ghi_wm2, typical.dhi_wm2, typical.dni_wm2, strict=True
        )
    ]
    (tmp_path / "cams.csv").write_text(head + "\n".join(rows) + "\n")
    weather = read_weather_file(tmp_path / "cams.csv")
    np.testing.assert_allclose(weather.dni_wm2, typical.dni_wm2, atol=1e-3)
    assert (weather.starts == typical.starts).all()
    assert np.isnan(weather.temp_air_c).all()
    assert weather.provenance.kind == "cams"
    with pytest.raises(InputError, match="--email"):
        fetched_or_cached(tmp_path, "cams", 13.75, 100.5)


@pytest.mark.parametrize(
    ("column", "code", "attribute"),
    [(6, 99.9, "temp_air_c"), (8, 999, "humidity_percent"), (13, 9999, "ghi_wm2"), (21, 999, "wind_ms"), (33, 999, "rain_mm")],
)  # fmt: skip
def test_codes_of_epw_for_missing_are_missing(tmp_path, typical, column, code, attribute):
    write_epw(tmp_path / "w.epw", typical)
    lines = (tmp_path / "w.epw").read_text().splitlines()
    fields = lines[8 + 5000].split(",")
    fields[column] = str(code)
    lines[8 + 5000] = ",".join(fields)
    (tmp_path / "w.epw").write_text("\n".join(lines) + "\n")
    values = getattr(read_weather_file(tmp_path / "w.epw"), attribute)
    assert np.flatnonzero(np.isnan(values)).tolist() == [5000]


def test_an_epw_of_a_year_without_rain_has_no_rain(tmp_path, typical):
    write_epw(tmp_path / "dry.epw", replace(typical, rain_mm=np.zeros(8760)))
    weather = read_weather_file(tmp_path / "dry.epw")
    assert np.isnan(weather.rain_mm).all()
    assert completed(weather, typical).rain_mm.sum() == pytest.approx(typical.rain_mm.sum())


def test_an_epw_of_a_leap_year_has_its_29_february(tmp_path, typical):
    leap = pd.date_range("2024-01-01", periods=8784, freq="h", tz="Asia/Bangkok")
    rows = np.r_[np.arange(59 * 24), np.arange(58 * 24, 8760)]
    columns = {name: getattr(typical, name)[rows] for name in (*COLUMNS, "rain_mm", "humidity_percent")}
    write_epw(tmp_path / "leap.epw", replace(typical, starts=leap, **columns))
    weather = read_weather_file(tmp_path / "leap.epw")
    assert len(weather.starts) == 8784
    assert (weather.starts.month == 2).sum() == 29 * 24
    assert weather_findings(weather) == ()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("LOCATION,Ahmedabad,-,IND,MN7,,23,067,72,633,5,5,55,0", "decimal commas"),
        ("LOCATION,Bangkok,-,THA,Made,484550,13.76,100.50,5.0,4.0", r"UTC\+5 at longitude 100.5"),
    ],
)
def test_a_broken_head_of_an_epw_is_refused(tmp_path, typical, header, message):
    write_epw(tmp_path / "w.epw", typical)
    lines = (tmp_path / "w.epw").read_text().splitlines()
    (tmp_path / "w.epw").write_text("\n".join([header, *lines[1:]]) + "\n")
    with pytest.raises(InputError, match=message):
        read_weather_file(tmp_path / "w.epw")


@pytest.mark.parametrize("text", ["2023..2019", "1850", "x", "2019-2023", ""])
def test_years_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match="year|invalid"):
        Years.of(text)

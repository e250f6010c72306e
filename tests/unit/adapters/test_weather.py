import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pvlib
import pytest

from bkkenergy.adapters.weather import Urls, fetched_or_cached, read_cached, read_weather_file, write_cached
from bkkenergy.errors import InputError, UnavailableError
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.weather import weather_faults
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
    assert weather_faults(found) == []
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
                "location": {"latitude": 13.75, "longitude": 100.5, "elevation": 5.0},
                "meteo_data": {"radiation_db": "PVGIS-SARAH3"},
            }
            return 200, {
                "inputs": inputs,
                "outputs": {"months_selected": months, "tmy_hourly": rows},
                "meta": {"inputs": {}},
            }
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
    first = fetched_or_cached(tmp_path, name, 13.75, 100.5, first_year=2025, last_year=2025, urls=urls)
    again = fetched_or_cached(
        tmp_path,
        name,
        13.75,
        100.5,
        first_year=2025,
        last_year=2025,
        urls=Urls("http://127.0.0.1:1/", "http://127.0.0.1:1/"),
    )
    assert len(service.asked) == 1
    assert again.provenance == first.provenance
    assert first.ghi_wm2.sum() == pytest.approx(typical.ghi_wm2.sum(), rel=1e-6)
    assert first.provenance.kind == ("pvgis" if name == "pvgis_tmy" else "nasa_power")
    assert weather_faults(first) == []


def test_unavailable_and_refused_are_told_apart(tmp_path, service):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(UnavailableError, match="--weather typical"):
        fetched_or_cached(tmp_path, "pvgis_tmy", 13.75, 100.5, urls=Urls(pvgis=nobody))
    with pytest.raises(InputError, match="over the sea"):
        fetched_or_cached(tmp_path, "pvgis_tmy", 85.0, 100.5, urls=Urls(pvgis=service.url))
    assert list(tmp_path.iterdir()) == []

"""Imports as a person makes them: preview, refusal, list and undo."""

from __future__ import annotations

import getpass
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.cli import cli
from bkkenergy.errors import BkkEnergyError
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StateSettings, StoreSettings
from bkkenergy.site.open import open_writable
from tests.conftest import CONFIG_PARTS

METER = "environment.headquarters.main"
QUARTERS = pd.date_range("2026-10-01", periods=31 * 96, freq="15min", tz="Asia/Bangkok")


@pytest.fixture
def site(tmp_path, config_dir) -> Path:
    folder = tmp_path / "site/config"
    folder.mkdir(parents=True)
    for name in CONFIG_PARTS:
        (folder / name).symlink_to(config_dir / name)
    (folder / "bkkenergy.toml").write_text("")
    return folder


@pytest.fixture
def live_month(site) -> None:
    """October by the meter's own register, 2.9 kWh each quarter-hour."""
    store = open_writable(Settings(store=StoreSettings(path=site.parent / "var/bkkenergy.sqlite")))
    at = QUARTERS[0].value // 1000 + 900_000_000 * np.arange(len(QUARTERS) + 1)
    store.commit(ReadingBatch((METER,), np.zeros(len(at), np.int64), at, {"energy_kwh": 50 + 2.9 * np.arange(len(at))}))
    store.close()


def run(site: Path, *arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(cli, [*map(str, arguments), "--config", str(site)])
    if isinstance(done.exception, BkkEnergyError):
        assert code == done.exception.exit_code, str(done.exception)
        return done.output + str(done.exception)
    assert done.exit_code == code, (done.output, done.exc_info)
    return done.output


def utility_file(tmp_path, kwh=3.0, name="mea.csv", year: int | None = None) -> Path:
    path = tmp_path / name
    times = QUARTERS.strftime("%Y-%m-%d %H:%M")
    times = times if year is None else [f"{year}{text[4:]}" for text in times]
    pd.DataFrame({"time": times, "kWh": kwh}).to_csv(path, index=False)
    return path


def energy_kwh(site: Path, tmp_path: Path) -> float:
    run(site, "report", "environment", "--period", "2026-10", "--format", "json", "-o", tmp_path)
    return float(pd.read_json(tmp_path / "environment/environment_2026-10.json", typ="series")["total"]["energy_kwh"])


@pytest.mark.usefixtures("live_month")
def test_a_live_month_is_previewed_refused_filled_and_undone(site, tmp_path):
    file = utility_file(tmp_path)
    column = ("--column", f"kWh={METER}", "--values", "energy")
    before = energy_kwh(site, tmp_path)
    assert before == pytest.approx(8630.4)
    output = run(site, "import", file, *column, "--dry-run")
    assert f"{METER}: 2,976 intervals, 8,928.00 kWh, 2026-10-01 00:00 to 2026-11-01 00:00" in output
    assert "measured by the meter: 2,976 quarter-hours, 8,630.40 kWh in the ledger, 8,928.00 kWh in the file" in output
    assert "they differ by more than 2 %" in output
    assert "Refused as it stands" in output
    assert "Nothing was imported" in run(site, "import", file, *column, code=2)
    assert "Nothing was imported yet." in run(site, "imports", "list")
    assert "batch 1" in run(site, "import", file, *column, "--overlap", "fill")
    assert energy_kwh(site, tmp_path) == before
    assert "is undone" in run(site, "import", "--undo", 1)
    assert "batch 2" in run(site, "import", file, *column, "--overlap", "replace")
    assert energy_kwh(site, tmp_path) == pytest.approx(8928)
    run(site, "import", "--undo", 2)
    assert energy_kwh(site, tmp_path) == before
    listed = run(site, "imports", "list")
    assert len(re.findall("undone", listed)) == 2
    shown = run(site, "imports", "show", 2)
    assert f"undone by cli:{getpass.getuser()}" in shown
    assert "precedence file" in shown
    engine = open_state(StateSettings(path=site.parent / "var/state.sqlite"))
    actions = [line["action"] for line in audit_lines(engine)]
    assert actions == ["undo_import", "import", "undo_import", "import"]
    assert {line["actor"] for line in audit_lines(engine)} == {f"cli:{getpass.getuser()}"}
    engine.dispose()


def test_a_file_of_the_buddhist_era_is_converted_and_refused_where_that_was_excluded(site, tmp_path):
    file = utility_file(tmp_path, year=2569)
    column = ("--column", f"kWh={METER}", "--values", "energy")
    assert "--calendar be" in run(site, "import", file, *column, "--calendar", "ce", code=2)
    assert "years of the Buddhist era (2569-10-01) are converted" in run(site, "import", file, *column)
    assert energy_kwh(site, tmp_path) == pytest.approx(8928)
    assert "2026-10-01 00:00" in run(site, "imports", "show", 1)


def test_a_mapping_reads_the_file_of_the_next_month_and_refused_rows_stop_it(site, tmp_path):
    file = tmp_path / "amr.csv"
    rows = [f"{at + pd.Timedelta('15min'):%d/%m/%Y,%H:%M},2.5" for at in QUARTERS[:96]]
    file.write_text("\n".join(["serial,0001,", "DATE,TIME,kWh", *rows]))
    options = ("--column", f"kWh={METER}", "--values", "energy", "--dates", "dmy", "--stamps", "end")
    shown = run(site, "import", file, *options, "--save-mapping", "amr", "--dry-run")
    assert (site.parent / "var/mappings/amr.toml").exists()
    assert f"{METER}: 96 intervals, 240.00 kWh, 2026-10-01 00:00 to 2026-10-02 00:00" in shown
    file.write_text(file.read_text().replace("03:00,2.5", "03:00,ERR"))
    refused = run(site, "import", file, "--mapping", "amr", code=1)
    assert "row 14, kWh: 'ERR' is no number" in refused
    assert "Nothing was imported. --skip-refused" in refused
    assert "ERR" in (tmp_path / "amr.csv.refused.csv").read_text()
    assert "Nothing was imported yet." in run(site, "imports", "list")
    assert "batch 1" in run(site, "import", file, "--mapping", "amr", "--skip-refused")
    assert energy_kwh(site, tmp_path) == pytest.approx(95 * 2.5)


def test_a_file_of_the_future_is_refused(site, tmp_path):
    file = utility_file(tmp_path, year=2099)
    output = run(site, "import", file, "--column", f"kWh={METER}", "--values", "energy", "--overlap", "replace", code=2)
    assert "2,976 intervals end in the future" in output


@pytest.mark.usefixtures("live_month")
def test_registers_of_a_wide_file_among_live_readings_are_refused(site, tmp_path):
    file = utility_file(tmp_path, kwh=np.arange(2976.0))
    output = run(site, "import", file, "--column", f"kWh={METER}", "--values", "register", code=2)
    assert "2,976 readings differ from those that are stored" in output
    output = run(site, "import", file, "--column", f"kWh={METER}", "--values", "register", "--overlap", "fill")
    assert "2,976 with other values" in output
    assert energy_kwh(site, tmp_path) == pytest.approx(8630.4)
    assert "0 readings were deleted" in run(site, "import", "--undo", 1)
    run(site, "import", file, "--column", f"kWh={METER}", "--values", "register", "--overlap", "replace")
    assert energy_kwh(site, tmp_path) != pytest.approx(8630.4, rel=0.1)
    assert "2,976 are as before it" in run(site, "import", "--undo", 2)
    assert energy_kwh(site, tmp_path) == pytest.approx(8630.4)


def with_ratio(site, ratio: float, from_day: str | None = None) -> None:
    """Give the meter a CT ratio, for all days or from a day on."""
    if (site / "portfolio").is_symlink():
        real = (site / "portfolio").resolve()
        (site / "portfolio").unlink()
        shutil.copytree(real, site / "portfolio")
    path = site / "portfolio/buildings/environment.toml"
    head, meter, rest = path.read_text().partition('[[building.meters]]\nid = "main"\n')
    assert meter
    rest = re.sub(r"(?m)^(ct_ratio|changes) = .*\n", "", rest, count=2)
    line = f"ct_ratio = {ratio}" if from_day is None else f"changes = [{{ from = {from_day}, ct_ratio = {ratio} }}]"
    path.write_text(f"{head}{meter}{line}\n{rest}")


def counter_file(tmp_path) -> Path:
    """A counter that shows 0.1 kWh more each quarter-hour of October."""
    return utility_file(tmp_path, kwh=50 + 0.1 * np.arange(2976.0), name="counter.csv")


REGISTER = ("--column", f"kWh={METER}", "--values", "register")
SHOWN_KWH = 297.5


def test_a_register_of_a_file_asks_on_which_side_of_the_transformers_it_is(site, tmp_path):
    with_ratio(site, 40, "2026-10-16")
    file = counter_file(tmp_path)
    asked = run(site, "import", file, *REGISTER, "--dry-run", code=2)
    assert f"CT and VT ratios of {METER}: 1, 40 from 2026-10-16. Say --side secondary" in asked
    assert "Nothing was imported yet." in run(site, "imports", "list")
    shown = run(site, "import", file, *REGISTER, "--side", "secondary")
    assert f"CT and VT ratio of {METER}: 1, 40 from 2026-10-16 multiplies the readings" in shown
    assert energy_kwh(site, tmp_path) == pytest.approx(1440 * 0.1 + (SHOWN_KWH - 1440 * 0.1) * 40, rel=1e-3)
    run(site, "import", "--undo", 1)
    assert "is in the readings already" in run(site, "import", file, *REGISTER, "--side", "primary")
    assert energy_kwh(site, tmp_path) == pytest.approx(SHOWN_KWH, rel=1e-3)


def test_a_ratio_that_is_corrected_later_counts_for_what_a_file_brought_as_for_live_readings(site, tmp_path):
    file = counter_file(tmp_path)
    run(site, "import", file, *REGISTER)
    assert energy_kwh(site, tmp_path) == pytest.approx(SHOWN_KWH, rel=1e-3)
    with_ratio(site, 20)
    assert energy_kwh(site, tmp_path) == pytest.approx(SHOWN_KWH * 20, rel=1e-3)
    again = run(site, "import", file, *REGISTER, "--side", "secondary", "--dry-run")
    assert "2,976 are stored already, 0 with other values" in again
    with_ratio(site, 30)
    assert energy_kwh(site, tmp_path) == pytest.approx(SHOWN_KWH * 30, rel=1e-3)


def test_what_flowed_by_a_file_stays_whatever_the_ratio_is(site, tmp_path):
    with_ratio(site, 20)
    run(site, "import", counter_file(tmp_path), *REGISTER, "--side", "primary", "--save-mapping", "pea")
    assert 'side = "primary"' in (site.parent / "var/mappings/pea.toml").read_text()
    assert energy_kwh(site, tmp_path) == pytest.approx(SHOWN_KWH, rel=1e-3)
    with_ratio(site, 30)
    assert energy_kwh(site, tmp_path) == pytest.approx(SHOWN_KWH, rel=1e-3)


def test_a_table_of_readings_that_is_no_export_is_asked_about_too(site, tmp_path):
    with_ratio(site, 20)
    file = tmp_path / "readings.csv"
    rows = [f"{METER},{at.isoformat()},{50 + number}" for number, at in enumerate(QUARTERS[:96])]
    file.write_text("\n".join(["meter,ts,energy_kwh", *rows]))
    assert f"{METER}: 20. Say --side" in run(site, "import", file, code=2)
    run(site, "import", file, "--side", "secondary")
    exported = tmp_path / "out.csv"
    run(site, "export", exported, "--period", "2026-10-01")
    assert "1000.0" in exported.read_text()
    assert "96 are stored already, 0 with other values" in run(site, "import", exported, "--dry-run")


def test_energies_of_intervals_are_what_flows(site, tmp_path):
    with_ratio(site, 20)
    file = utility_file(tmp_path)
    column = ("--column", f"kWh={METER}", "--values", "energy")
    assert "Multiply them by the ratio first" in run(site, "import", file, *column, "--side", "secondary", code=2)
    run(site, "import", file, *column)
    assert energy_kwh(site, tmp_path) == pytest.approx(8928)


@pytest.mark.parametrize("arguments", [[], ["FILE", "--undo", "1"]], ids=["nothing", "both"])
def test_either_a_file_or_a_batch_to_undo_is_named(site, tmp_path, arguments):
    words = [str(utility_file(tmp_path)) if word == "FILE" else word for word in arguments]
    assert "Give a FILE to import, or --undo ID" in run(site, "import", *words, code=2)


def test_a_meter_is_named_once(site, tmp_path):
    file = tmp_path / "two.csv"
    file.write_text("time,a,b\n2026-10-01,1,1\n2026-10-02,1,1\n")
    output = run(site, "import", file, "--column", f"a={METER}", "--column", f"b={METER}", code=2)
    assert "named twice" in output


def test_a_persons_figure_is_shown_listed_and_taken_back(site):
    given = ("energy", "edit", METER, "--from", "2026-10-05T08:00", "--to", "2026-10-05T08:15", "--kwh", "4")
    show = ("energy", "show", METER, "--period", "2026-10-05", "--step", "15min", "--format", "csv")
    assert "Nothing was changed" in run(site, *given, "--reason", "bypassed", "--dry-run")
    assert "import --undo 1" in run(site, *given, "--reason", "bypassed")
    assert "2026-10-05T08:00:00+07:00,4.0,edited" in run(site, *show)
    listed = run(site, "imports", "list")
    assert "bypassed" in listed
    assert "edit" in listed
    run(site, "import", "--undo", "1")
    assert ",edited" not in run(site, *show)


def test_a_nem12_file_finds_its_meter_by_the_account_that_it_names(site, tmp_path):
    real = (site / "portfolio").resolve()
    (site / "portfolio").unlink()
    shutil.copytree(real, site / "portfolio")
    account = (
        '\n[[account]]\nid = "office"\nutility = "mea"\nnumber = "012345678"\nschedule = "mea-2-2-lv"\n'
        'buildings = ["environment.headquarters"]\n'
    )
    with (site / "portfolio/agencies.toml").open("a") as stream:
        stream.write(account)
    day = f"300,20261001,{','.join(['1.5'] * 48)},A,,,20261002010000,"
    file = tmp_path / "nem.csv"
    head = "100,NEM12,202610021200,MDP1,R1\n200,012345678,E1,1,E1,N1,01009,kWh,30,\n"
    file.write_text(f"{head}{day}\n{day[:40]}\n900\n")
    refused = run(site, "import", file, "--timezone", "Asia/Bangkok", code=1)
    assert "row 4, 012345678 E1: " in refused
    shown = run(site, "import", file, "--timezone", "Asia/Bangkok", "--skip-refused")
    assert f"{METER}: 48 intervals, 72.00 kWh, 2026-10-01 00:00 to 2026-10-02 00:00" in shown
    assert "batch 1" in shown
    assert energy_kwh(site, tmp_path) == pytest.approx(72)

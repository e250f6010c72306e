"""Meters that are asked over Modbus TCP: right values, and no device, answer or outage that stops or falsifies others."""

from __future__ import annotations

import json
import sqlite3
import threading
import time

import pytest
from click.testing import CliRunner
from pymodbus.constants import ExcCodes
from structlog.testing import capture_logs

from bkkenergy.adapters.modbus import DeviceRefused, DeviceSilent, ModbusLine
from bkkenergy.adapters.outbound import Outbound
from bkkenergy.cli import cli
from bkkenergy.errors import ConfigError
from bkkenergy.ingest import poll
from bkkenergy.ingest.poll import MapMisfit, Poller, read_once
from bkkenergy.ingest.poll_check import examine_outbound, examine_polled
from bkkenergy.payloads.registers import RegisterMap
from bkkenergy.portfolio import load_portfolio
from bkkenergy.site.poll_config import PolledDevice, PolledMeter, load_polled
from bkkenergy.tomlfiles import read_toml
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.conftest import dealt_with, ingesting, stored, wait_until
from tests.integration.test_delivery import METER, TOPIC, updated
from tests.modbus import ModbusDevice, modbus_server
from tests.ports import free_port
from tests.servers import mosquitto, started

pytestmark = [pytest.mark.broker]
MAPS = {table["id"]: RegisterMap(**table) for table in read_toml(ROOT / "config/modbus.toml")["map"]}
SDM = MAPS["eastron-sdm630"]
VALUES = {"energy_kwh": 1234.5, "export_kwh": 2.2, "power_kw": 12.5, "frequency_hz": 50.0, "voltage_l1_v": 231.0,
          "voltage_l2_v": 230.0, "voltage_l3_v": 229.0, "current_l1_a": 5.0, "current_l2_a": 6.0, "current_l3_a": 7.0,
          "power_factor": 0.95}  # fmt: skip
ALL_VALUES = VALUES | {"apparent_kva": 13.2, "reactive_kvar": 4.1, "thd_voltage_ratio": 0.031}


def polled(port: int, kind: RegisterMap = SDM, unit: int = 1, **more) -> PolledMeter:
    device = PolledDevice(host="127.0.0.1", port=port, unit=unit, map=kind.id, meter=METER, **{"timeout_s": 0.5} | more)
    return PolledMeter(device=device, map=kind, topic=TOPIC)


def asked(port: int, one: PolledMeter):
    with ModbusLine("127.0.0.1", port, one.device.timeout_s) as line:
        return read_once(line, one)


@pytest.mark.parametrize("name", sorted(MAPS))
def test_every_shipped_map_reads_what_its_device_shows(name):
    kind = MAPS[name]
    device_values = {name: ALL_VALUES[name] for name in kind.fields}
    with modbus_server({7: ModbusDevice(kind, device_values)}) as port:
        before_us = time.time() * 1e6
        reading = asked(port, polled(port, kind, 7))
    assert before_us <= reading.ts_us <= time.time() * 1e6
    assert reading.lacking == {}
    assert reading.values == {name: pytest.approx(value, rel=1e-4) for name, value in device_values.items()}


def test_a_map_whose_source_is_another_program_says_that_it_is_unverified():
    of_another_program = {name for name, kind in MAPS.items() if "mbmd" in kind.source}
    assert of_another_program == {name for name, kind in MAPS.items() if kind.unverified} != set()


def test_the_wrong_order_of_words_is_found_out_and_nothing_is_published():
    with modbus_server({1: ModbusDevice(SDM, VALUES, is_swapped=True)}) as port:
        with pytest.raises(
            MapMisfit, match=r'With the words in the other order it is 50: set word_order = "low-first"'
        ) as caught:
            asked(port, polled(port))
        assert 'หากสลับลำดับคำจะอ่านได้ 50 โปรดตั้ง word_order = "low-first"' in caught.value.said("th")
        kind = SDM.model_copy(update={"word_order": "low-first"})
        assert asked(port, polled(port, kind)).values["energy_kwh"] == 1234.5


def test_values_that_the_device_calls_undefined_or_infinite_are_left_out():
    device = ModbusDevice(MAPS["abb-b"], VALUES)
    device.words |= {0x5004 + n: 0xFFFF for n in range(4)} | {0x5B14: 0x7FFF, 0x5B15: 0xFFFF}
    with modbus_server({1: device}) as port:
        assert {"export_kwh", "power_kw"} == VALUES.keys() - asked(port, polled(port, MAPS["abb-b"])).values.keys()
    device = ModbusDevice(SDM, VALUES)
    device.words |= {0x48: 0x7F80, 0x49: 0, 0x34: 0x7FC0, 0x35: 0}
    with modbus_server({1: device}) as port:
        assert {"energy_kwh", "power_kw"} == VALUES.keys() - asked(port, polled(port)).values.keys()


def test_an_exception_loses_its_own_field_alone():
    device = ModbusDevice(SDM, VALUES)
    device.refuses = {"export_kwh"}
    with modbus_server({1: device}) as port:
        reading = asked(port, polled(port))
        assert "export_kwh" not in reading.values
        assert "illegal data address" in str(reading.lacking["export_kwh"])
        assert reading.values["energy_kwh"] == 1234.5
        device.refuses = set(SDM.fields)
        with pytest.raises(DeviceRefused, match="illegal data address"):
            asked(port, polled(port))


@pytest.mark.parametrize("code", [ExcCodes.GATEWAY_NO_RESPONSE, ExcCodes.GATEWAY_PATH_UNAVIABLE])
def test_a_gateway_that_says_its_device_is_silent_is_asked_once_and_no_more(code):
    device = ModbusDevice(SDM, VALUES)
    device.refuses, device.code = set(SDM.fields), code
    with modbus_server({1: device}) as port, pytest.raises(DeviceSilent, match="gateway"):
        asked(port, polled(port))
    assert device.asked == 1


def test_a_late_answer_is_never_taken_for_the_next_question():
    slow, quick = ModbusDevice(SDM, VALUES), ModbusDevice(SDM, VALUES | {"energy_kwh": 77.0})
    slow.slow_s = 0.8
    with modbus_server({1: slow, 2: quick}) as port, ModbusLine("127.0.0.1", port, 0.3) as line:
        with pytest.raises(DeviceSilent, match="no answer"):
            read_once(line, polled(port, unit=1))
        threading.Event().wait(0.7)
        for _ in range(3):
            assert read_once(line, polled(port, unit=2)).values["energy_kwh"] == 77.0


def test_devices_that_are_dead_hold_up_no_other(monkeypatch):
    """A unit that is not there, an address where nothing listens, and one that is well."""
    said: list[tuple[str, dict]] = []
    with modbus_server({2: ModbusDevice(SDM, VALUES)}) as port:
        devices = [
            polled(port, unit=1, every_s=1, timeout_s=0.2),
            polled(port, unit=2, every_s=1),
            polled(free_port(), every_s=1),
        ]
        poller = Poller(devices, lambda topic, payload: said.append((topic, json.loads(payload))))
        thread = threading.Thread(target=poller.run)
        with capture_logs() as logs:
            thread.start()
            wait_until(lambda: len(said) >= 3)
            poller.stop()
            thread.join()
    assert {payload["energy_kwh"] for _, payload in said} == {1234.5}
    assert said[0][0] == TOPIC
    assert len({payload["ts"] // 1000 for _, payload in said}) == len(said), "one reading a second"
    troubles = [entry["why"].partition(":")[0] for entry in logs if entry["event"] == "poll_trouble"]
    assert sorted(troubles) == ["DeviceRefused", "DeviceSilent"], "once each, and not at each poll"


def test_a_device_that_comes_back_is_read_again():
    said: list[bytes] = []
    port = free_port()
    poller = Poller([polled(port, every_s=1)], lambda _topic, payload: said.append(payload))
    thread = threading.Thread(target=poller.run)
    thread.start()
    try:
        threading.Event().wait(1.2)
        with modbus_server({1: ModbusDevice(SDM, VALUES)}, port):
            wait_until(lambda: said)
    finally:
        poller.stop()
        thread.join()


def test_while_the_clock_is_wrong_nothing_is_stamped_by_it():
    said: list[bytes] = []
    with modbus_server({1: ModbusDevice(SDM, VALUES)}) as port:
        poller = Poller(
            [polled(port, every_s=1)], lambda _topic, payload: said.append(payload), is_clock_right=lambda: False
        )
        thread = threading.Thread(target=poller.run)
        thread.start()
        threading.Event().wait(1.3)
        poller.stop()
        thread.join()
    assert said == []


def test_a_disk_that_takes_nothing_is_said_and_stops_no_device():
    said: list[bytes] = []

    def put(_topic, payload):
        said.append(payload)
        if len(said) == 1:
            raise sqlite3.OperationalError("database or disk is full")

    with modbus_server({1: ModbusDevice(SDM, VALUES)}) as port, capture_logs() as logs:
        poller = Poller([polled(port, every_s=1)], put)
        thread = threading.Thread(target=poller.run)
        thread.start()
        wait_until(lambda: len(said) >= 2)
        poller.stop()
        thread.join()
    assert [entry["why"] for entry in logs if entry["event"] == "poll_trouble"] == [
        "OperationalError: database or disk is full"
    ]


def test_after_the_clock_is_set_back_devices_are_asked_at_once_and_not_after_that_time():
    said: list[dict] = []
    ahead_s = [86_400.0]
    with modbus_server({1: ModbusDevice(SDM, VALUES)}) as port:
        poller = Poller([polled(port, every_s=1)], lambda _topic, payload: said.append(json.loads(payload)),
                        wall_clock=lambda: time.time() + ahead_s[0])  # fmt: skip
        thread = threading.Thread(target=poller.run)
        thread.start()
        wait_until(lambda: said)
        ahead_s[0] = 0.0
        wait_until(lambda: said[-1]["ts"] / 1000 < time.time() + 60)
        poller.stop()
        thread.join()


def test_what_is_polled_is_stored_by_the_ingester(settings, portfolio, broker, tmp_path):
    mqtt = settings.mqtt.model_copy(update={"client_id": "poll-1"})
    outbound = Outbound(mqtt, tmp_path / "out.sqlite")
    with modbus_server({1: ModbusDevice(SDM, VALUES)}) as port, ingesting(settings, portfolio) as ingester:
        poller = Poller([polled(port, every_s=1)], outbound.put)
        thread = threading.Thread(target=poller.run)
        outbound.start()
        thread.start()
        wait_until(lambda: dealt_with(ingester) >= 2)
        poller.stop()
        thread.join()
        outbound.stop()
    batch = stored(settings, METER)
    assert set(batch.column("energy_kwh").tolist()) == {1234.5}
    assert outbound.waiting == 0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_readings_wait_on_disk_while_the_broker_is_away_also_through_a_restart(settings, portfolio, tmp_path, protocol):
    server = mosquitto(tmp_path / "mqtt")
    mqtt = settings.mqtt.model_copy(
        update={"client_id": "poll-2", "port": server.port, "protocol": protocol, "reconnect_max_s": 1}
    )
    payloads = [b'{"ts": %d, "energy_kwh": %d}' % (1_764_000_000 + n, n) for n in range(300)]
    first = Outbound(mqtt, tmp_path / "out.sqlite")
    first.start()
    for payload in payloads[:200]:
        first.put(TOPIC, payload)
    first.stop(within_s=0.2)
    second = Outbound(mqtt, tmp_path / "out.sqlite")
    assert second.waiting == 200
    second.start()
    with started(server):
        with ingesting(updated(settings, "mqtt", port=server.port), portfolio) as ingester:
            for payload in payloads[200:]:
                second.put(TOPIC, payload)
            wait_until(lambda: second.waiting == 0)
            wait_until(lambda: dealt_with(ingester) >= 300)
        second.stop()
    assert stored(settings, METER).column("energy_kwh").tolist() == list(range(300))


def test_a_full_disk_of_messages_drops_the_oldest_aloud(settings, tmp_path):
    mqtt = settings.mqtt.model_copy(update={"port": free_port()})
    outbound = Outbound(mqtt, tmp_path / "out.sqlite", max_messages=5)
    with capture_logs() as logs:
        for n in range(8):
            outbound.put(TOPIC, b"%d" % n)
    assert outbound.waiting == 5
    assert sum(entry["event"] == "outbound_full" for entry in logs) == 3
    rows = outbound._database.execute("SELECT payload FROM outbound ORDER BY id").fetchall()
    assert rows == [(b"%d" % n,) for n in range(3, 8)]
    outbound._database.close()


def test_what_the_broker_refuses_stays_and_is_sent_when_it_may(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("bkkenergy.adapters.outbound.REFUSED_PAUSE_S", 0.3)
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    acl.chmod(0o644)
    server = mosquitto(tmp_path / "mqtt", options=f"allow_anonymous true\nacl_file {acl}")
    mqtt = settings.mqtt.model_copy(
        update={"client_id": "poll-3", "port": server.port, "protocol": "5", "reconnect_max_s": 1}
    )
    with started(server), capture_logs() as logs:
        outbound = Outbound(mqtt, tmp_path / "out.sqlite")
        outbound.start()
        outbound.put(TOPIC, b"1")
        wait_until(lambda: any(entry["event"] == "outbound_message_refused" for entry in logs))
        assert outbound.waiting == 1
        acl.write_text("topic readwrite #\n")
        server.process.send_signal(1)  # mosquitto reads its list again
        wait_until(lambda: outbound.waiting == 0)
        outbound.stop()


@pytest.fixture
def site(tmp_path, config_dir):
    folder = tmp_path / "site/config"
    folder.mkdir(parents=True)
    for name in (*CONFIG_PARTS, "modbus.toml"):
        if not (folder / name).exists():
            (folder / name).symlink_to(config_dir / name)
    (folder / "bkkenergy.toml").write_text("")
    return folder


def devices(site, *tables: str) -> None:
    (site / "poll.toml").write_text("".join(f"[[device]]\n{table}\n" for table in tables))


def test_once_shows_what_devices_say_and_fails_where_one_says_nothing(site):
    with modbus_server({1: ModbusDevice(SDM, VALUES)}) as port:
        where = f'host = "127.0.0.1"\nport = {port}\nmap = "eastron-sdm630"\ntimeout_s = 0.3\n'
        devices(site, f'{where}meter = "{METER}"')
        done = CliRunner().invoke(cli, ["poll", "--once", "--config", str(site)])
        assert "Maps that are unverified: eastron-sdm630" in done.output
        assert (done.exit_code, f"{METER}: " in done.output, "energy_kwh 1234.5" in done.output) == (0, True, True)
        devices(site, f'{where}meter = "{METER}"', f'{where}unit = 9\nmeter = "health.centre-2.main"')
        done = CliRunner().invoke(cli, ["poll", "--once", "--config", str(site)])
        assert done.exit_code == 1
        assert "health.centre-2.main: 127.0.0.1" in done.output


def test_faults_of_the_list_are_all_named_at_once(site):
    good = f'host = "h"\nmap = "eastron-sdm630"\nmeter = "{METER}"'
    devices(
        site, good, good, 'host = "h"\nmap = "no-such"\nmeter = "no.such.meter"', 'host = ""\nmap = "x"\nmeter = "y"'
    )
    with pytest.raises(ConfigError) as raised:
        load_polled(site, load_portfolio(site))
    text = str(raised.value)
    for what in ("polled twice", "no map 'no-such'", "no meter 'no.such.meter'", "host"):
        assert what in text
    (site / "poll.toml").unlink()
    assert load_polled(site, load_portfolio(site)) == ()


def test_a_pause_grows_with_failures_up_to_its_bound():
    due = poll._PollTurn(polled(1, every_s=60), 0.0, failures=20)
    assert poll._pause_s(due) == poll.MAX_PAUSE_S
    assert poll._pause_s(poll._PollTurn(polled(1, every_s=3600), 0.0)) == 3600


def test_the_doctor_says_how_many_polled_meters_answer(site):
    with modbus_server({1: ModbusDevice(SDM, VALUES)}) as port:
        where = f'host = "127.0.0.1"\nport = {port}\nmap = "eastron-sdm630"\ntimeout_s = 0.3\n'
        devices(site, f'{where}meter = "{METER}"', f'{where}unit = 9\nmeter = "health.centre-2.main"')
        said, noted = examine_polled(load_polled(site, load_portfolio(site)))
        assert (said.check, said.is_well) == ("poll", False)
        assert said.observed.startswith("1 of 2 polled meters answer: health.centre-2.main: ")
        assert (noted.is_well, noted.observed.startswith("maps that are unverified")) == (True, True)
        assert noted.observed.endswith(": eastron-sdm630")
        devices(site, f'{where}meter = "{METER}"')
        said, _ = examine_polled(load_polled(site, load_portfolio(site)))
        assert (said.is_well, said.observed) == (True, "1 of 1 polled meters answer")
    assert list(examine_polled(())) == []


def test_check_names_unverified_maps_and_faults_of_the_list(site):
    devices(site, f'host = "h"\nmap = "eastron-sdm630"\nmeter = "{METER}"')
    done = CliRunner().invoke(cli, ["check", "--config", str(site)])
    assert "no source of the maker could be read: eastron-sdm630." in done.output
    devices(site, f'host = "h"\nmap = "no-such"\nmeter = "{METER}"')
    done = CliRunner().invoke(cli, ["check", "--config", str(site)])
    assert (done.exit_code, "no map 'no-such'" in done.output) == (1, True)


def test_the_doctor_counts_the_readings_that_wait_for_the_broker(settings, tmp_path):
    path = tmp_path / "outbound.sqlite"
    assert list(examine_outbound(path)) == []
    outbound = Outbound(settings.mqtt, path)
    for number in range(1001):
        outbound.put(TOPIC, str(number).encode())
        (said,) = examine_outbound(path) if number in {0, 1000} else (None,)
        if said is not None:
            assert (said.is_well, said.observed) == (
                number == 0,
                "1 reading of the poller waits for the broker"
                if number == 0
                else f"{number + 1:,} readings of the poller wait for the broker",
            )
    path.with_name("other.sqlite").write_text("no database")
    (said,) = examine_outbound(path.with_name("other.sqlite"))
    assert (said.is_well, "cannot be read" in said.observed) == (False, True)

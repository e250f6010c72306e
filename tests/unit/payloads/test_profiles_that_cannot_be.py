"""Profiles that would pass over what they say, or find nothing, are refused where they are read, with what to do."""

from __future__ import annotations

import tomllib

import pytest

from bkkenergy.errors import ConfigError
from bkkenergy.payloads.check import kind_faults
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.portfolio import MeterKind
from bkkenergy.site.profiles import load_profiles
from tests.builders import meter
from tests.unit.payloads.test_payloads import PROFILES

HEAD = """
[[profile]]
id = "own"
name_en = "own"
source = "test"
"""
ENERGY = 'fields = { energy_kwh = { path = "e", unit = "kWh" } }'
UPLINK = 'family = "chirpstack"\n'
ITEM = 'binary = { x = { offset = 2, type = "u32" } }\nfields = { energy_kwh = { path = "object.x", unit = "kWh" } }'


def fields(path: str, more: str = "") -> str:
    return f'family = "fields"\n{more}\nfields = {{ energy_kwh = {{ {path} }} }}'


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ('family = "canonical"\nwhen = "q"', "when", "means nothing"),
        (f'family = "canonical"\n{ENERGY}', "fields", "means nothing"),
        (f'family = "fields"\nf_port = 2\n{ENERGY}', "f_port", "chirpstack, things-stack"),
        ('family = "number"\nwhen = "q"\nfields = { energy_kwh = { suffix = "e", unit = "kWh" } }', "when", "means nothing"),
        ('family = "number"\ntime = { path = "t" }\nfields = { energy_kwh = { suffix = "e", unit = "kWh" } }', "time", "means nothing"),
        ('family = "fields"', "fields", "nothing is read"),
        (fields('unit = "kWh"'), "fields.energy_kwh", "no path"),
        (fields('suffix = "e", unit = "kWh"'), "fields.energy_kwh", "no path"),
        (f'family = "number"\n{ENERGY}', "fields.energy_kwh", "no suffix"),
        ('family = "number"\nfields = { energy_kwh = { suffix = "e", unit = "kWh" }, export_kwh = { suffix = "e", unit = "kWh" } }', "fields.export_kwh.suffix", "another field"),
        ('family = "number"\nfields = { energy_kwh = { suffix = "+/e", unit = "kWh" } }', "fields.energy_kwh.suffix", "cannot be"),
        (fields('path = "summ(e)", unit = "kWh"'), "fields.energy_kwh.path", "no function"),
        (fields('path = "sum(e, f)", unit = "kWh"'), "fields.energy_kwh.path", "takes 1 argument, not 2"),
        (fields('path = "a.\\"{key}\\".e", unit = "kWh"'), "fields.energy_kwh.path", "no `keys`"),
        (fields('path = "e", unit = "kWh"', 'keys = ["a", "b"]'), "fields.energy_kwh.path", "from one place"),
        (fields('path = "e", unit = "pulses", pulses_per_kwh = 1000, unit_path = "u"'), "fields.energy_kwh.unit_path", "pulses"),
        (fields('path = "e", unit = "kWh"', 'each = "^x"'), "each", "Remove the ^"),
        (fields('path = "e", unit = "kWh"', 'time = { path = "t", timezone = "Asia/Bankok" }'), "time.timezone", "no time zone"),
        (fields('path = "e", unit = "kWh"', 'time = { path = "t", form = "%H:%M" }'), "time.form", "no day and hour"),
        (f'family = "csv"\ncolumns = ["a"]\n{ENERGY}', "fields.energy_kwh.path", "no column 'e'"),
        (f'family = "csv"\ncolumns = ["e", "e"]\n{ENERGY}', "columns", "twice"),
        (f"{UPLINK}frame_bytes = 4\n{ITEM}", "binary.x", "byte 6 of a frame of 4"),
        (f"{UPLINK}{ITEM.replace('object.x', 'object.y')}", "fields.energy_kwh.path", "nothing that the frame has"),
        (f"{UPLINK}tlv = {{ 0175 = {{ skip_bytes = 1 }} }}\n{ITEM}", "tlv", "described twice"),
        (fields('path = "e", unit = "W"'), "fields", "use one of: Wh, kWh"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_do_what_it_says_is_refused_with_what_to_do(tmp_path, text, where, why):
    """Each was accepted, and then dropped, filtered nothing, or failed with each message."""
    (tmp_path / "payloads").mkdir()
    (tmp_path / "payloads" / "own.toml").write_text(HEAD + text)
    with pytest.raises(ConfigError) as caught:
        load_profiles(tmp_path, frozenset(FAMILIES))
    said = [f"{fault.where} {fault.what} {fault.remedy}" for fault in caught.value.faults]
    assert any(why in one and where in one.split(" ", 2)[1] + one for one in said), said


def test_the_text_of_such_a_profile_is_toml():
    assert tomllib.loads(HEAD + ENERGY)["profile"][0]["fields"]["energy_kwh"]["path"] == "e"


@pytest.mark.parametrize(
    ("kind", "profile", "name"),
    [
        (MeterKind.REGISTER, "home-assistant-statestream-power", "energy_kwh"),
        (MeterKind.INTERVAL, "advantech-wise", "energy_kwh"),
        (MeterKind.POWER, "home-assistant-statestream", "power_kw"),
        (MeterKind.NET, "zigbee2mqtt-climate", "energy_kwh"),
    ],
)
def test_a_meter_whose_profile_never_reads_what_its_kind_needs_is_refused(kind, profile, name):
    of = meter(payload=profile, topic="a/b", kind=kind)
    (fault,) = kind_faults([of], PROFILES)
    assert name in fault.what


def test_a_meter_of_another_kind_may_have_any_profile():
    of = meter(payload="zigbee2mqtt-climate", topic="a/b", kind=MeterKind.OTHER)
    assert kind_faults([of], PROFILES) == []

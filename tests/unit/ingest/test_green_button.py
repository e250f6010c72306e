"""Green Button files: each reading at its instant, in its unit, with its quality, and hostile XML refused in time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets import FileMapping, FileTable, greenbutton, read_sheet

METER = "health.centre-2.main"
START_S = 1_793_466_000
"""2026-11-01 00:00 in Bangkok."""
TYPE = {
    "accumulationBehaviour": 4,
    "commodity": 1,
    "flowDirection": 1,
    "intervalLength": 900,
    "powerOfTenMultiplier": 0,
    "uom": 72,
}
HOST = "https://example.test/espi/1_1/resource/Subscription/9"


def entry(links: dict[str, str], content: str, title="") -> str:
    shown = "".join(f'<link rel="{rel}" href="{href}"/>' for rel, href in links.items())
    return f"<entry><id>urn:uuid:1</id>{shown}<title>{title}</title><content>{content}</content></entry>"


def reading(
    n: int, value: object = 250, quality: int | None = None, duration: int | None = 900, start: object = None
) -> str:
    period = (
        ""
        if duration is None
        else f"<timePeriod><duration>{duration}</duration><start>{start or START_S + n * 900}</start></timePeriod>"
    )
    flag = "" if quality is None else f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>"
    return f"<IntervalReading>{flag}{period}<value>{value}</value></IntervalReading>"


def block(readings: list[str], point="01", number="01") -> str:
    up = f"{HOST}/UsagePoint/{point}/MeterReading/{number}/IntervalBlock"
    whole = f"<interval><duration>86400</duration><start>{START_S}</start></interval>{''.join(readings)}"
    return entry({"self": f"{up}/7", "up": up}, f'<IntervalBlock xmlns="http://naesb.org/espi">{whole}</IntervalBlock>')


def reading_type(number="07", **fields) -> str:
    shown = "".join(f"<e:{name}>{value}</e:{name}>" for name, value in (TYPE | fields).items() if value is not None)
    return entry(
        {"self": f"/espi/ReadingType/{number}"},
        f'<e:ReadingType xmlns:e="http://naesb.org/espi">{shown}</e:ReadingType>',
    )


def meter_reading(point="01", number="01", kind="07") -> str:
    links = {"self": f"{HOST}/UsagePoint/{point}/MeterReading/{number}", "related": f"{HOST}/ReadingType/{kind}"}
    return entry(links, '<MeterReading xmlns="http://naesb.org/espi"/>')


def usage_point(point="01", title="Front meter") -> str:
    return entry(
        {"self": f"{HOST}/UsagePoint/{point}"},
        '<UsagePoint xmlns="http://naesb.org/espi"><ServiceDeliveryPoint><name>000123456</name></ServiceDeliveryPoint></UsagePoint>',
        title,
    )


def write(tmp_path: Path, *entries: str, encoding="utf-8") -> Path:
    path = tmp_path / "usage.xml"
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n<feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'
    path.write_bytes(text.encode(encoding))
    return path


def whole(readings: list[str], **fields) -> tuple[str, ...]:
    return usage_point(), meter_reading(), reading_type(**fields), block(readings)


def read(path: Path, column="01/01", **options) -> FileTable:
    return read_sheet(path, FileMapping(columns={column: METER}, **options), this_year=2026)


def kwh(table: FileTable, column="01/01") -> list[float]:
    return table.series(column).energy_kwh.tolist()


DAY = [reading(n, 1000 + n) for n in range(96)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_day_is_read_whatever_the_order_of_its_entries(tmp_path, encoding):
    for entries in (whole(DAY), whole(DAY)[::-1]):
        table = read(write(tmp_path, *entries, encoding=encoding))
        assert table.wide.start_us.tolist() == [(START_S + n * 900) * 10**6 for n in range(96)]
        assert kwh(table) == pytest.approx([1 + n / 1000 for n in range(96)])
        assert not table.refused


@pytest.mark.parametrize(("fields", "factor"), [({"powerOfTenMultiplier": 3}, 1000), ({"powerOfTenMultiplier": -3}, 0.001), ({"uom": 38, "accumulationBehaviour": 12}, 0.25)])  # fmt: skip
def test_power_of_ten_and_unit_are_converted(tmp_path, fields, factor):
    table = read(write(tmp_path, *whole(DAY, **fields)))
    assert kwh(table)[:2] == pytest.approx([1 * factor, 1.001 * factor])


def test_readings_without_times_follow_from_the_start_of_their_block(tmp_path):
    table = read(write(tmp_path, *whole([reading(n, 1000 + n, duration=None) for n in range(96)])))
    assert table.wide.start_us.tolist() == [(START_S + n * 900) * 10**6 for n in range(96)]


def test_estimates_are_flagged_and_forecasts_are_refused(tmp_path):
    codes = {0: None, 1: 0, 2: 7, 3: 8, 4: 9, 5: 10, 6: 11, 7: 12, 8: 13, 9: 14, 10: 15, 11: 17, 12: 19}
    table = read(write(tmp_path, *whole([reading(n, quality=code) for n, code in codes.items()])))
    estimated = {
        codes[int(us // 10**6 - START_S) // 900]
        for us, flag in zip(table.wide.start_us, table.estimated["01/01"], strict=True)
        if flag
    }
    assert estimated == {7, 8, 9, 10, 13}
    assert [(one.row, str(one.why)) for one in table.refused] == [
        (8, "it is a forecast"),
        (11, "it is adjusted for the weather"),
    ]
    table = read(write(tmp_path, *whole(DAY, defaultQuality=8)))
    assert table.estimated["01/01"].all()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"commodity": 7}, "its commodity is not electricity"),
        ({"uom": 73}, "uom 73, is no power or energy"),
        ({"uom": None}, "uom missing, is no power or energy"),
        ({"accumulationBehaviour": 1}, "it is a register"),
        ({"accumulationBehaviour": 6}, "accumulationBehaviour, 6, is not that of intervals"),
        ({"uom": 38, "dataQualifier": 8}, "it is no mean power"),
        ({"powerOfTenMultiplier": 99}, "its powerOfTenMultiplier is '99'"),
        ({"powerOfTenMultiplier": "x"}, "its powerOfTenMultiplier is 'x'"),
    ],
)
def test_what_is_no_energy_of_intervals_is_refused_with_why(tmp_path, fields, why):
    with pytest.raises(InputError, match=f"'01/01' cannot be imported: .*{why}") as caught:
        read(write(tmp_path, *whole(DAY, **fields)))
    assert re.search(r"'01/01' ไม่ได้: .*[ก-๙]", caught.value.said("th"))
    assert why not in caught.value.said("th")


def test_a_block_without_a_type_is_refused_and_one_type_alone_is_that_of_all(tmp_path):
    with pytest.raises(InputError, match="no ReadingType says what it is"):
        read(write(tmp_path, meter_reading(), block(DAY)))
    assert len(kwh(read(write(tmp_path, reading_type(), block(DAY))))) == 96


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (reading(5, "1.5"), "its value, '1.5', is no whole number"),
        (reading(5, ""), "its value, '', is no whole number"),
        (reading(5, -7), "-0.007 is below zero"),
        (reading(5, duration=3600), "it is of 3600 s, and the others of 900 s"),
        (reading(5, start=10**15), "is no time"),
        (reading(4, 999_999), "it is of the same time as row"),
        (reading(5).replace("<value>250</value>", ""), "it has no value"),
    ],
)
def test_a_reading_that_cannot_be_read_is_refused_and_the_others_are_read(tmp_path, bad, why):
    table = read(write(tmp_path, *whole([*DAY[:5], bad, *DAY[6:]])))
    assert any(why in str(one.why) for one in table.refused), table.refused
    assert 94 <= len(kwh(table)) <= 95


def test_the_usage_point_names_the_meter_and_what_flows_back_is_no_use(tmp_path):
    back = (meter_reading(number="02", kind="08"), reading_type("08", flowDirection=19), block(DAY, number="02"))
    path = write(tmp_path, *whole(DAY), *back)
    for number in ("01", "000123456", "Front meter"):
        assert read_sheet(path, FileMapping(), this_year=2026, owners={number: METER}).meters == {"01/01": METER}
    export = read_sheet(path, FileMapping(columns={"01/02": f"{METER}:export"}), this_year=2026)
    assert len(kwh(export, "01/02")) == 96


BOMB = '<!DOCTYPE f [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"<?xml version='1.0'?>{BOMB}<feed>&b;</feed>", "declares a document type"),
        ("<?xml version='1.0'?><!DOCTYPE f SYSTEM 'file:///etc/passwd'><feed/>", "declares a document type"),
        ("<?xml version='1.0'?><rss/>", "no Green Button file"),
        ("<feed xmlns='http://www.w3.org/2005/Atom'></feed>", "no Green Button file"),
        ("<feed><entry>", "no whole XML file"),
        ("<?xml version='1.0' encoding='klingon'?><feed/>", "no whole XML file"),
        ("<feed>" + "<a>" * 100, "nested more than"),
        ("<feed xmlns:e='http://naesb.org/espi'><entry><e:UsagePoint/></entry></feed>", "no IntervalBlock"),
        ("<feed xmlns:e='http://naesb.org/espi'><e:value>&undefined;</e:value></feed>", "no whole XML file"),
        ("<?xml version='1.0'?><feed " + "a" * 3_000_000, "a part of the XML is longer"),
        ("<?xml version='1.0'?><feed a='" + "a" * 3_000_000, "a part of the XML is longer"),
        ("<feed>" + "".join(f"<a{n}/>" for n in range(20_000)), "more than 1,000 names"),
        ("<feed><entry>" + "<link rel='a' href='b'/>" * 200, "more than 100 links"),
        ("<feed xmlns:e='http://naesb.org/espi'><entry>" + "<e:IntervalBlock/>" * 200_001, "more than 200,000 entries"),
        ("<?xml version='1.0'?><feed><!--" + "-a" * 2_000_000, "a part of the XML is longer"),
    ],
)
def test_hostile_xml_is_refused(tmp_path, content, why):
    path = tmp_path / "hostile.xml"
    path.write_text(content)
    with pytest.raises(InputError, match=why):
        read(path)


def test_long_texts_and_many_entries_are_bounded(tmp_path, monkeypatch):
    path = write(tmp_path, *whole([*DAY, f"<x>{'y' * 3_000_000}</x>"]))
    assert len(kwh(read(path))) == 96
    monkeypatch.setattr(greenbutton, "MAX_ENTRIES", 3)
    with pytest.raises(InputError, match="more than 3 entries"):
        read(path)
    monkeypatch.setattr(greenbutton, "MAX_ENTRIES", 1000)
    monkeypatch.setattr(greenbutton, "MAX_READINGS", 50)
    with pytest.raises(InputError, match="more than 50 values"):
        read(path)

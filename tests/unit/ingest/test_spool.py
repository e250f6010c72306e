import random
import resource
import shutil

import numpy as np
import pytest
from structlog.testing import capture_logs

from bkkenergy.ingest.claim import Taken
from bkkenergy.ingest.spool import SUFFIX, Spool, batches_waiting, pack, unpack
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.readings import FIELDS, ReadingBatch
from tests.builders import readings


@pytest.fixture
def spool(tmp_path):
    opened = Spool(tmp_path / "spool", max_bytes=1_000_000)
    yield opened
    opened.close()


def test_a_batch_is_packed_to_the_last_digit():
    rng = np.random.default_rng(2)
    columns = {name: np.where(rng.random(500) < 0.2, np.nan, rng.random(500)) for name in FIELDS}
    batch = ReadingBatch(
        tuple(f"a.b.m{n}" for n in range(100)), rng.integers(0, 9, 500), rng.integers(0, 2**50, 500), columns
    )
    again = unpack(pack(batch))
    assert len(again.meter_ids) < 10, "only meters with readings travel"
    assert [again.meter_ids[n] for n in again.meter] == [batch.meter_ids[n] for n in batch.meter]
    assert again.ts_us.tolist() == batch.ts_us.tolist()
    for name in FIELDS:
        np.testing.assert_array_equal(again.column(name), batch.column(name))


def drained(spool):
    """First value of each batch, in the order in which they come out."""
    order = []
    while (waiting := spool.oldest()) is not None:
        order.append(waiting.column("energy_kwh")[0])
        spool.remove()
    return order


def test_what_comes_while_it_is_drained_comes_out_after_it(spool):
    for number in range(3):
        spool.append(readings("a.b.c", [float(number)]))
    assert spool.oldest().column("energy_kwh").tolist() == [0]
    spool.append(readings("a.b.c", [3.0]))
    spool.remove()
    spool.append(readings("a.b.c", [4.0]))
    assert drained(spool) == [1, 2, 3, 4]


def test_a_batch_cut_short_by_a_crash_is_passed_over(tmp_path):
    first = Spool(tmp_path / "spool", max_bytes=10**6)
    for number in range(3):
        first.append(readings("a.b.c", [float(number)]))
    first.close()
    (segment,) = first.folder.glob(f"*{SUFFIX}")
    segment.write_bytes(segment.read_bytes()[:-7])
    again = Spool(tmp_path / "spool", max_bytes=10**6)
    again.append(readings("a.b.c", [9.0]))
    assert drained(again) == [0, 1, 9]
    again.close()


def test_a_batch_that_the_disk_has_damaged_is_logged_and_the_others_come_out(tmp_path):
    first = Spool(tmp_path / "spool", max_bytes=10**6)
    for number in range(3):
        first.append(readings("a.b.c", [float(number)]))
    first.close()
    (segment,) = first.folder.glob(f"*{SUFFIX}")
    raw = bytearray(segment.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    segment.write_bytes(raw)
    again = Spool(tmp_path / "spool", max_bytes=10**6)
    with capture_logs() as events:
        assert drained(again) == [0, 2]
    assert [event["event"] for event in events] == ["spool_batch_damaged"]
    again.close()


def test_batches_come_out_in_the_order_they_went_in(spool):
    for number in range(5):
        assert spool.append(readings(f"a.b.m{number}", [float(number)]))
    assert spool.batches_count == 5
    assert drained(spool) == [0, 1, 2, 3, 4]
    assert (spool.is_empty, spool.size_bytes, list(spool.folder.glob(f"*{SUFFIX}"))) == (True, 0, [])


def test_what_waits_outlives_the_process(tmp_path):
    first = Spool(tmp_path / "spool", max_bytes=10**6)
    first.append(readings("a.b.c", [1.0, 2.0]))
    size_bytes = first.size_bytes
    first.close()
    again = Spool(tmp_path / "spool", max_bytes=10**6)
    assert (again.batches_count, again.size_bytes) == (1, size_bytes)
    assert again.oldest().column("energy_kwh").tolist() == [1, 2]
    again.close()


def test_beyond_its_bound_it_takes_nothing_more(tmp_path):
    spool = Spool(tmp_path / "spool", max_bytes=50_000)
    took = [spool.append(readings("a.b.c", np.random.default_rng(n).random(500))) for n in range(40)]
    assert took[0]
    assert not took[-1]
    assert spool.size_bytes <= 50_000
    assert drained(spool) != []
    assert spool.append(readings("a.b.c", [1.0]))
    spool.close()


def test_a_full_disk_is_told_and_nothing_half_written_stays(spool):
    """A limit on the size of files stands for the disk's end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    took = 0
    try:
        with pytest.raises(StoreUnavailable, match="takes no more"):  # noqa: PT012 - it is the last of many that fails
            while took < 100:
                spool.append(readings("a.b.c", np.random.default_rng(took).random(100)))
                took += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 < took < 100
    assert spool.batches_count == took
    spool.append(readings("a.b.c", [7.0]))
    assert len(drained(spool)) == took + 1


def test_a_batch_that_cannot_be_read_is_put_beside_the_spool_and_the_others_come_out(tmp_path, monkeypatch):
    spool = Spool(tmp_path / "spool", max_bytes=10**6)
    for number in (0, 1, 2):
        with monkeypatch.context() as patch:
            if number == 1:
                patch.setattr("bkkenergy.ingest.spool.pack", lambda batch: b"of another version")
            spool.append(readings("a.b.c", [float(number)]))
    with capture_logs() as events:
        assert drained(spool) == [0, 2]
    assert [event["event"] for event in events] == ["spool_batch_unreadable"]
    (aside,) = spool.folder.glob("*.unreadable")
    assert aside.read_bytes() == b"of another version"
    spool.close()
    again = Spool(tmp_path / "spool", max_bytes=10**6)
    assert again.is_empty
    again.close()


def spooled(folder, count):
    """A folder with a segment of `count` batches that no process uses; the segment."""
    first = Spool(folder, max_bytes=10**6)
    for number in range(count):
        first.append(readings("a.b.c", np.full(20, float(number))))
    first.close()
    (segment,) = folder.glob(f"*{SUFFIX}")
    return segment


@pytest.mark.parametrize("seed", range(40))
def test_a_byte_that_the_disk_has_changed_costs_one_batch_and_is_logged(tmp_path, seed):
    """In a header's length as anywhere: it hid every batch after it, and the segment was deleted in silence."""
    segment = spooled(tmp_path / "spool", 10)
    raw, rng = bytearray(segment.read_bytes()), random.Random(seed)
    frame_bytes = len(raw) // 10
    at = rng.randrange(8) + frame_bytes * rng.randrange(10) if seed % 2 else rng.randrange(len(raw))
    raw[at] ^= rng.randrange(1, 256)
    segment.write_bytes(raw)
    with capture_logs() as events:
        again = Spool(tmp_path / "spool", max_bytes=10**6)
        found = drained(again)
    again.close()
    assert (len(found), found) == (9, sorted(found))
    assert {event["event"] for event in events} == {"spool_batch_damaged"}


def test_a_folder_is_one_process_s(tmp_path):
    """A second one drained and deleted segments into which the first still wrote, and acknowledged."""
    with_batches = spooled(tmp_path / "spool", 3).parent
    first = Spool(with_batches, max_bytes=10**6)
    with pytest.raises(Taken, match="another ingest.spool"):
        Spool(with_batches, max_bytes=10**6)
    assert batches_waiting(with_batches) == 3, "doctor may look"
    first.close()
    again = Spool(with_batches, max_bytes=10**6)
    assert drained(again) == [0, 1, 2]
    again.close()


def test_a_segment_that_cannot_be_read_now_is_unavailable_and_read_from_its_begin_later(tmp_path):
    segment = spooled(tmp_path / "spool", 3)
    again = Spool(tmp_path / "spool", max_bytes=10**6)
    held = tmp_path / "held"
    shutil.move(segment, held)
    segment.mkdir()
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            again.oldest()
    segment.rmdir()
    shutil.move(held, segment)
    assert drained(again) == [0, 1, 2]
    again.close()


def test_a_segment_that_a_person_deleted_is_an_error_in_the_log_and_the_others_come_out(tmp_path, spool):
    for number in range(400):
        spool.append(readings("a.b.c", np.random.default_rng(number).random(60)))
    first, *others = sorted(spool.folder.glob(f"*{SUFFIX}"))
    first.unlink()
    with capture_logs() as events:
        assert len(drained(spool)) > 0
    assert others
    assert [event["event"] for event in events] == ["spool_segment_gone"]

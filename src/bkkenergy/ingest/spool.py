"""Where batches wait for an unavailable store: on disk, in order, bounded, and safe before the acknowledgement."""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import structlog

from bkkenergy.adapters.files import hand_over, make_folder
from bkkenergy.ingest.claim import FileLock
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.readings import FIELDS, ReadingBatch
from bkkenergy.texts import Phrase

log = structlog.get_logger(__name__)

SUFFIX = ".spool"
LOCK = "in-use"
ARROW_BEGIN = b"\xff\xff\xff\xff"
"""What an Arrow stream begins with (Arrow Columnar Format, encapsulated message): where a frame may begin."""
LARGEST_SEGMENT_BYTES = 4_000_000
SMALLEST_SEGMENT_BYTES = 20_000
_HEADER = struct.Struct("<II")
"""Before each batch: its length in bytes and its CRC-32."""


@dataclass(slots=True)
class Segment:
    """One file of batches: how long its sound part is, and how many batches it holds."""

    path: Path
    size_bytes: int
    batches: int


class Spool:
    """Segment files in a folder. Batches are appended and synced; a segment that is drained is deleted.

    Deleting needs no room, so a full disk is survived. After a crash the oldest segment is drained from
    its begin again, and a batch cut short at the end, which was never acknowledged, is passed over.
    A folder is one process's: another would delete segments into which this one still writes.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder, self._max_bytes = folder, max_bytes
        self._segment_bytes = min(LARGEST_SEGMENT_BYTES, max(SMALLEST_SEGMENT_BYTES, max_bytes // 8))
        self._claim = FileLock(folder / LOCK, Phrase("error.stop_ingester"))
        try:
            make_folder(folder)
            self._segments = [_scanned(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
        except OSError as error:
            self._claim.release()
            raise StoreUnavailable.of("spool_unopened", folder=folder, error=error) from error
        self._next_number = 1 + max((int(segment.path.stem) for segment in self._segments), default=0)
        self._writer: BinaryIO | None = None
        self._reader: Iterator[ReadingBatch] | None = None
        self._ahead: deque[ReadingBatch] = deque()

    @property
    def batches_count(self) -> int:
        """Batches that wait; those of a segment that is being drained count until it is deleted."""
        return sum(segment.batches for segment in self._segments)

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(segment.size_bytes for segment in self._segments)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._segments

    def append(self, batch: ReadingBatch) -> bool:
        """Keep a batch, synced to disk; False when there is no room.

        Raises StoreUnavailable when the disk takes no more.
        """
        packed = pack(batch)
        frame = _HEADER.pack(len(packed), zlib.crc32(packed)) + packed
        if self.size_bytes + len(frame) > self._max_bytes:
            return False
        try:
            segment, writer = self._open_segment()
            self._write(segment, writer, frame)
        except OSError as error:
            self._close_writer()
            raise StoreUnavailable.of("spool_takes_no_more", folder=self.folder, error=error) from error
        return True

    def oldest(self) -> ReadingBatch | None:
        """Return what has waited longest, until `remove`; None when nothing waits. Raises StoreUnavailable."""
        return next(iter(self.waiting(1)), None)

    def waiting(self, most: int) -> list[ReadingBatch]:
        """Return up to `most` batches of the oldest segment, the same until `remove`. Raises StoreUnavailable."""
        try:
            return self._next(most)
        except OSError as error:
            self._reader = None  # the segment is read from its begin again: what is half read is not drained
            self._ahead.clear()
            raise StoreUnavailable.of("spool_unread", folder=self.folder, error=error) from error

    def _next(self, most: int) -> list[ReadingBatch]:
        while self._segments:
            if self._reader is None:
                if len(self._segments) == 1:
                    self._close_writer()  # what comes next goes into a new segment
                self._reader = _batches(self._segments[0])
            self._ahead.extend(islice(self._reader, max(0, most - len(self._ahead))))
            if self._ahead:
                break
            self._delete_oldest()
        return list(islice(self._ahead, most))

    def remove(self) -> None:
        """Remove the oldest batch: it is in the store. Raises StoreUnavailable."""
        self._ahead.popleft()
        self.oldest()  # deletes a segment that is drained

    def close(self) -> None:
        """Close the files, and give the folder up."""
        self._close_writer()
        self._reader = None
        self._claim.release()

    def _open_segment(self) -> tuple[Segment, BinaryIO]:
        """Open the segment to append to: the last, unless it is long enough, being drained, or another process's."""
        last = self._segments[-1] if self._segments else None
        if self._writer is None or last is None or last.size_bytes >= self._segment_bytes:
            self._close_writer()
            path = self.folder / f"{self._next_number:012d}{SUFFIX}"
            self._writer = path.open("xb", buffering=0)
            hand_over(path)
            self._next_number += 1
            self._sync_folder()
            last = Segment(path, 0, 0)
            self._segments.append(last)
        return last, self._writer

    def _write(self, segment: Segment, writer: BinaryIO, frame: bytes) -> None:
        """Write and sync; what was written of a frame that failed is cut off again."""
        try:
            view = memoryview(frame)
            while view:
                view = view[writer.write(view) :]
            os.fsync(writer.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(writer.fileno(), segment.size_bytes)
            if segment.batches == 0:
                self._segments.remove(segment)
                segment.path.unlink(missing_ok=True)
            raise
        segment.size_bytes += len(frame)
        segment.batches += 1

    def _delete_oldest(self) -> None:
        self._segments[0].path.unlink(missing_ok=True)
        del self._segments[0]
        self._reader = None

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def batches_waiting(folder: Path) -> int:
    """Count the batches that wait in a folder that another process may be using. Raises OSError."""
    count = 0
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # drained meanwhile
            count += _walked(path)[1]
    return count


def _scanned(path: Path) -> Segment:
    """Read a segment of an earlier process: frames counted by headers, or one by one where these mislead."""
    size_bytes, batches = _walked(path)
    end = path.stat().st_size
    if size_bytes < end:
        batches = sum(1 for _ in _frames(path, path.read_bytes()))
    return Segment(path, end, batches)


def _walked(path: Path) -> tuple[int, int]:
    """Return how far headers lead, and over how many frames."""
    size_bytes, batches, end = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            length, _ = _HEADER.unpack(header)
            if size_bytes + _HEADER.size + length > end:
                break
            size_bytes += _HEADER.size + length
            batches += 1
            file.seek(size_bytes)
    return size_bytes, batches


def _frames(path: Path, raw: bytes) -> Iterator[bytes]:
    """Yield what each sound frame holds. What is between is logged: a header at fault hides no frame after it."""
    at = 0
    while at < len(raw):
        packed = _frame_at(raw, at)
        if packed is None:
            begin, at = at, _next_frame(raw, at)
            log.error("spool_batch_damaged", file=str(path), at=begin, bytes=at - begin, is_at_the_end=at == len(raw))
            continue
        yield packed
        at += _HEADER.size + len(packed)


def _frame_at(raw: bytes, at: int) -> bytes | None:
    """Return what the frame there holds; None where there is no sound one."""
    if len(raw) - at < _HEADER.size:
        return None
    length, crc = _HEADER.unpack_from(raw, at)
    packed = raw[at + _HEADER.size : at + _HEADER.size + length]
    return packed if len(packed) == length > 0 and zlib.crc32(packed) == crc else None


def _next_frame(raw: bytes, at: int) -> int:
    """Find where the next sound frame begins; the end where there is none."""
    arrow_at = at + _HEADER.size
    while (arrow_at := raw.find(ARROW_BEGIN, arrow_at + 1)) >= 0:
        begin = arrow_at - _HEADER.size
        if begin > at and _frame_at(raw, begin) is not None:
            return begin
    return len(raw)


def _batches(segment: Segment) -> Iterator[ReadingBatch]:
    """Yield every batch of a segment; what the disk has damaged is logged and passed over."""
    try:
        raw = segment.path.read_bytes()[: segment.size_bytes]
    except FileNotFoundError:
        log.error("spool_segment_gone", file=str(segment.path), batches=segment.batches)  # noqa: TRY400
        return
    for number, packed in enumerate(_frames(segment.path, raw)):
        try:
            batch = unpack(packed)
        except Exception:
            aside = segment.path.with_suffix(f".{number}.unreadable")
            aside.write_bytes(packed)
            hand_over(aside)
            log.exception("spool_batch_unreadable", file=str(aside), bytes=len(packed))
            continue
        yield batch


def pack(batch: ReadingBatch) -> bytes:
    """Encode a batch as a compressed Arrow stream that names its meters itself."""
    used, number = np.unique(batch.meter, return_inverse=True)
    names = pa.array([batch.meter_ids[index] for index in used])
    meter = pa.DictionaryArray.from_arrays(pa.array(number.astype(np.int32)), names)
    arrays = {"meter": meter, "ts_us": pa.array(batch.ts_us)}
    arrays |= {name: pa.array(values) for name, values in batch.columns.items()}
    table = pa.RecordBatch.from_pydict(arrays)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(table)
    return bytes(sink.getvalue())


def unpack(packed: bytes) -> ReadingBatch:
    """Decode the batch of an Arrow stream."""
    with pa.ipc.open_stream(packed) as reader:
        table = reader.read_next_batch()
    meter = table.column("meter")
    return ReadingBatch(
        tuple(meter.dictionary.to_pylist()),
        meter.indices.to_numpy().astype(np.int64),
        table.column("ts_us").to_numpy(),
        {name: table.column(name).to_numpy(zero_copy_only=False) for name in FIELDS if name in table.schema.names},
    )

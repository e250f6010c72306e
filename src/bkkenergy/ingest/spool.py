"""Where batches wait while the store is away: on disk, in order, bounded, and safe before the acknowledgement."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import structlog

from bkkenergy.ports.readings import StoreAway
from bkkenergy.readings import FIELDS, ReadingBatch

log = structlog.get_logger(__name__)

SUFFIX = ".spool"
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
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder, self._max_bytes = folder, max_bytes
        self._segment_bytes = min(LARGEST_SEGMENT_BYTES, max(SMALLEST_SEGMENT_BYTES, max_bytes // 8))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._segments = [_scanned(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
        except OSError as error:
            raise StoreAway(f"{folder}: the spool cannot be opened ({error}). Check the path and rights.") from error
        self._next_number = 1 + max((int(segment.path.stem) for segment in self._segments), default=0)
        self._writer: BinaryIO | None = None
        self._reader: Iterator[ReadingBatch] | None = None
        self._waiting: ReadingBatch | None = None

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
        """Keep a batch, synced to disk; False when there is no room. Raises StoreAway when the disk takes no more."""
        packed = pack(batch)
        frame = _HEADER.pack(len(packed), zlib.crc32(packed)) + packed
        if self.size_bytes + len(frame) > self._max_bytes:
            return False
        try:
            segment, writer = self._open_segment()
            self._write(segment, writer, frame)
        except OSError as error:
            self._close_writer()
            raise StoreAway(f"{self.folder}: the spool takes no more ({error}). Make room on the disk.") from error
        return True

    def oldest(self) -> ReadingBatch | None:
        """The batch that has waited longest, until `remove`; None when nothing waits."""
        while self._waiting is None and self._segments:
            if self._reader is None:
                if len(self._segments) == 1:
                    self._close_writer()  # what comes next goes into a new segment
                self._reader = _batches(self._segments[0])
            self._waiting = next(self._reader, None)
            if self._waiting is None:
                self._delete_oldest()
        return self._waiting

    def remove(self) -> None:
        """Forget the oldest batch: it is in the store."""
        self._waiting = None
        self.oldest()  # deletes a segment that is drained

    def close(self) -> None:
        """Let go of the files."""
        self._close_writer()
        self._reader = None

    def _open_segment(self) -> tuple[Segment, BinaryIO]:
        """The segment to append to: the last, unless it is long enough, being drained, or of another process."""
        last = self._segments[-1] if self._segments else None
        if self._writer is None or last is None or last.size_bytes >= self._segment_bytes:
            self._close_writer()
            path = self.folder / f"{self._next_number:012d}{SUFFIX}"
            self._writer = path.open("xb", buffering=0)
            self._next_number += 1
            self._sync_folder()
            last = Segment(path, 0, 0)
            self._segments.append(last)
        return last, self._writer

    def _write(self, segment: Segment, writer: BinaryIO, frame: bytes) -> None:
        """Append and sync; what was written of a frame that failed is cut off again."""
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
        segment = self._segments.pop(0)
        self._reader = None
        segment.path.unlink(missing_ok=True)

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


def _scanned(path: Path) -> Segment:
    """A segment of an earlier process: its whole frames are counted by their headers."""
    size_bytes, batches, end = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            length, _ = _HEADER.unpack(header)
            if size_bytes + _HEADER.size + length > end:
                break
            size_bytes += _HEADER.size + length
            batches += 1
            file.seek(size_bytes)
    return Segment(path, size_bytes, batches)


def _batches(segment: Segment) -> Iterator[ReadingBatch]:
    """Every batch of a segment; one that the disk has damaged is logged and passed over."""
    with segment.path.open("rb") as file:
        for number in range(segment.batches):
            length, crc = _HEADER.unpack(file.read(_HEADER.size))
            packed = file.read(length)
            if zlib.crc32(packed) != crc:
                log.error("spool_batch_damaged", file=str(segment.path), bytes=length)
                continue
            try:
                batch = unpack(packed)
            except Exception:
                aside = segment.path.with_suffix(f".{number}.unreadable")
                aside.write_bytes(packed)
                log.exception("spool_batch_unreadable", file=str(aside), bytes=length)
                continue
            yield batch


def pack(batch: ReadingBatch) -> bytes:
    """A batch as a compressed Arrow stream that names its meters itself."""
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
    """The batch of an Arrow stream."""
    with pa.ipc.open_stream(packed) as reader:
        table = reader.read_next_batch()
    meter = table.column("meter")
    return ReadingBatch(
        tuple(meter.dictionary.to_pylist()),
        meter.indices.to_numpy().astype(np.int64),
        table.column("ts_us").to_numpy(),
        {name: table.column(name).to_numpy(zero_copy_only=False) for name in FIELDS if name in table.schema.names},
    )

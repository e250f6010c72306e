"""CSV lines: the profile names the columns, and its fields name them again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import islice

from bkkenergy.payloads.decode.base import DecodedRow, RowDecoder, Step
from bkkenergy.payloads.decode.fields import MAX_ELEMENTS, applies_to, read_element
from bkkenergy.payloads.message import DecodeError, Message

MAX_LINES = MAX_ELEMENTS + 1
"""Lines that are looked at: one more than are allowed."""


class CsvDecoder(RowDecoder):
    """One reading a line; a first line that repeats the columns' names is passed over."""

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Yield one row a line; a line at fault is reported and left out."""
        try:
            text = io.StringIO(message.payload.decode("utf-8-sig"))
            records = csv.reader(text, delimiter=self.profile.delimiter, strict=True)
            # No more lines than are allowed are in memory at once: a line takes thirty times its bytes.
            lines = list(islice((line for line in records if line and tuple(line) != self.profile.columns), MAX_LINES))
        except (UnicodeDecodeError, csv.Error) as error:
            raise DecodeError.of("decode_csv", error=error) from None
        steps.append(Step("lines", f"{len(lines)}"))
        if not lines:
            raise DecodeError.of("decode_no_lines", max_elements=MAX_ELEMENTS)
        if len(lines) > MAX_ELEMENTS:
            raise DecodeError.of("decode_lines", count=MAX_ELEMENTS, max_elements=MAX_ELEMENTS)
        rows = []
        for line in lines:
            if len(line) != len(self.profile.columns):
                columns = ", ".join(self.profile.columns)
                steps.append(Step("line", f"{len(line)} columns instead of {columns}", is_fault=True))
                continue
            element = dict(zip(self.profile.columns, line, strict=True))
            try:
                if not applies_to(self.profile, element, element, steps):
                    continue
                row = read_element(self.profile, message.topic, element, element, steps)
            except DecodeError as error:
                steps.append(Step("line", str(error), is_fault=True))
                continue
            if row.values:
                rows.append(row)
        return rows

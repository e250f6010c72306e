"""How every workbook is written: what a person entered is text, whatever it looks like."""

from __future__ import annotations

AS_TEXT = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
"""Options of xlsxwriter. A name that begins with "=" would else be a formula that runs on the reader's computer, and an
address a link; our formulas are written as such."""

"""Files of utilities: found out, shown, and read as energies of intervals or as registers."""

from bkkenergy.ingest.sheets.mapping import FileMapping, load_mapping, save_mapping
from bkkenergy.ingest.sheets.read import FileTable, read_sheet

__all__ = ["FileMapping", "FileTable", "load_mapping", "read_sheet", "save_mapping"]

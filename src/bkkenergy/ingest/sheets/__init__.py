"""Files of utilities: found out, shown, and read as energies of intervals, registers, or values of an instant."""

from bkkenergy.ingest.sheets.filetable import FileTable
from bkkenergy.ingest.sheets.mapping import FILE_UNITS, FileMapping, FileTarget, load_mapping, save_mapping, target_of
from bkkenergy.ingest.sheets.owners import owners_of
from bkkenergy.ingest.sheets.read import read_sheet

__all__ = [
    "FILE_UNITS",
    "FileMapping",
    "FileTable",
    "FileTarget",
    "load_mapping",
    "owners_of",
    "read_sheet",
    "save_mapping",
    "target_of",
]

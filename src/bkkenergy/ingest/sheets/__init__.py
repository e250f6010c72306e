"""Files of utilities: found out, shown, and read as energies of intervals or as registers."""

from bkkenergy.ingest.sheets.filetable import FileTable
from bkkenergy.ingest.sheets.mapping import FileMapping, load_mapping, save_mapping
from bkkenergy.ingest.sheets.owners import owners_of
from bkkenergy.ingest.sheets.read import read_sheet

__all__ = ["FileMapping", "FileTable", "load_mapping", "owners_of", "read_sheet", "save_mapping"]

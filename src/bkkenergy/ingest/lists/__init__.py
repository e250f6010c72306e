"""Lists of buildings and other records as people have them: XLSX and CSV, with headings in Thai or English."""

__all__: list[str] = []

"""Paper bills out of files: tables and the text of PDFs, by a mapping that a person confirms."""

__all__: list[str] = []

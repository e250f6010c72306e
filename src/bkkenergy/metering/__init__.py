"""What meters counted, made into energy of intervals, demand and data quality."""

__all__ = [
    "balance",
    "demand",
    "excursions",
    "frames",
    "gaps",
    "quarters",
    "rating",
    "registers",
    "registertrack",
    "sources",
    "spans",
    "spread",
    "tracks",
    "vee",
]

"""The public library: `import bkkenergy as bk`. Each name of `bk` is made here, and loaded when it is first used."""

__all__ = [
    "baselines",
    "bills",
    "calendars",
    "charts",
    "emission",
    "errors",
    "examples",
    "findings",
    "indices",
    "meters",
    "money",
    "packaged",
    "retrofits",
    "roofs",
    "series",
    "skies",
]

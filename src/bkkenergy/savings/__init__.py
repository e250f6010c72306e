"""Savings that stand up to an auditor: baselines, bands that hold, indices, findings. Pure functions of arrays."""

__all__ = [
    "adjust",
    "baseline",
    "daily",
    "days",
    "facts",
    "hourly",
    "index",
    "insights",
    "monthly",
    "phases",
    "rules_phases",
    "rules_supply",
    "rules_use",
    "slots",
    "uncertainty",
    "views",
]

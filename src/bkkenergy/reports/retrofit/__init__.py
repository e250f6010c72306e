"""Retrofits of a site's buildings: gathered from ledger and inventory, chosen within a budget, put into the plan."""

__all__ = ["curve", "screen", "words"]

"""Savings, bills and findings of real buildings: read from the ledger, judged by the domain, put in words."""

__all__: list[str] = []

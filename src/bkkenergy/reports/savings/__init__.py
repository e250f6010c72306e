"""Savings, bills and findings of real buildings: gathered from the store, judged by the domain, told in words."""

__all__: list[str] = []

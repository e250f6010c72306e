"""Protocols of what the service keeps, and the records that pass through them. No adapter is imported here."""

__all__: list[str] = []

"""The energy ledger in SQL tables, of SQLite or PostgreSQL."""

__all__: list[str] = []

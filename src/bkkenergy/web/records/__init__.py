"""Pages of the portfolio's records: one machinery over the models of all kinds."""

__all__: list[str] = []

"""Pages of the portfolio's records: one machinery over the models of all kinds."""

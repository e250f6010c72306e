"""The programme as the Environment Department looks at it: goals, projects, partners, participation, open data."""

__all__: list[str] = []

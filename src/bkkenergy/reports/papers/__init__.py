"""Papers beside the energy report: posters, the committee's tables, PV plants, projects, training, partners."""

__all__: list[str] = []

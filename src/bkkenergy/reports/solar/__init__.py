"""A solar design as a report that an engineer hands over: gathered, shown, and written in five formats."""

__all__: list[str] = []

"""What the service does by the clock."""

__all__: list[str] = []

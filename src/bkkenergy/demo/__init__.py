"""A demonstration with simulated gateways on a real broker; everything it shows is marked as simulated."""

__all__: list[str] = []

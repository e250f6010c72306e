"""The web app: pages and JSON over the same functions as the commands, for a phone and for a wall."""

__all__: list[str] = []

"""From MQTT messages to committed readings."""

__all__: list[str] = []

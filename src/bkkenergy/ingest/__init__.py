"""From MQTT messages to committed readings."""

"""What is outside behind the ports: SQLite, PostgreSQL, InfluxDB, MQTT, files, mail, webhooks, LINE."""

__all__: list[str] = []

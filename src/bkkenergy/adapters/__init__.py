"""What is outside behind the ports: SQLite, PostgreSQL, InfluxDB, MQTT, files, mail, webhooks, LINE."""

"""Energy metering, solar estimates and saving reports for the buildings of a city."""

__version__ = "0.1.0"

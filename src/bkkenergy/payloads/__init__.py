"""Payloads of gateways: profiles, and decoders from messages to columns. Pure."""

__all__: list[str] = []

"""Rooftop solar: weather in, a design with its yield, money and uncertainty out. Pure functions of arrays."""

__all__ = [
    "assumptions",
    "climate",
    "design",
    "dispatch",
    "finance",
    "irradiance",
    "layout",
    "load",
    "module",
    "optics",
    "production",
    "roofs",
    "screening",
    "shading",
    "sizing",
    "sources",
    "strings",
    "weather",
]

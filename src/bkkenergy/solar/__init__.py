"""Rooftop solar: weather in, a design with its yield, money and uncertainty out. Pure functions of arrays."""

"""Savings that stand up to an auditor: baselines, bands that hold, indices, findings. Pure functions of arrays."""

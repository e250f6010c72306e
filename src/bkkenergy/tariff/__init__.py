"""What energy costs."""

__all__ = ["bill", "compare", "flat", "schedule", "windows"]

"""What an agency is told: content, apart from how it is shown and handed over."""

__all__: list[str] = []

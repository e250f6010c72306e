"""What an agency's report says, apart from how it is shown and sent."""

__all__: list[str] = []

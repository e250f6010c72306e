"""What a person or a clock asks for: one function each, called by every face alike."""

__all__: list[str] = []

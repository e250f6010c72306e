"""The action plan on paper: workbooks in and out, its progress, and data sheets for private partners."""

__all__: list[str] = []

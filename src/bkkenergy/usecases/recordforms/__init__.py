"""Records as people write them: fields, texts and ids, for forms and for lists."""

__all__: list[str] = []

"""What Alembic runs: the steps, on the connection that `open_state` gives, in its transaction."""

from __future__ import annotations

from alembic import context

from bkkenergy.adapters.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()

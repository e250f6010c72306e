"""Papers beside the energy report among the files of a run, and which documents and formats a person wants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the columns. What was archived is the energy report; persons were sent it as PDF and workbook."""
    with op.batch_alter_table("artefact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("document", sa.String(length=16), nullable=False, server_default="energy"))
        batch_op.drop_constraint("uq_artefact_run_id", type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_artefact_run_id"), ["run_id", "document", "form", "lang"])
    for name, value in (("documents", '["energy"]'), ("formats", '["pdf", "xlsx"]')):
        op.add_column("own_delivery", sa.Column(name, sa.JSON(), nullable=False, server_default=value))


def downgrade() -> None:
    """Remove the columns, and papers with them."""
    for name in ("formats", "documents"):
        op.drop_column("own_delivery", name)
    op.execute("DELETE FROM artefact WHERE document <> 'energy'")
    with op.batch_alter_table("artefact", schema=None) as batch_op:
        batch_op.drop_constraint("uq_artefact_run_id", type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_artefact_run_id"), ["run_id", "form", "lang"])
        batch_op.drop_column("document")

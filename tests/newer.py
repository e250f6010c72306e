"""The next version of the program, with one migration more than this one has."""

from __future__ import annotations

import shutil
from pathlib import Path

import bkkenergy
from bkkenergy.adapters.state import HEAD
from bkkenergy.adapters.state.versions import OLDEST
from tests.conftest import ROOT

NEXT = f"{int(HEAD) + 1:04d}"
EXPANDING = 'table.add_column(sa.Column("of_next", sa.String(8), nullable=False, server_default="so"))'
"""What an older program need not know: it is read by no one else, and filled by itself."""
PACKAGE = Path(bkkenergy.__file__).parent
STATE = Path("adapters/state")
MIGRATION = '''"""A change of the next version."""

import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{head}"


def upgrade():
    with op.batch_alter_table("run") as table:
        {changes}
'''


def plant_migration(folder: Path, changes: str = EXPANDING) -> Path:
    """Copy the migrations, with one more that changes the table of runs; return where they are."""
    shutil.copytree(PACKAGE / STATE / "migrations", folder)
    _plant(folder, changes)
    return folder


def copy_of_next_version(folder: Path) -> Path:
    """Copy the program as its next version: whose PYTHONPATH has what is returned runs that one."""
    (folder / "src").mkdir(parents=True)
    shutil.copytree(PACKAGE, folder / "src/bkkenergy", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "config").symlink_to(ROOT / "config")
    _plant(folder / "src/bkkenergy" / STATE / "migrations", EXPANDING)
    module = folder / "src/bkkenergy" / STATE / "versions.py"
    text, as_head = module.read_text("utf-8"), 'HEAD = "{}"'
    assert as_head.format(HEAD) in text
    module.write_text(text.replace(as_head.format(HEAD), as_head.format(NEXT)), "utf-8")
    assert f'OLDEST = "{OLDEST}"' in text
    return folder / "src"


def _plant(migrations: Path, changes: str) -> None:
    text = MIGRATION.format(next=NEXT, head=HEAD, changes=changes)
    (migrations / f"versions/s{NEXT}_of_next.py").write_text(text, "utf-8")

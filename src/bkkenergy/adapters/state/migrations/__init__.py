"""Alembic's steps from one version of the state to the next."""

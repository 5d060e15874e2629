"""Alembic's environment; each revision runs the SQL files that carry its number."""

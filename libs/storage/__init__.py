"""The one door to PostgreSQL: connections, migrations, and plain functions over a connection, by aggregate."""

"""The bus on Redis Streams; the only place of the desk that knows Redis."""

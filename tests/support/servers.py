"""One real PostgreSQL and one real Redis for a test run, and fresh places in them for each test."""

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from libs.runtime.servers import LocalServers, ServerUrls
from libs.runtime.state import StateDirectory
from libs.storage.migrate import upgrade

_TEMPLATE = "hiddengem_template"
_REDIS_DATABASES = 15


class Servers:
    """The pair of servers of this test process; databases and Redis numbers are handed out from here."""

    def __init__(self, urls: ServerUrls) -> None:
        self.urls = urls
        self._numbers = itertools.count(1)
        self._has_template = False

    @contextlib.contextmanager
    def empty_database(self) -> Iterator[str]:
        """The superuser's URL of a database without any table."""
        yield from self._database("template1")

    @contextlib.contextmanager
    def migrated_database(self) -> Iterator[str]:
        """The superuser's URL of a fresh database at the newest revision; migrations run once per run."""
        if not self._has_template:
            self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
            upgrade(self.urls.database_url(_TEMPLATE))
            self._has_template = True
        yield from self._database(_TEMPLATE)

    def fresh_redis(self) -> str:
        """The URL of an emptied Redis database; up to fifteen can be in use at once."""
        number = (next(self._numbers) - 1) % _REDIS_DATABASES + 1
        url = f"{self.urls.redis.removesuffix('/0')}/{number}"
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url

    def _database(self, template: str) -> Iterator[str]:
        name = f"test_{next(self._numbers)}"
        create = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
        self._execute(sql.SQL(create).format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield self.urls.database_url(name)
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.urls.database, autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def running_servers() -> Iterator[Servers]:
    """Start the pair without durability in a folder of its own; nothing is left of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-test-"))
    servers = LocalServers(durable=False)
    try:
        state = StateDirectory(folder)
        state.prepare(new_cluster_bytes=200_000_000)
        yield Servers(servers.start(state))
    finally:
        servers.stop()
        shutil.rmtree(folder)

"""The servers that tests run against are real, fresh and gone afterwards."""

import psycopg
import redis

from tests.support.servers import Servers


def test_a_database_is_at_the_newest_revision_and_empty_for_every_test(servers: Servers) -> None:
    with servers.migrated_database() as first:
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE scratch (n int)")
        with servers.migrated_database() as second, psycopg.connect(second) as connection:
            assert connection.execute("SELECT to_regclass('scratch')").fetchone() == (None,)
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_two_redis_databases_do_not_see_each_other(servers: Servers) -> None:
    with (
        redis.Redis.from_url(servers.fresh_redis()) as first,
        redis.Redis.from_url(servers.fresh_redis()) as second,
    ):
        first.set("key", "value")
        assert second.get("key") is None

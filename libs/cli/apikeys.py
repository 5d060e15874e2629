"""`hiddengem apikey`: the only way keys come into being; there is no default one."""

from libs.cli.connection import owner_url
from libs.cli.tables import keys_table
from libs.cli.terminal import chatter, console, print_json
from libs.domain.errors import InvalidInput
from libs.storage import api_keys
from libs.storage.api_keys import Role
from libs.storage.engine import make_engine, transaction


def create(name: str, role: str, *, as_json: bool) -> int:
    """Create a key and print it."""
    if role not in Role.__members__.values():
        raise InvalidInput("role", f"is one of {', '.join(Role)}")
    key = create_key(owner_url(), name, Role(role))
    if as_json:
        print_json({"name": name, "role": role, "key": key})
        return 0
    chatter.print(f"key {name} ({role}); it is shown this once:")
    console.print(key, markup=False, soft_wrap=True)
    return 0


def create_key(database_url: str, name: str, role: Role) -> str:
    """A new key in this database."""
    engine = make_engine(database_url, pool_size=1)
    try:
        with transaction(engine) as tx:
            return api_keys.create(tx, name, role)
    finally:
        engine.dispose()


def show(*, as_json: bool) -> int:
    """List every key."""
    engine = make_engine(owner_url(), pool_size=1)
    try:
        with transaction(engine, read_only=True) as tx:
            keys = api_keys.every(tx)
    finally:
        engine.dispose()
    if as_json:
        shown = ("key_id", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at")
        print_json([{field: _plain(getattr(key, field)) for field in shown} for key in keys])
    else:
        console.print(keys_table(keys))
    return 0


def revoke(name: str) -> int:
    """End a key."""
    engine = make_engine(owner_url(), pool_size=1)
    try:
        with transaction(engine) as tx:
            api_keys.revoke(tx, name)
    finally:
        engine.dispose()
    chatter.print(f"key {name} is revoked")
    return 0


def _plain(value: object) -> str | None:
    return None if value is None else str(value)

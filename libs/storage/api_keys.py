"""API keys: `hgk_<id>_<secret>`. The database knows the SHA-256 of the whole key; the key itself is shown once."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, text

from libs.domain.errors import InvalidInput, NotFound

_KEY = re.compile(r"hgk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


class Role(StrEnum):
    """What the holder of a key may do; each role may do everything the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    TRADER = "trader"
    ADMIN = "admin"

    def includes(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = tuple(Role)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the database knows it."""

    key_id: str
    name: str
    role: Role
    key_hash: bytes
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


_COLUMNS = "key_id, name, role, key_hash, created_at, expires_at, revoked_at, last_used_at"
_CREATE = text("INSERT INTO auth.api_keys (key_id, name, key_hash, role) VALUES (:key_id, :name, :key_hash, :role)")
_REVOKE = text("UPDATE auth.api_keys SET revoked_at = clock_timestamp() WHERE name = :name AND revoked_at IS NULL")
_FIND = text(f"""
    SELECT {_COLUMNS} FROM auth.api_keys
    WHERE key_id = :key_id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
""")
_LIST = text(f"SELECT {_COLUMNS} FROM auth.api_keys ORDER BY created_at, key_id")
_TOUCH = text("""
    UPDATE auth.api_keys SET last_used_at = clock_timestamp()
    WHERE key_id = :key_id AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')
""")


def hash_of(key: str) -> bytes:
    """What is stored instead of the key."""
    return hashlib.sha256(key.encode()).digest()


def id_of(key: str) -> str | None:
    """The id inside a well-formed key, None for anything else."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None


def create(tx: Connection, name: str, role: Role) -> str:
    """A new key, replacing the live one of this name; this is the only time the key itself is known."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("name", "is 1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit")
    tx.execute(_REVOKE, {"name": name})
    key_id = secrets.token_hex(6)
    key = f"hgk_{key_id}_{secrets.token_urlsafe(32)}"
    tx.execute(_CREATE, {"key_id": key_id, "name": name, "key_hash": hash_of(key), "role": role.value})
    return key


def revoke(tx: Connection, name: str) -> None:
    """End the live key of this name; raises `NotFound` when there is none."""
    if tx.execute(_REVOKE, {"name": name}).rowcount == 0:
        raise NotFound(f"there is no live API key named {name[:64]!r}")


def find(tx: Connection, key_id: str) -> StoredKey | None:
    """The live key with this id."""
    row = tx.execute(_FIND, {"key_id": key_id}).one_or_none()
    return _stored(row) if row else None


def touch(tx: Connection, key_id: str) -> None:
    """Note that the key was used, to the minute."""
    tx.execute(_TOUCH, {"key_id": key_id})


def every(tx: Connection) -> list[StoredKey]:
    """All keys, the ended ones too, oldest first."""
    return [_stored(row) for row in tx.execute(_LIST)]


def _stored(row: Row[Any]) -> StoredKey:
    return StoredKey(
        key_id=row.key_id,
        name=row.name,
        role=Role(row.role),
        key_hash=bytes(row.key_hash),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )

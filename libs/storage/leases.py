"""The fenced lease of a singleton: each new holder gets a higher epoch, and writes under an older one are refused."""

from datetime import timedelta

from sqlalchemy import Connection, text

_ACQUIRE = text("SELECT ops.acquire_lease(:name, :holder, :ttl)")
_RENEW = text("SELECT ops.renew_lease(:name, :holder, :epoch, :ttl)")


def acquire(tx: Connection, name: str, holder: str, ttl: timedelta) -> int | None:
    """The epoch under which `holder` may write, or None while somebody else's lease is alive."""
    return tx.execute(_ACQUIRE, {"name": name, "holder": holder, "ttl": ttl}).scalar()


def renew(tx: Connection, name: str, holder: str, epoch: int, ttl: timedelta) -> bool:
    """Prolong the lease; False when it has passed to somebody else."""
    values = {"name": name, "holder": holder, "epoch": epoch, "ttl": ttl}
    return bool(tx.execute(_RENEW, values).scalar())

"""A singleton's hold on its name. Losing it ends the process: two holders must never write at once."""

import asyncio
import logging
from datetime import timedelta

from libs.domain.errors import HiddenGemError
from libs.storage import leases
from libs.storage.engine import Engine, StorageUnavailable, in_transaction

log = logging.getLogger(__name__)
_TTL = timedelta(seconds=5)
_RENEW_SECONDS = 1.0


class LeaseLost(HiddenGemError):
    """Another instance holds the lease now."""

    code = "runtime.lease_lost"


class Lease:
    """The lease `name`, held by one instance under one epoch."""

    def __init__(self, engine: Engine, name: str, holder: str) -> None:
        self._engine = engine
        self._name = name
        self._holder = holder
        self._epoch: int | None = None

    @property
    def epoch(self) -> int:
        """The epoch every write carries; raises `LeaseLost` before `acquire`."""
        if self._epoch is None:
            raise LeaseLost(f"lease {self._name} is not held")
        return self._epoch

    async def acquire(self) -> int:
        """Wait until the lease is free, take it, and answer the new epoch."""
        while True:
            epoch = await in_transaction(self._engine, leases.acquire, self._name, self._holder, _TTL)
            if epoch is not None:
                self._epoch = epoch
                log.info("lease taken", extra={"lease": self._name, "epoch": epoch})
                return epoch
            await asyncio.sleep(_RENEW_SECONDS)

    async def keep(self) -> None:
        """Renew until cancelled; raises `LeaseLost` when somebody else has taken over."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                held = await in_transaction(self._engine, leases.renew, self._name, self._holder, self.epoch, _TTL)
            except StorageUnavailable:
                # Nobody else can take the lease either while the database is away; every write carries the epoch.
                log.warning("lease not renewed: storage is away", extra={"lease": self._name})
                continue
            if not held:
                raise LeaseLost(f"lease {self._name} has passed to another instance")

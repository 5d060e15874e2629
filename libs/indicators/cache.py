"""Results kept by what they were computed from: function, parameters and the bytes of every input.

A key is a SHA-256, so a bar that changed, was added or taken away is another key; nothing is ever stale. The memory is
bounded, and the least recently used goes first.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from libs.indicators.catalogue import Computed, Number, compute
from libs.indicators.series import Values

DEFAULT_BYTES = 16 * 1024 * 1024
_OVERHEAD_BYTES = 512


def input_hash(
    name: str,
    columns: Mapping[str, Values],
    parameters: Mapping[str, Number | str],
    traded: Sequence[bool] | NDArray[np.bool_] | None,
    source: str,
) -> str:
    """SHA-256 over everything a result depends on."""
    asked = [name.upper(), source, sorted(parameters.items()), sorted(columns), traded is not None]
    digest = hashlib.sha256(json.dumps(asked, separators=(",", ":")).encode())
    for column in sorted(columns):
        values = np.ascontiguousarray(columns[column], dtype=np.float64)
        digest.update(values.size.to_bytes(8, "big"))
        digest.update(values.tobytes())
    if traded is not None:
        digest.update(np.asarray(traded, dtype=np.bool_).tobytes())
    return digest.hexdigest()


class IndicatorCache:
    """`compute` with a memory; safe between threads. `hits` and `misses` count."""

    def __init__(self, *, limit_bytes: int = DEFAULT_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[str, Computed] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def compute(
        self,
        name: str,
        columns: Mapping[str, Values],
        parameters: Mapping[str, Number | str] | None = None,
        *,
        traded: Sequence[bool] | NDArray[np.bool_] | None = None,
        source: str = "close",
    ) -> Computed:
        """As `catalogue.compute`; a result that is shared cannot be written to."""
        key = input_hash(name, columns, parameters or {}, traded, source)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                self.hits += 1
                return found
            self.misses += 1
        made = compute(name, columns, parameters, traded=traded, source=source)
        for array in (made.rows, *made.outputs.values()):
            array.flags.writeable = False
        self._keep(key, made)
        return made

    @property
    def used_bytes(self) -> int:
        """What the results kept take, roughly."""
        return self._bytes

    def _keep(self, key: str, made: Computed) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = made
            self._bytes += _size(made)
            while self._bytes > self._limit:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= _size(oldest)


def _size(made: Computed) -> int:
    return _OVERHEAD_BYTES + made.rows.nbytes + sum(array.nbytes for array in made.outputs.values())

"""The hash that binds a verdict to exactly one order: whatever changes afterwards is not what risk approved."""

import hashlib
import json

from libs.domain.trading import Order


def order_hash(order: Order, quantity: int, *, origin: str, limits_version: int) -> bytes:
    """SHA-256 over the canonical fields. `quantity` is what the verdict allows; `origin` is the decision or request."""
    fields = [
        str(order.order_id),
        order.account_id,
        order.trading_day.isoformat(),
        order.symbol,
        order.side.value,
        quantity,
        f"{order.limit_price:.4f}",
        "LIMIT",
        "DAY",
        origin,
        limits_version,
    ]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).digest()

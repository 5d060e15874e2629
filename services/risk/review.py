"""One order, one transaction: re-read, judge, set aside, decide. The hint that led here says nothing but an id."""

import logging
from uuid import UUID, uuid5

from libs.domain.trading import ReasonCode, Side
from libs.pretrade.facts import Limits
from libs.pretrade.fingerprint import order_hash
from libs.pretrade.review import Outcome, Review, denied, review
from libs.storage import inbox, verdicts
from libs.storage.engine import Connection, Engine, transaction
from libs.storage.verdicts import Reviewable, Verdict

log = logging.getLogger(__name__)
CONSUMER = "risk"


class Reviewer:
    """Reviews orders; runs in the order path's worker thread."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self.limits = limits

    def on_hint(self, order_id: UUID, msg_id: str) -> Outcome | None:
        """Judge the order if it still is NEW; None when there was nothing to do."""
        with transaction(self._engine) as tx:
            if not inbox.accept(tx, CONSUMER, msg_id):
                return None
            verdicts.lock_account(tx, order_id)
            reviewable = verdicts.reviewable(tx, order_id)
            if reviewable is None:
                return None
            answer = self._settle(tx, reviewable)
        order = reviewable.facts.order
        log.info(
            "order reviewed",
            extra={
                "order_id": str(order_id),
                "symbol": order.symbol,
                "outcome": answer.outcome.value,
                "reasons": [reason.value for reason in answer.reasons],
            },
        )
        return answer.outcome

    def _settle(self, tx: Connection, reviewable: Reviewable) -> Review:
        facts = reviewable.facts
        order = facts.order
        answer = review(facts, self.limits)
        if answer.need is not None and not verdicts.reserve(tx, order.order_id, answer.need):
            short = order.side is Side.SELL
            answer = denied(answer, ReasonCode.INSUFFICIENT_SELLABLE if short else ReasonCode.INSUFFICIENT_CASH)
        quantity = answer.quantity or order.requested_quantity
        fingerprint = order_hash(order, quantity, origin=reviewable.origin, limits_version=self.limits.version)
        verdict = Verdict(
            verdict_id=uuid5(order.order_id, "verdict"),
            order_id=order.order_id,
            order_hash=fingerprint,
            review=answer,
            limits_version=self.limits.version,
            expires_at=facts.expires_at,
        )
        verdicts.decide(tx, verdict)
        return answer

"""What the rulebook says of an instant and of a share while the market runs: may it trade, and within which prices."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from libs.ashare.bands import Band
from libs.ashare.boards import board_of
from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.ashare.rows import Phase
from libs.ashare.rulebook import RULEBOOK
from libs.domain.clock import Clock, exchange_date
from libs.domain.market import Symbol
from libs.storage.feeds import SessionReference

log = logging.getLogger(__name__)

References = Callable[[date], Awaitable[dict[Symbol, SessionReference] | None]]
"""What is stored of the shares before a session; None while nobody can say."""

_CLOSED = frozenset({Phase.CLOSED, Phase.LUNCH, Phase.AFTER_HOURS})
_MATCHING = frozenset({Phase.OPENING_PAUSE, Phase.CONTINUOUS, Phase.CLOSING_CALL, Phase.HALTED})
_GRACE = timedelta(seconds=90)
"""The last prices of a phase are sent a little after its end."""
_FRESH_SECONDS, _RETRY_SECONDS = 600.0, 30.0


def is_trading(at: datetime) -> bool:
    """Whether ticks may carry this instant: a trading phase, or the moment after one."""
    return any(_phase(moment) not in _CLOSED for moment in (at, at - _GRACE))


def is_continuous(at: datetime) -> bool:
    """Whether a feed that is well speaks at this instant: calls and pauses may pass without a word."""
    return _phase(at) is Phase.CONTINUOUS


def is_matching(at: datetime) -> bool:
    """Whether who did not listen at this instant may have missed a trade."""
    return _phase(at) in _MATCHING


def _phase(at: datetime) -> Phase:
    try:
        return RULEBOOK.trading_phase(at)
    except UnknownRule as e:
        _tell_unknown_day(exchange_date(at), str(e))
        return Phase.CLOSED


@lru_cache(maxsize=64)
def _tell_unknown_day(day: date, reason: str) -> None:
    """Once a day: a feed that rests because nobody knows the hours must not look like a quiet one."""
    log.error("the live feed rests: no trading hours are known", extra={"day": day.isoformat(), "reason": reason})


@dataclass(slots=True)
class Bands:
    """The prices allowed in the session that runs, by what is stored; looked up anew now and then."""

    references: References
    clock: Clock
    _session: date | None = None
    _known: dict[Symbol, SessionReference] = field(default_factory=dict)
    _again_at: float = 0.0
    _told: bool = False

    async def prepare(self, session: date) -> None:
        """Look up what is known before a session. What cannot be read now is asked for again soon."""
        now = self.clock.monotonic()
        if session == self._session and now < self._again_at:
            return
        found = await self.references(session)
        if session != self._session:
            self._session, self._known, self._told = session, {}, False
        self._known = self._known if found is None else found
        self._again_at = now + (_RETRY_SECONDS if found is None else _FRESH_SECONDS)

    def rests(self, symbol: Symbol) -> bool:
        """Whether a share is known not to trade in this session."""
        known = self._known.get(symbol)
        return known is not None and known.rests

    def __call__(self, symbol: Symbol, session: date, reference: Decimal | None) -> Band | None:
        """The band of a share; None where it has none, or nobody knows enough to say, which is told once a session."""
        known = self._known.get(symbol) if session == self._session else None
        if known is None or known.list_date is None or (price := reference or known.reference) is None:
            self._tell(symbol, session, "its listing or its reference price is not stored")
            return None
        try:
            return RULEBOOK.band(
                known.board or board_of(symbol),
                session,
                price,
                special_treatment=known.special_treatment,
                sessions_since_listing=CALENDAR.sessions_since_listing(known.list_date, session),
                symbol=symbol,
            )
        except UnknownRule as e:
            self._tell(symbol, session, str(e))
            return None

    def _tell(self, symbol: Symbol, session: date, reason: str) -> None:
        if not self._told:
            self._told = True
            told = {"session": session.isoformat(), "first": symbol, "reason": reason}
            log.warning("ticks are not held against a price band", extra=told)

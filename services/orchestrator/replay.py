"""Run past sessions again through the running desk, step by step.

Where the replay stands is the desk clock and `sessions_done`; every step may be repeated. A restarted orchestrator
therefore goes on where its predecessor was killed, and nothing is lost or done twice.
"""

import asyncio
import logging
import time as _time
from collections.abc import Callable
from datetime import date, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from uuid import uuid5

from libs.ashare.boards import board_of
from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.domain.clock import at_shanghai
from libs.domain.errors import HiddenGemError
from libs.domain.trading import ReasonCode, Side
from libs.storage import clock, decisions, entitlements, replay_reports, replays, rounds, sessions, universe
from libs.storage.clock import DeskClock, Phase
from libs.storage.decisions import StoredIntent
from libs.storage.engine import Connection, Engine, StorageUnavailable, in_transaction
from libs.storage.replays import Replay
from libs.storage.rounds import Round, RoundKind
from libs.storage.submissions import Submission, submit_order
from libs.storage.universe import OpeningQuote
from services.orchestrator.rounds import RoundRunner
from services.orchestrator.settings import Settings

log = logging.getLogger(__name__)
_TICK = Decimal("0.01")
_STEP_SECONDS = 90.0
_LOOK_SECONDS = 0.05
_RETRY_SECONDS = 0.5
_TIMES = {Phase.PRE_OPEN: time(9, 15), Phase.CLOSED: time(15), Phase.AFTER_CLOSE: time(16), Phase.RESTING: time(16)}
_ORDER = (Phase.PRE_OPEN, Phase.CLOSED, Phase.AFTER_CLOSE)


class ReplayStuck(HiddenGemError):
    """A step of a replay did not come to an end."""

    code = "desk.replay_stuck"


class ReplayDriver:
    """Drives one replay from where it stands to its report."""

    def __init__(
        self,
        engine: Engine,
        runner: RoundRunner,
        settings: Settings,
        moved: asyncio.Event,
        *,
        step_seconds: float = _STEP_SECONDS,
    ) -> None:
        self._engine = engine
        self._runner = runner
        self._settings = settings
        self._moved = moved
        self._step_seconds = step_seconds
        self._timings = {"open": 0.0, "close": 0.0, "round": 0.0}
        self._timed = 0

    async def drive_running(self) -> None:
        """Run the sessions that are left of the running replay, if there is one.

        It ends DONE with its report, or FAILED with its reason. What trying again can mend is tried again.
        """
        while (replay := await self._running()) is not None:
            try:
                await self._drive(replay)
            except HiddenGemError as e:
                if e.retryable:
                    log.warning("replay waits", extra={"replay": replay.account_id, "code": e.code})
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                log.exception("replay failed", extra={"replay": replay.account_id, "code": e.code})
                await in_transaction(self._engine, fail, replay, str(e))
            except Exception:
                log.exception("replay failed", extra={"replay": replay.account_id})
                await in_transaction(self._engine, fail, replay, "internal error; the orchestrator's log has its story")

    async def _running(self) -> Replay | None:
        while True:
            try:
                return await in_transaction(self._engine, replays.running)
            except StorageUnavailable as e:
                log.warning("replay waits", extra={"code": e.code})
                await asyncio.sleep(_RETRY_SECONDS)

    async def _drive(self, replay: Replay) -> None:
        await in_transaction(self._engine, self._open_account, replay)
        days = await in_transaction(self._engine, universe.sessions_between, replay.sessions_from, replay.sessions_to)
        for done, session in enumerate(days[replay.sessions_done :], replay.sessions_done + 1):
            await self._session(replay, session)
            self._timed += 1
            if not await in_transaction(self._engine, replays.advance, replay.replay_id, done):
                log.warning("replay superseded", extra={"replay": replay.account_id, "sessions": done})
                return
        await self._move(replay, replay.sessions_to, Phase.RESTING)
        report = await in_transaction(
            self._engine, replay_reports.report, replay, timings=self._timings, timed=self._timed
        )
        await in_transaction(self._engine, replays.finish, replay.replay_id, error=None, report=report)

    async def _session(self, replay: Replay, session: date) -> None:
        reached = await self._reached(replay, session)
        if reached <= 0:
            await self._open(replay, session)
        if reached <= 1:
            await self._close(replay, session)
        await self._round(replay, session)

    async def _reached(self, replay: Replay, session: date) -> int:
        now = await in_transaction(self._engine, clock.read)
        if now.run != replay.account_id or now.session != session or now.phase not in _ORDER:
            return 0
        return _ORDER.index(now.phase)

    async def _open(self, replay: Replay, session: date) -> None:
        started = _time.monotonic()
        await self._move(replay, session, Phase.PRE_OPEN)
        if await in_transaction(self._engine, entitlements.ask_to_open, replay.account_id, session):
            await self._until(replay, session, lambda tx: entitlements.is_open(tx, replay.account_id, session))
        if await in_transaction(self._engine, submit_resting, replay, session):
            await self._until(replay, session, lambda tx: sessions.is_quiet(tx, session))
        self._timings["open"] += _time.monotonic() - started

    async def _close(self, replay: Replay, session: date) -> None:
        started = _time.monotonic()
        await self._until(replay, session, lambda tx: sessions.is_quiet(tx, session))
        await self._move(replay, session, Phase.CLOSED)
        await self._until(replay, session, lambda tx: sessions.is_closed(tx, replay.account_id, session))
        self._timings["close"] += _time.monotonic() - started

    async def _round(self, replay: Replay, session: date) -> None:
        started = _time.monotonic()
        await self._move(replay, session, Phase.AFTER_CLOSE)
        opened = round_of(replay, session)
        patience = self._settings.replay_patience_seconds
        standing = await in_transaction(self._engine, rounds.open_round, opened, patience)
        if standing.status == "OPEN":
            await self._runner.decide_with_all(standing.round, patience)
        self._timings["round"] += _time.monotonic() - started

    async def _move(self, replay: Replay, session: date, phase: Phase) -> DeskClock:
        return await in_transaction(self._engine, move_clock, replay.account_id, session, phase)

    async def _until(self, replay: Replay, session: date, over: Callable[[Connection], bool]) -> None:
        """Wait until a step is over: nudged by notifications, looking by itself now and then."""
        give_up = _time.monotonic() + self._step_seconds
        while True:
            self._moved.clear()
            if await in_transaction(self._engine, over):
                return
            if _time.monotonic() > give_up:
                what = await in_transaction(self._engine, sessions.what_is_open, replay.account_id, session)
                raise ReplayStuck(f"session {session} did not end within {self._step_seconds:g} s; {what}")
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._moved.wait()
            except TimeoutError:
                continue

    def _open_account(self, tx: Connection, replay: Replay) -> None:
        opening = replays.Opening(
            account_id=replay.account_id,
            kind="replay",
            cash=self._settings.paper_initial_cash,
            session=replay.sessions_from,
            txn_id=uuid5(replay.replay_id, "opening"),
            synthetic=replay.synthetic,
        )
        replays.open_account(tx, opening)


def fail(tx: Connection, replay: Replay, reason: str) -> None:
    """End a replay badly; the desk rests where it came to, and no order of it flows any more."""
    replays.finish(tx, replay.replay_id, error=reason, report=None)
    now = clock.read(tx)
    if now.run == replay.account_id and now.session is not None:
        move_clock(tx, now.run, now.session, Phase.RESTING)


def round_of(replay: Replay, session: date) -> Round:
    """The round after a session; its id follows from the replay and the session."""
    return Round(
        round_id=uuid5(replay.replay_id, f"round:{session}"),
        kind=RoundKind.REPLAY,
        replay_id=replay.replay_id,
        account_id=replay.account_id,
        session=session,
        as_of=at_shanghai(session, _TIMES[Phase.AFTER_CLOSE]),
        symbols=replay.symbols,
        panel=replay.panel,
        trade=True,
        requested_by=replay.account_id,
        synthetic=replay.synthetic,
    )


def move_clock(tx: Connection, run: str, session: date, phase: Phase) -> DeskClock:
    """Set the desk clock; where it stands there already, nothing moves."""
    seen = clock.read(tx)
    if (seen.run, seen.session, seen.phase) == (run, session, phase):
        return seen
    return clock.move(tx, seen, run=run, session=session, phase=phase, now=at_shanghai(session, _TIMES[phase]))


def submit_resting(tx: Connection, replay: Replay, session: date) -> int:
    """Turn the intents that rest into DAY orders of this session; how many became orders."""
    waiting = decisions.resting(tx, replay.account_id)
    quotes = universe.opening_quotes(tx, [intent.symbol for intent in waiting], session)
    submitted = 0
    for intent in waiting:
        quote = quotes.get(intent.symbol)
        limit = None if quote is None else limit_price(intent, quote, session)
        if quote is None or limit is None:
            reason = ReasonCode.NO_REFERENCE_PRICE if quote is None else ReasonCode.UNKNOWN_RULE
            decisions.mark_refused(tx, intent.intent_id, reason, session)
            continue
        order_id = uuid5(replay.replay_id, f"order:{session}:{intent.symbol}:{intent.side}")
        submit_order(
            tx,
            Submission(
                order_id=order_id,
                account_id=intent.account_id,
                trading_day=session,
                symbol=intent.symbol,
                side=intent.side,
                quantity=intent.quantity,
                limit_price=limit,
                expires_at=at_shanghai(session, time(15)),
                decision_id=intent.decision_id,
            ),
        )
        decisions.mark_submitted(tx, intent.intent_id, order_id, session)
        submitted += 1
    return submitted


def limit_price(intent: StoredIntent, quote: OpeningQuote, session: date) -> Decimal | None:
    """Two per cent beyond the reference price, on the tick and inside the band; None where no rule is known."""
    buying = intent.side is Side.BUY
    wanted = quote.reference_price * (Decimal("1.02") if buying else Decimal("0.98"))
    limit = wanted.quantize(_TICK, ROUND_FLOOR if buying else ROUND_CEILING)
    try:
        band = RULEBOOK.band(
            board_of(intent.symbol),
            session,
            quote.reference_price,
            special_treatment=quote.special_treatment,
            sessions_since_listing=None,
            symbol=intent.symbol,
        )
    except UnknownRule:
        return None
    return limit if band is None else min(max(limit, band.lower), band.upper)

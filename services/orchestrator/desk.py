"""What operators ask of the desk: a round, one agent, a replay. Each is committed before it is answered."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

from libs.bus.port import Bus, Call
from libs.contracts.analysis import ANALYZE
from libs.contracts.desk import (
    AgentAnalysis,
    OpenRound,
    ReplayStarted,
    RoundOpened,
    StartReplay,
    TriggerAgent,
)
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound
from libs.domain.market import Symbol
from libs.storage import clock, replays, rounds, universe
from libs.storage.clock import DeskClock, Phase
from libs.storage.engine import Connection, Engine, in_transaction
from libs.storage.replays import Replay
from libs.storage.rounds import Panel, Panelist, Round, RoundKind, Standing
from services.orchestrator.replay import move_clock
from services.orchestrator.rounds import RoundRunner
from services.orchestrator.settings import Settings
from services.orchestrator.triggers import NEVER_VOTE, AgentFailed, ask_one

log = logging.getLogger(__name__)
_DEFAULT_REPLAY_SESSIONS = 20
_WATCHLIST_SESSIONS = 60
PAPER_ACCOUNT = "paper"


class ReplayRunning(HiddenGemError):
    """A replay is running; the desk runs one at a time."""

    code = "desk.replay_running"


class NoAnalysts(HiddenGemError):
    """No analyst is alive, so there is nobody to ask."""

    code = "desk.no_analysts"
    retryable = True


@dataclass(frozen=True, slots=True)
class _Moment:
    """Where the desk stands when somebody asks."""

    clock: DeskClock
    session: date
    synthetic: bool


class Desk:
    """Handlers of the orchestrator's methods; `start` wakes the driver of replays."""

    def __init__(
        self, engine: Engine, bus: Bus, settings: Settings, runner: RoundRunner, *, start: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._settings = settings
        self._runner = runner
        self._start = start
        self._opened: asyncio.Queue[tuple[Round, float]] = asyncio.Queue()

    async def open_round(self, request: OpenRound, call: Call) -> RoundOpened:
        """Commit a round and answer; it goes on in the background. The same message again answers the same round."""
        panel = await self._panel()
        timeout = self._settings.round_deadline_seconds
        wanted = uuid5(_ROUNDS, call.msg_id)

        def commit(tx: Connection) -> Standing:
            if request.trade and (replay := replays.running(tx)) is not None:
                raise ReplayRunning(f"{replay.account_id} is running; its account is its own")
            moment = self._moment(tx)
            opened = Round(
                round_id=wanted,
                kind=RoundKind.MANUAL,
                replay_id=None,
                account_id=moment.clock.run,
                session=moment.session,
                as_of=moment.clock.now,
                symbols=self._symbols(tx, request.symbols, moment.session),
                panel=panel,
                trade=request.trade,
                requested_by=request.requested_by,
                synthetic=moment.synthetic,
            )
            return rounds.open_round(tx, opened, timeout)

        standing = await in_transaction(self._engine, commit)
        opened = standing.round
        if standing.status == "OPEN":
            self._opened.put_nowait((opened, timeout))
        return RoundOpened(
            round_id=opened.round_id,
            as_of=opened.as_of,
            session=opened.session,
            deadline_at=standing.deadline_at,
            symbols=list(opened.symbols),
        )

    async def run_rounds(self) -> None:
        """Decide the rounds that operators opened, each as its own task, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                opened, timeout = await self._opened.get()
                group.create_task(self._decide(opened, timeout))

    async def trigger(self, request: TriggerAgent, call: Call) -> AgentAnalysis:
        """Ask one agent, store its analysis and answer it. Risk and execution answer with their own tools."""
        card = next((card for card in await self._bus.cards() if card.name == request.agent), None)
        if card is None or not (ANALYZE.name in card.tools or request.agent in NEVER_VOTE):
            raise NotFound(f"agent: no agent named {request.agent} is alive")
        timeout = self._settings.round_deadline_seconds
        wanted = uuid5(_ROUNDS, call.msg_id)

        def commit(tx: Connection) -> Round:
            moment = self._moment(tx)
            opened = Round(
                round_id=wanted,
                kind=RoundKind.TRIGGER,
                replay_id=None,
                account_id=None,
                session=moment.session,
                as_of=moment.clock.now,
                symbols=self._symbols(tx, request.symbols, moment.session),
                panel={card.name: Panelist(card.default_weight, card.version)},
                trade=False,
                requested_by=request.requested_by,
                synthetic=moment.synthetic,
            )
            return rounds.open_round(tx, opened, timeout).round

        opened = await in_transaction(self._engine, commit)
        if request.agent in NEVER_VOTE:
            return await ask_one(self._engine, self._bus, opened, timeout)
        answer = await self._runner.trigger(opened, timeout)
        if answer.result is None:
            raise AgentFailed(answer.error_code or "no answer")
        return AgentAnalysis(
            round_id=opened.round_id,
            agent=request.agent,
            as_of=opened.as_of,
            synthetic=opened.synthetic,
            results=answer.result.results,
        )

    async def start_replay(self, request: StartReplay, call: Call) -> ReplayStarted:
        """Commit a replay and answer; asked again with the same message, it answers the same replay."""
        panel = await self._panel()
        replay_id = uuid5(_REPLAYS, call.msg_id)

        def commit(tx: Connection) -> Replay:
            if (already := replays.find(tx, replay_id)) is not None:
                return already
            days = _days(tx, request)
            symbols = self._symbols(tx, request.symbols, days[0])
            if (running := replays.running(tx)) is not None:
                if not request.supersede:
                    raise ReplayRunning(f"{running.account_id} is running")
                replays.finish(tx, running.replay_id, error="superseded by a new replay", report=None)
            plan = replays.Plan(replay_id, days, symbols, panel, universe.is_synthetic(tx, days[0]))
            created = replays.create(tx, plan)
            if created is None:
                raise ReplayRunning("another replay was started at the same time")
            return created

        replay = await in_transaction(self._engine, commit)
        self._start()
        return ReplayStarted(
            replay_id=replay.replay_id,
            account_id=replay.account_id,
            from_session=replay.sessions_from,
            to_session=replay.sessions_to,
            sessions=replay.sessions_total,
            symbols=list(replay.symbols),
            synthetic=replay.synthetic,
        )

    async def _decide(self, opened: Round, timeout: float) -> None:
        fields = {"round_id": str(opened.round_id)}
        try:
            await self._runner.decide(opened, timeout)
        except HiddenGemError as e:
            log.warning("round failed", extra=fields | {"code": e.code, "reason": str(e)})
        except Exception:
            # One round's odd answers must not cost the others theirs; this one ends at its deadline.
            log.exception("round failed", extra=fields)

    async def _panel(self) -> Panel:
        cards = await self._bus.cards()
        panel = {c.name: Panelist(c.default_weight, c.version) for c in cards if c.role == "analyst"}
        if not panel:
            raise NoAnalysts
        return panel

    def _moment(self, tx: Connection) -> _Moment:
        """Where the desk stands; a desk that never moved rests at the last stored session, with a paper account."""
        now = clock.read(tx)
        if now.session is None:
            last = universe.last_session(tx)
            if last is None:
                raise NotFound("no bars are stored; import some first: hiddengem data import SOURCE")
            now = self._rest(tx, last)
        if now.session is None:
            raise NotFound("the desk has no session yet")
        return _Moment(now, now.session, universe.is_synthetic(tx, now.session))

    def _rest(self, tx: Connection, last: date) -> DeskClock:
        opening = replays.Opening(
            account_id=PAPER_ACCOUNT,
            kind="paper",
            cash=self._settings.paper_initial_cash,
            session=last,
            txn_id=uuid5(_REPLAYS, PAPER_ACCOUNT),
            synthetic=universe.is_synthetic(tx, last),
        )
        replays.open_account(tx, opening)
        return move_clock(tx, PAPER_ACCOUNT, last, Phase.RESTING)

    def _symbols(self, tx: Connection, asked: Sequence[str] | None, session: date) -> tuple[Symbol, ...]:
        chosen = [Symbol(s) for s in dict.fromkeys(asked)] if asked else list(self._settings.watchlist)
        if not chosen:
            size = self._settings.watchlist_size
            chosen = universe.most_traded(tx, session, sessions=_WATCHLIST_SESSIONS, names=size)
        if unknown := universe.without_bars(tx, chosen):
            raise InvalidInput("symbols", f"no bars are stored of {', '.join(unknown)}")
        if not chosen:
            raise InvalidInput("symbols", f"no bars are stored before {session}; name symbols or import more history")
        return tuple(sorted(chosen))


_REPLAYS = UUID("5a0f5cb8-6f0e-5d0b-9d35-8f6d0f4f3a11")
_ROUNDS = UUID("0d8c6f0a-3f0f-5a5c-8b1b-5f3c9a1e7d42")


def _days(tx: Connection, request: StartReplay) -> list[date]:
    newest = universe.last_session(tx)
    if newest is None:
        raise NotFound("no bars are stored; import some first: hiddengem data import SOURCE")
    last = request.to_session or newest
    if request.from_session is None:
        days = universe.last_sessions(tx, last, _DEFAULT_REPLAY_SESSIONS)
    elif request.from_session > last:
        raise InvalidInput("from", f"{request.from_session} is after {last}")
    else:
        days = universe.sessions_between(tx, request.from_session, last)
    if not days:
        since = f"from {request.from_session} to" if request.from_session else "up to"
        raise InvalidInput("from", f"no session with bars {since} {last}")
    return days

"""What operators ask of the orchestrator: a round, one agent's analysis, a replay."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from libs.contracts.analysis import AbstainModel, SignalModel, SymbolText
from libs.contracts.base import Command, Method


class OpenRound(Command):
    """Ask every analyst about these symbols (the watchlist when none are given) as of the desk's clock."""

    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=500)] | None = None
    trade: bool = False
    requested_by: str


class RoundOpened(Command):
    """The round is committed; its outcome is read from the round."""

    round_id: UUID
    as_of: AwareDatetime
    session: date
    deadline_at: AwareDatetime
    symbols: list[str]


class TriggerAgent(Command):
    """Ask one agent alone and store its analysis; it never makes a decision."""

    agent: str
    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=500)] | None = None
    requested_by: str


class AgentAnalysis(Command):
    """What one agent answered."""

    round_id: UUID
    agent: str
    as_of: AwareDatetime
    synthetic: bool
    results: list[Annotated[SignalModel | AbstainModel, Field(discriminator="kind")]] = Field(default_factory=list)
    answer: dict[str, JsonValue] | None = None
    """What risk or execution answered; they never vote and give no signals."""


class StartReplay(Command):
    """Replay these sessions through the running desk on a fresh account.

    Without dates the last 20 completed sessions of the stored bars; without symbols the configured watchlist, else the
    20 names with the highest mean amount over the 60 sessions before `from_session`.
    """

    from_session: date | None = None
    to_session: date | None = None
    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=500)] | None = None
    supersede: bool = False
    """End a replay that is still running after its session in hand, instead of being refused."""
    requested_by: str


class ReplayStarted(Command):
    """The replay is committed and goes on even if the orchestrator is restarted; progress is in `desk.replays`."""

    replay_id: UUID
    account_id: str
    from_session: date
    to_session: date
    sessions: int
    symbols: list[str]
    synthetic: bool


OPEN_ROUND = Method("desk.open_round", OpenRound, RoundOpened)
TRIGGER_AGENT = Method("desk.trigger", TriggerAgent, AgentAnalysis)
START_REPLAY = Method("desk.start_replay", StartReplay, ReplayStarted)

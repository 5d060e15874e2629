"""What the HTTP API says about replays."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from libs.contracts.api import ApiCommand, IsoDate, Symbols, View


class ReplayRequest(ApiCommand):
    """Replay these sessions on a fresh account; without dates the last 20 completed sessions of the stored bars."""

    from_session: Annotated[IsoDate | None, Field(alias="from", examples=["2024-09-02"])] = None
    to_session: Annotated[IsoDate | None, Field(alias="to", examples=["2024-10-31"])] = None
    symbols: Symbols | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_session and self.to_session and self.to_session < self.from_session:
            raise ValueError("to lies before from")
        return self


class ReplayAccepted(View):
    """The replay is committed; read it at `/api/v1/replays/{replay_id}`."""

    replay_id: UUID
    account_id: Annotated[str, Field(examples=["replay-1"])]
    from_session: Annotated[date, Field(alias="from")]
    to_session: Annotated[date, Field(alias="to")]
    sessions: Annotated[int, Field(examples=[39])]
    symbols: list[str]
    synthetic: bool


class ReplayView(View):
    """A replay, its progress and, when it is done, its report."""

    replay_id: UUID
    account_id: str | None
    from_session: Annotated[date, Field(alias="from")]
    to_session: Annotated[date, Field(alias="to")]
    symbols: list[str]
    status: Annotated[str, Field(examples=["DONE"])]
    sessions_total: int
    sessions_done: int
    synthetic: bool
    error: str | None
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    report: dict[str, Any] | None

"""What the HTTP API says about agents."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from libs.contracts.api import ApiCommand, SignalView, Symbols, View


class InstanceView(View):
    """One process of a service."""

    instance: Annotated[str, Field(examples=["technical-1"])]
    version: Annotated[str, Field(examples=["1"])]
    git_sha: str


class AgentView(View):
    """A live service and how it has answered lately. Figures are null for services that answer no rounds."""

    name: Annotated[str, Field(examples=["technical"])]
    role: Annotated[str, Field(examples=["analyst"])]
    tools: Annotated[list[str], Field(examples=[["analyze", "status"]])]
    default_weight: float
    instances: list[InstanceView]
    last_answer_at: AwareDatetime | None
    answers: Annotated[int, Field(description="Questions of rounds, among the newest 500 of this agent.")]
    error_rate: Annotated[float | None, Field(examples=[0.0])]
    p50_ms: Annotated[float | None, Field(examples=[3.1])]
    p99_ms: Annotated[float | None, Field(examples=[9.4])]
    queue_depth: Annotated[int | None, Field(description="Messages waiting or in hand.", examples=[0])]


class AgentsStatus(View):
    """Who is alive: the registry, with figures."""

    at: AwareDatetime
    synthetic: bool
    agents: list[AgentView]


class TriggerRequest(ApiCommand):
    """Which symbols the agent shall judge, as of the desk's clock; the watchlist when none are given."""

    symbols: Symbols | None = None


class AnalysisView(View):
    """What one agent answered in one round."""

    round_id: UUID
    agent: Annotated[str, Field(examples=["technical"])]
    as_of: AwareDatetime
    synthetic: bool
    results: list[SignalView]
    answer: Annotated[
        dict[str, JsonValue] | None,
        Field(description="What risk or execution answered with a tool of its own; null for agents that vote."),
    ] = None

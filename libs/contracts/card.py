"""The card an instance shows while it is alive; the registry of cards is what is alive."""

from typing import Annotated

from pydantic import Field

from libs.contracts.base import Event


class AgentCard(Event):
    """Who an instance is. `role` is `analyst` for those a round asks; other services carry their own role."""

    name: str
    instance: str
    role: str
    tools: tuple[str, ...] = ()
    version: str
    default_weight: Annotated[float, Field(ge=0)] = 0.0
    git_sha: str = "unknown"
    metrics: str | None = None
    """`host:port` of the instance's Prometheus endpoint, None where it has none."""

"""What ties a wire name to its types. Commands forbid unknown fields, events tolerate them; messages are immutable."""

from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Command(BaseModel):
    """Parameters or result of a question; an unknown field is an error, all the way down."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Event(BaseModel):
    """Something that happened; readers tolerate fields they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text that can be stored: PostgreSQL has no NUL."""


class Nothing(Command):
    """The empty parameters or result."""


P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Method(Generic[P, R]):
    """A JSON-RPC method of the desk's own conversations, e.g. `broker.place`; never shown as a tool."""

    name: str
    params: type[P]
    result: type[R]


@dataclass(frozen=True, slots=True)
class Tool(Generic[P, R]):
    """An MCP tool: called through `tools/call`, listed by `tools/list` with schemas made from its types.

    No tool can place an order.
    """

    name: str
    description: str
    params: type[P]
    result: type[R]


@dataclass(frozen=True, slots=True)
class Topic(Generic[E]):
    """Events of one kind as they are published, e.g. `market.quotes`; kept a while for readers that fell behind."""

    name: str
    event: type[E]
    keep_seconds: float = 600.0

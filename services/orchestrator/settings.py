"""What an operator may tell the orchestrator."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol, parse_symbol
from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the orchestrator."""

    round_deadline_seconds: Annotated[float, Field(gt=0, le=120)] = 20.0
    """How long a round that an operator opened waits for its slowest analyst."""
    replay_patience_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long a round of a replay waits for each analyst before the replay is given up."""
    paper_initial_cash: Annotated[Decimal, Field(gt=0, max_digits=20, decimal_places=4)] = Decimal(1_000_000)
    """What a paper account opens with, in CNY."""
    watchlist: Annotated[tuple[Symbol, ...], NoDecode] = ()
    """Symbols to follow, separated by commas; when empty the 20 most traded names."""
    watchlist_size: Annotated[int, Field(ge=1, le=500)] = 20
    """How many of the most traded names make the default watchlist."""

    @field_validator("watchlist", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(dict.fromkeys(parse_symbol(part) for part in value.split(",") if part.strip()))
        except InvalidInput as e:
            raise ValueError(e.message) from e

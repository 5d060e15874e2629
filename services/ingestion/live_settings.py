"""Settings of the live feed."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol, parse_symbol
from libs.runtime.settings import PREFIX

_PAGES = ("sina", "tencent")
_SOCKETS = ("ws://", "wss://", "replay+ws://", "replay+wss://")


def _feed(value: str) -> str:
    if value and value not in _PAGES and not value.startswith(_SOCKETS):
        raise ValueError(f"must be one of {', '.join(_PAGES)}, ws://…, wss://…, replay+ws://… or empty")
    return value


def _symbols(value: str) -> str:
    try:
        for part in filter(None, value.split(",")):
            parse_symbol(part)
    except InvalidInput as e:
        raise ValueError(e.message) from None
    return value


class LiveSettings(BaseSettings):
    """Where quotes of the running market come from."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    feed: Annotated[str, AfterValidator(_feed)] = ""
    """The live feed: `sina` or `tencent` (public pages), `ws://…` (a bridge that speaks the desk's tick protocol),
    `replay+ws://…` (a recording); empty: none."""
    feed_symbols: Annotated[str, AfterValidator(_symbols)] = ""
    """Shares to subscribe, comma separated; empty: those with stored bars."""
    feed_every_seconds: Annotated[float, Field(ge=0.5, le=60)] = 3.0
    """How often public pages are asked."""
    feed_silence_seconds: Annotated[float, Field(ge=5, le=600)] = 30.0
    """A feed, or a share, that says nothing for so much trading time is silent."""

    @property
    def subscribed(self) -> tuple[Symbol, ...]:
        """The shares named; none: take those with stored bars."""
        return tuple(parse_symbol(part) for part in filter(None, self.feed_symbols.split(",")))

"""Settings of how long intraday rows are kept; empty, which is the default, keeps them for ever."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.runtime.settings import PREFIX
from libs.storage.market_retention import LEAST_DAYS

_Days = Annotated[int | None, Field(ge=LEAST_DAYS)]


class RetentionSettings(BaseSettings):
    """After how many days a live desk throws intraday rows away."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    keep_minute_bars_days: _Days = None
    """How many days of intraday bars are kept; empty: all."""
    keep_ticks_days: _Days = None
    """How many days of trades are kept; empty: all."""

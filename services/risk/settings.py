"""Settings of risk."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """What an operator can choose about risk."""

    position_limit: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.10")
    """The largest part of equity that one name may be."""

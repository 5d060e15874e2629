"""Settings of single vendors that an account or a network of the operator's own makes necessary."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.runtime.settings import PREFIX

TUSHARE_TEXTS = ("npr", "anns_d", "news", "cctv_news")
"""Tushare's endpoints of texts; each needs a permission that is bought for it alone."""


def _texts(value: str) -> str:
    if unknown := sorted({part.strip() for part in value.split(",") if part.strip()} - set(TUSHARE_TEXTS)):
        raise ValueError(f"{', '.join(unknown)}: must be of {', '.join(TUSHARE_TEXTS)}, comma separated")
    return value


class VendorSettings(BaseSettings):
    """What single vendors need to be told; without it they are asked as their pages say."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    tushare_documents: Annotated[str, AfterValidator(_texts)] = ""
    """Tushare's endpoints of texts that the account has permissions for: `npr,anns_d,news,cctv_news`; empty: none."""
    tushare_clear_text_host: Annotated[str, Field(max_length=253)] | None = None
    """The one other host that the token may be sent to without TLS: a proxy of your own in a network of your own."""
    tushare_sdk: bool = False
    """Whether Tushare's own library writes the requests and reads the answers, over this desk's connection."""
    tushare_minutes: Literal[1, 5, 15, 30, 60] = 5
    """The length of the minute bars that Tushare is asked for."""

    @property
    def tushare_document_apis(self) -> tuple[str, ...]:
        """The endpoints of texts by name, in the order of the vendor's pages."""
        wanted = {part.strip() for part in self.tushare_documents.split(",")}
        return tuple(name for name in TUSHARE_TEXTS if name in wanted)

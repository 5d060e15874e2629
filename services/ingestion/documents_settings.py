"""Settings of the newswire: which outlets are read, and who we say we are."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.runtime.settings import PREFIX


def _ids(value: str) -> str:
    if not all(part and part.replace("_", "").isalnum() and part.isascii() for part in value.split(",") if value):
        raise ValueError("must be names of outlets, comma separated: csrc,pbc,cctv")
    return value


class DocumentsSettings(BaseSettings):
    """What fetching documents needs to know; whether an outlet exists is seen where the table of outlets is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    newswire_outlets: Annotated[str, AfterValidator(_ids)] = ""
    """Outlets to read, comma separated; empty: the official ones."""
    newswire_contact: Annotated[str, Field(max_length=120, pattern=r"^[\x20-\x7e]*$")] = ""
    """An address of the operator, sent along in the User-Agent so that a site can write to somebody."""
    newswire_fetch_seconds: Annotated[float, Field(gt=0, le=120)] = 20.0
    """How long one page may take in all."""

    @property
    def outlet_ids(self) -> tuple[str, ...]:
        """The outlets by name; empty for the official ones."""
        return tuple(part.strip() for part in self.newswire_outlets.split(",") if part.strip())

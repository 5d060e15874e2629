"""Settings of ingestion and of the short-lived processes that do its work."""

from typing import Annotated

from pydantic import Field, SecretStr

from libs.runtime.settings import ServiceSettings


class IngestionSettings(ServiceSettings):
    """What ingestion needs to reach its sources."""

    tushare_token: Annotated[SecretStr | None, Field(validation_alias="TUSHARE_TOKEN")] = None
    """The token of a Tushare account; never logged, never written to a file."""
    tushare_url: str | None = None
    """Another address of the Tushare interface, for tests."""
    akshare_url: str | None = None
    """One address that answers for all of AkShare's hosts, for tests."""
    vendor_call_seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    """How long one call to a vendor may take in all."""
    vendor_pause_seconds: Annotated[float, Field(ge=0, le=60)] = 0.3
    """The pause between two calls to a vendor, which ban the impatient."""
    job_seconds: Annotated[float, Field(gt=0, le=7200)] = 900.0
    """How long a sync job may take before its process is ended."""
    sim_seed: Annotated[int, Field(ge=0, le=2**31)] = 20_260_101
    """The seed of the simulated exchange; the same seed is the same market."""

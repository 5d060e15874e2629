"""Settings of ingestion and of the short-lived processes that do its work."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from libs.domain.errors import InvalidInput
from libs.marketdata.choose import parse_source
from libs.runtime.settings import ServiceSettings
from services.ingestion.documents_settings import DocumentsSettings
from services.ingestion.live_settings import LiveSettings
from services.ingestion.retention_settings import RetentionSettings
from services.ingestion.vendor_settings import VendorSettings


def _vendors(value: str) -> str:
    try:
        choice = parse_source(value, {}, check_token=False)
    except InvalidInput as e:
        raise ValueError(e.message) from None
    if not choice.chain:
        raise ValueError("must be vendors: files and the simulated exchange have no schedule")
    return value


class IngestionSettings(ServiceSettings, DocumentsSettings, LiveSettings, RetentionSettings, VendorSettings):
    """What ingestion needs to reach its sources."""

    tushare_token: Annotated[SecretStr | None, Field(validation_alias="TUSHARE_TOKEN")] = None
    """The token of a Tushare account; never logged, never written to a file."""
    tushare_url: str | None = None
    """Another address of the Tushare interface, for tests."""
    akshare_url: str | None = None
    """One address that answers for all of AkShare's hosts, for tests."""
    baostock_url: str | None = None
    """Another HOST:PORT for Baostock's server, for tests."""
    vendor_call_seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    """How long one call to a vendor may take in all."""
    vendor_pace: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Multiplies how often vendors are called; above 1 only where the vendor is a stub of your own."""
    job_seconds: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    """How long a sync job may take over one part before its process is ended."""
    schedule: Literal["off", "live", "always"] = "live"
    """Whether market data is fetched by the exchange's calendar: on a live desk, always, or never."""
    schedule_source: Annotated[str, AfterValidator(_vendors)] = "vendors"
    """The vendors the schedule asks, in this order: `vendors` for the default order, or `tushare,akshare`."""
    sim_seed: Annotated[int, Field(ge=0, le=2**31)] = 20_260_101
    """The seed of the simulated exchange; the same seed is the same market."""

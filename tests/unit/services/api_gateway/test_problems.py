"""Which HTTP status tells a caller what kind of failure it is."""

import pytest

from libs.bus.errors import DeadlineExceeded, Overloaded
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound
from libs.storage.engine import StaleEpoch, StorageBusy, StorageUnavailable
from services.api_gateway.problems import status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StorageUnavailable("away"), 503),
        (StorageBusy("no connection is free"), 503),
        (Overloaded("technical"), 503),
        (DeadlineExceeded("technical"), 504),
        (NotFound("x"), 404),
        (InvalidInput("symbols", "x"), 422),
        (StaleEpoch("x"), 500),
    ],
)
def test_what_passes_by_itself_is_a_503(error: HiddenGemError, status: int) -> None:
    assert status_of(error) == status

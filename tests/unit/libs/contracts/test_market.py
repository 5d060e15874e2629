"""A sync request that contradicts itself never opens a job."""

from typing import Any

import pytest
from pydantic import ValidationError

from libs.contracts.market import SyncRequest


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"source": "yahoo"}, "source"),
        ({"source": "file"}, "path"),
        ({"source": "file", "path": "data"}, "path"),
        ({"source": "sim", "path": "/data"}, "path"),
        ({"source": "akshare", "from_date": "2024-10-31", "to_date": "2024-09-02"}, "to_date"),
        ({"source": "akshare", "from_date": "2024-02-30"}, "from_date"),
        ({"source": "akshare", "symbols": ["600519"]}, "symbols"),
        ({"source": "file", "path": "/data", "canaries": True}, "canaries"),
        ({"source": "akshare", "kinds": ["bars"], "canaries": True}, "canaries"),
        ({"source": "akshare", "dry_run": True, "canaries": True}, "canaries"),
        ({"source": "akshare", "symbol": ["600519.SH"]}, "symbol"),
    ],
)
def test_a_wrong_request_is_refused_with_the_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        SyncRequest.model_validate(wrong)

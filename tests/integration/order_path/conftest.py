"""A fresh order path for each test."""

from collections.abc import Iterator

import pytest

from tests.support.order_path import OrderPath, order_path


@pytest.fixture
def path(database: str) -> Iterator[OrderPath]:
    with order_path(database) as fresh:
        yield fresh
        assert fresh.problems() == []

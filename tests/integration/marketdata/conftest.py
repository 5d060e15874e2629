"""The hosts behind AkShare, made, and its library in a worker: one pair for a module, as new for each test."""

from collections.abc import Iterator

import pytest

from tests.support.akshare_world import World, akshare_world


@pytest.fixture(scope="module")
def whole_world() -> Iterator[World]:
    with akshare_world() as running:
        yield running


@pytest.fixture
def world(whole_world: World) -> World:
    whole_world.reset()
    return whole_world

"""Bulk writes know every column of every kind, and encode it as what it is."""

import polars as pl
import pytest

from libs.marketdata.frames import INSTANT, KEYS, SCHEMAS
from libs.marketdata.source import Kind
from libs.storage.binary_copy import Field
from libs.storage.market_tables import TABLES

FITTING: dict[pl.DataType, set[Field]] = {
    pl.String(): {Field.WORD, Field.TEXT},
    pl.List(pl.String()): {Field.TEXTS},
    pl.Date(): {Field.DATE},
    INSTANT: {Field.INSTANT},
    pl.Boolean(): {Field.BOOLEAN},
    pl.Int64(): {Field.INTEGER},
    pl.Float64(): {Field.FLOAT, Field.PRICE, Field.MONEY, Field.SHARE},
}


@pytest.mark.parametrize("kind", Kind)
def test_the_columns_and_the_key_of_a_table_are_those_of_its_batches(kind: Kind) -> None:
    assert set(TABLES[kind].fields) == set(SCHEMAS[kind])
    assert TABLES[kind].key == KEYS[kind]


@pytest.mark.parametrize("kind", Kind)
def test_each_column_is_encoded_as_its_type(kind: Kind) -> None:
    for name, field in TABLES[kind].fields.items():
        assert field in FITTING[SCHEMAS[kind][name]], name

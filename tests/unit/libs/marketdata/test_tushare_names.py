"""What a share's name says of its treatment."""

import polars as pl
import pytest

from libs.marketdata.tushare_reference import st_of


@pytest.mark.parametrize(
    ("name", "treatment"),
    [
        ("贵州茅台", "none"),
        ("ST国华", "ST"),
        ("*ST平安", "*ST"),
        ("＊ST平安", "*ST"),
        ("S*ST天颐", "*ST"),
        ("SST佳纸", "ST"),
        ("XDST国华", "ST"),
        ("退市海润", "delisting"),
        ("长油退", "delisting"),
        ("*ST长油退", "delisting"),
        ("TCL科技", "none"),
        ("万科A", "none"),
        ("N国科", "none"),
        ("G科学城ST", "none"),
    ],
)
def test_a_name_tells_the_treatment_of_its_share(name: str, treatment: str) -> None:
    assert pl.DataFrame({"name": [name]}).select(st_of("name")).item() == treatment

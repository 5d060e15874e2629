"""The one door to TA-Lib. It opens without pandas and polars, which `import talib` loads only to wrap their series.

While talib is imported, both names are marked absent in `sys.modules`; afterwards the marks are gone and either can be
imported as usual. One that is loaded already stays as it is. Import this module early: another thread that imports
pandas for the first time in the same moment would be told that there is none.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def _absent(*names: str) -> Iterator[None]:
    marked = [name for name in names if name not in sys.modules]
    # None is the import system's own mark for "no such module"; the type of sys.modules does not say so.
    sys.modules.update(dict.fromkeys(marked))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in marked:
            del sys.modules[name]


with _absent("pandas", "polars"):
    import talib
    from talib import abstract

__all__ = ["talib"]


def function_names() -> list[str]:
    """Every function this TA-Lib has."""
    names: list[str] = talib.get_functions()  # type: ignore[no-untyped-call]  # its stubs leave it out
    return names


def describe(name: str) -> Mapping[str, Any]:
    """What TA-Lib says of a function: display_name, group, input_names, parameters, output_names."""
    info: Mapping[str, Any] = abstract.Function(name).info  # type: ignore[attr-defined]  # its stubs leave it out
    return info


def lookback(name: str, parameters: Mapping[str, float]) -> int:
    """Rows before the first value; raises what TA-Lib raises on a value out of range."""
    function = abstract.Function(name)  # type: ignore[attr-defined]  # its stubs leave it out
    if parameters:
        function.parameters = dict(parameters)
    return int(function.lookback)


def moving_average_number(name: str) -> int:
    """TA-Lib's number for a kind of moving average."""
    return int(getattr(talib.MA_Type, name))  # type: ignore[attr-defined]  # its stubs leave it out

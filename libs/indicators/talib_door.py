"""The one door to TA-Lib. It opens without pandas and polars, which `import talib` loads only to wrap their series.

While talib is imported, both names are marked absent in `sys.modules`; afterwards the marks are gone and either can be
imported as usual. One that is loaded already stays as it is. Import this module early: another thread that imports
pandas for the first time in the same moment would be told that there is none.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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

__all__ = ["talib"]

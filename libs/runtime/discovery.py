"""Which services there are: every folder under `services/` that can be started; a new one needs no registration."""

from collections.abc import Collection, Mapping
from pathlib import Path

from libs.domain.errors import ConfigurationError
from libs.runtime.forkclient import PROJECT_ROOT

EXTRA_SERVICES = "HIDDENGEM_EXTRA_SERVICES"


def discover(*, exclude: Collection[str] = (), root: Path = PROJECT_ROOT / "services") -> list[str]:
    """The services of a folder by name: those with an entry (`__main__.py`), except the excluded ones."""
    names = (entry.parent.name for entry in root.glob("*/__main__.py"))
    return sorted(name for name in names if name not in exclude)


def extra_services(environment: Mapping[str, str]) -> Path | None:
    """A second folder of services, from HIDDENGEM_EXTRA_SERVICES; its packages are imported as `services.<name>`."""
    chosen = environment.get(EXTRA_SERVICES)
    if not chosen:
        return None
    folder = Path(chosen).expanduser().absolute()
    if not folder.is_dir():
        raise ConfigurationError(f"{EXTRA_SERVICES}: {folder} is not a folder")
    return folder

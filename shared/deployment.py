"""What makes a deployment the same one at every start: its secret, its normaliser, its topics."""

import os
from pathlib import Path

from shared.database import Pool
from shared.errors import Fatal
from shared.identifiers import NORMALISER, fingerprint
from shared.ids import random_token
from shared.settings import Settings

SECRET_FILE = "secret"


def secret(settings: Settings) -> bytes:
    """The secret that subjects are hashed with: the setting, else the data folder's, made once.

    Raises Fatal where the data folder cannot be read or written.
    """
    if settings.secret is not None:
        return settings.secret.encode()
    path = settings.data / SECRET_FILE
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_private(path, random_token(32).hex())
        return path.read_text().strip().encode()
    except OSError as error:
        raise Fatal(
            f"The secret in {path} cannot be read or written ({error.strerror}); "
            "set RAPPORT_DATA to a folder that this user may write to."
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


async def recognise(pool: Pool, secret: bytes) -> None:
    """Compare this start with what the database was made with; record it at the first one.

    Raises Fatal where the secret or the normaliser is another: every subject would be.
    """
    present = {"secret": fingerprint(secret), "normaliser": str(NORMALISER)}
    for name, value in present.items():
        await pool.execute(
            "INSERT INTO deployment (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            name,
            value,
        )
        recorded = await pool.fetchval("SELECT value FROM deployment WHERE name = $1", name)
        if recorded != value:
            raise Fatal(
                f"This database was made with another {name}; customers would not be recognised: "
                "give the one it was made with (RAPPORT_SECRET, or the data folder's file secret)."
            )

"""Which customer a command is about: a subject, or an identifier as any system writes it."""

from uuid import UUID

from services.cli.reach import Reach
from services.profile import consumers
from shared import deployment, serving
from shared.database import Pool
from shared.errors import Fatal
from shared.identifiers import KINDS, fingerprint, subject_of
from shared.projection import View


def view_of(place: Reach) -> View:
    """The profile's view as this code folds it."""
    return consumers.view(place.settings.topic_prefix)


async def live_of(pool: Pool, view: View) -> str:
    """The profile's schema that serves. Raises Fatal where none of this version does."""
    schema = await serving.live_schema(pool, view.service, view.version)
    if schema is None:
        raise Fatal(f"No view of the profile of version {view.version} serves yet.")
    return schema


async def subject_given(place: Reach, pool: Pool, text: str) -> str:
    """The subject behind a UUID, `kind:value` or `kind:namespace:value`.

    Raises Fatal for what is neither, and where the secret is not that of the database.
    """
    if ":" not in text:
        try:
            return str(UUID(text))
        except ValueError:
            raise Fatal(
                f"{text!r} is neither a customer's id nor an identifier, such as "
                "email:jane@example.com or user:shop:42."
            ) from None
    kind, *rest = text.split(":", 2)
    namespace, value = ("", rest[0]) if len(rest) == 1 else rest
    found = subject_of(await secret_of(place, pool), kind, namespace, value)
    if found is None:
        raise Fatal(f"{text!r} identifies nobody; kinds that do are {', '.join(reversed(KINDS))}.")
    return found


async def secret_of(place: Reach, pool: Pool) -> bytes:
    """The deployment's secret, which is only looked for and never made here."""
    path = place.settings.data / deployment.SECRET_FILE
    if place.settings.secret is None and not path.exists():
        raise Fatal(f"There is no secret in {path}; set RAPPORT_DATA or RAPPORT_SECRET.")
    secret = deployment.secret(place.settings)
    recorded = await pool.fetchval("SELECT value FROM deployment WHERE name = 'secret'")
    if recorded is not None and recorded != fingerprint(secret):
        raise Fatal("The secret here is not the one that this database was made with.")
    return secret

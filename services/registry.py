"""Every service, in the order in which they are opened."""

from services.contact.app import SERVICE as CONTACT
from services.leads.app import SERVICE as LEADS
from services.profile.app import SERVICE as PROFILE
from shared.service import Service

SERVICES: tuple[Service, ...] = (CONTACT, PROFILE, LEADS)
"""Those whose topics others read come first."""

"""Every service, in the order in which they are opened."""

from services.contact.app import SERVICE as CONTACT
from services.profile.app import SERVICE as PROFILE
from shared.service import Service

SERVICES: tuple[Service, ...] = (CONTACT, PROFILE)

"""The parts that leads is made of, beside leads themselves."""

from services.leads import follow_ups
from services.leads.part import Part

PARTS: tuple[Part, ...] = (follow_ups.PART,)

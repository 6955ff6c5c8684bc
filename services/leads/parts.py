"""The parts that leads is made of, beside leads themselves."""

from services.leads.part import Part

PARTS: tuple[Part, ...] = ()

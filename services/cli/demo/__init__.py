"""rapport demo: 69,659 real purchases through the door, and what became of them."""

from services.cli.demo.command import command

__all__ = ["command"]

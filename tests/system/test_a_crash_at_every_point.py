"""The process dies at each of the named points: nothing is lost, nothing counts twice."""

import pytest

from shared.failpoints import OF_SERVICES
from tests.faults.audit import audit
from tests.faults.points import die_at
from tests.system.load import under_load
from tests.system.running import System


@pytest.mark.timeout(500)  # ten starts of everything
def test_a_crash_at_every_point_loses_nothing(system: System) -> None:
    with under_load(system) as load:
        die_at(system.program, OF_SERVICES)
    assert audit(system, [load]).examples == ()

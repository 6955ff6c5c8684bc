"""Everything twice: sent again through the door, and straight into the log."""

from tests.faults.scenario import Done
from tests.faults.stage import PARTITIONS, Stage
from tests.faults.straight import straight

PAGE = 250


def duplicates(stage: Stage) -> Done:
    """10,000 events a second time under load: half posted anew, half the very bytes of the log."""
    apart, half = stage.deployment(), stage.times(5_000, 100)
    with apart.load(size=5) as first:
        first.go_on(half)
    with apart.load():
        events = first.events()[:half]
        for start in range(0, half, PAGE):
            answer = apart.post(events[start : start + PAGE])
            assert {each["status"] for each in answer.json()["results"]} == {"accepted"}
        with straight(apart) as log:
            records = log.read(half // PARTITIONS)
            log.append(records)
    done = f"{half:,} events posted a second time, {len(records):,} records appended a second time"
    return Done(done, apart)

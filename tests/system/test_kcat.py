"""What stands in the log, as Kafka's own console tools and CloudEvents' own SDK read it."""

import json
import shutil
import subprocess

import pytest
from cloudevents.core.bindings import kafka

from tests.system.running import System, order

KCAT = shutil.which("kcat") or shutil.which("kafkacat")

pytestmark = pytest.mark.skipif(KCAT is None, reason="no kcat is on the path: install it")


def test_kcat_reads_a_record_that_the_sdk_takes_for_a_cloudevent(system: System) -> None:
    topic, partition, offset = system.post(order("kcat-1", "42")).json()["position"].split("/")
    said = subprocess.run(
        [
            *(str(KCAT), "-C", "-b", system.settings["RAPPORT_KAFKA"], "-t", topic),
            *("-p", partition, "-o", offset, "-c", "1", "-f", "%h\n%k\n%s\n"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    headers, key, value = said.stdout.splitlines()
    assert headers == "content-type=application/cloudevents+json"
    name, _, media = headers.partition("=")
    message = kafka.KafkaMessage({name: media.encode()}, key.encode(), value.encode())
    event = kafka.from_kafka_event(message)
    assert (event.get_id(), event.get_type()) == ("kcat-1", "order.placed")
    assert key == json.loads(value)["partitionkey"]

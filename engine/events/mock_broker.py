"""The child process behind `EmbeddedBroker`; run as a script, and free of our own imports.

Prints the broker's address and lives until its standard input is closed, so it cannot outlive
its parent, however that one ends.
"""

import sys

from confluent_kafka import Producer


def main() -> None:
    # Any producer brings librdkafka's mock cluster up; this one never sends anything.
    producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    sys.stdout.write(f"{broker.host}:{broker.port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()

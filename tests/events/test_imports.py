"""What is heavy is imported when it is needed."""

import subprocess
import sys


def test_the_bus_is_imported_without_any_kafka_client() -> None:
    code = (
        "import sys, engine.events.bus\n"
        "heavy = {'aiokafka', 'confluent_kafka', 'textual', 'rich', 'aiohttp'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

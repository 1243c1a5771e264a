"""`make fuzz`: every property for a while, each with new inputs.

functions  --coverage leads to the next input--> guided.py
servers    --new random inputs, again and again--> pytest
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FUNCTIONS = {
    "tests.fuzz.test_sealing": (
        "test_an_envelope_is_opened_or_refused_in_one_of_three_ways",
        "test_what_is_sealed_is_what_is_opened",
        "test_the_refusal_of_bytes_that_do_not_open_says_nothing_of_them",
        "test_a_file_of_keys_is_read_or_refused_without_repeating_it",
        "test_a_key_is_taken_whole_or_refused",
    ),
    "tests.fuzz.test_files": (
        "test_personas_are_read_or_the_key_is_named",
        "test_a_configuration_is_read_or_the_key_is_named",
        "test_the_plugins_configuration_is_read_or_the_key_is_named",
        "test_a_contract_is_read_or_the_line_is_named",
    ),
    "tests.unit.test_statements": ("test_nothing_is_lost_whatever_the_text",),
}
SERVERS = ("test_callbacks.py", "test_forms.py", "test_migrations.py")
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Try each target for as many seconds as the first argument says; exit with 1 if one failed."""
    seconds, failed = int(sys.argv[1]), []
    for module, names in FUNCTIONS.items():
        for name in names:
            print(f"{module}: {name}, {seconds} s", flush=True)
            if not guided(module, name, seconds):
                failed.append(name)
    for file in SERVERS:
        print(f"{file}, {seconds} s", flush=True)
        if not repeated(file, seconds):
            failed.append(file)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def guided(module: str, name: str, seconds: int) -> bool:
    """Fuzz a property, and show the end of what was said if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        (corpus / "first").write_bytes(os.urandom(2048))  # from nothing it takes hours to this size
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", "-len_control=0"]
        ended = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.guided", module, name, *options, corpus],
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
        )
    lines = ended.stderr.splitlines()
    print("\n".join(lines[-40:] if ended.returncode else lines[-1:]), flush=True)
    return ended.returncode == 0


def repeated(file: str, seconds: int) -> bool:
    """Run a file of tests with ever new inputs until the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", f"tests/fuzz/{file}"],
            cwd=ROOT,
            env={**os.environ, "EPHRAIM_DB_FUZZ_LONG": "1"},
        )
        if ended.returncode:
            return False
    return True


if __name__ == "__main__":
    main()

"""What all tests in Python share: where the build is (HERSYS_BUILD), and how its programs are started and ended."""

import os
import pathlib
import subprocess

import pytest

if "HERSYS_BUILD" not in os.environ:
    raise pytest.UsageError("set HERSYS_BUILD to the build directory (make check does)")

BUILD = pathlib.Path(os.environ["HERSYS_BUILD"])


@pytest.fixture
def build():
    return BUILD


@pytest.fixture
def spawn(tmp_path):
    """Starts a program of the build; at the end of the test each must end by itself at SIGTERM, and say nothing
    of a sanitizer."""
    started = []

    def start(program, *args, **kwargs):
        log = open(tmp_path / f"stderr.{len(started)}", "w+", encoding="utf-8", errors="replace")
        process = subprocess.Popen(
            [str(BUILD / program), *map(str, args)], stdout=subprocess.PIPE, stderr=log, text=True, **kwargs
        )
        process.log = log
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"{process.args[0]} did not end")
        process.stdout.close()
        process.log.seek(0)
        log = process.log.read()
        process.log.close()
        assert "Sanitizer" not in log and "runtime error" not in log, log
        expected = getattr(process, "expected_status", 0)
        assert process.returncode == expected, log

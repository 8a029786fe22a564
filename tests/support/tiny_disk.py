"""A file system of a few MiB, for tests of what happens when it is full. Needs root and CAP_SYS_ADMIN; else the test is
skipped."""

import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def tiny_disk(work, mebibytes):
    """Its folder, in the workspace; at its end the daemons of the workspace are killed and it goes."""
    mounted = work.path / "disk"
    mounted.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", mounted],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here (it needs root and CAP_SYS_ADMIN): {done.stderr.strip()}")
    yield mounted
    for daemon in work.daemons:
        daemon.kill()
    subprocess.run(["umount", "-l", mounted], check=True)

"""The examples that operators start from are valid as they stand, but for the secret that each must make."""

import pathlib
import re
import shutil
import subprocess

import pytest

from tandem import BIN, TOP


@pytest.mark.parametrize("daemon", ["primary", "secondary"])
def test_an_example_configuration_needs_only_a_secret_of_ones_own(work, daemon):
    for file in (TOP / "deploy/examples").iterdir():
        shutil.copy(file, work.path)
    (work.path / "smtp-password").write_text("password\n")
    (work.path / "smtp-password").chmod(0o600)
    config = pathlib.Path(work.path / f"{daemon}.yaml")
    config.chmod(0o640)
    command = [str(BIN / f"tandem-{daemon}"), "-c", str(config), "--check"]

    untouched = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert untouched.returncode == 78
    assert "key.secret" in untouched.stderr

    made = subprocess.run([str(BIN / "tandemctl"), "tsig", "generate", "xfr."], capture_output=True, text=True, timeout=30)
    secret = re.search(r'secret: "([^"]+)"', made.stdout).group(1)
    config.write_text(config.read_text().replace("REPLACE-WITH-YOUR-OWN-SECRET=", secret))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

pytest.register_assert_rewrite("answer_rows")  # a row that fails shows both answers

from tandem import Workspace  # noqa: E402


@pytest.fixture
def work(request):
    """A tandem.Workspace that ends with the test; after a failure the daemons' logs are printed."""
    with Workspace() as workspace:
        yield workspace
        report = getattr(request.node, "report_call", None)
        if report is not None and report.failed:
            for daemon in workspace.daemons:
                print(f"--- {daemon.name}\n{daemon.log()}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())

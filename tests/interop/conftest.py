"""The fixture `work` of the journeys, for tests beside programs of others."""

import importlib.util
import pathlib

_journeys = pathlib.Path(__file__).resolve().parents[1] / "journey/conftest.py"
_specification = importlib.util.spec_from_file_location("journey_conftest", _journeys)
_module = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(_module)

work = _module.work
pytest_runtest_makereport = _module.pytest_runtest_makereport

"""A long change is verified by sample before it is published, and the rest of it after: what is found bad then gives way
to the content before it."""

import re

from test_signing_long import Scene
from tandem import wait_for


def test_what_was_published_by_sample_and_is_bad_gives_way_to_the_content_before_it(work):
    """A signing path that errs (in builds for tests it can be told to) makes one bad signature among 20,000; the sample
    before the publish misses it, and the walk over the rest after the publish finds it."""
    scene = Scene(work, 10, policy={"id": "fast"})
    secondary, damage = scene.secondary, work.path / "damage"
    wait_for(lambda: not scene.is_unserved(), "the first content", seconds=60, about=secondary.log)
    secondary.stop()
    secondary.start(environment={"TANDEM_TEST_DAMAGE": str(damage)})
    damage.write_text("signature")
    scene.hosts = 10100  # VERIFY_ALL_UP_TO signatures and some
    scene.write(2)
    scene.primary.control("reload")
    wait_for(lambda: re.search("published .* unsigned_serial=2 ", secondary.log()), "the long change", seconds=60, about=secondary.log)
    damage.unlink()  # what is made to give way to it is to be good
    # Behind the first content; what gives way may stand before it already.
    bad = wait_for(lambda: scene.history()[:-1], "its place in the history", about=secondary.log)[-1]
    assert bad["signatures_new"] > 20000
    wait_for(lambda: [v["cause"] for v in scene.history()].count("restore") == 1, "the content before it", seconds=60,
             about=secondary.log)
    restored = next(v for v in scene.history() if v["cause"] == "restore")
    assert restored["serial"]["unsigned"] == 1 and restored["serial"]["signed"] > bad["serial"]["signed"]
    assert restored["signatures_new"] == 1, "the SOA"
    # The primary's content comes again, and this time all of it is verified before it is published.
    wait_for(lambda: scene.history()[0]["serial"]["unsigned"] == 2, "the primary's content", seconds=60, about=secondary.log)
    assert scene.history()[0]["signatures_new"] > 20000
    assert scene.answer().answer[0][0].to_text() == "192.0.2.2"
    verified = secondary.tandemctl("--timeout", "60", "zone", "verify", "example.gov")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    wait_for(lambda: any("does not verify" in text and "published again under a higher serial" in text
                         for text in map(str, secondary.mails())), "the mail", about=secondary.log)

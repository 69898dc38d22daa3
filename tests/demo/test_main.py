"""The demo as its users meet it: started, ended, killed, started again."""

import os
import signal

ENDS_WITHIN = 10


def apps_of(demo):
    return [each for each in demo.left() if "app.py" in each.cmdline()]


def test_a_group_that_gets_two_signals_ends_whole_with_status_0(demo):
    """Also the apps of a manager that was killed before."""
    process = demo.start()
    services = demo.wait_until_ready(process)
    assert len(apps_of(demo)) == 3
    os.killpg(services["manager-amber"]["pid"], signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.killpg(process.pid, number)
    assert process.wait(ENDS_WITHIN) == 0
    assert demo.left() == []
    told = demo.log.read_text()
    assert told.endswith("ending\n")
    assert "Traceback" not in told


def test_a_killed_demo_is_cleaned_up_after_and_gone_on_with(demo):
    """Killed apart from its manager; then ended by the end of its parent."""
    process = demo.start()
    services = demo.wait_until_ready(process)
    os.killpg(services["manager-amber"]["pid"], signal.SIGKILL)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    demo.wait_until_gone()
    demo.ready.unlink()
    parent = demo.start(
        "sh", "-c", '"$@" --end-with-parent; true', "sh", *demo.command()
    )
    demo.wait_until_ready(parent)
    assert "deployed" not in demo.log.read_text()
    assert len(apps_of(demo)) == 3
    parent.kill()
    demo.wait_until_gone()


def test_a_signal_in_the_middle_of_the_start_ends_what_is_there(demo):
    process = demo.start()
    while not (demo.data / "run" / "directory.json").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN) == 0
    assert demo.left() == []


def test_a_second_demo_in_the_folder_is_one_clear_line(demo):
    process = demo.start()
    while not (demo.data / "run" / "directory.json").exists():
        assert process.poll() is None
    (line,) = demo.refused()
    assert line.startswith(f"domicile: another demo runs in {demo.data}")
    assert process.poll() is None
    process.terminate()
    assert process.wait(ENDS_WITHIN) == 0

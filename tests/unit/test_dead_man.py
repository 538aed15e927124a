import subprocess
import sys
import time

from workers.dead_man import EXIT_CODE

WORKER = """\
import sys, time
from workers.dead_man import DeadMan
def clean_up():
    print("cleaned", flush=True)
    time.sleep(float(sys.argv[1]))
switch = DeadMan(0.5, clean_up)
for _ in range(10):
    time.sleep(0.1)
    switch.heard()
print("silent", flush=True)
time.sleep(60)
"""


def test_a_silent_driver_ends_the_process_after_cleaning_up() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER, "0"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == EXIT_CODE
    assert done.stdout.split() == ["silent", "cleaned"]


def test_a_clean_up_that_hangs_holds_nothing_up() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", WORKER, "60"], timeout=40, check=False)
    assert done.returncode == EXIT_CODE
    assert time.monotonic() - began < 30

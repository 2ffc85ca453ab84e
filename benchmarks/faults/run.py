"""Run all fault tests, one after the other, and write their tables to `build/faults/`.

make faults                                       # three hours on two cores
python benchmarks/faults/run.py --only network disk
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from common import ROOT, row, table

SCRIPTS = ("network", "disk", "load", "kill", "damage", "fuzz")


def main() -> None:
    """Run the scripts, and print which passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=SCRIPTS, nargs="+", default=SCRIPTS)
    names = parser.parse_args().only
    place = ROOT / "build" / "faults"
    place.mkdir(parents=True, exist_ok=True)
    failed = False
    print(table("script", "passed", "seconds"))
    for name in names:
        began = time.monotonic()
        script = Path(__file__).with_name(f"{name}.py")
        with (place / f"{name}.md").open("w") as out, (place / f"{name}.txt").open("w") as errors:
            done = subprocess.run([sys.executable, script], stdout=out, stderr=errors, check=False)
        failed = failed or done.returncode != 0
        passed = "yes" if done.returncode == 0 else f"NO: see build/faults/{name}.txt"
        print(row(name, passed, f"{time.monotonic() - began:.0f}"), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()

"""Run every harness, one after the other, and write their tables to `build/faults/`.

make faults                                       # three hours on two cores
python benchmarks/faults/run.py --only network disk
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from common import ROOT, row, table

HARNESSES = ("network", "disk", "load", "kill", "damage", "fuzz")


def main() -> None:
    """Run, and print which passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=HARNESSES, nargs="+", default=HARNESSES)
    place = ROOT / "build" / "faults"
    place.mkdir(parents=True, exist_ok=True)
    failed = False
    print(table("harness", "passed", "seconds"))
    for name in parser.parse_args().only:
        began = time.monotonic()
        with (place / f"{name}.md").open("w") as out, (place / f"{name}.txt").open("w") as said:
            script = Path(__file__).with_name(f"{name}.py")
            code = subprocess.run([sys.executable, script], stdout=out, stderr=said, check=False)
        failed = failed or code.returncode != 0
        told = "yes" if code.returncode == 0 else f"NO: see build/faults/{name}.txt"
        print(row(name, told, f"{time.monotonic() - began:.0f}"), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()

"""How long the command takes to start, compared with an import of torch; measured in turns."""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "qa --help": [sys.executable, "-m", "qa", "--help"],
    "import torch": [sys.executable, "-c", "import torch"],
    "import qa": [sys.executable, "-c", "import qa"],
}
ROUNDS = 7


def main() -> None:
    """Print the median seconds of each command, and its ratio to the import of torch."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    base = statistics.median(seconds["import torch"])
    for name, found in seconds.items():
        median = statistics.median(found)
        print(f"{name:14} {median:.2f} s  {median / base:.2f} of import torch")


if __name__ == "__main__":
    main()

"""The command line. Heavy modules are imported by the commands that need them, not for --help."""

import os
import sys

from qa.cli import commands, output, serving  # noqa: F401  # they add their commands to `app`, in this order
from qa.cli.options import app
from qa.errors import QaError


def main() -> None:
    """Run the command line; an expected error becomes one message and exit code 1."""
    try:
        app(prog_name="qa")
    except BrokenPipeError:  # the reader of the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except QaError as error:
        output.print_error(str(error))
        sys.exit(1)
    except OSError as error:  # a library found no room for a temporary file, say
        output.print_error(
            f"Operating system error: {error}. Check for a full disk or missing permissions. What "
            "was indexed is kept; then go on with: qa index"
        )
        sys.exit(1)

"""The command line. Heavy modules are imported by the commands that need them, not for --help."""

import os
import sys

from rich.text import Text

from qa import output
from qa.cli import commands, serving  # noqa: F401  # they add their commands to `app`, in this order
from qa.cli.options import app
from qa.errors import QaError


def main() -> None:
    """Run the command line; an expected error becomes one message and exit code 1."""
    try:
        app(prog_name="qa")
    except QaError as error:
        output.err.print(Text(f"qa: {error}".translate(output.CONTROLS)))
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a library found no room for a temporary file, say
        said = (
            f"qa: The system refuses something: {error}. Is a disk full, or a folder closed? What "
            "was indexed is kept; make room, then go on with: qa index"
        )
        output.err.print(Text(said.translate(output.CONTROLS)))
        sys.exit(1)

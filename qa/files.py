"""Writing files so that a reader sees the old content or the new one, never a part."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO


@contextmanager
def write_atomically(file: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a hidden file beside `file`; replace `file` with it when the block ends.

    The content is flushed to the disk first. If the block raises, `file` stays as it is.

    Args:
        file: The file to write; its folder is created if it does not exist.
        mode: Permissions of a new file, before the umask.

    Raises:
        OSError: The file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}-{token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode), "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)

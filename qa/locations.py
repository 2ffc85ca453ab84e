"""Where articles, indexes and judgements lie by default. The only importer of platformdirs."""

import hashlib
import os
import shutil
from pathlib import Path

import platformdirs

from qa.errors import CorpusError


def articles_folder(named: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of articles.

    That is `named`, else ``QA_ARTICLES``, else ``./seeds``, else the user's own (see
    `folder_to_fill`), else the sample in the package.
    """
    chosen = named or os.environ.get("QA_ARTICLES")
    if chosen:
        return Path(chosen).expanduser()
    places = (Path("seeds"), own_folder(), sample_folder())
    return next((place for place in places if place.is_dir()), places[-1])


def folder_to_fill(named: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of articles, for someone who may add some.

    As `articles_folder`; but the sample in the package is copied to the user's own folder first.

    Raises:
        CorpusError: It cannot be copied.
    """
    chosen = articles_folder(named)
    if chosen != sample_folder() or named:
        return chosen
    try:
        shutil.copytree(chosen, own_folder(), copy_function=shutil.copyfile)
    except OSError as error:
        raise CorpusError(
            f"{own_folder()} cannot be made: {error}. Name a folder of yours with --articles."
        ) from error
    return own_folder()


def own_folder() -> Path:
    """Return the folder for the articles of a user who named none."""
    return platformdirs.user_data_path("qa") / "articles"


def index_folder(articles: Path, named: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the index.

    That is `named`, else ``QA_INDEX``, else ``./embeddings`` for the articles in ``./seeds``, else
    one in the user's cache that belongs to `articles`.
    """
    chosen = named or os.environ.get("QA_INDEX")
    if chosen:
        return Path(chosen).expanduser()
    if articles.resolve() == Path("seeds").resolve():
        return Path("embeddings")
    return cache_folder() / _key(articles)


def cache_folder() -> Path:
    """Return where lies what can be made again: exported models, a key, uploads under way."""
    return platformdirs.user_cache_path("qa")


def feedback_file(articles: Path) -> Path:
    """Return the file that keeps a reader's judgements on the answers from a folder of articles."""
    return platformdirs.user_data_path("qa") / "feedback" / f"{_key(articles)}.jsonl"


def _key(articles: Path) -> str:
    """Return a name that belongs to one folder."""
    place = articles.resolve()
    digest = hashlib.sha256(str(place).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{place.name}-{digest[:12]}"


def sample_folder() -> Path:
    """Return the sample corpus: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).parent
    installed = package / "sample"
    return installed if installed.is_dir() else package.parent / "seeds"


def file_of(folder: Path, path: str) -> Path:
    """Return the file that holds an article; inside a ``.zip`` or a table, that is the container.

    Args:
        folder: The folder of articles.
        path: Of the article.
    """
    whole = folder / path
    row = folder / path.rpartition("#")[0]
    holders = (parent for parent in row.parents if parent.suffix.lower() == ".zip")
    for file in (whole, row, *holders, *whole.parents):
        if file.is_file():
            return file
    return whole

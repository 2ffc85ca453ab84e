"""Default folders of articles, indexes, feedback and caches. Only this module uses platformdirs."""

import functools
import hashlib
import logging
import os
import shutil
from pathlib import Path

import platformdirs

from qa.errors import CorpusError

Named = str | os.PathLike[str] | None


def articles_folder(named: Named = None) -> Path:
    """Return the folder of articles.

    That is `named`, else ``QA_ARTICLES``, else ``./seeds``, else the user's own folder (see
    `folder_to_fill`), else the sample in the package. A warning is logged, once, if it is the
    sample; without a configured logger, Python prints it on stderr.
    """
    if chosen := _chosen_folder(named):
        return chosen
    _warn(f"using the sample articles in {sample_folder()}")
    return sample_folder()


def folder_to_fill(named: Named = None) -> Path:
    """Return the folder of articles, for someone who may add some.

    As `articles_folder`; but the sample in the package is copied to the user's own folder first.

    Raises:
        CorpusError: The sample cannot be copied.
    """
    if chosen := _chosen_folder(named):
        return chosen
    own = own_folder()
    try:
        shutil.copytree(sample_folder(), own, copy_function=shutil.copyfile)
    except OSError as error:
        message = f"{own} cannot be created: {error}. Name another folder with --articles."
        raise CorpusError(message) from error
    _warn(f"the sample articles were copied to {own}")
    return own


def _chosen_folder(named: Named) -> Path | None:
    """Return the folder that was named, or the default one that exists."""
    if chosen := named or os.environ.get("QA_ARTICLES"):
        return Path(chosen).expanduser()
    return next(filter(Path.is_dir, (Path("seeds"), own_folder())), None)


@functools.cache  # each warning once
def _warn(what: str) -> None:
    logging.getLogger("qa").warning(
        "No folder of articles was named and ./seeds does not exist: %s. Name a folder with "
        "--articles DIR, QA_ARTICLES or qa.Corpus.open(DIR).",
        what,
    )


def own_folder() -> Path:
    """Return the folder for the articles of a user who named none."""
    return platformdirs.user_data_path("qa") / "articles"


def index_folder(articles: Path, named: Named = None) -> Path:
    """Return the folder of the index.

    That is `named`, else ``QA_INDEX``, else ``./embeddings`` for the articles in ``./seeds``, else
    a folder in the user's cache, one for each folder of articles.
    """
    if chosen := named or os.environ.get("QA_INDEX"):
        return Path(chosen).expanduser()
    if articles.resolve() == Path("seeds").resolve():
        return Path("embeddings")
    return cache_folder() / _key(articles)


def cache_folder() -> Path:
    """Return the folder for what can be recreated: exported models, a key, unfinished uploads."""
    return platformdirs.user_cache_path("qa")


def feedback_file(articles: Path) -> Path:
    """Return the file of a reader's judgements on answers from a folder of articles."""
    return platformdirs.user_data_path("qa") / "feedback" / f"{_key(articles)}.jsonl"


def _key(articles: Path) -> str:
    """Return a name that is unique to one folder."""
    place = articles.resolve()
    return f"{place.name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}"


def sample_folder() -> Path:
    """Return the sample corpus: inside the installed package, or beside it in a source tree."""
    installed = Path(__file__).with_name("sample")
    return installed if installed.is_dir() else Path(__file__).parents[1] / "seeds"


def file_of(folder: Path, path: str) -> Path:
    """Return the file that holds an article; inside a ``.zip`` or a table, that is the container.

    Args:
        folder: The folder of articles.
        path: Path of the article.
    """
    whole = folder / path
    table = folder / path.rpartition("#")[0]
    return next(filter(Path.is_file, (whole, table, *whole.parents)), whole)

"""What can be typed, with help for all of it; completed by argcomplete, where that is asked."""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from bot.chat.formats import FORMATS
from engine.recipe import MEANINGS, values

SHELLS = ("bash", "zsh", "fish")
WIDTH = 100  # columns of help; as many as a terminal has, if those are fewer
EXAMPLES = """\
examples:
  impasto stylize harbour.jpg starrynight              harbour-starrynight.jpg, here
  impasto stylize *.jpg greatwave size=512 -o out/     as many photos as you like, one start of the engine
  impasto stylize holiday/ scream --format webp        every photo of a folder
  impasto stylize harbour.jpg "starrynight:70+greatwave:30 mode=fine" -o mixed.png
  impasto stylize harbour.jpg mine --style tiles.jpg   any picture as the style
  impasto stylize clip.gif starrynight -o moving.gif   what moves goes on moving
  impasto stylize /texture starrynight depth=3         the laboratory's short forms; this one takes no photo
  impasto stylize - scream < photo.jpg > scream.png    in a pipe
  impasto stylize harbour.jpg starrynight --server http://studio:8080   by an Impasto that runs there
"""


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = build()
    if "_ARGCOMPLETE" in os.environ:  # a shell wants to know how a word may go on
        from bot.command_line.completion import complete

        complete(parser)
    args, more = parser.parse_known_args(argv)
    if more and (args.command not in ("stylize", "sheet") or any(word.startswith("-") for word in more)):
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if more:  # words behind an option that follows other words, which argparse does not put together
        args.words += more
    return args


def build() -> argparse.ArgumentParser:
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="configuration, TOML")
    parser = argparse.ArgumentParser(
        prog="impasto",
        parents=[file],
        description="Repaints photos in the style of paintings. Without a command: starts the bot and its chat page.",
        epilog="impasto COMMAND --help says more about each, and impasto stylize --help lists every setting.",
    )
    parser.add_argument("--version", action="version", version=f"impasto {version()}")
    parser.add_argument("--host", help="address that the chat page listens on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="its port (default 8080)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _painting(
        commands.add_parser(
            "stylize",
            parents=[file],
            usage="%(prog)s [OPTION...] PHOTO... LINE",
            help="paint photos from the terminal",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            description=textwrap.fill(
                "Paints photos and writes the pictures into files. The line that made each goes to standard output,"
                " everything else to standard error.",
                WIDTH,
            ),
            epilog=f"{EXAMPLES}\nsettings of the line, as name=value:\n{settings_table()}",
        )
    )
    _painting(
        commands.add_parser(
            "sheet",
            parents=[file],
            usage="%(prog)s [OPTION...] PHOTO [STYLE] [SETTING...]",
            help="paint a photo in every style, small, on one sheet",
            description="Paints a photo in every style, or in many strengths and brushes of one style, on one sheet."
            " What is on it goes to standard output, with the numbers that “/again cell=3” takes.",
        )
    )
    _verifying(commands.add_parser("verify", parents=[file], help="say whether a picture is what its recipe makes"))
    styles = commands.add_parser("styles", parents=[file], help="list the styles")
    styles.add_argument("--json", action="store_true", help="for programs")
    styles.add_argument("--like", type=Path, metavar="PICTURE", help="only those that this picture is most like")
    jobs = commands.add_parser("jobs", parents=[file], help="list the orders in the journal, also while the bot runs")
    jobs.add_argument("--all", action="store_true", help="those that were delivered, too")
    ins = commands.add_parser(
        "sign-ins", parents=[file], help="list who is signed in at the chat page, also while the bot runs"
    )
    ins.add_argument("--end", metavar="ID", nargs="+", default=[], help="end these; “all” ends every one")
    ahead = commands.add_parser("fetch", parents=[file], help="get the full encoder ahead of time")
    ahead.add_argument("what", metavar="full", nargs="?", default="", help="what to get; there is only full")
    commands.add_parser("doctor", parents=[file], help="check the configuration and the installation")
    shell = commands.add_parser(
        "completion", help="print what makes your shell complete commands, styles and settings"
    )
    shell.add_argument("shell", choices=SHELLS, help='for bash, in ~/.bashrc: eval "$(impasto completion bash)"')
    return parser


def _painting(one: argparse.ArgumentParser) -> None:
    """What can be typed behind the commands that paint."""
    words = one.add_argument(
        "words",
        metavar="PHOTO... LINE",
        nargs="+",
        help="image files, folders of them, or - for standard input; and a recipe, such as starrynight mode=fine"
        " size=512 (quotes are not needed)",
    )
    words.completer = _complete_words  # type: ignore[attr-defined]
    one.add_argument("--style", type=Path, metavar="PICTURE", help="the picture whose style the line calls “mine”")
    one.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file, whose ending says its format; a folder; or - for standard output. Without it pictures are named"
        " by photo and style, here, and numbered where there is one of that name",
    )
    one.add_argument("--format", choices=tuple(FORMATS), help="of the pictures; without it the photo's, or PNG")
    one.add_argument("--force", action="store_true", help="write over files that are there")
    one.add_argument("--open", action="store_true", help="show the picture when it is finished")
    one.add_argument(
        "--json", action="store_true", help="one object a picture: photo, file, line, seconds, width, height, notes"
    )
    one.add_argument(
        "--server",
        metavar="URL",
        default=os.environ.get("IMPASTO_SERVER", ""),
        help="have it painted by the Impasto that runs there; or in IMPASTO_SERVER",
    )
    one.add_argument(
        "--token",
        default=os.environ.get("IMPASTO_TOKEN", ""),
        help="that server's access token; better in IMPASTO_TOKEN, where others on this machine cannot see it",
    )


def _verifying(one: argparse.ArgumentParser) -> None:
    """What can be typed behind the command that holds a picture against its photo."""
    one.description = (
        "Paints a picture of Impasto once more and says whether it is identical, the same to the eye, or differs, by"
        " how much and why. The exit code is 1 where it differs."
    )
    one.add_argument("picture", type=Path, metavar="PICTURE", help="the picture, as it was saved")
    one.add_argument(
        "photo", type=Path, nargs="?", metavar="PHOTO", help="the photo that it was painted from, if one was"
    )
    one.add_argument("--style", type=Path, metavar="STYLE", help="the picture that was its style, if one was")


def settings_table() -> str:
    """Every setting of a recipe, with the values that it takes and what it means."""
    left = 2 + max(len(name) for name in MEANINGS) + 2
    rows = (
        textwrap.fill(
            f"{meaning} ({values(name)})",
            WIDTH,
            initial_indent=f"  {name}=".ljust(left),
            subsequent_indent=" " * left,
        )
        for name, meaning in MEANINGS.items()
    )
    return "\n".join(rows)


def _complete_words(prefix: str, **_: object) -> list[str]:
    from bot.command_line.completion import words

    return words(prefix)


def version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:  # started from a checkout
        return "(not installed)"

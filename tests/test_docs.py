"""What README.md and config.example.toml say is what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.command_line.arguments import arguments
from bot.config import Secret, Setting
from bot.dialog.parse import COMMANDS
from engine import recipe
from engine.figures import FIGURES
from engine.gallery import Gallery

SETTINGS = list(config.settings())


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def example(root: Path) -> str:
    return (root / "config.example.toml").read_text("utf-8")


def plain(value: Any) -> Any:
    """A default as TOML reads it."""
    if isinstance(value, Secret):
        return ""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def written(value: Any) -> str:
    """A default as TOML writes it."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_readme_describes_every_setting_with_its_default(readme: str, setting: Setting) -> None:
    default = plain(setting.default)
    shown = "" if default in (None, "") else f"`{written(default)}`"
    assert f"| `{setting.name}` | {shown} | {setting.doc} |" in readme


def test_the_readme_describes_no_setting_that_does_not_exist(readme: str) -> None:
    listed = re.findall(r"^\| `(\w+\.\w+)` \|", readme, re.MULTILINE)
    assert listed == [setting.name for setting in SETTINGS]


def test_the_readme_names_the_variables_of_all_secrets(readme: str) -> None:
    for setting in SETTINGS:
        if isinstance(setting.default, Secret):
            assert f"`{setting.variable}`" in readme


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_example_documents_every_setting(example: str, setting: Setting) -> None:
    assert re.search(rf"^# {re.escape(setting.doc)}\n(# )?{setting.key} = ", example, re.MULTILINE)


def test_the_example_holds_the_defaults(root: Path, tmp_path: Path, example: str) -> None:
    found = {
        f"{section}.{key}": value for section, table in tomllib.loads(example).items() for key, value in table.items()
    }
    defaults = {setting.name: plain(setting.default) for setting in SETTINGS}
    assert found == {name: value for name, value in defaults.items() if value is not None}
    copy = tmp_path / "config.toml"
    copy.write_text(example, "utf-8")
    copy.chmod(0o600)
    home = {"HOME": str(Path.home())}
    read = config.load(copy, home)
    for section in config.SECTIONS:
        assert getattr(read, section) == getattr(config.load(None, home), section)
    assert read.warnings == ()


def test_the_readmes_two_commands_are_those_that_ci_runs(root: Path, readme: str) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    first, second = blocks[0].strip(), blocks[1].strip()
    assert first == "pip install . && impasto"
    assert second == "pip install -e '.[test]' && pytest"
    script = (root / ".ci" / "run").read_text("utf-8")
    assert f'step "{first}"' in script
    install, test = second.split(" && ")
    assert re.search(rf"^pip install .*{re.escape(install.removeprefix('pip install '))}$", script, re.MULTILINE)
    assert re.search(rf"^{test}\b", script, re.MULTILINE)


def test_the_readmes_container_is_the_dockerfiles(root: Path, readme: str) -> None:
    dockerfile = (root / "Dockerfile").read_text("utf-8")
    assert 'ENTRYPOINT ["impasto"]' in dockerfile
    assert "EXPOSE 8080" in dockerfile
    assert "VOLUME /data" in dockerfile
    assert "-p 8080:8080" in readme
    assert "-v impasto:/data" in readme
    variables = set(re.findall(r"IMPASTO_[A-Z_]+", dockerfile + readme))
    assert variables - {"IMPASTO_CONFIG", "IMPASTO_SERVER", "IMPASTO_TOKEN"} <= {
        setting.variable for setting in SETTINGS
    }


def test_the_readme_explains_every_word_of_a_recipe(readme: str) -> None:
    explained = dict(re.findall(r"^\| `(\w+)=` \|.*\| (.*) \|$", readme, re.MULTILINE))
    plain = {name: re.sub(r"`|\[|\]\([^)]*\)", "", text) for name, text in explained.items()}
    assert plain == recipe.MEANINGS
    assert list(plain) == list(recipe.SETTINGS)


def test_the_readmes_recipes_are_recipes(readme: str, styles: Gallery) -> None:
    lines = re.findall(r"/stylize [^`\n]+", readme) + re.findall(r'impasto stylize \S+ "([^"]+)"', readme)
    lines = [line for line in lines if "..." not in line and "|" not in line]
    assert len(lines) >= 3
    for line in lines:
        recipe.parse(line, styles)


def test_the_readme_lists_the_commands_of_the_chat(readme: str) -> None:
    listed = re.search(r"The commands are (.*?);", readme, re.DOTALL)
    assert listed
    assert re.findall(r"`/(\w+)`", listed[1]) == [name for name in COMMANDS]


@pytest.mark.parametrize(
    "command", [["styles"], ["doctor"], ["sign-ins"], ["fetch", "full"], ["stylize", "p.jpg", "scream", "-o", "o.png"]]
)
def test_the_readmes_terminal_commands_exist(readme: str, command: list[str]) -> None:
    assert arguments(command).command == command[0]
    assert f"impasto {command[0]}" in readme


def test_the_changelog_speaks_of_this_version(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"## [{project['version']}]" in (root / "CHANGELOG.md").read_text("utf-8")


LINK = re.compile(r"\[`(\w+)`\]\(\.\./(engine/[\w/]+\.py)#L(\d+)\)")


def test_the_laboratorys_links_lead_to_the_lines_that_they_name(root: Path) -> None:
    found = LINK.findall((root / "docs" / "laboratory.md").read_text("utf-8"))
    assert found
    for name, path, number in found:
        lines = (root / path).read_text("utf-8").splitlines()
        defined = re.compile(rf"\s*(def|class) {name}\b|{name}\b.*=")
        true = [i for i, line in enumerate(lines, 1) if defined.match(line)]
        assert int(number) in true, f"docs/laboratory.md: {name} is in {path} at line {true}, not {number}"


def test_every_figure_is_shown_and_every_shown_figure_can_be_made(root: Path, styles: Gallery) -> None:
    shown = re.findall(r"\(figures/(\w+)\.webp\)", (root / "docs" / "laboratory.md").read_text("utf-8"))
    assert sorted(shown) == sorted(FIGURES) == sorted(path.stem for path in (root / "docs" / "figures").iterdir())
    for figure in FIGURES.values():
        for panel in figure.panels:
            recipe.complete(recipe.parse(panel.line, styles), styles, size=figure.size, seed=1)


@pytest.mark.parametrize(
    "page", ["laboratory.md", "options.md", "architecture.md", "benchmarks.md", "operations.md", "api.md"]
)
def test_a_link_to_another_page_or_picture_leads_to_a_file(root: Path, page: str) -> None:
    text = (root / "docs" / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (root / "docs" / target).is_file(), f"docs/{page} links to {target}"

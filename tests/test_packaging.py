"""What the container installs is what pyproject.toml asks for, to the byte."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.lock", "requirements-torch.lock")
MACHINES = ("x86_64", "aarch64")


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    return (root / "Dockerfile").read_text("utf-8")


def packages(root: Path, name: str) -> list[tuple[Requirement, int]]:
    """What a lock installs, and how many hashes each has."""
    text = (root / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [(Requirement(line.partition(" --hash")[0]), line.count("--hash=sha256:")) for line in lines]


def locked(root: Path, machine: str) -> dict[str, str]:
    """Versions by name, as the container's Python takes them on such a machine."""
    python = {"python_version": "3.12", "python_full_version": "3.12.14", "platform_machine": machine}
    environment = {**default_environment(), **python, "sys_platform": "linux"}
    found = [package for lock in LOCKS for package, _ in packages(root, lock)]
    taken = [one for one in found if one.marker is None or one.marker.evaluate(environment)]
    names = [canonicalize_name(one.name) for one in taken]
    assert len(names) == len(set(names)), "a package is locked twice"
    return {name: str(one.specifier).removeprefix("==") for name, one in zip(names, taken, strict=True)}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_lock_still_satisfies_the_project(root: Path, project: dict[str, Any], machine: str) -> None:
    versions, extras = locked(root, machine), project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["figures"], *extras["heif"], *extras["video"]]
    for requirement in map(Requirement, wanted):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} is not locked: run .ci/lock"
        assert requirement.specifier.contains(version), f"{requirement} is locked as {version}: run .ci/lock"


def test_every_package_is_one_version_with_hashes_and_from_no_particular_place(root: Path) -> None:
    for lock in LOCKS:
        assert "://" not in (root / lock).read_text("utf-8")
        found = packages(root, lock)
        assert found
        for package, hashes in found:
            assert re.fullmatch(r"==[\w.+]+", str(package.specifier)), package
            assert hashes, package


def test_the_large_part_is_apart(root: Path) -> None:
    apart = {package.name for package, _ in packages(root, LOCKS[1])}
    assert {"torch", "torchvision"} <= apart
    rest = {package.name for package, _ in packages(root, LOCKS[0])}
    assert not [name for name in rest if name.startswith(("torch", "nvidia", "cuda", "triton"))]


def test_the_image_stands_on_one_base_pinned_by_its_digest(dockerfile: str) -> None:
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert re.fullmatch(r"python:3\.12[\w.-]*@sha256:[0-9a-f]{64}", bases[0])
    assert set(bases[1:]) == {"base"}


def test_the_image_installs_the_locks_and_fetches_nothing_beside(dockerfile: str) -> None:
    for lock in LOCKS:
        assert f"--no-deps --require-hashes -r /locks/{lock}" in dockerfile
    installs = [line for line in dockerfile.splitlines() if "pip install" in line and not line.startswith("#")]
    assert all("--no-deps" in line for line in installs)
    assert "--no-build-isolation /source && pip check" in dockerfile


def test_what_the_image_is_built_from_is_sent_to_the_builder(root: Path) -> None:
    sent = (root / ".dockerignore").read_text("utf-8").splitlines()
    assert {f"!{lock}" for lock in LOCKS} <= set(sent)


def test_the_forge_runs_the_same_checks_and_builds_the_image(root: Path) -> None:
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert "- run: .ci/run" in workflow
    assert "- run: docker build" in workflow
    used = re.findall(r"uses: (\S+)", workflow)
    assert used
    assert all(re.search(r"@[0-9a-f]{40}$", action) for action in used), "an action is pinned by its commit"


@pytest.mark.parametrize("package", ["bot", "engine"])
def test_the_wheel_takes_along_every_file_that_is_no_code(root: Path, package: str) -> None:
    """Styles, weights, swatches and the page, without which what is installed from it would not run."""
    setuptools = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    data = {path for path in (root / package).rglob("*.*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    patterns = setuptools["package-data"][package]
    taken = {path for pattern in patterns for path in (root / package).glob(pattern)}
    assert data
    assert data <= taken

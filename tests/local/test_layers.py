"""The layers' bytecode: what is built is right, and what is wrong is seen."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import get_session

from local import build_layer, interpreters
from local.check_layers import check_layer
from local.console import StepFailed
from local.settings import ROOT

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
TAG = f"cpython-{sys.version_info.major}{sys.version_info.minor}"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A small layer, compiled as the real ones are."""
    package = tmp_path / "python" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "till.py").write_text("OPEN = True\n", encoding="utf-8")
    build_layer.compile_all(tmp_path / "python", sys.executable)
    return tmp_path


def faults(layer: Path) -> list[str]:
    """What the check says of the layer."""
    return check_layer(layer, RUNTIME).faults


def test_a_built_layer_has_no_faults(layer: Path) -> None:
    assert faults(layer) == []
    assert check_layer(layer, RUNTIME).modules == 2


def test_a_source_that_changed_since_is_seen(layer: Path) -> None:
    (layer / "python/shop/till.py").write_text("OPEN = False\n", encoding="utf-8")
    assert faults(layer) == ["python/shop/till.py: stale: the source is another"]


def test_missing_bytecode_is_seen(layer: Path) -> None:
    (layer / f"python/shop/__pycache__/till.{TAG}.pyc").unlink()
    assert faults(layer) == [f"python/shop/till.py: no {TAG} bytecode"]


def test_bytecode_that_depends_on_a_files_time_is_seen(layer: Path) -> None:
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-f", str(layer)], check=True)
    assert {fault.partition(": ")[2] for fault in faults(layer)} == {"not hash-based and unchecked"}


def test_bytecode_of_another_python_is_seen(layer: Path) -> None:
    compiled = layer / f"python/shop/__pycache__/till.{TAG}.pyc"
    compiled.write_bytes(b"\x00\x00" + compiled.read_bytes()[2:])
    assert faults(layer) == ["python/shop/till.py: compiled by another Python"]


def test_modules_are_named_by_where_lambda_mounts_them(layer: Path) -> None:
    compiled = (layer / f"python/shop/__pycache__/till.{TAG}.pyc").read_bytes()
    assert b"/opt/python/shop/till.py" in compiled
    assert str(layer).encode() not in compiled


@pytest.mark.parametrize("arch", ["arm64", "x86_64"])
@pytest.mark.parametrize("name", ["vendor", "stripe", "people", "sdk", "core"])
def test_the_real_layers_are_built_without_faults(
    name: str, arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUNDKIT_RUNTIME", RUNTIME)
    monkeypatch.setenv("REFUNDKIT_ARCH", arch)
    monkeypatch.setenv("REFUNDKIT_PLATFORM", "lambda")
    build_layer.build(name, tmp_path)
    report = check_layer(tmp_path, RUNTIME)
    assert report.faults == []
    assert report.modules > 0
    extensions = [path.name for path in tmp_path.rglob("*.so")]
    machine = build_layer.MACHINES[arch]
    assert all(machine in extension for extension in extensions)
    assert report.size_bytes < 40_000_000


def test_the_vendor_layer_describes_only_the_services_that_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUNDKIT_RUNTIME", RUNTIME)
    build_layer.build("vendor", tmp_path)
    described = {path.name for path in (tmp_path / "python/botocore/data").iterdir() if path.is_dir()}
    assert described == build_layer.BOTOCORE_SERVICES


def test_trimmed_descriptions_are_still_all_that_clients_ask_for(tmp_path: Path) -> None:
    packed = Path(botocore.__file__).parent / "data"
    for service in build_layer.BOTOCORE_SERVICES:
        shutil.copytree(packed / service, tmp_path / service)
    for file in packed.glob("*.json"):
        shutil.copy(file, tmp_path)
    build_layer.trim_descriptions(tmp_path)
    session = get_session()
    loader = Loader(extra_search_paths=[str(tmp_path)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    known: dict[str, Any] = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}

    for service in sorted(build_layer.BOTOCORE_SERVICES):
        model = session.create_client(service, **known).meta.service_model
        assert all(parameter.name for parameter in model.client_context_parameters)
    s3: Any = session.create_client("s3", **known)
    url = s3.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    assert url.startswith("https://")


def test_nothing_is_shipped_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUNDKIT_RUNTIME", RUNTIME)
    shipped: dict[str, set[str]] = {}
    for name in ("vendor", "stripe", "people"):
        build_layer.build(name, tmp_path / name)
        shipped[name] = {path.name for path in (tmp_path / name / "python").iterdir()} - {"__pycache__"}
    both = [each for a, b in itertools.combinations(shipped.values(), 2) for each in a & b]
    assert both == []


def test_an_unknown_architecture_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUNDKIT_ARCH", "sparc")
    with pytest.raises(StepFailed, match="REFUNDKIT_ARCH=sparc is none of: arm64, x86_64"):
        build_layer.target_from_environment()


def test_without_the_runtimes_python_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "probe", lambda _: None)
    with pytest.raises(StepFailed, match=r"no python3\.13 that runs was found") as caught:
        build_layer.compiler_for(build_layer.Target("python3.13", "arm64", on_host=False))
    assert "REFUNDKIT_RUNTIME" in caught.value.advice


def test_the_pinned_lists_name_no_index_and_no_folder_of_a_machine() -> None:
    for file in [*ROOT.glob("requirements/*"), *ROOT.glob("layers/*/requirements.txt")]:
        text = file.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text


def test_what_is_tested_is_what_is_shipped() -> None:
    def pins(file: Path) -> set[str]:
        lines = file.read_text(encoding="utf-8").splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line}

    tested = pins(ROOT / "requirements/dev.txt")
    for name in ("vendor", "stripe", "people"):
        assert pins(ROOT / f"layers/{name}/requirements.txt") <= tested

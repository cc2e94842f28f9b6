"""Ports, `.env`, and what children are given of the environment."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from local import settings
from local.console import StepFailed
from local.settings import StackSettings


@pytest.fixture
def stack(tmp_path: Path) -> StackSettings:
    """A stack's settings on free ports."""
    return settings.free_stack_settings(tmp_path)


def test_a_busy_port_names_the_setting_that_chooses_another(stack: StackSettings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stack.aws_port))
        taken.listen()
        with pytest.raises(StepFailed) as caught:
            settings.require_free_ports(stack)
    assert f"port {stack.aws_port}, meant for the AWS emulator" in str(caught.value)
    assert f"REFUNDKIT_AWS_PORT={stack.aws_port + 1} make run" in caught.value.advice


def test_free_ports_are_accepted(stack: StackSettings) -> None:
    settings.require_free_ports(stack)


@pytest.mark.parametrize("text", ["0", "70000", "3000x", "-1", "3e3", "٣"])
def test_a_malformed_port_is_named(text: str) -> None:
    with pytest.raises(StepFailed, match="REFUNDKIT_PORT"):
        settings.from_environment({"REFUNDKIT_PORT": text})


def test_ports_come_from_the_environment() -> None:
    found = settings.from_environment({"REFUNDKIT_PORT": "3100", "REFUNDKIT_AWS_PORT": "4600"})
    assert (found.port, found.aws_port, found.api_base) == (3100, 4600, "http://localhost:3100/api")


def test_dotenv_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\nREFUNDKIT_PORT=3200\nexport A='b c'\n\nnonsense\n", encoding="utf-8")
    assert settings.read_dotenv(file) == {"REFUNDKIT_PORT": "3200", "A": "b c"}
    assert settings.read_dotenv(tmp_path / "none") == {}


def test_the_documented_settings_are_the_ones_that_are_read() -> None:
    documented = settings.read_dotenv(settings.ROOT / ".env.example")
    assert settings.from_environment(documented) == settings.from_environment({})


def test_children_never_see_the_users_cloud_credentials(stack: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    for environ in (settings.child_environ(stack), settings.emulator_environ(stack)):
        assert "AWS_PROFILE" not in environ
        assert "AWS_SESSION_TOKEN" not in environ
        assert environ["AWS_ACCESS_KEY_ID"] == "test"
        assert not Path(environ["AWS_SHARED_CREDENTIALS_FILE"]).exists()
        assert not Path(environ["AWS_CONFIG_FILE"]).exists()


def test_the_emulator_listens_on_the_loopback_only(stack: StackSettings) -> None:
    assert settings.emulator_environ(stack)["BIND_HOST"] == "127.0.0.1"

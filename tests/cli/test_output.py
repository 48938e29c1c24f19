"""What commands print and how they end, whatever they are about: one object with --json, a sentence that helps, the exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from node.cli.main import COMMANDS, cli
from node.config.operator import load_operator

NOBODY = ("--url", "ws://127.0.0.1:9/v1/ws")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert COMMANDS[name]
    assert "Usage: " in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("order", "BTC-PERPETUAL", "buy", "1"),
        ("cancel", "--all"),
        ("account",),
        ("book",),
        ("deposit", "1"),
        ("withdraw", "1"),
        ("inspect", "1"),
    ],
)
def test_without_a_node_a_command_says_what_to_do_next(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.cli.connect.CONNECT_S", 0.2)
    result = run(*arguments, *NOBODY, "--json")
    assert result.exit_code == 2
    said = json.loads(result.stdout)["error"]
    assert "novate devnet" in said
    assert said in result.stderr


def test_a_failing_command_prints_one_object_with_json_and_none_without(tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing.toml")
    assert json.loads(run("genesis", missing, "--json").stdout)["error"] == f"{missing}: there is no such file"
    assert run("genesis", missing).stdout == ""
    assert run("genesis", missing).exit_code == 2


@pytest.mark.parametrize("amount", ["0", "0.0000001", "1e400", "1e999999999", "nan", "x"])
def test_amounts_that_cannot_be_are_refused_before_anything_is_sent(amount: str) -> None:
    result = run("withdraw", amount, *NOBODY, "--json")
    assert result.exit_code == 2
    assert "amount" in json.loads(result.stdout)["error"]


def test_usage_errors_end_with_2() -> None:
    assert run("nonsense").exit_code == 2
    assert run("order", "BTC-PERPETUAL", "sideways", "1").exit_code == 2
    assert run("cancel", "1", "--all", *NOBODY).exit_code == 2


def test_a_setting_that_cannot_be_is_named(tmp_path: Path) -> None:
    for setting, trouble in (
        ("[gateway]\nport = 65536", "gateway.port"),
        ("[gateway]\nbogus = 1", "gateway.bogus"),
        ('[gateway.limits]\nconnections = "x"', "gateway.limits.connections: expected int"),
        ("[sequencer]\nbatch_ms = 0", "sequencer.idle_batch_ms"),
        ('[logs]\nlevel = "loud"', "logs.level"),
        ('[l1]\nrpc = "http://127.0.0.1:9"', "l1.rpc and l1.contract"),
    ):
        path = tmp_path / "node.toml"
        path.write_text(setting)
        result = run("run", "--config", str(path), "--data-dir", str(tmp_path / "data"), "--port", "0")
        assert result.exit_code == 2, setting
        assert trouble in result.stderr


def test_a_production_chain_takes_no_development_key_and_no_deposit_socket(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "config" / "genesis" / "devnet.toml"
    genesis, settings = tmp_path / "prod.toml", tmp_path / "node.toml"
    genesis.write_text(shipped.read_text().replace("chain_id = 31337", "chain_id = 1"))
    key, password = tmp_path / "key.json", tmp_path / "password"
    password.write_text("a password\n")
    node = ("run", "--genesis", str(genesis), "--data-dir", str(tmp_path / "data"), "--port", "0")
    refused = run(*node)
    assert (refused.exit_code, "operator.key_file" in refused.stderr) == (2, True)
    assert run("key", "new", str(key), "--password-file", str(password)).exit_code == 0
    settings.write_text(f'[operator]\nkey_file = "{key}"\npassword_file = "{password}"\n')
    refused = run(*node, "--config", str(settings))
    assert (refused.exit_code, "l1.contract" in refused.stderr) == (2, True)
    on_l1 = ("--l1", "http://127.0.0.1:9", "--contract", "0x" + "11" * 20)
    refused = run(*node, "--config", str(settings), *on_l1, "--operator-socket", str(tmp_path / "socket"))
    assert (refused.exit_code, "operator.deposit_socket" in refused.stderr) == (2, True)


def test_shipped_settings_are_accepted() -> None:
    shipped = sorted((Path(__file__).parents[2] / "config" / "roles").glob("node*.toml"))
    assert shipped
    for path in shipped:
        settings = load_operator(path, Path("data"))
        assert settings.settlement is not None
        assert settings.operator.deposit_socket == ""

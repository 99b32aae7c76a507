"""Configuration: precedence, validation, and the documented file held against the code."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path

import pytest

from vecclust.config import Config, _warn_retired, known_keys, library_path, load_config
from vecclust.errors import ConfigError, UsageError

PROJECT = Path(__file__).resolve().parents[1]


def test_the_documented_file_is_the_default() -> None:
    """config.toml at the top names every key, with the default the code has."""
    documented = load_config(PROJECT / "config.toml", environment={})
    assert documented == Config()
    flat: set[str] = set()
    for key, value in tomllib.loads((PROJECT / "config.toml").read_text()).items():
        flat |= {f"{key}.{inner}" for inner in value} if isinstance(value, dict) else {key}
    assert flat == set(known_keys())


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    """The stronger source wins, key by key."""
    file = tmp_path / "config.toml"
    file.write_text('[embed]\nbatch_size = 1\nthreads = 1\ndevice = "cpu"\n')
    environment = {"VECCLUST_EMBED_BATCH_SIZE": "2", "VECCLUST_EMBED_THREADS": "2"}
    config = load_config(file, environment=environment, flags={"embed.batch_size": 3, "embed.precision": None})
    assert (config.embed.batch_size, config.embed.threads, config.embed.device) == (3, 2, "cpu")


def test_an_unknown_key_names_itself_and_the_nearest(tmp_path: Path) -> None:
    """A typo stops with the key and a suggestion."""
    file = tmp_path / "config.toml"
    file.write_text("[photos]\nsetle_s = 2\n")
    with pytest.raises(ConfigError, match=r"photos\.setle_s") as caught:
        load_config(file, environment={})
    assert caught.value.exit_code == 3
    assert "photos.settle_s" in caught.value.hint


def test_a_value_out_of_range_names_key_value_and_what_is_allowed() -> None:
    """The message holds all that is needed to mend it."""
    with pytest.raises(ConfigError) as caught:
        load_config(environment={"VECCLUST_PHOTOS_SETTLE_S": "-3"})
    assert caught.value.key == "photos.settle_s"
    assert "-3" in str(caught.value)
    assert "greater than or equal to 0" in str(caught.value)


@pytest.mark.parametrize("name", ["n_neighbors", "min_cluster_size"])
def test_one_is_neither_a_size_nor_automatic(name: str) -> None:
    """Said with the settings, before any photo is read."""
    with pytest.raises(ConfigError, match=f"clusters.{name} = 1") as caught:
        load_config(environment={f"VECCLUST_CLUSTERS_{name.upper()}": "1"})
    assert "0 to have it chosen" in caught.value.hint


@pytest.mark.parametrize("text", ["model = ", "\x00", "model = 3", "[model]\nname = 'x'"])
def test_a_broken_file_is_a_config_error(tmp_path: Path, text: str) -> None:
    """Neither bad TOML nor a value of the wrong kind ends in a traceback."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        load_config(file, environment={})


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    """Windows' editors write one."""
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf[watch]\r\nrefit_share = 0.2\r\n")
    assert load_config(file, environment={}).watch.refit_share == 0.2


@pytest.mark.parametrize("key", ["embed.threads", "watch.refit_share", "clusters.n_neighbors"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_a_truth_value_is_no_number(tmp_path: Path, key: str, value: str) -> None:
    """It would be taken for 1 and 0."""
    file = tmp_path / "config.toml"
    file.write_text(f"{key} = {value}\n")
    variable = "VECCLUST_" + key.replace(".", "_").upper()
    for file_or_none, environment in ((file, {}), (None, {variable: value})):
        with pytest.raises(ConfigError, match=f"{key} = {value.title()}") as caught:
            load_config(file_or_none, environment=environment)
        assert caught.value.key == key


def test_an_empty_name_of_a_library_is_refused() -> None:
    """It would mean the current directory."""
    with pytest.raises(UsageError, match="empty"):
        library_path("")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """--config with a wrong path is an error, not a silent default."""
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "none.toml", environment={})


def test_an_unknown_variable_is_an_error() -> None:
    """A misspelt environment variable is not ignored."""
    with pytest.raises(ConfigError) as caught:
        load_config(environment={"VECCLUST_MODLE": "bundled"})
    assert "VECCLUST_MODEL" in caught.value.hint


@pytest.mark.parametrize("way", ["file", "environment", "flag"])
@pytest.mark.parametrize("key", ["watch.refit_newcomers", "watch.refit_pocket"])
def test_an_earlier_name_of_a_key_is_understood(tmp_path: Path, way: str, key: str) -> None:
    """Wherever a key may be set, and counted as the key it is now."""
    file = tmp_path / "config.toml"
    file.write_text(f"{key} = false\n" if way == "file" else "")
    environment = {"VECCLUST_" + key.replace(".", "_").upper(): "false"} if way == "environment" else {}
    config = load_config(file, environment=environment, flags={key: False} if way == "flag" else None)
    assert not config.watch.refit_newcomers
    assert config.given == {"watch.refit_newcomers"}


@pytest.mark.parametrize("way", ["file", "environment", "flag"])
@pytest.mark.parametrize("key", ["clusters.min_group_size", "clusters.max_share"])
def test_a_key_that_is_gone_does_nothing_and_says_so_once(
    tmp_path: Path, way: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An old configuration keeps working, however often it is read, and whatever it says of the key."""
    _warn_retired.cache_clear()
    file = tmp_path / "config.toml"
    file.write_text(f"{key} = 0.3\n" if way == "file" else "")
    variable = "VECCLUST_" + key.replace(".", "_").upper()
    environment = {variable: "0.3"} if way == "environment" else {}
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            config = load_config(file, environment=environment, flags={key: 0.3} if way == "flag" else None)
            assert (config, config.given) == (Config(), frozenset())
    where = {"file": str(file), "environment": variable, "flag": "command line"}[way]
    assert [record.getMessage() for record in caplog.records] == [
        f"the setting {key} in {where} does nothing since version 0.2; it may be deleted"
    ]

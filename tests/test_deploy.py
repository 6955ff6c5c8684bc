"""What deploy/ names is there: modules, settings, hosts, paths, files, versions."""

import importlib.util
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from services.registry import SERVICES
from shared.service import Service
from shared.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
OURS = {name: service for name, service in COMPOSE.items() if service.get("image") == "rapport"}


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9._-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE))


def test_every_service_has_a_container() -> None:
    assert OURS.keys() == {service.name for service in SERVICES}


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_a_module_that_is_there(name: str) -> None:
    python, flag, module = OURS[name]["command"]
    assert (python, flag, module) == ("python", "-m", f"services.{name}")
    assert importlib.util.find_spec(f"{module}.__main__")


@pytest.mark.parametrize("name", OURS)
def test_a_container_is_given_settings_that_are_known(name: str) -> None:
    given = {*OURS[name]["environment"], *re.findall(r"\b(RAPPORT_\w+)=", DOCKERFILE)}
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    assert given <= known
    assert {"RAPPORT_KAFKA", "RAPPORT_DATABASE", "RAPPORT_SECRET", "RAPPORT_DATA"} <= given


@pytest.mark.parametrize("name", OURS)
def test_a_container_finds_the_hosts_of_its_settings(name: str) -> None:
    environment = OURS[name]["environment"]
    database = re.sub(r"\$\{.*?\}", "given", environment["RAPPORT_DATABASE"])
    urls = [f"kafka://{environment['RAPPORT_KAFKA']}", database]
    for setting in ("RAPPORT_CONTACT_URL", "RAPPORT_PROFILE_URL"):
        urls += [url] if (url := environment.get(setting)) else []
    assert {urlsplit(url).hostname for url in urls} <= COMPOSE.keys()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_gateway_sends_the_paths_of_a_service_to_it(service: Service) -> None:
    gateway = (ROOT / "deploy/Caddyfile").read_text()
    sent = re.search(rf"^\t@{service.name} path (.*)$", gateway, re.MULTILINE)
    assert sent
    assert set(sent[1].split()) == {
        spelt for path in service.paths for spelt in (path, f"{path}/*")
    }
    assert f"handle @{service.name} {{\n\t\treverse_proxy {service.name}:8080\n" in gateway


def test_the_image_is_made_of_files_that_are_there() -> None:
    copied = re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE)
    assert copied
    assert all((ROOT / path).exists() for path in copied)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert all(f"!{path}" in ignored for path in copied)


def test_the_image_has_the_versions_that_were_tested() -> None:
    assert pins("deploy/requirements.lock") <= pins("requirements.lock")


@pytest.mark.parametrize("lock", ["requirements.lock", "deploy/requirements.lock"])
def test_a_lock_file_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    assert text.count("--hash=sha256:") >= len(pins(lock))

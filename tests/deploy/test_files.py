"""Dockerfile, ``ray up``'s file and the page about them: form, and that what they name exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.deploy.commands import check_impasto, check_ray

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "docker" / "Dockerfile").read_text()
PAGE = (DEPLOY / "README.md").read_text()


def stages(torch: str = "cpu") -> dict[str, list[tuple[str, str]]]:
    """The Dockerfile's instructions by stage, with continued lines joined, for one build of torch."""
    found: dict[str, list[tuple[str, str]]] = {}
    lines = [line for line in DOCKERFILE.replace("${TORCH}", torch).splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        instruction, rest = line.split(maxsplit=1)
        if instruction == "ARG" and not found:
            assert rest == "TORCH=cpu"
            continue
        if instruction == "FROM":
            base, _, name = rest.split()
            assert base in found or base.startswith("debian:"), base
            found[name] = list(found.get(base, []))
        found[name].append((instruction, rest))
    return found


@pytest.mark.parametrize("torch", ["cpu", "cuda"])
def test_the_image_has_its_torch_and_is_not_root(torch: str) -> None:
    targets = stages(torch)
    assert list(targets)[-1] == "impasto", "the last stage is what is built"
    installed = [rest for word, rest in targets["impasto"] if word == "RUN" and rest.endswith("torch torchvision")]
    assert len(installed) == 1
    assert ("TORCH_INDEX" in installed[0]) == (torch == "cpu")
    assert [rest for word, rest in targets["impasto"] if word == "USER"][-1] == "impasto"
    builds = [name for name, steps in targets.items() if any("pip wheel" in rest for _, rest in steps)]
    assert builds == ["builder"], "the native part is built once"


@pytest.mark.parametrize("stage", ["builder", "impasto"])
def test_what_the_image_copies_is_in_the_checkout(stage: str) -> None:
    ignored = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().split()
    sources = [
        source
        for word, rest in stages()[stage]
        if word == "COPY"
        for source in [part for part in rest.split() if not part.startswith("--")][:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source not in ignored


def test_the_image_runs_any_command_and_by_default_one_that_exists() -> None:
    steps = stages()["impasto"]
    assert not [rest for word, rest in steps if word == "ENTRYPOINT"], "`ray up` runs IMAGE bash"
    (command,) = [yaml.safe_load(rest) for word, rest in steps if word == "CMD"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert command[0] in project["scripts"]
    module, function = project["scripts"][command[0]].split(":")
    assert callable(getattr(__import__(module, fromlist=[function]), function))


def test_a_login_shell_finds_the_images_commands() -> None:
    base = stages()["base"]
    written = next(place for place, (_, rest) in enumerate(base) if "/etc/profile.d/impasto.sh" in rest)
    assert "'export PATH=/opt/venv/bin:$PATH' > /etc/profile.d/impasto.sh" in base[written][1]
    assert "USER" not in [word for word, _ in base[:written]], "only root writes there"
    assert any(word == "ENV" and "PATH=/opt/venv/bin:$PATH" in rest for word, rest in base)


def test_both_images_are_pinned_like_every_other_install() -> None:
    for image in (stages("cpu"), stages("cuda")):
        commands = [found for _, rest in image["impasto"] for found in re.findall(r"pip install[^&]*", rest)]
        assert len(commands) == 3
        for command in commands:
            assert "--constraint constraints.txt" in command or "--no-deps" in command, command


def aws() -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((DEPLOY / "aws" / "cluster.yaml").read_text())
    return value


def test_ray_up_accepts_its_file() -> None:
    config = prepare_config(aws())
    validate_config(config)
    assert config["head_node_type"] in config["available_node_types"]
    assert config["available_node_types"]["head"]["resources"] == {"CPU": 0}


def test_ray_up_refuses_a_wrong_one() -> None:
    import jsonschema

    with pytest.raises(jsonschema.ValidationError, match="docker_image"):
        validate_config(prepare_config(aws() | {"docker_image": "x"}))


def test_ray_is_started_with_options_that_it_has_and_never_stopped() -> None:
    config = aws()
    for where in ("head", "worker"):
        text = " ".join(config[f"{where}_start_ray_commands"])
        assert "ray stop" not in text
        (command,) = re.findall(r"ray (start [^;|]*)", text)
        check_ray(shlex.split(command))
        assert "--port=6379" not in command, "that is Redis's"
    for path in config["file_mounts"].values():
        assert path in PAGE or Path(path).name in PAGE


def test_redis_on_aws_talks_tls_only_and_clients_check_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    from cluster.replay.connection import RedisConnection

    config = aws()
    server, *starts = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    home, password = next(iter(config["file_mounts"])).rpartition("/.")[0], "0a1b2c"
    shell = server.replace("| redis-server -", "").replace("$(cat ~/.impasto/redis-password)", password)
    said = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env={"HOME": home}, check=True).stdout
    lines = said.splitlines()
    assert {"port 0", "tls-port 6379", f"requirepass {password}", "tls-auth-clients no"} <= set(lines)
    for line in lines:
        if line.startswith("tls-") and line.endswith((".crt", ".key")):
            assert line.split()[1] in config["file_mounts"]
    for start in starts:
        (setting,) = re.findall(r'REDIS_TLS="([^"]*)"', start)
        (url,) = re.findall(r'IMPASTO_REDIS="([^"]*)"', start)
        url = re.sub(r"\$\(cat[^)]*\)", password, url.replace("$REDIS_TLS", setting.replace("$HOME", home)))
        url = re.sub(r"\$\(hostname.*\| cut [^)]*\)|\$RAY_HEAD_IP", "10.0.0.1", url)
        options = RedisConnection(url, timeout_s=1, wait_s=0).client.connection_pool.connection_kwargs
        assert options["ssl_ca_certs"] in config["file_mounts"]
        assert options["ssl_check_hostname"] is False
        assert options.get("ssl_cert_reqs", "required") == "required"


def shell_lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [line.split("   #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("line", shell_lines())
def test_the_page_names_commands_and_files_that_exist(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line.removeprefix("until ").removesuffix("; do sleep 60; done"))
    for word in words:
        path = word.split("=")[-1]
        if path.startswith("deploy/"):
            assert (ROOT / path).is_file(), path
    if words[0] == "impasto":
        check_impasto(words[1:], monkeypatch)
    elif words[0] == "ray":
        check_ray(words[1:])
        if "--" in words:
            rest = words[words.index("--") + 1 :]
            assert rest[:3] == ["python", "-m", "cluster"]
            check_impasto(rest[3:], monkeypatch)
    else:
        assert words[0] in ("docker", "kubectl", "export", "mkdir", "openssl", "promtool", "prometheus"), words[0]


def test_trainings_on_the_cloud_files_go_on_by_the_same_command() -> None:
    trainings = [line for line in shell_lines() if " train " in line]
    assert len(trainings) == 3
    assert all("--or-resume" in line and "--run s3://" in line for line in trainings)
    assert "--or-resume" in (ROOT / "deploy/aws/cluster.yaml").read_text()
    assert "--or-resume" in (ROOT / "deploy/kubernetes/rayjob.yaml").read_text()


def test_the_page_lists_every_file() -> None:
    listed = set(re.findall(r"^\| `([\w./-]+)` \|", PAGE, re.MULTILINE))
    files = {path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob("*") if path.is_file()}
    assert listed == files - {"README.md", "docker/Dockerfile.dockerignore"}
